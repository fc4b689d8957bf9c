/** `gnmi.Encoding`. */
export const Encoding = { json: 0, bytes: 1, proto: 2, ascii: 3, jsonIetf: 4 } as const;

/** `gnmi.SubscriptionMode`. */
const onChange = 1;
const sample = 2;

/**
 * A `SubscribeRequest`: one STREAM subscription to octet counters and `last-clear` (sampled) and to `oper-status`
 * (on change) of the given interfaces, and to the octets, drops and lengths of all queues that `queues`, which are
 * interfaces too, send from (sampled). Paths are OpenConfig's, so the origin is left at its default.
 * Source: openconfig-interfaces.yang, openconfig-qos-interfaces.yang; gnmi.proto 0.10.0.
 */
export function interfaceSubscription(
  { interfaces, queues }: Readonly<{ interfaces: readonly string[]; queues: readonly string[] }>,
  intervalMs: number,
  encoding: number,
): Buffer {
  const sampled = [varint(2, sample), varint(3, Math.round(intervalMs) * 1e6)];
  const ofQueues = queues.flatMap((name) =>
    ["transmit-octets", "dropped-octets", "max-queue-len"].map((leaf) => {
      const below = ["output", "queues", "queue", "state", leaf].map((each) => element(each));
      const above = [element("qos"), element("interfaces"), element("interface", name, "interface-id")];
      return message(2, [message(1, [...above, ...below]), ...sampled]);
    }),
  );
  const subscriptions = interfaces.flatMap((name) => {
    const at = (...below: string[]) =>
      message(1, [
        element("interfaces"),
        element("interface", name),
        element("state"),
        ...below.map((b) => element(b)),
      ]);
    return [
      ...["in-octets", "out-octets", "last-clear"].map((leaf) => message(2, [at("counters", leaf), ...sampled])),
      message(2, [at("oper-status"), varint(2, onChange)]),
    ];
  });
  // Mode STREAM is 0, the default, which proto3 leaves out.
  return message(1, [...subscriptions, ...ofQueues, varint(8, encoding)]);
}

const element = (name: string, key?: string, keyName = "name"): Buffer =>
  message(3, key === undefined ? [text(1, name)] : [text(1, name), message(2, [text(1, keyName), text(2, key)])]);

const text = (field: number, value: string): Buffer => message(field, [Buffer.from(value)]);

function message(field: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([digits((field << 3) | 2), digits(body.length), body]);
}

const varint = (field: number, value: number): Buffer => Buffer.concat([digits(field << 3), digits(value)]);

/** Base 128, least significant first; by division, because an interval in ns passes 2^32 at 4.3 s. */
function digits(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

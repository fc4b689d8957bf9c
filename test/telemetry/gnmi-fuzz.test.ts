import fc from "fast-check";
import { expect, test } from "vitest";
import { SeriesTable } from "../../src/model/sample.ts";
import { type GnmiPath, isUnder, pathText, readPath } from "../../src/telemetry/gnmi/path.ts";
import { Encoding, interfaceSubscription } from "../../src/telemetry/gnmi/request.ts";
import { SubscribeReader } from "../../src/telemetry/gnmi/subscribe-reader.ts";
import { WireReader } from "../../src/telemetry/gnmi/wire-reader.ts";
import { fuzz } from "../support/fuzz.ts";
import {
  decodeRequest,
  decodeResponse,
  encodeResponse,
  type NotificationMessage,
  type PathMessage,
  type ValueMessage,
} from "./gnmi-codec.ts";
import { RecordingSink } from "./recording-sink.ts";

// The reader against protobufjs on bytes that neither wrote: fields that nobody knows, and single bytes changed, put in or left out.

const receivedMs = Date.UTC(2026, 5, 1);
const identifier = fc.constantFrom("interfaces", "interface", "state", "in-octets", "x", "_y.z");
const hostile = fc.oneof(
  fc.constantFrom("eth1", "et-0/0/1", "a]b", "a\\b", "]", "\\", "=", "[x=y]", "", "*", "é🚂"),
  fc.string({ unit: "grapheme", maxLength: 6 }),
);
const element = fc.record({
  name: identifier,
  key: fc.dictionary(fc.constantFrom("name", "index", "interface-id"), hostile, { maxKeys: 3, noNullPrototype: true }),
});
const elements = fc.array(element, { maxLength: 4 });

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
/** Every kind but JSON, which has a reader of its own. */
const value: fc.Arbitrary<ValueMessage> = fc.oneof(
  int64.map((n) => ({ int_val: String(n) })),
  uint64.map((n) => ({ uint_val: String(n) })),
  fc.boolean().map((is) => ({ bool_val: is })),
  hostile.map((text) => ({ string_val: text })),
  hostile.map((text) => ({ ascii_val: text })),
  fc.double().map((n) => ({ double_val: n })),
  fc.float().map((n) => ({ float_val: n })),
  fc.record({ digits: int64.map(String), precision: fc.nat(18) }).map((decimal) => ({ decimal_val: decimal })),
  fc.uint8Array({ maxLength: 5 }).map((bytes) => ({ bytes_val: Buffer.from(bytes) })),
  fc.uint8Array({ maxLength: 5 }).map((bytes) => ({ proto_bytes: Buffer.from(bytes) })),
  fc
    .array(uint64, { maxLength: 3 })
    .map((all) => ({ leaflist_val: { element: all.map((n) => ({ uint_val: String(n) })) } })),
);
const notification: fc.Arbitrary<NotificationMessage> = fc
  .record({
    stampMs: fc.integer({ min: receivedMs - 10_000, max: receivedMs + 10_000 }),
    prefix: fc.option(fc.record({ origin: fc.constantFrom("", "openconfig", "native"), elem: elements }), {
      nil: undefined,
    }),
    update: fc.array(fc.record({ path: fc.record({ elem: elements }), val: value }), { minLength: 1, maxLength: 4 }),
  })
  .map(({ stampMs, prefix, update }) => ({ timestamp: `${stampMs}000000`, ...(prefix && { prefix }), update }));

/** What the reader made of a message, by series; undefined when it refused. */
function read(bytes: Buffer): ReadonlyMap<string, number | string> | undefined {
  const table = new SeriesTable();
  const sink = new RecordingSink(table);
  const result = new SubscribeReader("edge-a", table, sink).read(bytes, receivedMs);
  if (!result.ok) {
    expect(sink.heard).toEqual([]);
    expect(result.failure.code).toBe("TELEMETRY_FAILED");
    return undefined;
  }
  return new Map(
    sink.heard.map((one) => {
      if (one.kind !== "number" && one.kind !== "text") throw new Error(`${one.kind} of a series that never was`);
      return [one.series, one.value];
    }),
  );
}

/** The same from the message as protobufjs has it; undefined where it does not say what is right. */
function expected(message: NotificationMessage): ReadonlyMap<string, number | string> | undefined {
  const series = new Map<string, number | string>();
  if (Number(message.timestamp ?? 0) / 1e6 > receivedMs + 60_000) return series;
  for (const { path, val = {}, value: old } of message.update ?? []) {
    const kinds = Object.keys(val);
    // The oneof is set twice, a field of gNMI 0.3 has come about, or JSON.
    if (
      kinds.length > 1 ||
      old ||
      path?.element ||
      message.prefix?.element ||
      kinds.some((kind) => kind.startsWith("json"))
    )
      return undefined;
    const scalar = scalarOf(val);
    const name = seriesName(message.prefix ?? {}, path ?? {});
    if (scalar === undefined) continue;
    series.set(name, scalar);
  }
  for (const [name, one] of series) if (typeof one === "number" && !Number.isFinite(one)) series.delete(name);
  return series;
}

function scalarOf(val: ValueMessage): number | string | undefined {
  const [kind] = Object.keys(val);
  const one = val[kind ?? ""];
  switch (kind) {
    case "int_val":
    case "uint_val":
    case "bool_val":
    case "double_val":
    case "float_val":
      return Number(one);
    case "string_val":
    case "ascii_val":
      return one as string;
    case "decimal_val": {
      const { digits = "0", precision = 0 } = one as { digits?: string; precision?: number };
      return Number(digits) / 10 ** precision;
    }
    default:
      return undefined;
  }
}

function seriesName(prefix: PathMessage, path: PathMessage): string {
  const labels: Record<string, string> = {};
  const all = [...(prefix.elem ?? []), ...(path.elem ?? [])];
  for (const { name = "", key = {} } of all) {
    for (const [k, v] of Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1))) {
      let label = `${name}.${k}`;
      while (label in labels) label += "'";
      labels[label] = v;
    }
  }
  const sorted = Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
  const origin = path.origin || prefix.origin || "openconfig";
  return `${origin === "openconfig" ? "" : `${origin}:`}${all.map(({ name = "" }) => `/${name}`).join("")}${JSON.stringify(sorted)}`;
}

/** Wire type by field, and the shape of those fields that are messages (gnmi.proto 0.10.0). */
type Shape = { readonly [field: number]: number | Shape };
const [digits, bytes64, delimited, bytes32] = [0, 1, 2, 5];
/** Digits of a type of no more than 32 bits: of more than five bytes, protobufjs takes ten to be there. */
const fewDigits = -1;
const text: Shape = { 1: delimited, 2: delimited };
const path: Shape = { 1: delimited, 2: delimited, 3: { 1: delimited, 2: text }, 4: delimited };
const scalar: Shape = {
  ...{ 1: delimited, 2: digits, 3: digits, 4: fewDigits, 5: delimited, 6: bytes32, 7: { 1: digits, 2: fewDigits } },
  ...{ 10: delimited, 11: delimited, 12: delimited, 13: delimited, 14: bytes64 },
};
const typedValue: Shape = { ...scalar, 8: { 1: scalar } };
const update: Shape = { 1: path, 2: { 1: delimited, 2: fewDigits }, 3: typedValue, 4: fewDigits };
const response: Shape = { 1: { 1: digits, 2: path, 4: update, 5: path, 6: fewDigits }, 3: fewDigits, 4: text };

const stranger = fc.oneof(
  uint64.map((n) => Buffer.concat([varint((100n << 3n) | 0n), varint(n)])),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.concat([varint((101n << 3n) | 1n), bytes])),
  fc
    .uint8Array({ maxLength: 9 })
    .map((bytes) => Buffer.concat([varint((102n << 3n) | 2n), varint(BigInt(bytes.length)), bytes])),
  fc
    .uint8Array({ minLength: 4, maxLength: 4 })
    .map((bytes) => Buffer.concat([varint((536_870_911n << 3n) | 5n), bytes])),
);

const strangersOrNone = fc.array(fc.option(stranger, { nil: Buffer.alloc(0) }), { minLength: 1, maxLength: 20 });

function varint(n: bigint): Buffer {
  const bytes: number[] = [];
  let rest = n;
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

type Field = Readonly<{ field: number; type: number; bytes: Buffer; content: number; sound: boolean }>;

/** Cuts a message into its fields: their number, type, bytes, where in these the content begins, and whether it is all there. */
function* fieldsOf(message: Buffer): Generator<Field> {
  const number = (at: number): [value: number, end: number] => {
    let [value, scale, end] = [0, 1, at];
    for (; (message[end] ?? 0) >= 128; end++, scale *= 128) value += ((message[end] ?? 0) & 127) * scale;
    return [value + (message[end] ?? 0) * scale, end + 1];
  };
  for (let at = 0; at < message.length; ) {
    const [tag, afterTag] = number(at);
    const [length, afterLength] = number(afterTag);
    const type = tag % 8;
    const ends: Record<number, number> = { 0: afterLength, 1: afterTag + 8, 2: afterLength + length, 5: afterTag + 4 };
    const end = ends[type] ?? Number.POSITIVE_INFINITY;
    const content = (type === delimited ? afterLength : afterTag) - at;
    const sound = tag >= 8 && end <= message.length;
    yield { field: Math.floor(tag / 8), type, bytes: message.subarray(at, end), content, sound };
    at = end;
  }
}

/** The message with strangers before its fields, at every depth. */
function withStrangers(message: Buffer, shape: Shape, next: () => Buffer): Buffer {
  const parts = [...fieldsOf(message)].flatMap(({ field, bytes, content }) => {
    const inner = shape[field];
    if (typeof inner !== "object") return [next(), bytes];
    const body = withStrangers(bytes.subarray(content), inner, next);
    return [next(), varint(BigInt(field * 8 + delimited)), varint(BigInt(body.length)), body];
  });
  return Buffer.concat(parts);
}

/**
 * Whether a message is whole to its depths, and every known field has its own wire type. The reader does not look into values
 * that it has no use for; a field of another type is one that nobody knows, but protobufjs reads it all the same; and one that
 * nobody knows in a value may be a kind of value that is yet to come, which the reader takes for it.
 */
function isSound(message: Buffer, shape: Shape): boolean {
  return [...fieldsOf(message)].every(({ field, type, bytes, content, sound }) => {
    const inner = shape[field];
    if (!sound) return false;
    if (inner === undefined) return shape !== typedValue;
    if (inner === fewDigits) return type === digits && bytes.length - content <= 5;
    if (typeof inner === "number") return inner === type;
    return type === delimited && isSound(bytes.subarray(content), inner);
  });
}

// Goal: what later versions of gNMI add anywhere changes nothing of what is known, and both codecs see it alike.
test("fields that nobody knows are skipped at every depth", () => {
  const property = fc.property(notification, strangersOrNone, (message, strangers) => {
    let nth = 0;
    const plain = encodeResponse({ update: message });
    const strange = withStrangers(plain, response, () => strangers[nth++ % strangers.length] ?? Buffer.alloc(0));
    const there = decodeResponse(strange);
    if (!there || !("update" in there)) throw new Error("protobufjs reads it");
    expect(read(strange)).toEqual(expected(there.update));
    expect(read(strange)).toEqual(read(plain));
  });
  fc.assert(property, fuzz(100));
});

// Goal: a message with bytes changed, put in or left out is refused whole, or read as protobufjs reads it; never something else.
test("garbled messages are refused, or read as the other codec reads them", () => {
  let compared = 0;
  const edit = fc.tuple(fc.nat(), fc.nat(2), fc.uint8Array({ maxLength: 2 }));
  const property = fc.property(notification, fc.array(edit, { minLength: 1, maxLength: 2 }), (message, edits) => {
    let bytes = encodeResponse({ update: message });
    for (const [at, remove, insert] of edits) {
      const from = 2 + (at % Math.max(1, bytes.length - 2));
      bytes = Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(from + remove)]);
    }
    const here = read(bytes);
    if (!here || !isSound(bytes, response)) return;
    const there = decodeResponse(bytes);
    expect(there, "protobufjs reads it too").toBeDefined();
    if (!there || !("update" in there)) return;
    const right = expected(there.update);
    if (!right) return;
    compared++;
    expect(here).toEqual(right);
  });
  fc.assert(property, fuzz(600));
  expect(compared, "messages that both read").toBeGreaterThan(40);
});

const wirePath = (message: PathMessage): GnmiPath => {
  const [, ...rest] = [...encodeResponse({ update: { delete: [message] } })];
  // Response, its length, `delete` and its length stand before the path.
  const wire = new WireReader();
  wire.load(Buffer.from(rest));
  const skipped = wire.unsigned() > 0 ? wire.tag() : 0;
  if (skipped !== 0x2a) throw new Error("a delete comes first");
  const end = wire.unsigned() + wire.pos;
  return readPath(wire, end);
};

/** As gNMI 0.3 wrote an element. */
const oldElement = ({ name, key = {} }: { name: string; key?: Record<string, string> }) =>
  name +
  Object.entries(key)
    .map(([k, v]) => `[${k}=${v.replace(/[\]\\]/g, "\\$&")}]`)
    .join("");

// Goal: the text of a path and its elements are one thing in two forms: neither loses what the other has.
test("paths in either form are the same path", () => {
  const nonEmpty = fc.array(element, { minLength: 1, maxLength: 4 });
  const property = fc.property(nonEmpty, nonEmpty, (one, other) => {
    const [a, b] = [wirePath({ elem: one }), wirePath({ elem: other })];
    expect(wirePath({ element: one.map(oldElement) })).toEqual(a);
    const same = JSON.stringify(plain(a)) === JSON.stringify(plain(b));
    expect(pathText(a) === pathText(b), "one text for each path").toBe(same);
    expect(isUnder({ ...a, elements: a.elements.slice(0, -1) }, a)).toBe(true);
  });
  fc.assert(property, fuzz(200));
});

const plain = ({ elements }: GnmiPath) => elements.map(({ name, keys }) => [name, [...keys]]);

// Goal: no value of a key can pass for two keys.
test("a key's value stays in its brackets", () => {
  const property = fc.property(identifier, hostile, hostile, (name, a, b) => {
    const two = wirePath({ elem: [{ name, key: { index: a, name: b } }] });
    const one = wirePath({ elem: [{ name, key: { index: `${a}][name=${b}` } }] });
    expect(pathText(one)).not.toBe(pathText(two));
  });
  fc.assert(property, fuzz(100));
});

// Goal: what we ask for is what the other codec reads, whatever interfaces are called.
test("a subscription names each interface as it is called", () => {
  const names = fc.uniqueArray(hostile, { maxLength: 4 });
  const property = fc.property(
    names,
    names,
    fc.integer({ min: 1, max: 86_400_000 }),
    (interfaces, queues, intervalMs) => {
      const { subscribe } = decodeRequest(interfaceSubscription({ interfaces, queues }, intervalMs, Encoding.proto));
      const asked = (subscribe.subscription ?? []).map((one) => ({
        keys: one.path.elem.flatMap(({ key }) => Object.values(key ?? {})),
        sampledNs: one.sample_interval,
      }));
      expect(asked.map(({ keys }) => keys)).toEqual([
        ...interfaces.flatMap((each) => [[each], [each], [each], [each]]),
        ...queues.flatMap((each) => [[each], [each], [each]]),
      ]);
      for (const { sampledNs } of asked) expect([undefined, String(intervalMs * 1_000_000)]).toContain(sampledNs);
    },
  );
  fc.assert(property, fuzz(60));
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SeriesTable } from "../../src/model/sample.ts";
import { SubscribeReader } from "../../src/telemetry/gnmi/subscribe-reader.ts";
import { fuzz } from "../support/fuzz.ts";
import {
  encodeResponse,
  type NotificationMessage,
  octetsPath,
  type PathMessage,
  path,
  type UpdateMessage,
  type ValueMessage,
} from "./gnmi-codec.ts";
import { RecordingSink } from "./recording-sink.ts";

const receivedMs = Date.UTC(2026, 5, 1);
const stamp = `${receivedMs}000000`;

function reading() {
  const table = new SeriesTable();
  const sink = new RecordingSink(table);
  const reader = new SubscribeReader("edge-a", table, sink);
  const read = (message: Buffer) => reader.read(message, receivedMs);
  const notify = (update: NotificationMessage) => read(encodeResponse({ update: { timestamp: stamp, ...update } }));
  return { table, sink, reader, read, notify };
}

/** What one update must come out as, worked out from the message and not from the bytes. */
type Expected = readonly [path: PathMessage, value: number | string | undefined];

const name = fc.constantFrom("interfaces", "interface", "state", "counters", "in-octets", "x");
const keyText = fc.oneof(fc.constantFrom("eth1", "et-0/0/1", "a]b", "a\\b", ""), fc.string({ unit: "grapheme" }));
const element = fc.record({
  name,
  key: fc.dictionary(fc.constantFrom("name", "index", "color"), keyText, { maxKeys: 3 }),
});
const origin = fc.constantFrom("", "openconfig", "native");
const elements = fc.array(element, { maxLength: 4 });

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -300n, max: 300n }));
const uint64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 300n }));
const word = fc.stringMatching(/^[A-Z][A-Z_]{0,12}$/);
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const value = fc.oneof(
  int64.map((n) => [{ int_val: String(n) }, Number(n)] as const),
  uint64.map((n) => [{ uint_val: String(n) }, Number(n)] as const),
  fc.boolean().map((b) => [{ bool_val: b }, Number(b)] as const),
  fc.string({ unit: "grapheme" }).map((s) => [{ string_val: s }, s] as const),
  word.map((s) => [{ ascii_val: s }, s] as const),
  finite.map((n) => [{ double_val: n }, n] as const),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((n) => [{ float_val: n }, n] as const),
  fc
    .tuple(fc.integer(), fc.integer({ min: 0, max: 18 }))
    .map(([digits, precision]) => [{ decimal_val: { digits: String(digits), precision } }, digits / 10 ** precision]),
  uint64.map((n) => [{ json_ietf_val: json(String(n)) }, Number(n)] as const),
  fc.integer().map((n) => [{ json_val: json(n) }, n] as const),
  finite.map((n) => [{ json_ietf_val: json(n) }, JSON.parse(JSON.stringify(n))] as const),
  word.map((s) => [{ json_ietf_val: json(s) }, s] as const),
  fc.boolean().map((b) => [{ json_val: json(b) }, Number(b)] as const),
  fc.constant([{ leaflist_val: { element: [{ string_val: "a" }] } }, undefined] as const),
  fc.constant([{ bytes_val: Buffer.from([1, 2]) }, undefined] as const),
  fc.constant([{ json_ietf_val: json([1]) }, undefined] as const),
  fc.constant([{}, undefined] as const),
) as fc.Arbitrary<readonly [ValueMessage, number | string | undefined]>;

const notification = fc
  .record({
    prefix: fc.option(fc.record({ origin, elem: elements }), { nil: undefined }),
    updates: fc.array(fc.tuple(elements, value), { maxLength: 8 }),
    stampNs: fc.bigInt({ min: 0n, max: BigInt(receivedMs) * 1_000_000n }),
  })
  .map(({ prefix, updates, stampNs }) => ({
    message: {
      timestamp: String(stampNs),
      ...(prefix ? { prefix } : {}),
      update: updates.map(([elem, [val]]) => ({ path: { elem }, val })) as UpdateMessage[],
    },
    expected: updates.map(
      ([elem, [, expected]]): Expected => [
        { origin: prefix?.origin ?? "", elem: [...(prefix?.elem ?? []), ...elem] },
        expected,
      ],
    ),
    sourceMs: Number(stampNs) / 1e6,
  }));

function seriesName({ origin, elem = [] }: PathMessage): string {
  const labels: Record<string, string> = {};
  for (const { name, key = {} } of elem) {
    for (const [k, v] of Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1))) {
      let label = `${name}.${k}`;
      while (label in labels) label += "'";
      labels[label] = v;
    }
  }
  const sorted = Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
  const base = elem.map((one) => `/${one.name}`).join("");
  return `${origin === "native" ? "native:" : ""}${base}${JSON.stringify(sorted)}`;
}

// Goal: our reader and an independent codec agree on every notification: same series, same value, same time; last update wins.
test("reads what protobufjs wrote", () => {
  fc.assert(
    fc.property(fc.array(notification, { minLength: 1, maxLength: 4 }), (notifications) => {
      const { sink, reader, read } = reading();
      let unread = 0;
      for (const { message, expected, sourceMs } of notifications) {
        sink.heard.length = 0;
        expect(read(encodeResponse({ update: message }))).toEqual({ ok: true, value: "update" });
        const last = new Map<string, number | string>();
        for (const [path, value] of expected) {
          if (value === undefined) unread++;
          else last.set(seriesName(path), value);
        }
        const got = sink.heard.map((one) => {
          if (one.kind !== "number" && one.kind !== "text") throw new Error(one.kind);
          expect(one.sourceMs).toBe(sourceMs);
          expect(one.receivedMs).toBe(receivedMs);
          return [one.series, one.value] as const;
        });
        expect(got.length).toBe(last.size);
        expect(new Map(got)).toEqual(last);
      }
      expect(reader.unused).toEqual({ future: 0, unread, notFinite: 0, tooManyPaths: 0 });
    }),
    fuzz(500),
  );
});

// Goal: a message cut anywhere is a Failure, and none of it is used.
test("refuses every truncation whole", () => {
  fc.assert(
    fc.property(notification, ({ message }) => {
      const bytes = encodeResponse({ update: message });
      const { sink, read } = reading();
      for (let length = 0; length < bytes.length; length++) {
        const cut = read(bytes.subarray(0, length));
        if (cut.ok) throw new Error(`accepted when cut to ${length} of ${bytes.length} bytes`);
      }
      expect(sink.heard).toEqual([]);
      expect(read(bytes).ok).toBe(true);
    }),
    fuzz(100),
  );
});

// Goal: no bytes at all can crash the reader, or make it hand on what is not finite.
test("survives garbled bytes", () => {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(notification, fc.array(change, { minLength: 1, maxLength: 6 }), ({ message }, changes) => {
      const bytes = Buffer.from(encodeResponse({ update: message }));
      for (const [at, byte] of changes) bytes[at % Math.max(1, bytes.length)] = byte;
      const { sink, read } = reading();
      const result = read(bytes);
      if (!result.ok) expect(result.failure.message).toMatch(/gNMI message|the target reports/);
      for (const one of sink.heard) if (one.kind === "number") expect(Number.isFinite(one.value)).toBe(true);
    }),
    fuzz(1_000),
  );
});

describe("paths", () => {
  // Goal: one path is one series, however it is spelt.
  test("are one series in every spelling", () => {
    const { table, notify, sink } = reading();
    const val = { uint_val: "7" };
    notify({ update: [{ path: path("/a/b[x=1][y=2]/c"), val }] });
    notify({ update: [{ path: path("/a/b[y=2][x=1]/c"), val }] });
    notify({ prefix: path("/a"), update: [{ path: path("/b[x=1][y=2]/c"), val }] });
    notify({ prefix: path("/a/b[y=2][x=1]/c"), update: [{ val }] });
    notify({ update: [{ path: { element: ["a", "b[x=1][y=2]", "c"] }, val }] });
    notify({ prefix: { origin: "openconfig" }, update: [{ path: path("/a/b[x=1][y=2]/c"), val }] });
    expect(table.size).toBe(1);
    expect(sink.heard.length).toBe(6);
    // A delete in yet another spelling finds it too.
    notify({ delete: [path("/a/b[y=2][x=1]")] });
    expect(sink.gones().length).toBe(1);
    // After a delete, an atomic notification in the other key order still refreshes the one leaf there is.
    notify({ atomic: true, prefix: path("/a/b[y=2][x=1]"), update: [{ path: path("/c"), val }] });
    notify({ atomic: true, prefix: path("/a/b[x=1][y=2]"), update: [{ path: path("/c"), val }] });
    expect(sink.gones().length).toBe(1);
    expect(table.get(0)).toEqual({ target: "edge-a", name: "/a/b/c", labels: { "b.x": "1", "b.y": "2" } });
  });

  test("of the 0.3 form unescape `]` and backslash", () => {
    const { notify, sink } = reading();
    notify({ update: [{ path: { element: ["b[x=1\\]2\\\\3]"] }, val: { uint_val: "7" } }] });
    expect(sink.values()).toEqual({ '/b{"b.x":"1]2\\\\3"}': 7 });
  });

  test("keep an outer key that an inner list of the same name repeats", () => {
    const { notify, table } = reading();
    notify({ update: [{ path: path("/g[id=1]/g[id=2]/n"), val: { uint_val: "7" } }] });
    notify({ update: [{ path: path("/g[id=9]/g[id=2]/n"), val: { uint_val: "7" } }] });
    expect(table.size).toBe(2);
  });

  // Goal: encoders may put the prefix behind the updates; the series must not change for it.
  test("have their prefix also when it comes last", () => {
    const usual = encodeResponse({
      update: { prefix: path("/interfaces"), update: [{ path: path("/x"), val: { uint_val: "7" } }], timestamp: stamp },
    });
    const { read, sink } = reading();
    const fields = topLevelFields(usual.subarray(2));
    const body = Buffer.concat([...fields.filter((f) => f[0] !== 0x12), ...fields.filter((f) => f[0] === 0x12)]);
    expect(body.equals(usual.subarray(2))).toBe(false);
    expect(read(Buffer.concat([usual.subarray(0, 2), body])).ok).toBe(true);
    expect(sink.values()).toEqual({ "/interfaces/x{}": 7 });
  });

  test("beyond the limit of one target are refused and counted", () => {
    const { notify, reader, table } = reading();
    for (let at = 0; at < 34; at++) {
      notify({
        update: Array.from({ length: 1000 }, (_, n) => ({ path: path(`/p${at}-${n}`), val: { uint_val: "1" } })),
      });
    }
    expect(table.size).toBe(32_768);
    expect(reader.unused.tooManyPaths).toBe(34_000 - 32_768);
  });
});

describe("values", () => {
  test("of a JSON object are its leaves, without module names", () => {
    const { notify, sink, reader } = reading();
    const state = {
      "openconfig-interfaces:oper-status": "UP",
      enabled: true,
      counters: { "in-octets": "18446744073709551615", "out-octets": 12 },
      nothing: null,
      list: [{ a: 1 }],
    };
    notify({ update: [{ path: path("/i[name=eth1]/state"), val: { json_ietf_val: json(state) } }] });
    const key = '{"i.name":"eth1"}';
    expect(sink.values()).toEqual({
      [`/i/state/oper-status${key}`]: "UP",
      [`/i/state/enabled${key}`]: 1,
      [`/i/state/counters/in-octets${key}`]: 2 ** 64,
      [`/i/state/counters/out-octets${key}`]: 12,
    });
    expect(reader.unused.unread).toBe(2);
  });

  test("that are no JSON, or not finite, are counted and not used", () => {
    const { notify, sink, reader } = reading();
    notify({
      update: [
        { path: path("/a"), val: { json_val: Buffer.from("{") } },
        { path: path("/b"), val: { double_val: Number.NaN } },
        { path: path("/c"), val: { float_val: Number.NEGATIVE_INFINITY } },
        { path: path("/d"), val: { uint_val: "1" } },
      ],
    });
    expect(sink.values()).toEqual({ "/d{}": 1 });
    expect(reader.unused).toEqual({ future: 0, unread: 1, notFinite: 2, tooManyPaths: 0 });
  });

  test("of the deprecated form are read", () => {
    const { notify, sink, reader } = reading();
    notify({
      update: [
        { path: path("/json"), value: { value: Buffer.from("12"), type: 0 } },
        { path: path("/ietf"), value: { value: Buffer.from('"99"'), type: 4 } },
        { path: path("/ascii"), value: { value: Buffer.from("UP"), type: 3 } },
        { path: path("/bytes"), value: { value: Buffer.from("1"), type: 1 } },
        { path: path("/both"), value: { value: Buffer.from("1"), type: 0 }, val: { uint_val: "2" } },
      ],
    });
    expect(sink.values()).toEqual({ "/json{}": 12, "/ietf{}": 99, "/ascii{}": "UP", "/both{}": 2 });
    expect(reader.unused.unread).toBe(1);
  });

  // Goal: a clock that runs ahead must not make a dead series look fresh.
  test("stamped far in the future are refused and counted", () => {
    const { notify, sink, reader } = reading();
    const update = [{ path: octetsPath("in"), val: { uint_val: "1" } }];
    notify({ timestamp: `${receivedMs + 60_001}000000`, update });
    expect(sink.heard).toEqual([]);
    expect(reader.unused.future).toBe(1);
    notify({ timestamp: `${receivedMs + 59_999}000000`, update });
    expect(sink.heard.length).toBe(1);
  });
});

describe("deletes", () => {
  const seed = (notify: (update: NotificationMessage) => unknown) =>
    notify({
      update: ["eth1", "eth2"].flatMap((name) =>
        (["in", "out"] as const).map((way) => ({ path: octetsPath(way, name), val: { uint_val: "1" } })),
      ),
    });
  const spelt = (way: string, eth: string) =>
    `/interfaces/interface/state/counters/${way}-octets{"interface.name":"${eth}"}`;

  test("take the whole subtree, once", () => {
    const { notify, sink } = reading();
    seed(notify);
    notify({ delete: [path("/interfaces/interface[name=eth1]")] });
    notify({ delete: [path("/interfaces/interface[name=eth1]")] });
    expect(sink.gones()).toEqual([spelt("in", "eth1"), spelt("out", "eth1")]);
  });

  test("reach across key values when the key is left out, and not into another origin", () => {
    const { notify, sink } = reading();
    seed(notify);
    notify({ delete: [{ ...path("/interfaces"), origin: "native" }] });
    expect(sink.gones()).toEqual([]);
    notify({ prefix: path("/interfaces"), delete: [path("/interface")] });
    expect(sink.gones().length).toBe(4);
  });

  test("with an update in the same message replace", () => {
    const { notify, sink } = reading();
    seed(notify);
    notify({
      delete: [path("/interfaces/interface[name=eth1]")],
      update: [{ path: octetsPath("in"), val: { uint_val: "9" } }],
    });
    expect(sink.gones()).toEqual([spelt("out", "eth1")]);
    expect(sink.values()[spelt("in", "eth1")]).toBe(9);
  });

  test("are implied by an atomic notification for what it leaves out", () => {
    const { notify, sink } = reading();
    seed(notify);
    notify({
      atomic: true,
      prefix: path("/interfaces/interface[name=eth2]/state"),
      update: [{ path: path("/counters/out-octets"), val: { uint_val: "9" } }],
    });
    expect(sink.gones()).toEqual([spelt("in", "eth2")]);
  });

  test("of a malformed message take nothing", () => {
    const { read, notify, sink } = reading();
    seed(notify);
    const whole = encodeResponse({ update: { delete: [path("/interfaces"), path("/interfaces")] } });
    const broken = Buffer.from(whole);
    // The last element's name says it is one byte longer than what holds it.
    const at = broken.lastIndexOf("interfaces") - 1;
    broken[at] = (broken[at] ?? 0) + 1;
    expect(read(broken).ok).toBe(false);
    expect(sink.gones()).toEqual([]);
  });
});

describe("messages", () => {
  test("with fields we do not know are read all the same", () => {
    const { read, sink } = reading();
    const known = encodeResponse({ update: { update: [{ path: path("/a"), val: { uint_val: "5" } }] } }).subarray(2);
    const unknown = Buffer.from([0xa0, 0x06, 0x01, 0xaa, 0x06, 0x02, 0x61, 0x62, 0xad, 0x06, 1, 2, 3, 4]);
    const body = Buffer.concat([unknown, known, unknown]);
    expect(read(Buffer.concat([unknown, Buffer.from([0x0a, body.length]), body, unknown])).ok).toBe(true);
    expect(sink.values()).toEqual({ "/a{}": 5 });
  });

  // Goal: a nested message that reads into what follows it is refused, though every byte is there.
  test.each([
    // The varint of update.val.uint_val goes on into the tag of update.duplicates.
    ["a value", [0x22, 0x06, 0x1a, 0x02, 0x18, 0x80, 0x20, 0x00]],
    // The same, from a field of update.path.elem that we do not know.
    ["a path element", [0x22, 0x08, 0x0a, 0x04, 0x1a, 0x02, 0x18, 0x80, 0x20, 0x00]],
    ["a notification's field", [0x08, 0x80]],
  ])("in which %s overruns its end are refused", (_label, body) => {
    const { read, sink } = reading();
    // The extension behind it lends the bytes that the last varint reaches for.
    const message = Buffer.from([0x0a, body.length, ...body, 0x2a, 0x01, 0x00]);
    expect(read(message).ok).toBe(false);
    expect(sink.heard).toEqual([]);
  });

  test("of sync say so", () => {
    expect(reading().read(encodeResponse({ sync_response: true }))).toEqual({ ok: true, value: "sync" });
  });

  test("of the deprecated error are a Failure with its text", () => {
    const result = reading().read(encodeResponse({ error: { code: 5, message: "no such path" } }));
    expect(result.ok ? "" : result.failure.message).toBe("the target reports: no such path");
  });
});

/** The fields of a message, each with its tag and length; every field is a varint or delimited and shorter than 128 bytes. */
function topLevelFields(body: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    let end = at + 1;
    if (((body[at] ?? 0) & 7) === 2) end += 1 + (body[end] ?? 0);
    else while ((body[end++] ?? 0) >= 0x80);
    fields.push(body.subarray(at, end));
    at = end;
  }
  return fields;
}

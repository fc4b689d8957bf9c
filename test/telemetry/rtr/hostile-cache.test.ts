import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { type Pdu, PduReader, RtrError } from "../../../src/telemetry/rtr/pdu.ts";
import { VrpTable } from "../../../src/telemetry/rtr/vrp-table.ts";
import {
  answer,
  type Behaviour,
  endOfData,
  errorReport,
  FakeCache,
  notify,
  raw,
  reset,
  response,
  routerKey,
  vrp,
} from "./fake-cache.ts";
import { hurriedClock, impatientClock, listenTo, ourPrefixes } from "./listening.ts";

async function cacheThat(behaviour: Behaviour) {
  const cache = new FakeCache(behaviour);
  const port = await cache.listen();
  onTestFinished(() => cache.close());
  return { cache, port };
}

const whole = ["192.0.2.0/24 65000", "2001:db8::/32-48 65000"];
const sent = (...parts: readonly Buffer[]) => Buffer.concat(parts);
const lengthened = (bytes: Buffer, length: number) => {
  const copy = Buffer.from(bytes);
  copy.writeUInt32BE(length, 4);
  return copy;
};

// Goal: each way to break the protocol ends the session at once, for its reason, with the RFC's code to the cache, and nothing of it counts.
// Method: one answer on a real socket to the first query, and nothing after it.
test.each<[string, Buffer, number, string]>([
  ["garbage", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), 4, "speaks version 72"],
  ["a version of the future", raw(3, 7, [], 2), 4, "speaks version 2"],
  ["a type that there is not", raw(5, 0), 5, "sent a PDU of type 5 in version 1"],
  ["an ASPA record, of version 2", raw(11, 0, Buffer.alloc(8)), 5, "sent a PDU of type 11 in version 1"],
  ["a length of 4 GB", lengthened(response(7), 2 ** 32 - 1), 0, "sent a PDU of type 3 with 4294967295 bytes"],
  ["a length within the header", lengthened(response(7), 4), 0, "sent a PDU of type 3 with 4 bytes"],
  [
    "a key of 16 MB",
    sent(response(7), lengthened(routerKey(), 1 << 24)),
    0,
    "sent a PDU of type 9 with 16777216 bytes",
  ],
  ["an End of Data of version 0's length", sent(response(7), raw(7, 7, Buffer.alloc(4))), 0, "type 7 with 12 bytes"],
  ["a prefix longer than its longest", sent(response(7), vrp("192.0.2.0/24-23 1")), 0, "prefix of length 24 to 23"],
  ["a prefix of 33 bits", sent(response(7), vrp("192.0.2.0/24-33 1")), 0, "prefix of length 24 to 33"],
  ["a prefix of 129 bits", sent(response(7), vrp("2001:db8::/32-129 1")), 0, "prefix of length 32 to 129"],
  ["a prefix with host bits", sent(response(7), vrp("192.0.2.1/24 1")), 0, "bits beyond its length 24"],
  [
    "a prefix twice",
    sent(response(7), vrp("192.0.2.0/24 1"), vrp("192.0.2.0/24 1")),
    7,
    "192.0.2.0/24 to /24 of AS 1 twice",
  ],
  ["a withdrawal of nothing", sent(response(7), vrp("-192.0.2.0/24 1")), 6, "which it had not announced"],
  ["a prefix before its answer", vrp("192.0.2.0/24 1"), 0, "sent a prefix outside an answer"],
  ["a key before its answer", routerKey(), 0, "sent a key outside an answer"],
  ["an end without a beginning", endOfData(7, 1), 0, "sent an End of Data to nothing"],
  ["a second beginning", sent(response(7), response(7)), 0, "sent an answer to nothing"],
  ["an answer nobody asked for", sent(answer(7, 1, []), response(7)), 0, "sent an answer to nothing"],
  ["an end of another session", sent(response(7), endOfData(8, 1)), 0, "changed its session from 7 to 8"],
  ["a reset of a Reset Query", reset(), 0, "sent a Cache Reset to no Serial Query"],
  ["another version half-way", sent(response(7), vrp("192.0.2.0/24 1", 0)), 8, "changed to version 0"],
  ["a query", raw(2, 0), 0, "sent a query"],
])("%s", async (_, bytes, code, reason) => {
  const { cache, port } = await cacheThat((_asked, socket, connection) => {
    if (connection === 1) socket.write(bytes);
  });
  const sink = listenTo([port]);
  const down = await sink.state("down");
  expect(down.reason).toContain("broke the protocol: it ");
  expect(down.reason).toContain(reason);
  await cache.hears(/^error/);
  expect(cache.heard[1]).toMatch(new RegExp(`^error 1 ${code} `));
  expect(sink.vrps ?? []).toEqual([]);
});

// Goal: an answer cut at every byte leaves what is known as it was, and the client asks again each time.
test("the connection closed at every byte of an answer", async () => {
  const bytes = answer(7, 2, whole);
  const { cache, port } = await cacheThat((_, socket, connection) => {
    const cut = connection - 1;
    if (cut === bytes.length) socket.write(bytes);
    else socket.end(bytes.subarray(0, cut));
  });
  const sink = listenTo([port], { clock: hurriedClock });
  await sink.until(({ vrps }) => vrps !== undefined);
  expect(cache.connections).toBe(bytes.length + 1);
  expect(sink.vrps).toEqual(["192.0.2.0/24 to /24 of AS 65000", "2001:db8::/32 to /48 of AS 65000"]);
});

// Goal: a cache that says nothing, never ends, or drips is given up; one that floods is not asked more than once a second.
test.each<[string, Behaviour]>([
  ["silence", () => undefined],
  ["an answer without end", (_, socket) => void socket.write(sent(response(7), vrp("192.0.2.0/24 65000")))],
])("%s is given up", async (_, behaviour) => {
  const { port } = await cacheThat(behaviour);
  const sink = listenTo([port], { clock: impatientClock });
  expect((await sink.state("down")).reason).toBe("no whole answer within 120 s");
  expect(sink.known).toBeUndefined();
});

test("a flood of notices", async () => {
  let serial = 1;
  const { cache, port } = await cacheThat((_, socket) => {
    socket.write(answer(7, serial++, []));
    for (let n = 0; n < 1_000; n++) socket.write(notify(7, 1_000_000 + n));
  });
  const delays: number[] = [];
  const clock = {
    now: () => 0,
    after(ms: number, task: () => void) {
      delays.push(ms);
      return hurriedClock.after(ms, task);
    },
  };
  listenTo([port], { clock });
  await cache.hears(5);
  expect(delays.filter((ms) => ms < 1_000)).toEqual([]);
  expect(delays.filter((ms) => ms === 1_000).length).toBeGreaterThanOrEqual(4);
});

// Goal: an error that the cache reports ends the session, whatever stands in its text or its lengths.
test.each([
  ["a plain one", errorReport(1, "out of memory"), 'reported error 1: "out of memory"'],
  ["lengths that lie", raw(10, 1, [255, 255, 255, 255, 0, 0, 0, 9]), "reported error 1"],
  ["half a character", raw(10, 1, [0, 0, 0, 0, 0, 0, 0, 1, 0xe2]), 'reported error 1: "\ufffd"'],
])("an error report: %s", async (_, bytes, reason) => {
  const { cache, port } = await cacheThat((_asked, socket) => void socket.write(bytes));
  expect((await listenTo([port]).state("down")).reason).toBe(reason);
  expect(cache.heard).toEqual(["reset 1"]);
});

// Goal: however the bytes are cut, the same PDUs come out; and random bytes give PDUs or an RtrError, never anything else.
test("the reader, whole, in pieces and on noise", () => {
  const stream = sent(
    notify(1, 2),
    response(7),
    routerKey(),
    ...whole.map((one) => vrp(one)),
    endOfData(7, 3),
    errorReport(2, "é"),
  );
  const pdusOf = (chunks: readonly Buffer[]) => {
    const reader = new PduReader();
    return chunks.flatMap((chunk) => [...reader.read(chunk)]);
  };
  const expected = pdusOf([stream]);
  expect(expected.map(({ pdu }) => pdu.type)).toEqual([
    ...["serial-notify", "cache-response", "router-key", "prefix", "prefix", "end-of-data", "error-report"],
  ]);
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: stream.length - 1 }), { maxLength: 30 });
  const pieces = fc.property(cuts, (at) => {
    const ends = [0, ...at.sort((x, y) => x - y), stream.length];
    expect(pdusOf(ends.slice(1).map((end, i) => stream.subarray(ends[i], end)))).toEqual(expected);
  });
  fc.assert(pieces, { numRuns: 200 });

  const byte = fc.oneof(fc.constantFrom(0, 1, 2, 4, 8, 20, 24, 32), fc.integer({ min: 0, max: 255 }));
  const noise = fc.property(fc.array(fc.array(byte, { maxLength: 64 }), { maxLength: 8 }), (chunks) => {
    try {
      pdusOf(chunks.map((chunk) => Buffer.from(chunk)));
    } catch (error) {
      expect(error).toBeInstanceOf(RtrError);
    }
  });
  fc.assert(noise, { numRuns: 1_000 });
});

// Goal: memory is bounded by our prefixes and a limit, not by what a cache sends.
test("fifty thousand prefixes of others leave nothing, and too many about ours are refused", () => {
  const table = new VrpTable(ourPrefixes);
  const about = (address: number, as: number): Extract<Pdu, { type: "prefix" }> => {
    const block = { family: 4, bits: BigInt(address), length: 24 } as const;
    return { type: "prefix", announce: true, block, maxLength: 24, as };
  };
  table.begin("nothing");
  for (let n = 0; n < 50_000; n++) table.apply(about((n << 8) >>> 0, n % 65_536));
  table.commit();
  expect(table.vrps.every(({ prefix }) => prefix === "192.0.2.0/24")).toBe(true);
  table.begin("nothing");
  const flood = () => {
    for (let as = 0; as <= 100_000; as++) table.apply(about(0xc0000200, as));
  };
  expect(flood).toThrow("more than 100000 VRPs");
});

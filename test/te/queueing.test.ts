import fc from "fast-check";
import { expect, test } from "vitest";
import { classQueues, plainQueue, type QueueLoad } from "../../src/te/queueing.ts";

const capacity = 10e6;
const line = { capacity, packetBits: 12_000 };
const seed = Number(process.env.SEED ?? 20_261_121);

const queue = (more: Partial<QueueLoad>): QueueLoad => ({
  ...{ offered: 1e6, guaranteed: 1e6, ceiling: capacity, priority: 0, maxBytes: 20_000 },
  ...more,
});

/** Up to five queues whose guarantees fit the line; whole kbit/s, as routers have them. */
const queues = fc
  .array(
    fc.record({
      offered: fc.integer({ min: 0, max: 15_000 }),
      weight: fc.integer({ min: 1, max: 100 }),
      ceiling: fc.integer({ min: 0, max: 10_000 }),
      priority: fc.integer({ min: 0, max: 3 }),
      maxBytes: fc.integer({ min: 9_000, max: 200_000 }),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((all) => {
    const sum = all.reduce((total, { weight }) => total + weight, 0);
    return all.map(({ offered, weight, ceiling, priority, maxBytes }) => {
      const guaranteed = Math.max(1, Math.floor((10_000 * weight) / Math.max(sum, 100))) * 1000;
      return { offered: offered * 1000, guaranteed, ceiling: Math.max(guaranteed, ceiling * 1000), priority, maxBytes };
    });
  });
const rounding = 1;
const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

// Goal: no bit is made up, none goes over a ceiling, none is left out while there is room. Method: random queues.
test("rates: conserved, within ceilings, work conserving, never under what is guaranteed", () => {
  const property = fc.property(queues, (all) => {
    const services = classQueues(line, all);
    const carried = services.map((service) => service.carried);
    expect(total(carried)).toBeLessThanOrEqual(capacity + rounding);
    for (const [i, one] of all.entries()) {
      const own = carried[i] as number;
      expect(own).toBeLessThanOrEqual(Math.min(one.offered, one.ceiling) + rounding);
      expect(own).toBeGreaterThanOrEqual(Math.min(one.offered, one.guaranteed) - rounding);
    }
    const wanted = total(all.map(({ offered, ceiling }) => Math.min(offered, ceiling)));
    expect(total(carried)).toBeGreaterThanOrEqual(Math.min(capacity, wanted) - rounding);
    // Whoever gets more than it is guaranteed leaves nobody short who is served before it.
    for (const [i, one] of all.entries()) {
      if ((carried[i] as number) <= one.guaranteed + rounding) continue;
      for (const [j, before] of all.entries()) {
        if (before.priority >= one.priority) continue;
        expect(carried[j]).toBeGreaterThanOrEqual(Math.min(before.offered, before.ceiling) - rounding);
      }
    }
  });
  fc.assert(property, { numRuns: 500, seed });
});

// Goal: more traffic never shortens anybody's wait nor carries less of its own class. Method: one class of random queues offers more.
test("waits: finite, monotone in what any class offers, at most a buffer and a packet", () => {
  const more = fc.tuple(queues, fc.nat(), fc.integer({ min: 0, max: 15_000 }));
  const property = fc.property(more, ([all, which, extra]) => {
    const grown = which % all.length;
    const bigger = all.map((one, i) => (i === grown ? { ...one, offered: one.offered + extra * 1000 } : one));
    const [before, after] = [classQueues(line, all), classQueues(line, bigger)];
    expect(after[grown]?.carried).toBeGreaterThanOrEqual((before[grown]?.carried ?? 0) - rounding);
    for (const [i, one] of before.entries()) {
      expect(after[i]?.delayP99Ms).toBeGreaterThanOrEqual(one.delayP99Ms - 1e-6);
      const longest = ((all[i]?.maxBytes ?? 0) * 8 + line.packetBits) / (all[i]?.guaranteed ?? 1);
      expect(after[i]?.delayP99Ms).toBeLessThanOrEqual(longest * 1000 + 1e-6);
    }
  });
  fc.assert(property, { numRuns: 500, seed });
});

// Goal: the model is near what was measured on a Linux router: 10 Mbit/s, a UDP flood of 15 Mbit/s and few marked probes, in a
// plain queue of 125 kB (99.7 ms, 55.8% lost of all), and with a class of 3 Mbit/s of their own (0.51 ms, none lost).
test("a flood, plain and with queues", () => {
  const [flood, probes] = [15e6, 0.2e6];
  const plain = plainQueue(line, [probes, flood], 125_000);
  expect(plain[0]?.delayP99Ms).toBeCloseTo(100, 0);
  expect(1 - (plain[0]?.carried ?? 0) / probes).toBeCloseTo(1 - 10 / 15.2, 6);
  const [own, rest] = classQueues(line, [
    queue({ offered: probes, guaranteed: 3e6 }),
    queue({ offered: flood, guaranteed: 1e6, priority: 7, maxBytes: 125_000 }),
  ]);
  expect(own?.carried).toBe(probes);
  expect(own?.full).toBe(false);
  expect(own?.delayP99Ms).toBeLessThan(5);
  expect(rest?.carried).toBeCloseTo(capacity - probes, 0);
  expect(rest?.delayP99Ms).toBeGreaterThan(100);
});

// Goal: below saturation it is M/D/1 with an exponential tail (r = 0.5: S ln 50), and a queue that stands longer than that tells of bursts.
test("a plain queue that is not full", () => {
  const service = 1.2;
  const [one] = plainQueue(line, [5e6], 0);
  expect(one?.delayP99Ms).toBeCloseTo(service * Math.log(50), 6);
  expect(one?.carried).toBe(5e6);
  const [bursty] = plainQueue(line, [5e6], 30_000);
  expect(bursty?.delayP99Ms).toBeCloseTo(24 * Math.log(50), 6);
  expect(plainQueue(line, [0], 0)[0]).toEqual({ carried: 0, delayP99Ms: 0, full: false });
});

// Goal: a full line whose gauge shows not even a packet is not a line on which nobody waits.
test("a full line of which no depth is known", () => {
  expect(plainQueue(line, [3e6, 12e6], 0)[0]).toMatchObject({ delayP99Ms: Number.POSITIVE_INFINITY, full: true });
  expect(plainQueue(line, [3e6, 12e6], 1_500)[0]?.delayP99Ms).toBeCloseTo(1.2, 6);
});

// Goal: TCP that takes just what is left drops nearly nothing, and has a full buffer all the same.
test("whoever takes all that is left stands before a full buffer", () => {
  const [own, tcp] = classQueues(line, [
    queue({ offered: 1e6, guaranteed: 3e6 }),
    queue({ offered: 9e6, guaranteed: 1e6, priority: 1, maxBytes: 90_000 }),
  ]);
  expect(tcp?.full).toBe(true);
  expect(tcp?.delayP99Ms).toBeCloseTo(80 + 1.2 * 0.99, 3);
  expect(own?.full).toBe(false);
});

// Goal: a ceiling shapes although the line has room, and guarantees that do not fit the line are a bug.
test("ceilings and guarantees", () => {
  expect(classQueues(line, [queue({ offered: 5e6, ceiling: 2e6 })])[0]).toMatchObject({ carried: 2e6, full: true });
  expect(() => classQueues(line, [queue({ guaranteed: 6e6 }), queue({ guaranteed: 6e6 })])).toThrow("fit the line");
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { type LineDemand, lineFlow, queueOf } from "../../src/lab/line-queues.ts";
import type { ConfiguredQueue } from "../../src/lab/qos-config.ts";

const capacity = 1e9;
const mbit = 1e6;
const queue = (dscp: number, sequence: number, cir: number, more: Partial<ConfiguredQueue> = {}): ConfiguredQueue => ({
  ...{ queue: `q${dscp}`, dscps: [dscp], sequence, cir: cir * mbit, pir: capacity },
  ...more,
});
const demand = (name: string, dscp: number, rate: number, windowMs?: number): LineDemand => ({
  ...{ name, dscp, rate: rate * mbit },
  ...(windowMs === undefined ? {} : { windowMs }),
});
/** Mbit/s that pass and ms that one packet in a hundred waits longer than, by demand. */
function fates(demands: readonly LineDemand[], queues: readonly ConfiguredQueue[]) {
  const flow = lineFlow(capacity, demands, queues);
  return Object.fromEntries(
    demands.map(({ name }) => {
      const { offered, lossShare, queueP99Ms } = queueOf(flow, name);
      return [name, { passes: ((offered.get(name) ?? 0) * (1 - lossShare)) / mbit, waits: queueP99Ms }] as const;
    }),
  );
}

// Goal: guarantees first, what is left by place, nobody above its ceiling; what fits does not wait behind what does not.
test.each<[string, LineDemand[], ConfiguredQueue[], Record<string, number>]>([
  ["no queues: all alike", [demand("a", 1, 500), demand("b", 2, 1500)], [], { a: 250, b: 750 }],
  [
    "guaranteed, then the rest by place",
    [demand("a", 1, 300), demand("b", 2, 900), demand("c", 3, 900)],
    [queue(1, 0, 400), queue(2, 1, 100), queue(3, 2, 200)],
    { a: 300, b: 500, c: 200 },
  ],
  [
    "held to a ceiling, and the line is not filled for its own sake",
    [demand("a", 1, 100), demand("b", 2, 900)],
    [queue(1, 0, 200), queue(2, 1, 100, { pir: 300 * mbit })],
    { a: 100, b: 300 },
  ],
  [
    "what no queue takes in is served last",
    [demand("a", 1, 800), demand("stray", 9, 500)],
    [queue(1, 5, 100)],
    { a: 800, stray: 200 },
  ],
  [
    "guarantees that do not fit are scaled",
    [demand("a", 1, 2000), demand("b", 2, 2000)],
    [queue(1, 0, 1500), queue(2, 1, 500)],
    { a: 750, b: 250 },
  ],
])("%s", (_, demands, queues, passes) => {
  const got = fates(demands, queues);
  expect(Object.fromEntries(Object.entries(got).map(([name, { passes: rate }]) => [name, Math.round(rate)]))).toEqual(
    passes,
  );
});

test("in one line all wait for a full buffer; with queues only those who send more than they get", () => {
  const demands = [demand("chat", 1, 200), demand("flood", 2, 1500)];
  expect(fates(demands, []).chat?.waits).toBe(50);
  const after = fates(demands, [queue(1, 0, 250), queue(2, 1, 100, { maxBytes: 1_000_000 })]);
  expect(after.chat?.waits).toBeLessThan(0.1);
  expect(after.chat?.passes).toBeCloseTo(200, 6);
  // 1 MB at 800 Mbit/s.
  expect(after.flood?.waits).toBeCloseTo(10, 6);
});

// Goal: P(wait > t) = busy e^(-t / drain), by Cobham's formula: drain = S / ((1 - before) (1 - before - own)).
test("the wait of what fits is that of its priority", () => {
  const demands = [demand("a", 1, 200), demand("b", 2, 300), demand("c", 3, 300)];
  const got = fates(demands, [queue(1, 0, 200), queue(2, 1, 10), queue(3, 2, 10)]);
  const tail = (waits: number, before: number, own: number) =>
    0.8 * Math.exp((-waits * (1 - before) * (1 - before - own)) / 0.008);
  expect(tail(got.a?.waits ?? 0, 0, 0.2)).toBeCloseTo(0.01, 9);
  expect(tail(got.b?.waits ?? 0, 0.2, 0.3)).toBeCloseTo(0.01, 9);
  expect(tail(got.c?.waits ?? 0, 0.5, 0.3)).toBeCloseTo(0.01, 9);
});

test("senders with windows fill the line without loss, and the more they are the longer they stand in it", () => {
  const at = (rate: number) => fates([demand("chat", 1, 400), demand("bulk", 2, rate, 20)], []);
  const [half, more, most] = [at(600), at(750), at(900)];
  expect([half, more, most].map((one) => one.bulk?.passes)).toEqual(
    [600, 600, 600].map((rate) => expect.closeTo(rate, 6)),
  );
  expect(most.chat?.passes).toBe(400);
  expect((more.chat?.waits ?? 0) - (half.chat?.waits ?? 0)).toBeCloseTo(5, 6);
  expect((most.chat?.waits ?? 0) - (more.chat?.waits ?? 0)).toBeCloseTo(5, 6);
  // Apart, they stand in each other's way only; where packets are marked, no longer than the marks let them.
  const apart = [queue(1, 0, 450), queue(2, 1, 100, { ecnMinBytes: 150_000, maxBytes: 10_000_000 })];
  const after = fates([demand("chat", 1, 400), demand("bulk", 2, 900, 20)], apart);
  expect(after.chat?.waits).toBeLessThan(0.1);
  expect(after.bulk?.passes).toBeCloseTo(600, 6);
  expect(after.bulk?.waits).toBeGreaterThan(2);
  expect(after.bulk?.waits).toBeLessThan(10);
});

const rate = fc.integer({ min: 0, max: 1500 });
const lines = fc.record({
  demands: fc.array(fc.record({ dscp: fc.nat(4), rate, windowMs: fc.option(fc.integer({ min: 1, max: 40 })) }), {
    minLength: 1,
    maxLength: 6,
  }),
  queues: fc.array(fc.record({ cir: fc.integer({ min: 1, max: 250 }), pir: fc.integer({ min: 250, max: 1000 }) }), {
    maxLength: 4,
  }),
});

// Goal: nothing is made or lost unseen; the line is busy while anybody who may send has something; every queue has what it
// is sure of. Method: random queues whose guarantees fit.
test("work conserving, nobody under what it is sure of, and waits within buffers", () => {
  fc.assert(
    fc.property(lines, (sample) => {
      const demands = sample.demands.map(({ dscp, rate: of, windowMs }, index) =>
        demand(`d${index}`, dscp, of, windowMs ?? undefined),
      );
      const queues = sample.queues.map(({ cir, pir }, index) => queue(index, index, cir, { pir: pir * mbit }));
      const flow = lineFlow(capacity, demands, queues);
      const slack = capacity * 1e-9;
      expect(flow.delivered).toBeLessThanOrEqual(capacity + slack);
      const total = (of: readonly LineDemand[]) => of.reduce((sum, one) => sum + one.rate, 0);
      const within = (dscps: readonly number[]) => demands.filter(({ dscp }) => dscps.includes(dscp ?? -1));
      let wanted = total(demands.filter(({ dscp }) => !queues.some(({ dscps }) => dscps.includes(dscp ?? -1))));
      for (const { dscps, cir, pir } of queues) {
        const [asked, own] = [total(within(dscps)), within(dscps)[0]];
        wanted += Math.min(asked, pir);
        if (!own) continue;
        const { delivered } = queueOf(flow, own.name);
        expect(delivered).toBeGreaterThanOrEqual(Math.min(asked, cir) - slack);
        expect(delivered).toBeLessThanOrEqual(Math.min(asked, pir) + slack);
      }
      expect(Math.abs(flow.delivered - Math.min(capacity, wanted))).toBeLessThan(slack);
      for (const { name, rate: asked, windowMs } of demands) {
        const { offered, lossShare, queueP99Ms, queueDelayMs } = queueOf(flow, name);
        expect(offered.get(name)).toBeLessThanOrEqual(asked);
        if (windowMs === undefined) expect(offered.get(name)).toBe(asked);
        expect(lossShare).toBeGreaterThanOrEqual(0);
        expect(lossShare).toBeLessThanOrEqual(1);
        for (const wait of [queueP99Ms, queueDelayMs]) expect(wait >= 0 && wait < Number.POSITIVE_INFINITY).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  costPerHour,
  entryLinks,
  type InboundTraffic,
  inboundTraffic,
  linkLoads,
  movedRate,
  prefixLoads,
  withHiddenDemand,
} from "../../src/te/bgp-preference.ts";
import { a, announce, announcements, b, mbit, peak, peakRates, prepend, stateOf, transit } from "./two-transits.ts";

function known(result: ReturnType<typeof inboundTraffic>): InboundTraffic {
  if ("unmeasured" in result) throw new Error(`not measured: ${result.unmeasured.join()}`);
  return result.traffic;
}
const inMbit = (loads: ReadonlyMap<string, number>) =>
  Object.fromEntries([...loads].map(([link, rate]) => [link, Math.round(rate / mbit)]));

// Goal: the fewest prepends win, a tie is seen as one, a failed link is as if never announced on.
test.each([
  [{ a: 0, b: 2 }, undefined, ["a"]],
  [{ a: 3, b: 2 }, undefined, ["b"]],
  [{ b: 1, a: 1, c: 2 }, undefined, ["a", "b"]],
  [{ a: 0, b: 2, c: 2 }, "a", ["b", "c"]],
  [{ a: 0 }, "a", []],
] as const)("prepends %o without %s: enters by %j", (prepends, failed, entries) => {
  expect(entryLinks(new Map(Object.entries(prepends)), failed)).toEqual(entries);
});

// Goal: each situation puts the peak's traffic where the prepends say, and unexplained traffic nowhere else.
test.each([
  ["as it is", {}, { "transit-a": 1080, "transit-b": 5300 }],
  ["11/24 prepended past B", { changes: [prepend("11.0.0.0/24", a, 0, 3)] }, { "transit-a": 180, "transit-b": 6200 }],
  ["prepended, not enough", { changes: [prepend("11.0.0.0/24", a, 0, 1)] }, { "transit-a": 1080, "transit-b": 5300 }],
  ["a new tie, split", { changes: [prepend("11.0.0.0/24", a, 0, 2)] }, { "transit-a": 630, "transit-b": 5750 }],
  [
    "a new tie, all of it on each",
    { changes: [prepend("11.0.0.0/24", a, 0, 2)], tie: "each" },
    { "transit-a": 1080, "transit-b": 6200 },
  ],
  ["A fails", { failed: "transit-a" }, { "transit-b": 6380 }],
  ["B fails: 12/24 and what is unexplained have nowhere to go", { failed: "transit-b" }, { "transit-a": 1080 }],
  [
    "the change made, then B fails",
    { changes: [prepend("11.0.0.0/24", a, 0, 3)], failed: "transit-b" },
    { "transit-a": 1080 },
  ],
] as const)("%s", (_, situation, loads) => {
  const state = stateOf([a, b], peakRates, { "transit-a": 1_000, "transit-b": 5_300 });
  expect(inMbit(linkLoads(known(inboundTraffic([a, b], state, announcements)), situation))).toEqual(loads);
});

// Goal: a tie that is measured keeps its measured share until something about the prefix changes.
test("a measured tie keeps its share", () => {
  const rates = [
    ["10.0.0.0/24", "transit-a", 300],
    ["10.0.0.0/24", "transit-b", 100],
  ] as const;
  const tie = announce([a, b], { "10.0.0.0/24": { "transit-a": 1, "transit-b": 1 } });
  const traffic = known(inboundTraffic([a, b], stateOf([a, b], rates), tie));
  expect(inMbit(linkLoads(traffic))).toEqual({ "transit-a": 300, "transit-b": 100 });
  const both = [prepend("10.0.0.0/24", a, 1, 2), prepend("10.0.0.0/24", b, 1, 2)];
  expect(inMbit(linkLoads(traffic, { changes: both }))).toEqual({ "transit-a": 300, "transit-b": 100 });
  expect(inMbit(linkLoads(traffic, { failed: "transit-a" }))).toEqual({ "transit-b": 400 });
  expect(movedRate(traffic, [prepend("10.0.0.0/24", a, 1, 2)])).toBe(300 * mbit);
});

// Goal: a link without a rate is named, not taken for idle.
test("no data is not zero", () => {
  const state = stateOf([a], []);
  expect(inboundTraffic([a, b], state, [])).toEqual({ unmeasured: ["transit-b"] });
});

// Goal: what a full link hides is allowed for on its own traffic only.
test("hidden demand", () => {
  const traffic = withHiddenDemand(known(inboundTraffic([a, b], peak, announcements)));
  expect(inMbit(linkLoads(traffic))).toEqual({ "transit-a": 1350, "transit-b": 5000 });
  const nearlyFull = stateOf([a, b], peakRates, { "transit-a": 979 });
  const plain = known(inboundTraffic([a, b], nearlyFull, announcements));
  expect(withHiddenDemand(plain)).toBe(plain);
});

// Goal: money per hour, on what is carried.
test("cost", () => {
  expect(costPerHour(transit("x", 1_000, 7.3), 100 * mbit)).toBeCloseTo(1);
  expect(costPerHour(transit("x", 1_000, 7.3), 2_000 * mbit)).toBeCloseTo(10);
  const { cost: _, ...free } = transit("x", 1_000, 1);
  expect(costPerHour(free, 100 * mbit)).toBe(0);
});

const names = ["a", "b", "c"];
const links = names.map((name) => transit(name, 1_000, 1));
const prefix = fc.record({
  prepends: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 }),
  to: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 }),
  rates: fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 3, maxLength: 3 }),
});
const networks = fc.array(prefix, { minLength: 1, maxLength: 6 });

// Goal: prepends move traffic and neither make nor lose any; no answer depends on the order that things arrive in.
test("traffic is conserved, and order does not matter", () => {
  const property = fc.property(networks, (prefixes) => {
    const named = prefixes.map((entry, i) => ({ ...entry, prefix: `10.0.${i}.0/24` }));
    const rates = named.flatMap((p) => p.rates.map((rate, i) => [p.prefix, names[i] ?? "", rate] as const));
    const table = named.map((p) => [p.prefix, Object.fromEntries(names.map((n, i) => [n, p.prepends[i] ?? 0]))]);
    const announced = announce(links, Object.fromEntries(table));
    const changes = named.flatMap((p) =>
      links.map((link, i) => prepend(p.prefix, link, p.prepends[i] ?? 0, p.to[i] ?? 0)),
    );
    const traffic = known(inboundTraffic(links, stateOf(links, rates, { a: 5_000 }), announced));
    const loads = linkLoads(traffic, { changes });
    const total = (of: ReadonlyMap<string, number>) => [...of.values()].reduce((sum, load) => sum + load, 0);
    expect(total(loads)).toBeCloseTo(total(linkLoads(traffic)), 0);

    const shuffled = known(
      inboundTraffic(links, stateOf(links, rates.toReversed(), { a: 5_000 }), announced.toReversed()),
    );
    expect(linkLoads(shuffled, { changes: changes.toReversed() })).toEqual(loads);
    for (const { prefix: name } of named) {
      expect(total(prefixLoads(traffic, name, { changes, failed: "a" }))).toBeCloseTo(
        total(prefixLoads(traffic, name)),
        0,
      );
    }
  });
  fc.assert(property, { numRuns: 300 });
});

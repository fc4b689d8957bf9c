import fc from "fast-check";
import { expect, test } from "vitest";
import { type Announcements, entryLink } from "../../src/lab/inbound-choice.ts";
import { InboundTraffic } from "../../src/lab/inbound-traffic.ts";
import { twoTransits } from "../../src/lab/scenarios/two-transits.ts";

const startMs = 1_000_000;
const timing = { peakAfterMs: 1_000, peakForMs: 2_000, rampMs: 500, reactionMs: 300 };
const initial = new Map(twoTransits.links.map(({ name, announced }) => [name, new Map(Object.entries(announced))]));
const model = (seed: number, announced: ReadonlyMap<string, Announcements> = initial) =>
  new InboundTraffic({ seed, startMs, timing }, { links: twoTransits.links, demands: twoTransits.demands, announced });

const announcedOnA = (ten: number, eleven: number): Announcements =>
  new Map([
    ["10.0.0.0/24", ten],
    ["11.0.0.0/24", eleven],
  ]);
const prepends = fc.integer({ min: 0, max: 4 });
const change = fc.record({
  atMs: fc.integer({ min: 0, max: 400 }).map((n) => n * 10),
  ten: prepends,
  eleven: prepends,
});
const changes = fc.array(change, { maxLength: 4 }).map((all) => all.toSorted((x, y) => x.atMs - y.atMs));

/** Runs to 4 s in steps of `stepMs`, calling `look` at the start of each. */
function run(
  seed: number,
  moves: readonly { atMs: number; ten: number; eleven: number }[],
  stepMs: number,
  look: (traffic: InboundTraffic) => void = () => {},
): InboundTraffic {
  const traffic = model(seed);
  for (let atMs = 0; atMs < 4_000; atMs += stepMs) {
    traffic.advance(startMs + atMs);
    for (const { ten, eleven } of moves.filter((move) => move.atMs === atMs)) {
      traffic.set("transit-a", announcedOnA(ten, eleven), startMs + atMs);
    }
    look(traffic);
  }
  traffic.advance(startMs + 4_000);
  return traffic;
}

// Goal: octets are the integral of what is delivered, and what is offered is delivered or dropped, whatever is announced.
test("traffic is conserved", () => {
  const stepMs = 10;
  fc.assert(
    fc.property(fc.nat(), changes, (seed, moves) => {
      const delivered = new Map<string, number>();
      const offered = new Map<string, number>();
      const traffic = run(seed, moves, stepMs, (now) => {
        for (const [link, flow] of now.flows()) {
          const total = [...flow.offered.values()].reduce((sum, rate) => sum + rate, 0);
          delivered.set(link, (delivered.get(link) ?? 0) + (flow.delivered * stepMs) / 1000);
          offered.set(link, (offered.get(link) ?? 0) + (total * stepMs) / 1000);
        }
      });
      for (const { name, capacity } of twoTransits.links) {
        const counters = traffic.counters(name);
        expect(Math.abs(counters.inOctets - (delivered.get(name) ?? 0) / 8)).toBeLessThan(2);
        const all = counters.inPkts * 8_000 + counters.inDiscards * 8_000;
        expect(Math.abs(all - (offered.get(name) ?? 0))).toBeLessThan(3 * 8_000);
        expect(counters.inOctets * 8).toBeLessThanOrEqual(capacity * 4 + 8);
      }
    }),
    { numRuns: 30 },
  );
});

// Goal: the run is the seed's, not the reader's.
test("the same seed gives the same run however often it is looked at; another seed another", () => {
  fc.assert(
    fc.property(fc.nat(), changes, (seed, moves) => {
      const often = run(seed, moves, 10);
      const seldom = model(seed);
      for (const { atMs, ten, eleven } of moves) {
        seldom.set("transit-a", announcedOnA(ten, eleven), startMs + atMs);
      }
      seldom.advance(startMs + 4_000);
      expect([...often.flows()]).toEqual([...seldom.flows()]);
      for (const { name } of twoTransits.links) {
        expect(Math.abs(often.counters(name).inOctets - seldom.counters(name).inOctets)).toBeLessThan(2);
      }
    }),
    { numRuns: 20 },
  );
  expect([...run(1, [], 500).flows()]).not.toEqual([...run(2, [], 500).flows()]);
});

test("calm, then a peak that overfills transit-a, then calm again", () => {
  const traffic = model(7);
  const at = (ms: number) => {
    traffic.advance(startMs + ms);
    const flow = traffic.flows().get("transit-a");
    return { utilisation: (flow?.delivered ?? 0) / 1e9, loss: flow?.lossShare ?? 0, delay: flow?.queueDelayMs ?? 0 };
  };
  const [calm, peak, after] = [at(900), at(2_500), at(3_900)];
  for (const { utilisation, loss, delay } of [calm, after]) {
    expect(utilisation).toBeCloseTo(0.48, 1);
    expect(loss).toBe(0);
    expect(delay).toBeLessThan(1);
  }
  expect(peak.utilisation).toBe(1);
  expect(peak.loss).toBeCloseTo(1 - 1000 / 1080, 1);
  expect(peak.delay).toBe(50);
});

test("a full link drops from every prefix alike; a link with room drops nothing", () => {
  const traffic = model(7);
  traffic.advance(startMs + 2_500);
  const bits = () => new Map(traffic.deliveredBits("transit-a"));
  const [before, offered] = [bits(), traffic.offered()];
  traffic.advance(startMs + 2_550);
  const passed = ["10.0.0.0/24", "11.0.0.0/24"].map(
    (prefix) => ((bits().get(prefix) ?? 0) - (before.get(prefix) ?? 0)) / (offered.get(prefix) ?? 1),
  );
  expect(passed[0]).toBeCloseTo(passed[1] ?? 0, 9);
  expect(passed[0]).toBeCloseTo(0.05 * (1000 / 1080), 2); // 50 ms
  expect(traffic.counters("transit-a").inDiscards).toBeGreaterThan(0);
  expect(traffic.counters("transit-b").inDiscards).toBe(0);
});

test.each([
  [0, { a: 1, b: 0 }],
  [1, { a: 0.9, b: 0.1 }],
  [2, { a: 0.4, b: 0.6 }],
  [3, { a: 0, b: 1 }],
])("11.0.0.0/24 prepended %i times on transit-a, and nothing else moves", (count, expected) => {
  const traffic = model(7);
  traffic.set("transit-a", announcedOnA(0, count), startMs + 2_000);
  traffic.advance(startMs + 2_300);
  const offered = traffic.offered();
  const share = (link: string, prefix: string) =>
    (traffic.flows().get(link)?.offered.get(prefix) ?? 0) / (offered.get(prefix) ?? 0);
  expect(share("transit-a", "11.0.0.0/24")).toBeCloseTo(expected.a, 9);
  expect(share("transit-b", "11.0.0.0/24")).toBeCloseTo(expected.b, 9);
  expect(share("transit-a", "10.0.0.0/24")).toBeCloseTo(1, 9);
  expect(share("transit-b", "12.0.0.0/24")).toBeCloseTo(1, 9);
});

test("remote networks act on a change after their reaction time, not before", () => {
  const traffic = model(7);
  traffic.set("transit-a", announcedOnA(0, 3), startMs + 2_000);
  const onA = () => traffic.flows().get("transit-a")?.offered.has("11.0.0.0/24");
  traffic.advance(startMs + 2_299);
  expect(onA()).toBe(true);
  traffic.advance(startMs + 2_300);
  expect(onA()).toBe(false);
});

test("what no link announces is not delivered", () => {
  const traffic = model(7, new Map([["transit-a", new Map()]]));
  traffic.advance(startMs + 1_000);
  expect(traffic.counters("transit-a").inOctets + traffic.counters("transit-b").inOctets).toBe(0);
  expect(traffic.costPerHour()).toBe(0);
});

test("cost per hour is the month's price by 730 for what is delivered", () => {
  const traffic = model(7);
  traffic.advance(startMs + 2_500);
  const onB = (traffic.flows().get("transit-b")?.delivered ?? 0) / 1e6;
  expect(traffic.costPerHour()).toBeCloseTo((0.2 * 1_000 + 0.6 * onB) / 730, 9);
});

test("the rebound comes only while something other than before is announced", () => {
  const traffic = model(7);
  traffic.advance(startMs + 2_000);
  traffic.reboundAfterChange("10.0.0.0/24", 1_300e6);
  const loss = () => traffic.flows().get("transit-a")?.lossShare ?? 0;
  const before = loss();
  traffic.set("transit-a", announcedOnA(0, 3), startMs + 2_000);
  traffic.advance(startMs + 2_400);
  expect(loss()).toBeGreaterThan(2 * before);
  traffic.set("transit-a", announcedOnA(0, 0), startMs + 2_400);
  traffic.advance(startMs + 2_800);
  expect(loss()).toBeCloseTo(before, 1);
});

test("a source takes the shortest path, its own preference among equals, and none that is not announced", () => {
  const source = { share: 1, distance: { x: 2, y: 1 }, tieBreak: ["x", "y"] };
  const entry = (x?: number, y?: number) =>
    entryLink(
      source,
      "p",
      new Map([
        ["x", new Map(x === undefined ? [] : [["p", x]])],
        ["y", new Map(y === undefined ? [] : [["p", y]])],
      ]),
    );
  expect([entry(0, 0), entry(0, 1), entry(0, 2), entry(1, 1), entry(3), entry(undefined, 9), entry()]).toEqual([
    ...["y", "x", "x", "y", "x", "y", undefined],
  ]);
});

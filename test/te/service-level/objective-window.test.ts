import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Ratio } from "../../../src/kernel/units.ts";
import type { Objective } from "../../../src/model/service-class.ts";
import { type Observations, quantile, shareAbove } from "../../../src/te/service-level/histogram.ts";
import { ObjectiveWindow } from "../../../src/te/service-level/objective-window.ts";

const intervalMs = 10_000;
const inf = Number.POSITIVE_INFINITY;
const objective = (over: Partial<Objective> = {}): Objective => ({
  text: "p95 below 100ms",
  signal: "latency",
  percentile: 0.95 as Ratio,
  comparator: "below",
  threshold: 100,
  windowMs: 200_000,
  burn: { fast: { windowMs: 100_000, limit: 10 }, slow: { windowMs: 400_000, limit: 3 } },
  forecastMs: 600_000,
  ...over,
});

type Sample = Readonly<{ atMs: number; value: number }>;
const lastOf = (all: readonly Sample[], windowMs: number) =>
  all.filter(({ atMs }) => atMs > (all.at(-1)?.atMs ?? 0) - windowMs).map(({ value }) => value);

/** After a start a window has to have three samples if it is a short one, else twelve, or all that fit into it. */
function isKnown(timesMs: readonly number[], windowMs: number, least = 12): boolean {
  const [firstMs, newestMs] = [timesMs[0] ?? 0, timesMs.at(-1) ?? 0];
  const inside = timesMs.filter((ms) => ms > newestMs - windowMs).length;
  const isFull = newestMs - firstMs + intervalMs >= windowMs - intervalMs / 2;
  return isFull || inside >= Math.min(least, Math.floor(windowMs / intervalMs));
}

/** The whole from scratch: sort, count. */
function naive(all: readonly Sample[], { comparator, threshold, percentile, windowMs, burn }: Objective) {
  const isBad = (value: number) => (comparator === "below" ? value >= threshold : value <= threshold);
  const badShare = (ms: number) => lastOf(all, ms).filter(isBad).length / lastOf(all, ms).length;
  const timesMs = all.map(({ atMs }) => atMs);
  const burning = (ms: number) => {
    const shortMs = Math.max(ms / 12, 3 * intervalMs);
    if (!isKnown(timesMs, ms) || !isKnown(timesMs, shortMs, 3)) return undefined;
    return Math.min(badShare(ms), badShare(shortMs)) / (1 - percentile);
  };
  const sorted = lastOf(all, windowMs).toSorted((a, b) => a - b);
  const rank = Math.ceil(percentile * sorted.length - 1e-9);
  return {
    percentile: comparator === "below" ? sorted[rank - 1] : sorted[sorted.length - rank],
    isKnown: isKnown(timesMs, windowMs),
    fast: burning(burn.fast.windowMs),
    slow: burning(burn.slow.windowMs),
  };
}

const expectBurn = (burn: number | undefined, expected: number | undefined) => {
  if (expected === undefined) expect(burn).toBeUndefined();
  else expect(burn).toBeCloseTo(expected, 9);
};

describe("a gauge's windows", () => {
  // Goal: what is kept up to date sample by sample is what counting everything afresh gives, at every step, over windows
  // that have slid many times over; with values that repeat, infinite ones and both comparators.
  test("say what a count from scratch says", () => {
    const value = fc.oneof(
      fc.integer({ min: 0, max: 12 }).map((tens) => tens * 20),
      fc.constant(inf),
    );
    const property = fc.property(
      fc.array(fc.tuple(value, fc.constantFrom(0.6, 1, 1, 1, 1.4)), { minLength: 3, maxLength: 150 }),
      fc.constantFrom<Objective["comparator"]>("below", "above"),
      fc.constantFrom(0.5, 0.95, 0.99),
      (steps, comparator, percentile) => {
        const asked = objective({ comparator, percentile: percentile as Ratio });
        const window = new ObjectiveWindow(asked, intervalMs);
        const all: Sample[] = [];
        let atMs = 1e12;
        for (const [value, steps_] of steps) {
          atMs += steps_ * intervalMs;
          all.push({ atMs, value });
          window.addGauge(atMs, atMs, value);
          const expected = naive(all, asked);
          expect(window.percentile()).toBe(expected.isKnown ? expected.percentile : undefined);
          expectBurn(window.burn(asked.burn.fast.windowMs), expected.fast);
          expectBurn(window.burn(asked.burn.slow.windowMs), expected.slow);
          const recent = naive(all, { ...asked, windowMs: 3 * intervalMs });
          expect(window.recent()?.value).toBe(recent.isKnown ? recent.percentile : undefined);
        }
      },
    );
    fc.assert(property, { numRuns: 150 });
  });

  test("percentile and threshold agree with the budget: just what is allowed is not over", () => {
    const window = new ObjectiveWindow(objective(), intervalMs);
    for (let at = 1; at <= 20; at++) window.addGauge(at * intervalMs, at * intervalMs, at === 5 ? 100 : 1);
    expect(window.percentile()).toBe(1);
    window.addGauge(21 * intervalMs, 21 * intervalMs, 100);
    expect(window.percentile()).toBe(100);
  });

  test("say nothing after a long gap, but that there was too little, until half of the intervals are there", () => {
    const window = new ObjectiveWindow(objective(), intervalMs);
    expect(window.percentile()).toBeUndefined();
    for (let at = 1; at <= 12; at++) {
      expect([window.percentile(), window.burn(400_000)]).toEqual([undefined, undefined]);
      // The fast window has room for ten.
      expect(window.burn(100_000)).toBe(at <= 10 ? undefined : 0);
      expect(window.recent()?.value).toBe(at <= 3 ? undefined : 1);
      window.addGauge(at * intervalMs, at * intervalMs, 1);
    }
    expect([window.percentile(), window.burn(400_000)]).toEqual([1, 0]);
    window.addGauge(1e6, 1e6, 500);
    expect([window.percentile(), window.burn(100_000)]).toEqual([undefined, undefined]);
    for (let at = 1; at < 20; at++) window.addGauge(1e6 + at * intervalMs, 1e6 + at * intervalMs, 500);
    expect(window.percentile()).toBe(500);
  });

  test("neither grow nor break when samples come far more often than they should", () => {
    const window = new ObjectiveWindow(objective(), intervalMs);
    for (let at = 1; at <= 5000; at++) window.addGauge(at * 1000, at * 1000, at);
    expect(window.recent()).toEqual({ value: 5000 - 1, fromMs: 4_971_000, toMs: 5_000_000 });
    // 82 rows, one of which is only where running sums start.
    expect(window.percentile()).toBeGreaterThan(4990);
    expect(window.burn(100_000)).toBeCloseTo(20, 9);
  });

  test("leave out what is not later than the newest", () => {
    const window = new ObjectiveWindow(objective(), intervalMs);
    for (const atMs of [30_000, 40_000, 50_000]) window.addGauge(atMs, atMs, 1);
    window.addGauge(50_000, 50_000, 900);
    window.addGauge(40_000, 40_000, 900);
    expect(window.recent()).toEqual({ value: 1, fromMs: 30_000, toMs: 50_000 });
  });
});

describe("a histogram's windows", () => {
  const bounds = Float64Array.of(50, 100, 200, inf);
  const observed = (counts: readonly number[]): Observations => ({
    bounds,
    counts: Float64Array.from(counts),
    total: counts.reduce((sum, count) => sum + count, 0),
  });

  // Goal and method as above: the sum of the intervals in the window, and its quantile and bad share.
  test("say what a sum from scratch says", () => {
    const counts = fc.array(fc.nat(20), { minLength: 4, maxLength: 4 });
    const property = fc.property(fc.array(counts, { minLength: 1, maxLength: 120 }), (intervals) => {
      const asked = objective();
      const window = new ObjectiveWindow(asked, intervalMs);
      for (const [at, interval] of intervals.entries()) {
        window.addObservations(at * intervalMs, (at + 1) * intervalMs, observed(interval));
        const summed = (ms: number) => {
          const inside = intervals.slice(Math.max(0, at + 1 - ms / intervalMs), at + 1);
          return observed([0, 1, 2, 3].map((bucket) => inside.reduce((sum, one) => sum + (one[bucket] as number), 0)));
        };
        const timesMs = intervals.slice(0, at + 1).map((_, nth) => (nth + 1) * intervalMs);
        const whole = isKnown(timesMs, asked.windowMs) ? quantile(summed(asked.windowMs), 0.95) : undefined;
        expect(window.percentile()).toBe(whole);
        const shares = [asked.burn.slow.windowMs, 400_000 / 12].map((ms) =>
          shareAbove(summed(Math.floor(ms / intervalMs) * intervalMs + (ms % intervalMs ? intervalMs : 0)), 100),
        );
        const isUnknown = shares.includes(undefined) || !isKnown(timesMs, asked.burn.slow.windowMs);
        const burn = isUnknown ? undefined : Math.min(...(shares as number[])) / 0.05;
        expectBurn(window.burn(asked.burn.slow.windowMs), burn);
      }
    });
    fc.assert(property, { numRuns: 100 });
  });

  test("without an observation are not known, and other buckets begin the percentile anew", () => {
    const window = new ObjectiveWindow(objective(), intervalMs);
    let nth = 0;
    const add = (of: Observations) => window.addObservations(nth++ * intervalMs, nth * intervalMs, of);
    for (let at = 0; at < 12; at++) add(observed([0, 0, 0, 0]));
    expect([window.percentile(), window.burn(100_000), window.recent()]).toEqual([undefined, undefined, undefined]);
    add(observed([0, 0, 0, 50]));
    expect([window.percentile(), window.burn(100_000)]).toEqual([inf, expect.closeTo(20, 9)]);
    add({ bounds: Float64Array.of(75, inf), counts: Float64Array.of(50, 0), total: 50 });
    expect(window.percentile()).toBeCloseTo(71.25, 9);
    expect(window.burn(100_000)).toBeCloseTo(10, 9);
  });
});

describe("the budget is used up", () => {
  const filled = (count: number, isBad: (at: number) => boolean) => {
    const window = new ObjectiveWindow(objective(), intervalMs);
    for (let at = 1; at <= count; at++) window.addGauge(at * intervalMs, at * intervalMs, isBad(at) ? 500 : 1);
    return window;
  };

  test("when its rest is, at the pace of late", () => {
    const window = filled(97, () => false);
    expect(window.exhaustedInMs(30_000)).toBe(inf);
    window.addGauge(980_000, 980_000, 500);
    // 5% of 20 samples is the one there is; two thirds of its rest, which is nothing: the next interval.
    expect(window.exhaustedInMs(30_000)).toBe(intervalMs);
    window.addGauge(990_000, 990_000, 500);
    expect(window.exhaustedInMs(30_000)).toBe(0);
    // What was over is not broken now: nothing of late is bad.
    for (let at = 100; at <= 102; at++) window.addGauge(at * intervalMs, at * intervalMs, 1);
    expect(window.exhaustedInMs(30_000)).toBe(inf);
  });

  test("only with half of the window seen", () => {
    const long = objective({ windowMs: 400_000 });
    const window = new ObjectiveWindow(long, intervalMs);
    for (let at = 1; at <= 19; at++) window.addGauge(at * intervalMs, at * intervalMs, 500);
    expect(window.exhaustedInMs(30_000)).toBe(inf);
    window.addGauge(200_000, 200_000, 500);
    expect(window.exhaustedInMs(30_000)).toBe(0);
  });

  // Goal: the forecast is what happens. Method: events go on as they were of late, every third bad, and the time is counted
  // until more than a fifth are; with a window that is filling, all the time or in part, and one that is full.
  test.each([
    [14, 400],
    [30, 400],
    [38, 400],
    [60, 400],
  ])("when it is, with %i samples in a window of %i s", (good, windowS) => {
    const asked = objective({
      percentile: 0.8 as Ratio,
      windowMs: windowS * 1000,
      burn: { fast: { windowMs: 60_000, limit: 2 }, slow: { windowMs: 400_000, limit: 1 } },
    });
    const window = new ObjectiveWindow(asked, intervalMs);
    let at = 0;
    const add = (value: number) => window.addGauge(++at * intervalMs, at * intervalMs, value);
    for (let one = 0; one < good; one++) add(1);
    const next = () => add(at % 3 === 0 ? 500 : 1);
    for (let one = 0; one < 6; one++) next();
    const said = window.exhaustedInMs(60_000) as number;
    const fromMs = at * intervalMs;
    while (window.exhaustedInMs(60_000) !== 0) next();
    const happenedMs = at * intervalMs - fromMs;
    // Every third: never nearer than three intervals. What leaves a full window is what it was, and not as the whole is: half off.
    expect(Math.abs(happenedMs - said)).toBeLessThanOrEqual(Math.max(4 * intervalMs, 0.5 * happenedMs));
  });
});

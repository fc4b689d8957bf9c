import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Buckets,
  increase,
  mean,
  merged,
  type Observations,
  quantile,
  shareAbove,
} from "../../../src/te/service-level/histogram.ts";

const inf = Number.POSITIVE_INFINITY;
const bounds = Float64Array.of(10, 50, 100, 500, inf);
const reading = (...cumulative: number[]): Buckets => ({ bounds, cumulative: Float64Array.from(cumulative) });
const observed = (samples: readonly number[]): Observations => {
  const counts = new Float64Array(bounds.length);
  for (const sample of samples) {
    const at = bounds.findIndex((bound) => sample <= bound);
    counts[at] = (counts[at] as number) + 1;
  }
  return { bounds, counts, total: samples.length };
};

describe("the increase between two readings", () => {
  test("is what was observed meanwhile, by bucket", () => {
    expect(increase(reading(1, 2, 3, 4, 5), reading(1, 4, 6, 8, 10), "sum")).toEqual({
      bounds,
      counts: Float64Array.of(0, 2, 1, 1, 1),
      total: 5,
    });
  });

  test("counts from zero after a reset of one process, and is not known of a sum that fell", () => {
    const [before, after] = [reading(10, 20, 30, 40, 50), reading(0, 1, 2, 3, 4)];
    expect(increase(before, after, "one")?.counts).toEqual(Float64Array.of(0, 1, 1, 1, 1));
    expect(increase(before, after, "sum")).toBeUndefined();
  });

  test.each([
    [
      "a bucket is missing",
      reading(1, 2, 3, 4, 5),
      { bounds: bounds.slice(1), cumulative: Float64Array.of(2, 3, 4, 5) },
    ],
    [
      "there is no +Inf",
      reading(1, 2, 3, 4, 5),
      { bounds: bounds.slice(0, 4), cumulative: Float64Array.of(2, 3, 4, 5) },
    ],
    ["the buckets are not monotone", reading(1, 2, 3, 4, 5), reading(2, 9, 8, 9, 10)],
    ["a low bucket rose by more than a high one", reading(1, 2, 3, 4, 5), reading(5, 5, 5, 5, 5)],
    ["a count is not a number", reading(1, 2, 3, 4, 5), reading(1, 2, Number.NaN, 4, 5)],
    ["a count is infinite", reading(1, 2, 3, 4, 5), reading(1, 2, 3, 4, inf)],
    ["there are no buckets", { bounds: new Float64Array(), cumulative: new Float64Array() }, reading(1, 2, 3, 4, 5)],
  ])("is not known when %s", (_, before, after) => {
    expect(increase(before, after, "one")).toBeUndefined();
  });
});

describe("a quantile", () => {
  test("is not known without observations, and beyond the highest bound is infinite", () => {
    expect(quantile(observed([]), 0.95)).toBeUndefined();
    expect(shareAbove(observed([]), 10)).toBeUndefined();
    expect(mean(observed([]))).toBeUndefined();
    expect(quantile(observed([1, 1, 9999]), 0.95)).toBe(inf);
  });

  // Goal: a histogram cannot say more than which bucket the true quantile is in, and must say that.
  const samples = fc.array(fc.double({ min: 0.001, max: 1000, noNaN: true }), { minLength: 1, maxLength: 200 });
  test("is in the bucket of the raw samples' quantile, and shares of it agree with theirs at every bound", () => {
    const property = fc.property(samples, fc.double({ min: 0.01, max: 1, noNaN: true }), (raw, q) => {
      const sorted = raw.toSorted((a, b) => a - b);
      const exact = sorted[Math.max(0, Math.ceil(q * raw.length - 1e-9) - 1)] as number;
      const at = bounds.findIndex((bound) => exact <= bound);
      const said = quantile(observed(raw), q) as number;
      expect(said).toBeLessThanOrEqual(bounds[at] as number);
      expect(said).toBeGreaterThanOrEqual(at === bounds.length - 1 ? inf : at === 0 ? 0 : (bounds[at - 1] as number));
      for (const bound of bounds.subarray(0, -1))
        expect(shareAbove(observed(raw), bound)).toBeCloseTo(raw.filter((one) => one > bound).length / raw.length, 9);
    });
    fc.assert(property, { numRuns: 500 });
  });

  test("of histograms with other buckets is by those that all have", () => {
    const other = { bounds: Float64Array.of(20, 100, inf), counts: Float64Array.of(1, 2, 4), total: 7 };
    const [both, turned] = [merged([observed([5, 60, 70, 9999]), other]), merged([other, observed([5, 60, 70, 9999])])];
    expect(both).toEqual({ bounds: Float64Array.of(100, inf), counts: Float64Array.of(6, 5), total: 11 });
    expect(turned).toEqual(both);
  });

  // Goal: a fleet's histogram is the sum of its members', in whatever order they are added.
  test("of merged histograms does not depend on the order of merging", () => {
    const property = fc.property(fc.array(samples, { minLength: 1, maxLength: 5 }), (fleet) => {
      const parts = fleet.map(observed);
      for (const q of [0.5, 0.95, 0.99]) {
        const all = quantile(observed(fleet.flat()), q);
        expect(quantile(merged(parts), q)).toBe(all);
        expect(quantile(merged(parts.toReversed()), q)).toBe(all);
      }
    });
    fc.assert(property, { numRuns: 200 });
  });
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { fanOutTail } from "../../../src/te/service-level/fan-out.ts";

test("one read in a hundred that is slow makes 63% of requests slow that wait for a hundred", () => {
  expect(fanOutTail(100, 0.01)).toEqual({ paths: 100, slowShare: 0.01, slowRequests: expect.closeTo(0.634, 3) });
  expect(fanOutTail(100, 0).slowRequests).toBe(0);
  expect(fanOutTail(3, 1).slowRequests).toBe(1);
});

test("a tiny share is not rounded away", () => {
  expect(fanOutTail(1000, 1e-18).slowRequests).toBeCloseTo(1e-15, 25);
});

test("is the share itself for one path, and grows with paths and with the share", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const property = fc.property(share, share, fc.integer({ min: 1, max: 500 }), (p, q, paths) => {
    expect(fanOutTail(1, p).slowRequests).toBeCloseTo(p, 12);
    expect(fanOutTail(paths + 1, p).slowRequests).toBeGreaterThanOrEqual(fanOutTail(paths, p).slowRequests);
    const [low, high] = [Math.min(p, q), Math.max(p, q)];
    expect(fanOutTail(paths, high).slowRequests).toBeGreaterThanOrEqual(fanOutTail(paths, low).slowRequests);
  });
  fc.assert(property, { numRuns: 300 });
});

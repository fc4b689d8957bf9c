import { expect, test } from "vitest";
import { bitsPerSecond } from "../../src/kernel/units.ts";
import { controlShare } from "../../src/model/decision.ts";

// Goal: what control traffic is sure of is 1%, 64 kbit/s at least, and never much of a line. Method: lines on both sides of where that turns.
test.each([
  [100_000, 10_000],
  [640_000, 64_000],
  [6_400_000, 64_000],
  [10_000_000, 100_000],
  [10_000_050, 101_000],
  [400e9, 4e9],
])("of %d bit/s control traffic has %d", (capacity, share) => {
  expect(controlShare(bitsPerSecond(capacity))).toBe(share);
});

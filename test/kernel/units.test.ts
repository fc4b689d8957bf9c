import { expect, test } from "vitest";
import { formatBytes, formatCount, formatDuration, formatMs } from "../../src/kernel/units.ts";

// Goal: figures for people, at and around where the unit changes.
test.each([
  [formatMs(0), "0 ms"],
  [formatMs(1e-6), "under 0.01 ms"],
  [formatMs(0.00999), "under 0.01 ms"],
  [formatMs(0.01), "0.01 ms"],
  [formatMs(-0.001), "-0.001 ms"],
  [formatMs(12.345), "12.3 ms"],
  [formatBytes(0), "0 bytes"],
  [formatBytes(999), "999 bytes"],
  [formatBytes(1_000), "1 kB"],
  [formatBytes(46_875), "46.9 kB"],
  [formatBytes(999_499), "999 kB"],
  [formatBytes(999_500), "1 MB"],
  [formatBytes(1_250_000), "1.25 MB"],
  [formatDuration(3_600_000), "1 h"],
  [formatDuration(86_400_000), "24 h"],
  [formatDuration(5_400_000), "90 min"],
  [formatDuration(60_000), "1 min"],
  [formatDuration(90_000), "90 s"],
  [formatDuration(12_345_000), "12345 s"],
  [formatDuration(1_500), "1.5 s"],
  [formatCount(0, "link"), "0 links"],
  [formatCount(1, "link"), "1 link"],
  [formatCount(2, "link"), "2 links"],
])("%s", (said, wanted) => {
  expect(said).toBe(wanted);
});

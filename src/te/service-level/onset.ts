import type { SignalSeries } from "../../model/class-health.ts";
import { baselineOf, isBeyond, minBaselineSamples } from "./baseline.ts";

/**
 * The sample with which a series left what it had been like, to the worse side: where most values before are better than most
 * after (Pettitt's change point), moved to where they begin to stand out. Undefined when it has not left it,
 * or when too little is known of before.
 *
 * Source: Pettitt, "A Non-Parametric Approach to the Change-Point Problem", Applied Statistics 28(2), 1979.
 */
export function onsetMs({ atMs, values }: SignalSeries, worse: "up" | "down"): number | undefined {
  const n = values.length;
  const towards = worse === "up" ? 1 : -1;
  let [u, best, split] = [0, 0, 0];
  for (let at = 0; at + 1 < n; at++) {
    // U of a split grows by how the sample that goes over to the left compares with all.
    for (const other of values) u += towards * Math.sign(other - (values[at] as number));
    if (u > best) [best, split] = [u, at + 1];
  }
  const baseline = baselineOf(values.subarray(0, Math.max(split, minBaselineSamples)));
  if (!baseline) return undefined;
  const standsOut = (at: number) => isBeyond(values[at] as number, baseline, worse);
  // Noise puts the change point a few samples off, either way.
  while (split < n && !standsOut(split)) split++;
  while (split > 0 && split < n && standsOut(split - 1)) split--;
  return split >= minBaselineSamples ? atMs[split] : undefined;
}

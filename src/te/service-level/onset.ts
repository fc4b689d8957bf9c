import type { SignalSeries } from "../../model/class-health.ts";
import type { ClassUnit } from "../../model/service-class.ts";
import { baselineOf, isBeyond, minBaselineSamples } from "./baseline.ts";
import { goes, thinned } from "./forecast.ts";

/** The change point's cost grows with their square. */
const maxPoints = 720;

/**
 * The sample with which a series left what it had been like, to the worse side: where most values before are better than most
 * after (Pettitt's change point), moved to where they begin to stand out. A slow ramp has no such point: where the whole goes
 * to the worse side beyond chance and its newest stands out from its oldest quarter, the end of that. Undefined when it has
 * not left what it was, or when too little is known of before. Of a long series to within a few samples.
 *
 * Source: Pettitt, "A Non-Parametric Approach to the Change-Point Problem", Applied Statistics 28(2), 1979.
 */
export function onsetMs(series: SignalSeries, worse: "up" | "down", unit: ClassUnit): number | undefined {
  const { atMs, values } = thinned(series, maxPoints);
  const n = values.length;
  const { split, isStep } = changePoint(values, worse, unit);
  const found = split < minBaselineSamples ? undefined : atMs[split];
  if (isStep) return found;
  const quarter = n >> 2;
  const baseline = baselineOf(values.subarray(0, quarter), unit);
  const stands = baseline && isBeyond(values[n - 1] as number, baseline, worse);
  return stands && goes({ atMs, values }, worse) ? atMs[quarter] : found;
}

/** Number of the first sample that stands out, of all where none does; a step when that is near the change point. */
function changePoint(
  values: Float64Array,
  worse: "up" | "down",
  unit: ClassUnit,
): Readonly<{ split: number; isStep: boolean }> {
  const n = values.length;
  const towards = worse === "up" ? 1 : -1;
  let [u, best, split] = [0, 0, 0];
  for (let at = 0; at + 1 < n; at++) {
    // U of a split grows by how the sample that goes over to the left compares with all.
    for (const other of values) u += towards * Math.sign(other - (values[at] as number));
    if (u > best) [best, split] = [u, at + 1];
  }
  const baseline = baselineOf(values.subarray(0, Math.max(split, minBaselineSamples)), unit);
  if (!baseline) return { split: n, isStep: false };
  const changed = split;
  const standsOut = (at: number) => isBeyond(values[at] as number, baseline, worse);
  // Noise puts the change point a few samples off, either way.
  while (split < n && !standsOut(split)) split++;
  while (split > 0 && split < n && standsOut(split - 1)) split--;
  return { split, isStep: split < n && split - changed <= n / 4 };
}

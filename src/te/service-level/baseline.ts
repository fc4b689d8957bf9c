import type { ClassUnit } from "../../model/service-class.ts";

/** What a signal is like when nothing is wrong: its median, and how far from it is still ordinary, in its unit. */
export type Baseline = Readonly<{ median: number; breathes: number }>;

/** With fewer samples there is no baseline. */
export const minBaselineSamples = 8;
/** In standard deviations, were the noise Gaussian. */
const wideness = 4;
/** A signal that hardly moves is not raised by a hair: beyond its noise it must have moved by this share of itself, */
const leastShare = 0.1;
/** and by this much: a tenth of nothing is nothing. ms, share, bit/s, number. */
const leastMove: Readonly<Record<ClassUnit, number>> = { ms: 1, ratio: 0.001, rate: 100_000, count: 1 };
/** Makes the median absolute deviation of Gaussian noise its standard deviation. */
const gaussian = 1.4826;

export function median(values: Float64Array): number {
  const sorted = values.toSorted();
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === high ? (low as number) : ((low as number) + (high as number)) / 2;
}

/** Median and median absolute deviation, which up to half of the samples can be out of line without moving. Undefined with too few. */
export function baselineOf(values: Float64Array, unit: ClassUnit): Baseline | undefined {
  if (values.length < minBaselineSamples) return undefined;
  const middle = median(values);
  if (!Number.isFinite(middle)) return undefined;
  const spread = median(values.map((value) => Math.abs(value - middle)));
  const noise = wideness * gaussian * spread;
  return { median: middle, breathes: Math.max(noise, leastShare * Math.abs(middle), leastMove[unit]) };
}

/** Beyond what the baseline breathes, on the side that is worse. */
export const isBeyond = (value: number, { median, breathes }: Baseline, worse: "up" | "down"): boolean =>
  worse === "up" ? value > median + breathes : value < median - breathes;

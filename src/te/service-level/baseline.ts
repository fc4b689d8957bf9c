/** What a signal is like when nothing is wrong: its median, and how far from it is still ordinary, in its unit. */
export type Baseline = Readonly<{ median: number; breathes: number }>;

/** With fewer samples there is no baseline. */
export const minBaselineSamples = 8;
/** In standard deviations, were the noise Gaussian. */
const wideness = 4;
/** A signal that hardly moves is not raised by a hair: beyond its noise it must have moved by this share of itself. */
const leastMove = 0.1;
/** Makes the median absolute deviation of Gaussian noise its standard deviation. */
const gaussian = 1.4826;

export function median(values: Float64Array): number {
  const sorted = values.toSorted();
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === high ? (low as number) : ((low as number) + (high as number)) / 2;
}

/** Median and median absolute deviation, which up to half of the samples can be out of line without moving. Undefined with too few. */
export function baselineOf(values: Float64Array): Baseline | undefined {
  if (values.length < minBaselineSamples) return undefined;
  const middle = median(values);
  if (!Number.isFinite(middle)) return undefined;
  const spread = median(values.map((value) => Math.abs(value - middle)));
  return { median: middle, breathes: Math.max(wideness * gaussian * spread, leastMove * Math.abs(middle)) };
}

/** Beyond what the baseline breathes, on the side that is worse. */
export const isBeyond = (value: number, { median, breathes }: Baseline, worse: "up" | "down"): boolean =>
  worse === "up" ? value > median + breathes : value < median - breathes;

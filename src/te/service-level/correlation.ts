import type { SignalSeries } from "../../model/class-health.ts";

/** Pearson's, at the lag where it is strongest; `lagMs` > 0: the first series leads. NaN when either does not move. */
export type Correlation = Readonly<{ correlation: number; lagMs: number }>;

/** Fewer pairs of windows than these say nothing. */
const minPairs = 8;

/**
 * Two irregular series as means over windows of `stepMs` that lie alike, windows without a sample left out, and Pearson's
 * correlation at every lag of whole windows up to `maxLagMs` either way. Of equally strong ones the smallest lag.
 */
export function strongestCorrelation(
  leading: SignalSeries,
  following: SignalSeries,
  { stepMs, maxLagMs }: Readonly<{ stepMs: number; maxLagMs: number }>,
): Correlation {
  const none = { correlation: Number.NaN, lagMs: 0 };
  const [firstMs, lastMs] = [
    Math.min(leading.atMs[0] ?? Number.NaN, following.atMs[0] ?? Number.NaN),
    Math.max(leading.atMs.at(-1) ?? Number.NaN, following.atMs.at(-1) ?? Number.NaN),
  ];
  if (!(lastMs >= firstMs)) return none;
  const windows = Math.floor((lastMs - firstMs) / stepMs + 0.5) + 1;
  // Samples once a step lie in the middle of their windows: a little jitter moves none into the next.
  const fromMs = firstMs - stepMs / 2;
  const [a, b] = [resample(leading, fromMs, stepMs, windows), resample(following, fromMs, stepMs, windows)];
  let best: Correlation = none;
  const maxLag = Math.floor(maxLagMs / stepMs);
  for (let size = 0; size <= maxLag; size++) {
    for (const lag of size === 0 ? [0] : [size, -size]) {
      const correlation = pearson(a, b, lag);
      const isStronger =
        Number.isNaN(best.correlation) || Math.abs(correlation) > Math.abs(best.correlation) + Number.EPSILON * 8;
      if (!Number.isNaN(correlation) && isStronger) best = { correlation, lagMs: lag * stepMs };
    }
  }
  return best;
}

/** NaN where a window has no sample. */
function resample({ atMs, values }: SignalSeries, fromMs: number, stepMs: number, windows: number): Float64Array {
  const [sums, counts] = [new Float64Array(windows), new Float64Array(windows)];
  for (const [at, ms] of atMs.entries()) {
    const window = Math.floor((ms - fromMs) / stepMs);
    sums[window] = (sums[window] as number) + (values[at] as number);
    counts[window] = (counts[window] as number) + 1;
  }
  return sums.map((sum, window) => sum / (counts[window] as number));
}

/** Of `a[t - lag]` with `b[t]`. */
function pearson(a: Float64Array, b: Float64Array, lag: number): number {
  const from = Math.max(0, lag);
  const to = Math.min(b.length, a.length + lag);
  let [pairs, sumA, sumB] = [0, 0, 0];
  for (let t = from; t < to; t++) {
    const [x, y] = [a[t - lag] as number, b[t] as number];
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    pairs++;
    sumA += x;
    sumB += y;
  }
  if (pairs < minPairs) return Number.NaN;
  const [meanA, meanB] = [sumA / pairs, sumB / pairs];
  let [ofA, ofB, both] = [0, 0, 0];
  for (let t = from; t < to; t++) {
    const [x, y] = [(a[t - lag] as number) - meanA, (b[t] as number) - meanB];
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    ofA += x * x;
    ofB += y * y;
    both += x * y;
  }
  // Rounding alone moves a constant by some of these.
  const still = (squares: number, mean: number) => squares <= pairs * (mean * 1e-12) ** 2;
  if (still(ofA, meanA) || still(ofB, meanB)) return Number.NaN;
  return Math.max(-1, Math.min(1, both / Math.sqrt(ofA * ofB)));
}

import { assert } from "../../kernel/assert.ts";

/** Cumulative counts by upper bound ("le"), as a Prometheus histogram has them: bounds rise, the last is `Infinity`. */
export type Buckets = Readonly<{ bounds: Float64Array; cumulative: Float64Array }>;

/** Observations of one span of time, by bucket and not cumulative; `bounds` as above. */
export type Observations = Readonly<{ bounds: Float64Array; counts: Float64Array; total: number }>;

/** Whether it can be a histogram's reading: finite rising counts, bounds that rise to `Infinity`. */
export function isReading({ bounds, cumulative }: Buckets): boolean {
  if (bounds.length === 0 || bounds.length !== cumulative.length || bounds.at(-1) !== Number.POSITIVE_INFINITY)
    return false;
  return cumulative.every((count, at) => {
    const [bound, below] = [bounds[at] as number, at === 0 ? 0 : (cumulative[at - 1] as number)];
    return count >= below && count < Number.POSITIVE_INFINITY && (at === 0 || bound > (bounds[at - 1] as number));
  });
}

export const sameBounds = (a: Float64Array, b: Float64Array): boolean =>
  a.length === b.length && a.every((bound, at) => bound === b[at]);

/**
 * What was observed between two readings; undefined when the two do not say: other buckets, or counts that no histogram
 * has. A bucket of `one` process that fell was reset, and all of the new reading came since. Of a sum over several it is not
 * known what fell: the others' lifetimes are in the new reading. A sum that jumps, as one of them is scraped again, looks like
 * observations and cannot be told from them.
 */
export function increase(before: Buckets, after: Buckets, of: "one" | "sum"): Observations | undefined {
  if (!isReading(before) || !isReading(after) || !sameBounds(before.bounds, after.bounds)) return undefined;
  const fell = after.cumulative.some((count, at) => count < (before.cumulative[at] as number));
  if (fell && of === "sum") return undefined;
  const risen = after.cumulative.map((count, at) => count - (fell ? 0 : (before.cumulative[at] as number)));
  const counts = risen.map((count, at) => count - (at === 0 ? 0 : (risen[at - 1] as number)));
  // A lower bucket that rose by more than a higher one: the two readings were not taken in one moment each.
  if (counts.some((count) => count < 0)) return undefined;
  return { bounds: after.bounds, counts, total: risen.at(-1) as number };
}

/** Of several at once, by the bounds that all have. At least one. */
export function merged(all: readonly Observations[]): Observations {
  const [first, ...others] = all;
  assert(first, "there is something to merge");
  const bounds = first.bounds.filter((bound) => others.every((one) => one.bounds.includes(bound)));
  const counts = new Float64Array(bounds.length);
  let total = 0;
  for (const one of all) {
    total += one.total;
    let into = 0;
    for (const [at, count] of one.counts.entries()) {
      while ((bounds[into] as number) < (one.bounds[at] as number)) into++;
      counts[into] = (counts[into] as number) + count;
    }
  }
  return { bounds, counts, total };
}

/**
 * The value that a share `q` of observations is at or under, linear inside a bucket, the first one from 0. `Infinity`:
 * beyond the highest bound. Undefined without observations. As `histogram_quantile` has it, but for the last bucket.
 */
export function quantile({ bounds, counts, total }: Observations, q: number): number | undefined {
  if (!(total > 0)) return undefined;
  const rank = q * total;
  let below = 0;
  for (let at = 0; at < counts.length; at++) {
    const count = counts[at] as number;
    if (count > 0 && below + count >= rank) {
      const [from, to] = [lowerBound(bounds, at), bounds[at] as number];
      return to === Number.POSITIVE_INFINITY ? to : from + (to - from) * Math.max(0, (rank - below) / count);
    }
    below += count;
  }
  // Rounding in a sum of fractions: the highest bucket that has any.
  return bounds[counts.findLastIndex((count) => count > 0)];
}

/** Share of observations over `threshold`, linear inside a bucket; undefined without observations. A threshold beyond the highest bound: none is known to be over it but all of the last bucket may be, and counts. */
export function shareAbove({ bounds, counts, total }: Observations, threshold: number): number | undefined {
  if (!(total > 0)) return undefined;
  let above = 0;
  for (let at = 0; at < counts.length; at++) {
    const [from, to] = [lowerBound(bounds, at), bounds[at] as number];
    const count = counts[at] as number;
    if (from >= threshold || to === Number.POSITIVE_INFINITY) above += count;
    else if (to > threshold) above += (count * (to - threshold)) / (to - from);
  }
  return Math.min(1, above / total);
}

/** From the middles of the buckets, what is beyond the highest bound counted as that bound; undefined without observations. */
export function mean({ bounds, counts, total }: Observations): number | undefined {
  if (!(total > 0)) return undefined;
  const sum = counts.reduce((sum, count, at) => {
    const [from, to] = [lowerBound(bounds, at), bounds[at] as number];
    return sum + count * (to === Number.POSITIVE_INFINITY ? from : (from + to) / 2);
  }, 0);
  return sum / total;
}

const lowerBound = (bounds: Float64Array, at: number): number =>
  at === 0 ? Math.min(0, bounds[0] as number) : (bounds[at - 1] as number);

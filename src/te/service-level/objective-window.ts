import { assert } from "../../kernel/assert.ts";
import type { Objective } from "../../model/service-class.ts";
import type { Measured } from "../../model/signal.ts";
import { type Observations, quantile, sameBounds, shareAbove } from "./histogram.ts";
import { SlidingQuantile } from "./sliding-quantile.ts";

/** No sample for longer than this many intervals: what there was says nothing of now. */
export const silentIntervals = 3;
/** A burn's short window, as a share of its long one, and in intervals at least. */
const shortShare = 1 / 12;
const shortIntervals = 3;
/** Of the intervals that a window spans since the first sample, the share that must be there. */
const minCoverage = 0.5;
/** Until that much time has passed, a window has to have as many as it should, and these at most. */
const leastSamples = 12;
const leastShortSamples = 3;

/** Shares of events that were on the wrong side, and how many windows' worth of intervals they are from. */
type Events = Readonly<{ bad: number; total: number }>;

/**
 * One objective over its windows. A gauge's sample is one event, a histogram's interval as many as were observed; an event
 * is bad on the wrong side of the threshold. All windows end at the newest sample. Adding a sample and reading a burn rate
 * or percentile take O(log n) of the n samples kept, beside the number of buckets of a histogram and one move of a block
 * of memory for a gauge (see `SlidingQuantile`). Memory: two samples an interval of the longest window.
 *
 * Source of burn rates and of the short window: Google, "The Site Reliability Workbook", 2018, chapter 5.
 */
export class ObjectiveWindow {
  readonly #objective: Objective;
  readonly #intervalMs: number;
  readonly #longestMs: number;
  readonly #recentMs: number;
  readonly #capacity: number;
  // Rings; the sample with number n is at n % capacity. Bad and total are running sums, this sample included.
  readonly #fromMs: Float64Array;
  readonly #atMs: Float64Array;
  readonly #bad: Float64Array;
  readonly #total: Float64Array;
  readonly #values: Float64Array;
  /** Numbers of the oldest sample kept and of the next. But for the very first, the oldest is no longer in any window: only running sums up to it are used. */
  #oldest = 0;
  #next = 0;
  #firstMs = Number.NaN;
  /** Gauges: values of the objective's window and of the recent one, each from the sample with that number on. */
  readonly #whole = { sorted: new SlidingQuantile(), from: 0 };
  readonly #recent = { sorted: new SlidingQuantile(), from: 0 };
  /** Histograms: running sums by bucket, from the sample with that number on. */
  #buckets: { bounds: Float64Array; sums: Float64Array; from: number } | undefined;

  constructor(objective: Objective, intervalMs: number) {
    this.#objective = objective;
    this.#intervalMs = intervalMs;
    const { fast, slow } = objective.burn;
    this.#recentMs = this.#shortOf(fast.windowMs);
    this.#longestMs = Math.max(objective.windowMs, fast.windowMs, slow.windowMs, this.#recentMs);
    this.#capacity = 2 * Math.ceil(this.#longestMs / intervalMs) + 2;
    const ring = () => new Float64Array(this.#capacity);
    [this.#fromMs, this.#atMs, this.#bad, this.#total, this.#values] = [ring(), ring(), ring(), ring(), ring()];
  }

  /** Of the newest sample; NaN without any. */
  get newestMs(): number {
    return this.#next === this.#oldest ? Number.NaN : this.#at(this.#atMs, this.#next - 1);
  }

  /** Samples older than the newest add nothing. */
  addGauge(fromMs: number, atMs: number, value: number): void {
    assert(!Number.isNaN(value), "a sample is a number");
    const { comparator, threshold } = this.#objective;
    const isGood = comparator === "below" ? value < threshold : value > threshold;
    if (!this.#append(fromMs, atMs, isGood ? 0 : 1, 1, value)) return;
    for (const [window, spanMs] of [
      [this.#whole, this.#objective.windowMs],
      [this.#recent, this.#recentMs],
    ] as const) {
      window.sorted.add(value);
      for (; this.#at(this.#atMs, window.from) <= atMs - spanMs; window.from++)
        window.sorted.remove(this.#at(this.#values, window.from));
    }
  }

  /** What was observed from `fromMs` to `atMs`. Other bounds than before begin the percentile anew, not the burn. */
  addObservations(fromMs: number, atMs: number, observed: Observations): void {
    const { percentile, comparator, threshold } = this.#objective;
    const above = shareAbove(observed, threshold) ?? 0;
    const bad = (comparator === "below" ? above : 1 - above) * observed.total;
    const q = comparator === "below" ? percentile : 1 - percentile;
    const { bounds, counts } = observed;
    // Beyond the highest bound there is no figure, and a line needs one: the bound itself.
    const value = Math.min(quantile(observed, q) ?? Number.NaN, bounds.at(-2) ?? Number.POSITIVE_INFINITY);
    if (!this.#append(fromMs, atMs, observed.total === 0 ? 0 : bad, observed.total, value)) return;
    const newest = this.#next - 1;
    if (!this.#buckets || !sameBounds(this.#buckets.bounds, bounds))
      this.#buckets = { bounds, sums: new Float64Array(this.#capacity * bounds.length), from: newest };
    const { sums, from } = this.#buckets;
    const [row, before] = [newest % this.#capacity, (newest - 1) % this.#capacity];
    for (const [bucket, count] of counts.entries())
      sums[row * bounds.length + bucket] =
        count + (newest === from ? 0 : (sums[before * bounds.length + bucket] as number));
  }

  /** Bad share over the newest `windowMs`, and over its short window if that is lower, in budgets: 1 uses up just what is allowed. Undefined without enough samples. */
  burn(windowMs: number): number | undefined {
    const short = this.#badShare(this.#shortOf(windowMs), leastShortSamples);
    const long = this.#badShare(windowMs);
    if (long === undefined || short === undefined) return undefined;
    const bad = Math.min(long, short);
    return bad === 0 ? 0 : bad / (1 - this.#objective.percentile);
  }

  /** The percentile over the objective's window, on its wrong side for "above"; undefined without enough samples. */
  percentile(): number | undefined {
    return this.#badShare(this.#objective.windowMs) === undefined
      ? undefined
      : this.#percentileSince(this.#start(this.#objective.windowMs), this.#whole.sorted);
  }

  /** The same over the fast burn's short window, with the span of time that its samples are from. */
  recent(): Measured | undefined {
    if (this.#badShare(this.#recentMs, leastShortSamples) === undefined) return undefined;
    const start = this.#start(this.#recentMs);
    const value = this.#percentileSince(start, this.#recent.sorted);
    return value === undefined ? undefined : { value, fromMs: this.#at(this.#fromMs, start), toMs: this.newestMs };
  }

  /** The percentile of each of the newest `count` intervals, oldest first; intervals without observations are left out. */
  newest(count: number): { atMs: Float64Array; values: Float64Array } {
    const [atMs, values] = [new Float64Array(count), new Float64Array(count)];
    let size = 0;
    for (let at = Math.max(this.#oldest, this.#next - count); at < this.#next; at++) {
      const value = this.#at(this.#values, at);
      if (Number.isNaN(value)) continue;
      atMs[size] = this.#at(this.#atMs, at);
      values[size++] = value;
    }
    return { atMs: atMs.subarray(0, size), values: values.subarray(0, size) };
  }

  /**
   * Until more of the objective's window is bad than may be, if events go on as over the newest `paceMs`, but no worse than
   * of late. While the window is not full nothing leaves it; then what leaves it is as the window is. Infinity: never so.
   * 0: it is, and was of late, with half of the window seen. Undefined without enough samples.
   */
  exhaustedInMs(paceMs: number): number | undefined {
    const { percentile, windowMs } = this.#objective;
    const late = this.#badShare(this.#recentMs, leastShortSamples);
    const [bad, paced] = [this.#badShare(windowMs), this.#badShare(paceMs)];
    if (bad === undefined || late === undefined || paced === undefined) return undefined;
    const [allowed, badNow, seenMs] = [1 - percentile, Math.min(late, paced), this.#seenMs(windowMs)];
    if (bad > allowed) return late > allowed && seenMs >= windowMs / 2 ? 0 : Number.POSITIVE_INFINITY;
    if (badNow <= allowed) return Number.POSITIVE_INFINITY;
    const fullInMs = windowMs - seenMs;
    const untilMs = (seenMs * (allowed - bad)) / (badNow - allowed);
    if (untilMs <= fullInMs) return Math.max(this.#intervalMs, untilMs);
    const whenFull = (bad * seenMs + badNow * fullInMs) / windowMs;
    return Math.max(this.#intervalMs, fullInMs + (windowMs * (allowed - whenFull)) / (badNow - whenFull));
  }

  get recentMs(): number {
    return this.#recentMs;
  }

  /** Of a window, what lies after the first sample. */
  #seenMs(windowMs: number): number {
    return Math.min(windowMs, this.newestMs - this.#firstMs + this.#intervalMs);
  }

  #shortOf(windowMs: number): number {
    return Math.max(windowMs * shortShare, shortIntervals * this.#intervalMs);
  }

  #append(fromMs: number, atMs: number, bad: number, total: number, value: number): boolean {
    if (atMs <= this.newestMs) return false;
    if (Number.isNaN(this.#firstMs)) this.#firstMs = atMs;
    const before = this.#sums(this.#next - 1);
    for (; this.#isSpare(atMs); this.#oldest++);
    const row = this.#next++ % this.#capacity;
    this.#fromMs[row] = fromMs;
    this.#atMs[row] = atMs;
    this.#bad[row] = before.bad + bad;
    this.#total[row] = before.total + total;
    this.#values[row] = value;
    return true;
  }

  /** Samples that come twice as often as they should shorten the window, and do not grow the memory. */
  #isSpare(atMs: number): boolean {
    const isFull = this.#next - this.#oldest === this.#capacity;
    if (isFull) this.#leaveOut(this.#oldest);
    return (
      isFull || (this.#next - this.#oldest > 1 && this.#at(this.#atMs, this.#oldest + 1) <= atMs - this.#longestMs)
    );
  }

  /** Its row is about to be written over. */
  #leaveOut(sample: number): void {
    for (const window of [this.#whole, this.#recent])
      if (window.from === sample && window.sorted.size > 0) {
        window.sorted.remove(this.#at(this.#values, sample));
        window.from++;
      }
  }

  #at(ring: Float64Array, sample: number): number {
    return ring[sample % this.#capacity] as number;
  }

  #sums(sample: number): Events {
    if (sample < 0) return { bad: 0, total: 0 };
    return { bad: this.#at(this.#bad, sample), total: this.#at(this.#total, sample) };
  }

  /** Number of the first sample of the newest `windowMs`. */
  #start(windowMs: number): number {
    const sinceMs = this.newestMs - windowMs;
    let [low, high] = [this.#oldest === 0 ? 0 : this.#oldest + 1, this.#next];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#at(this.#atMs, middle) > sinceMs) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #badShare(windowMs: number, least = leastSamples): number | undefined {
    if (this.#next === this.#oldest) return undefined;
    const start = this.#start(windowMs);
    const [seenMs, samples] = [this.#seenMs(windowMs), this.#next - start];
    // A late sample is not a missing one: half an interval of grace.
    if (samples < minCoverage * (seenMs / this.#intervalMs - 0.5)) return undefined;
    const isFull = seenMs >= windowMs - this.#intervalMs / 2;
    if (!isFull && samples < Math.min(least, Math.floor(windowMs / this.#intervalMs))) return undefined;
    const [newest, before] = [this.#sums(this.#next - 1), this.#sums(start - 1)];
    const total = newest.total - before.total;
    return total > 0 ? Math.min(1, Math.max(0, newest.bad - before.bad) / total) : undefined;
  }

  #percentileSince(start: number, gauges: SlidingQuantile): number | undefined {
    const { percentile, comparator } = this.#objective;
    if (!this.#buckets) return comparator === "below" ? gauges.atLeast(percentile) : gauges.atMost(percentile);
    const { bounds, sums, from } = this.#buckets;
    const [last, first] = [((this.#next - 1) % this.#capacity) * bounds.length, Math.max(start, from)];
    const before = first === from ? undefined : ((first - 1) % this.#capacity) * bounds.length;
    const counts = bounds.map((_, bucket) => {
      const sum = sums[last + bucket] as number;
      return before === undefined ? sum : sum - (sums[before + bucket] as number);
    });
    const total = counts.reduce((sum, count) => sum + count, 0);
    return quantile({ bounds, counts, total }, comparator === "below" ? percentile : 1 - percentile);
  }
}

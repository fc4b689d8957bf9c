import { type Buckets, increase, isReading, type Observations } from "../te/service-level/histogram.ts";

/** A base older than this many intervals says nothing of the last one. */
const oldestBaseIntervals = 3;

/**
 * A histogram's buckets, sample by sample, put together to readings: samples with one time are of one reading, which is
 * complete when the next begins or when somebody asks. Nothing allocated per sample.
 */
export class BucketReadings {
  readonly #intervalMs: number;
  readonly #bounds: number[] = [];
  readonly #counts: number[] = [];
  readonly #countMs: number[] = [];
  #pendingMs = Number.NaN;
  #base: Readonly<{ atMs: number; buckets: Buckets }> | undefined;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Place of a bucket, for `sample`. */
  place(bound: number): number {
    const known = this.#bounds.indexOf(bound);
    if (known >= 0) return known;
    this.#counts.push(0);
    this.#countMs.push(Number.NaN);
    return this.#bounds.push(bound) - 1;
  }

  /** Whether a sample of that time begins a new reading: then the one before is to be taken first. */
  begins(atMs: number): boolean {
    return atMs !== this.#pendingMs;
  }

  sample(place: number, count: number, atMs: number): void {
    this.#counts[place] = count;
    this.#countMs[place] = atMs;
    this.#pendingMs = atMs;
  }

  /** What was observed up to the reading that is complete now; undefined when that is not known, or was taken before. */
  take(): Readonly<{ fromMs: number; atMs: number; observed: Observations }> | undefined {
    const atMs = this.#pendingMs;
    if (Number.isNaN(atMs) || this.#base?.atMs === atMs) return undefined;
    const present = [...this.#bounds.keys()]
      .filter((place) => this.#countMs[place] === atMs)
      .sort((a, b) => (this.#bounds[a] as number) - (this.#bounds[b] as number));
    const buckets = {
      bounds: Float64Array.from(present, (place) => this.#bounds[place] as number),
      cumulative: Float64Array.from(present, (place) => this.#counts[place] as number),
    };
    this.#pendingMs = Number.NaN;
    if (!isReading(buckets)) return undefined;
    const base = this.#base;
    this.#base = { atMs, buckets };
    if (!base || atMs <= base.atMs || atMs - base.atMs > oldestBaseIntervals * this.#intervalMs) return undefined;
    const observed = increase(base.buckets, buckets);
    return observed && { fromMs: base.atMs, atMs, observed };
  }
}

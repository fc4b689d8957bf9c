import { type Buckets, increase, isReading, merged, type Observations } from "../te/service-level/histogram.ts";

/** A base older than this many intervals says nothing of the last one. */
const oldestBaseIntervals = 3;

/** The counters of one process, or of a sum over several, by bucket. */
type Counters = {
  readonly of: "one" | "sum";
  readonly bounds: number[];
  readonly counts: number[];
  readonly countMs: number[];
  base?: Readonly<{ atMs: number; buckets: Buckets }> | undefined;
};

type Place = Readonly<{ counters: Counters; bucket: number }>;

/**
 * A histogram's buckets, sample by sample, put together to readings: samples with one time are of one reading, which is
 * complete when the next begins or when somebody asks. What is observed is the sum of what the counters of each process rose
 * by: those that are new count from their first reading on, and those that are not in a reading are dropped. Nothing
 * allocated per sample.
 */
export class BucketReadings {
  readonly #intervalMs: number;
  readonly #counters = new Map<string, Counters>();
  readonly #places: Place[] = [];
  #pendingMs = Number.NaN;
  #takenMs = Number.NaN;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Place of a bucket, for `sample`. `series` tells the counters of one process, or one sum, from others. */
  place(bound: number, of: "one" | "sum", series: string): number {
    const key = `${of} ${series}`;
    const counters = this.#counters.get(key) ?? { of, bounds: [], counts: [], countMs: [] };
    this.#counters.set(key, counters);
    const known = counters.bounds.indexOf(bound);
    if (known < 0) {
      counters.counts.push(0);
      counters.countMs.push(Number.NaN);
    }
    return this.#places.push({ counters, bucket: known < 0 ? counters.bounds.push(bound) - 1 : known }) - 1;
  }

  /** Whether a sample of that time begins a new reading: then the one before is to be taken first. */
  begins(atMs: number): boolean {
    return atMs !== this.#pendingMs;
  }

  sample(place: number, count: number, atMs: number): void {
    const { counters, bucket } = this.#places[place] as Place;
    counters.counts[bucket] = count;
    counters.countMs[bucket] = atMs;
    this.#pendingMs = atMs;
  }

  /** What was observed up to the reading that is complete now; undefined when that is not known, or was taken before. */
  take(): Readonly<{ fromMs: number; atMs: number; observed: Observations }> | undefined {
    const atMs = this.#pendingMs;
    if (Number.isNaN(atMs) || this.#takenMs === atMs) return undefined;
    this.#pendingMs = Number.NaN;
    let [fromMs, isKnown] = [atMs, true];
    const observed: Observations[] = [];
    for (const counters of this.#counters.values()) {
      const buckets = readAt(counters, atMs);
      if (!buckets) counters.base = undefined;
      if (!buckets || !isReading(buckets)) continue;
      this.#takenMs = atMs;
      const { base } = counters;
      counters.base = { atMs, buckets };
      if (!base || atMs <= base.atMs || atMs - base.atMs > oldestBaseIntervals * this.#intervalMs) continue;
      const risen = increase(base.buckets, buckets, counters.of);
      if (risen) observed.push(risen);
      // One process of many may be left out of an interval; a sum may be all of them.
      else if (counters.of === "sum") isKnown = false;
      fromMs = Math.min(fromMs, base.atMs);
    }
    return isKnown && observed.length > 0 ? { fromMs, atMs, observed: merged(observed) } : undefined;
  }
}

/** Undefined when none of it is from that time. */
function readAt({ bounds, counts, countMs }: Counters, atMs: number): Buckets | undefined {
  const present = [...bounds.keys()]
    .filter((bucket) => countMs[bucket] === atMs)
    .sort((a, b) => (bounds[a] as number) - (bounds[b] as number));
  if (present.length === 0) return undefined;
  return {
    bounds: Float64Array.from(present, (bucket) => bounds[bucket] as number),
    cumulative: Float64Array.from(present, (bucket) => counts[bucket] as number),
  };
}

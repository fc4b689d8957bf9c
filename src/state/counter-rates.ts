/**
 * Rates from octet counters, one slot per counter. Typed arrays, because this runs for every sample that comes in.
 *
 * A rate is the mean over the span between two samples, and is not smoothed beyond that: a policy's M-of-N already
 * rides out a burst, and a filter on top would make a peak look older and lower than it is, and a relieved link look
 * loaded. When samples are missing the span is longer, and says so.
 */
export class CounterRates {
  readonly #baseOctets: Float64Array;
  readonly #baseMs: Float64Array;
  readonly #lastOctets: Float64Array;
  /** Samples up to here are old news. */
  readonly #lastMs: Float64Array;
  readonly #hasBase: Uint8Array;
  readonly #bitsPerSecond: Float64Array;
  readonly #fromMs: Float64Array;
  readonly #toMs: Float64Array;
  readonly #minSpanMs: number;

  /**
   * `intervalMs` is the sampling interval asked for. After a resubscription two samples may lie milliseconds apart,
   * while many routers refresh counters once in seconds: over less than half an interval there is no rate to read.
   */
  constructor(slots: number, intervalMs: number) {
    this.#minSpanMs = intervalMs / 2;
    this.#baseOctets = new Float64Array(slots);
    this.#baseMs = new Float64Array(slots);
    this.#lastOctets = new Float64Array(slots);
    this.#lastMs = new Float64Array(slots).fill(Number.NEGATIVE_INFINITY);
    this.#hasBase = new Uint8Array(slots);
    this.#bitsPerSecond = new Float64Array(slots).fill(Number.NaN);
    this.#fromMs = new Float64Array(slots);
    this.#toMs = new Float64Array(slots);
  }

  /** Whether the sample changed what `rate` says. */
  sample(slot: number, octets: number, sourceMs: number): boolean {
    // Routers promise no order across updates (gNMI 3.5.1.4): an older or repeated sample has nothing to add.
    if (sourceMs <= (this.#lastMs[slot] as number)) return false;
    // A decrease is a reset, not a wrap: 64 bits of octets last 46 years at 100 Gbit/s.
    const isFirst = this.#hasBase[slot] === 0 || octets < (this.#lastOctets[slot] as number);
    const wasKnown = !Number.isNaN(this.#bitsPerSecond[slot]);
    this.#lastOctets[slot] = octets;
    this.#lastMs[slot] = sourceMs;
    this.#hasBase[slot] = 1;
    if (!isFirst) {
      const spanMs = sourceMs - (this.#baseMs[slot] as number);
      if (spanMs < this.#minSpanMs) return false;
      this.#bitsPerSecond[slot] = ((octets - (this.#baseOctets[slot] as number)) * 8 * 1000) / spanMs;
      this.#fromMs[slot] = this.#baseMs[slot] as number;
      this.#toMs[slot] = sourceMs;
    } else this.#bitsPerSecond[slot] = Number.NaN;
    this.#baseOctets[slot] = octets;
    this.#baseMs[slot] = sourceMs;
    return !isFirst || wasKnown;
  }

  /** The counter was deleted, or cleared at `atMs`: two samples from after that before there is a rate again. */
  forget(slot: number, atMs = Number.NEGATIVE_INFINITY): void {
    this.#hasBase[slot] = 0;
    this.#lastMs[slot] = Math.max(atMs, this.#lastMs[slot] as number);
    this.#bitsPerSecond[slot] = Number.NaN;
  }

  /** Bit/s with the span of source time it is the mean over; undefined when not known. */
  rate(slot: number): Readonly<{ value: number; fromMs: number; toMs: number }> | undefined {
    const value = this.#bitsPerSecond[slot] as number;
    if (Number.isNaN(value)) return undefined;
    return { value, fromMs: this.#fromMs[slot] as number, toMs: this.#toMs[slot] as number };
  }
}

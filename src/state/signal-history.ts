import type { SignalSeries } from "../model/class-health.ts";

/** Values of one signal over the newest `spanMs`, two an interval at most: bounded memory, and none taken per sample. */
export class SignalHistory {
  readonly #spanMs: number;
  readonly #most: number;
  /** Twice as long as what is kept, so that it is moved down only once in a while. */
  readonly #atMs: Float64Array;
  readonly #values: Float64Array;
  #copy: SignalSeries | undefined;
  #from = 0;
  #to = 0;

  constructor(spanMs: number, intervalMs: number) {
    this.#spanMs = spanMs;
    this.#most = 2 * Math.ceil(spanMs / intervalMs) + 1;
    this.#atMs = new Float64Array(2 * this.#most);
    this.#values = new Float64Array(2 * this.#most);
  }

  /** NaN without any. */
  get newestMs(): number {
    return this.#to === this.#from ? Number.NaN : (this.#atMs[this.#to - 1] as number);
  }

  /** NaN without any. */
  get newest(): number {
    return this.#to === this.#from ? Number.NaN : (this.#values[this.#to - 1] as number);
  }

  add(atMs: number, value: number): void {
    this.#copy = undefined;
    if (this.#to === this.#atMs.length) {
      this.#atMs.copyWithin(0, this.#from, this.#to);
      this.#values.copyWithin(0, this.#from, this.#to);
      [this.#from, this.#to] = [0, this.#to - this.#from];
    }
    this.#atMs[this.#to] = atMs;
    this.#values[this.#to++] = value;
    while (this.#to - this.#from > this.#most || (this.#atMs[this.#from] as number) <= atMs - this.#spanMs)
      this.#from++;
  }

  /** A copy, the same until something is added. */
  series(): SignalSeries {
    this.#copy ??= { atMs: this.#atMs.slice(this.#from, this.#to), values: this.#values.slice(this.#from, this.#to) };
    return this.#copy;
  }

  /** Those before `atMs`, a view that the next `add` may change. */
  valuesBefore(atMs: number): Float64Array {
    let to = this.#to;
    while (to > this.#from && (this.#atMs[to - 1] as number) >= atMs) to--;
    return this.#values.subarray(this.#from, to);
  }
}

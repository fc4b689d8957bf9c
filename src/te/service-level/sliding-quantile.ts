/**
 * The values of a sliding window in order: any quantile is one read. Putting a value in or taking one out finds its place
 * in O(log n), and moves what is above it as one block of memory, which for the few thousand values of a window is faster
 * than any tree.
 */
export class SlidingQuantile {
  #sorted = new Float64Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(value: number): void {
    if (this.#size === this.#sorted.length) {
      const larger = new Float64Array(this.#size * 2);
      larger.set(this.#sorted);
      this.#sorted = larger;
    }
    const place = this.#placeOf(value);
    this.#sorted.copyWithin(place + 1, place, this.#size);
    this.#sorted[place] = value;
    this.#size++;
  }

  /** One that was added. */
  remove(value: number): void {
    const place = this.#placeOf(value);
    this.#sorted.copyWithin(place, place + 1, this.#size);
    this.#size--;
  }

  /** The lowest value that at least a share `q` of all are at or under; undefined of none. */
  atLeast(q: number): number | undefined {
    return this.#size === 0 ? undefined : this.#sorted[this.#rank(q) - 1];
  }

  /** The highest value that at least a share `q` of all are at or over; undefined of none. */
  atMost(q: number): number | undefined {
    return this.#size === 0 ? undefined : this.#sorted[this.#size - this.#rank(q)];
  }

  /** 95% of 20 is 19, whatever its binary fraction. */
  #rank(q: number): number {
    return Math.min(this.#size, Math.max(1, Math.ceil(q * this.#size - 1e-9)));
  }

  /** Of the first that is not under it. */
  #placeOf(value: number): number {
    let [low, high] = [0, this.#size];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] as number) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

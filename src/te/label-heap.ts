/**
 * Binary min-heap of nodes by (distance, hops); a node may stand in it more than once. Columns in typed arrays, and an entry
 * moves through a hole rather than by swaps: taking from `NodeHeap` was a fifth of a sweep of failures, this is a third of that.
 */
export class LabelHeap {
  #node = new Int32Array(256);
  #distance = new Float64Array(256);
  #hops = new Int32Array(256);
  #size = 0;
  /** The entry that `pop` took last. */
  node = 0;
  distance = 0;
  hops = 0;

  push(node: number, distance: number, hops: number): void {
    if (this.#size === this.#node.length) this.#grow();
    const nodes = this.#node;
    const distances = this.#distance;
    const allHops = this.#hops;
    let hole = this.#size++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = distances[parent] as number;
      if (above < distance || (above === distance && (allHops[parent] as number) <= hops)) break;
      nodes[hole] = nodes[parent] as number;
      distances[hole] = above;
      allHops[hole] = allHops[parent] as number;
      hole = parent;
    }
    nodes[hole] = node;
    distances[hole] = distance;
    allHops[hole] = hops;
  }

  /** False when the heap is empty. */
  pop(): boolean {
    if (this.#size === 0) return false;
    const nodes = this.#node;
    const distances = this.#distance;
    const allHops = this.#hops;
    this.node = nodes[0] as number;
    this.distance = distances[0] as number;
    this.hops = allHops[0] as number;
    const last = --this.#size;
    const distance = distances[last] as number;
    const hops = allHops[last] as number;
    let hole = 0;
    for (let child = 1; child < last; child = 2 * hole + 1) {
      let near = distances[child] as number;
      if (child + 1 < last) {
        const right = distances[child + 1] as number;
        if (right < near || (right === near && (allHops[child + 1] as number) < (allHops[child] as number))) {
          child += 1;
          near = right;
        }
      }
      if (distance < near || (distance === near && hops <= (allHops[child] as number))) break;
      nodes[hole] = nodes[child] as number;
      distances[hole] = near;
      allHops[hole] = allHops[child] as number;
      hole = child;
    }
    nodes[hole] = nodes[last] as number;
    distances[hole] = distance;
    allHops[hole] = hops;
    return true;
  }

  #grow(): void {
    const [node, distance, hops] = [this.#node, this.#distance, this.#hops];
    this.#node = new Int32Array(node.length * 2);
    this.#distance = new Float64Array(node.length * 2);
    this.#hops = new Int32Array(node.length * 2);
    this.#node.set(node);
    this.#distance.set(distance);
    this.#hops.set(hops);
  }
}

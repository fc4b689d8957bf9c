/**
 * Binary min-heap of nodes by (key, second key), for Dijkstra; a node may stand in it more than once. Columns in typed arrays,
 * and an entry moves through a hole rather than by swaps: a sweep of failures spends a fifteenth of its time here instead of a fifth.
 */
export class NodeHeap {
  #node = new Int32Array(256);
  #key = new Float64Array(256);
  #second = new Int32Array(256);
  #size = 0;
  /** The entry that `pop` took last. */
  node = 0;
  key = 0;
  second = 0;

  push(node: number, key: number, second = 0): void {
    if (this.#size === this.#node.length) this.#grow();
    const nodes = this.#node;
    const keys = this.#key;
    const seconds = this.#second;
    let hole = this.#size++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = keys[parent] as number;
      if (above < key || (above === key && (seconds[parent] as number) <= second)) break;
      nodes[hole] = nodes[parent] as number;
      keys[hole] = above;
      seconds[hole] = seconds[parent] as number;
      hole = parent;
    }
    nodes[hole] = node;
    keys[hole] = key;
    seconds[hole] = second;
  }

  /** False when the heap is empty. */
  pop(): boolean {
    if (this.#size === 0) return false;
    const nodes = this.#node;
    const keys = this.#key;
    const seconds = this.#second;
    this.node = nodes[0] as number;
    this.key = keys[0] as number;
    this.second = seconds[0] as number;
    const last = --this.#size;
    const key = keys[last] as number;
    const second = seconds[last] as number;
    let hole = 0;
    for (let child = 1; child < last; child = 2 * hole + 1) {
      let near = keys[child] as number;
      if (child + 1 < last) {
        const right = keys[child + 1] as number;
        if (right < near || (right === near && (seconds[child + 1] as number) < (seconds[child] as number))) {
          child += 1;
          near = right;
        }
      }
      if (key < near || (key === near && second <= (seconds[child] as number))) break;
      nodes[hole] = nodes[child] as number;
      keys[hole] = near;
      seconds[hole] = seconds[child] as number;
      hole = child;
    }
    nodes[hole] = nodes[last] as number;
    keys[hole] = key;
    seconds[hole] = second;
    return true;
  }

  #grow(): void {
    const [node, key, second] = [this.#node, this.#key, this.#second];
    this.#node = new Int32Array(node.length * 2);
    this.#key = new Float64Array(node.length * 2);
    this.#second = new Int32Array(node.length * 2);
    this.#node.set(node);
    this.#key.set(key);
    this.#second.set(second);
  }
}

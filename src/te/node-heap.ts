/** Binary min-heap of nodes by (key, second key), for Dijkstra; a node may stand in it more than once. */
export class NodeHeap {
  readonly #node: number[] = [];
  readonly #key: number[] = [];
  readonly #second: number[] = [];
  /** The node that `pop` took last, with its keys. */
  node = 0;
  key = 0;
  second = 0;

  push(node: number, key: number, second = 0): void {
    let at = this.#node.length;
    this.#node.push(node);
    this.#key.push(key);
    this.#second.push(second);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** False when the heap is empty. */
  pop(): boolean {
    const last = this.#node.length - 1;
    if (last < 0) return false;
    this.#swap(0, last);
    this.node = this.#node.pop() as number;
    this.key = this.#key.pop() as number;
    this.second = this.#second.pop() as number;
    for (let at = 0; ; ) {
      let child = 2 * at + 1;
      if (child >= last) return true;
      if (child + 1 < last && this.#before(child + 1, child)) child += 1;
      if (!this.#before(child, at)) return true;
      this.#swap(at, child);
      at = child;
    }
  }

  #before(a: number, b: number): boolean {
    const [left, right] = [this.#key[a] as number, this.#key[b] as number];
    return left < right || (left === right && (this.#second[a] as number) < (this.#second[b] as number));
  }

  #swap(a: number, b: number): void {
    const [node, key, second] = [this.#node[a] as number, this.#key[a] as number, this.#second[a] as number];
    this.#node[a] = this.#node[b] as number;
    this.#key[a] = this.#key[b] as number;
    this.#second[a] = this.#second[b] as number;
    this.#node[b] = node;
    this.#key[b] = key;
    this.#second[b] = second;
  }
}

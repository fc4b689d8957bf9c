/** Nodes by distance, nearest first, for Dijkstra: a 4-ary heap that holds a node once and moves it when it comes nearer. */
export class NearestFirst {
  readonly #distance: Float64Array;
  readonly #heap: Int32Array;
  /** By node: its place in the heap, -1 outside. */
  readonly #place: Int32Array;
  #size = 0;

  /** `distance`, by node, is read when a node is put in or taken out. */
  constructor(distance: Float64Array) {
    this.#distance = distance;
    this.#heap = new Int32Array(distance.length);
    this.#place = new Int32Array(distance.length).fill(-1);
  }

  /** Puts the node in, or moves it after its distance has fallen. */
  put(node: number): void {
    const [heap, place, distance] = [this.#heap, this.#place, this.#distance];
    const key = distance[node] as number;
    let at = place[node] as number;
    if (at < 0) at = this.#size++;
    while (at > 0) {
      const above = (at - 1) >> 2;
      const parent = heap[above] as number;
      if ((distance[parent] as number) <= key) break;
      heap[at] = parent;
      place[parent] = at;
      at = above;
    }
    heap[at] = node;
    place[node] = at;
  }

  /** Takes the nearest out; -1 when there is none. */
  take(): number {
    if (this.#size === 0) return -1;
    const [heap, place, distance] = [this.#heap, this.#place, this.#distance];
    const nearest = heap[0] as number;
    place[nearest] = -1;
    const size = --this.#size;
    if (size === 0) return nearest;
    const node = heap[size] as number;
    const key = distance[node] as number;
    let at = 0;
    for (let first = 1; first < size; first = 4 * at + 1) {
      let [child, lowest] = [-1, key];
      for (let k = first, end = Math.min(first + 4, size); k < end; k++) {
        const other = distance[heap[k] as number] as number;
        if (other >= lowest) continue;
        lowest = other;
        child = k;
      }
      if (child < 0) break;
      const up = heap[child] as number;
      heap[at] = up;
      place[up] = at;
      at = child;
    }
    heap[at] = node;
    place[node] = at;
    return nearest;
  }
}

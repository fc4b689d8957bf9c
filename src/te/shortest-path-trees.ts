import type { Graph } from "./graph.ts";
import { NodeHeap } from "./node-heap.ts";

/**
 * Shortest-path labels towards each destination, kept up to date while edge weights change (an edge of weight Infinity
 * does not exist). A label is (distance, hops), hops being the fewest among shortest paths: ordered by both, every next
 * hop comes before its node even where weights are 0, and the next hops are those of `Ecmp`.
 * One change at a time: `setWeight` for each edge, `update` for each destination concerned, then `accept` or `undo`.
 * Until then `was...` tells how things stood before the change. After G. Ramalingam and T. Reps, "An incremental
 * algorithm for a generalization of the shortest-path problem" (1996): only nodes that change are settled again.
 */
export class ShortestPathTrees {
  readonly graph: Graph;
  readonly weight: Float64Array;
  /** By destination * nodes + node; Infinity without a path, also where `build` was not called. */
  readonly distance: Float64Array;
  readonly hops: Int32Array;
  /** Edges whose weight the present change sets. */
  readonly changed: number[] = [];
  /** Places in `distance` whose label the present change altered. */
  readonly relabelled: number[] = [];
  readonly #wasWeight: Float64Array;
  readonly #wasDistance: Float64Array;
  readonly #wasHops: Int32Array;
  readonly #built: Uint8Array;
  readonly #heap = new NodeHeap();
  /** By node: the last `update` that looked at it, that found its label unsupported, that altered its label. */
  readonly #seen: Int32Array;
  readonly #lost: Int32Array;
  readonly #logged: Int32Array;
  #updates = 0;

  constructor(graph: Graph, removed?: Uint8Array) {
    const { nodes } = graph;
    this.graph = graph;
    this.weight = graph.weight.map((weight, edge) => (removed?.[edge] ? Number.POSITIVE_INFINITY : weight));
    this.#wasWeight = this.weight.slice();
    this.distance = new Float64Array(nodes * nodes).fill(Number.POSITIVE_INFINITY);
    this.hops = new Int32Array(nodes * nodes).fill(nodes);
    this.#wasDistance = this.distance.slice();
    this.#wasHops = this.hops.slice();
    this.#built = new Uint8Array(nodes);
    this.#seen = new Int32Array(nodes);
    this.#lost = new Int32Array(nodes);
    this.#logged = new Int32Array(nodes);
  }

  /** Not while a change is under way. */
  build(destination: number): void {
    if (this.#built[destination]) return;
    this.#built[destination] = 1;
    const base = destination * this.graph.nodes;
    this.#updates += 1;
    this.distance[base + destination] = 0;
    this.hops[base + destination] = 0;
    this.#heap.push(destination, 0, 0);
    this.#settle(base);
    this.relabelled.length = 0;
    this.#wasDistance.set(this.distance.subarray(base, base + this.graph.nodes), base);
    this.#wasHops.set(this.hops.subarray(base, base + this.graph.nodes), base);
  }

  /** Traffic for `destination` takes this edge where it comes by. */
  isNextHop(edge: number, destination: number): boolean {
    return this.#carries(edge, destination, this.weight, this.distance, this.hops);
  }

  wasNextHop(edge: number, destination: number): boolean {
    return this.#carries(edge, destination, this.#wasWeight, this.#wasDistance, this.#wasHops);
  }

  wasReachable(place: number): boolean {
    return this.#wasDistance[place] !== Number.POSITIVE_INFINITY;
  }

  #carries(edge: number, destination: number, weight: Float64Array, distance: Float64Array, hops: Int32Array): boolean {
    const base = destination * this.graph.nodes;
    const from = base + (this.graph.source[edge] as number);
    const to = base + (this.graph.target[edge] as number);
    const far = distance[from] as number;
    const near = distance[to] as number;
    if (near + (weight[edge] as number) !== far || far === Number.POSITIVE_INFINITY) return false;
    return near < far || (hops[to] as number) < (hops[from] as number);
  }

  setWeight(edge: number, weight: number): void {
    this.weight[edge] = weight;
    this.changed.push(edge);
  }

  /** Whether the edges of the present change matter for the paths to `destination`: they carried traffic, or now attract it. */
  concerns(destination: number): boolean {
    if (!this.#built[destination]) return false;
    const { nodes, source, target } = this.graph;
    const base = destination * nodes;
    for (const edge of this.changed) {
      if (this.weight[edge] === this.#wasWeight[edge]) continue;
      const near = this.distance[base + (target[edge] as number)] as number;
      const far = this.distance[base + (source[edge] as number)] as number;
      if (near + (this.#wasWeight[edge] as number) === far && far !== Number.POSITIVE_INFINITY) return true;
      const through = near + (this.weight[edge] as number);
      if (through <= far && through !== Number.POSITIVE_INFINITY) return true;
    }
    return false;
  }

  /** Brings the labels towards `destination` up to date; what changed is appended to `relabelled`. */
  update(destination: number): void {
    const { nodes } = this.graph;
    const base = destination * nodes;
    this.#updates += 1;
    const lost = this.#findLost(base);
    for (const node of lost) this.#label(base, node, Number.POSITIVE_INFINITY, nodes);
    for (const node of lost) this.#relabelFromNextHops(base, node);
    for (const edge of this.changed) this.#offer(base, edge);
    this.#settle(base);
  }

  accept(): void {
    for (const edge of this.changed) this.#wasWeight[edge] = this.weight[edge] as number;
    for (const place of this.relabelled) {
      this.#wasDistance[place] = this.distance[place] as number;
      this.#wasHops[place] = this.hops[place] as number;
    }
    this.changed.length = 0;
    this.relabelled.length = 0;
  }

  undo(): void {
    for (const edge of this.changed) this.weight[edge] = this.#wasWeight[edge] as number;
    for (const place of this.relabelled) {
      this.distance[place] = this.#wasDistance[place] as number;
      this.hops[place] = this.#wasHops[place] as number;
    }
    this.changed.length = 0;
    this.relabelled.length = 0;
  }

  /** Nodes left without an edge that their label can come from, nearest first: all that might save a node is decided before it. */
  #findLost(base: number): number[] {
    const { source, intoStart, into } = this.graph;
    const heap = this.#heap;
    const lost: number[] = [];
    for (const edge of this.changed) {
      const raised = (this.weight[edge] as number) > (this.#wasWeight[edge] as number);
      if (raised && this.#explains(base, edge, this.#wasWeight)) this.#enqueue(base, source[edge] as number);
    }
    while (heap.pop()) {
      const node = heap.node;
      if (this.#seen[node] === this.#updates) continue;
      this.#seen[node] = this.#updates;
      if (this.#isSupported(base, node)) continue;
      this.#lost[node] = this.#updates;
      lost.push(node);
      for (let k = intoStart[node] as number; k < (intoStart[node + 1] as number); k++) {
        const edge = into[k] as number;
        if (this.#explains(base, edge, this.#wasWeight)) this.#enqueue(base, source[edge] as number);
      }
    }
    return lost;
  }

  #enqueue(base: number, node: number): void {
    this.#heap.push(node, this.distance[base + node] as number, this.hops[base + node] as number);
  }

  /** The label of the edge's source is the one that it would get through this edge. */
  #explains(base: number, edge: number, weight: Float64Array): boolean {
    const from = base + (this.graph.source[edge] as number);
    const to = base + (this.graph.target[edge] as number);
    const far = this.distance[from] as number;
    return (
      (this.hops[to] as number) + 1 === this.hops[from] &&
      (this.distance[to] as number) + (weight[edge] as number) === far &&
      far !== Number.POSITIVE_INFINITY
    );
  }

  #isSupported(base: number, node: number): boolean {
    const { outStart, out, target } = this.graph;
    for (let k = outStart[node] as number; k < (outStart[node + 1] as number); k++) {
      const edge = out[k] as number;
      if (this.#lost[target[edge] as number] === this.#updates) continue;
      if (this.#explains(base, edge, this.weight)) return true;
    }
    return false;
  }

  #relabelFromNextHops(base: number, node: number): void {
    const { outStart, out } = this.graph;
    for (let k = outStart[node] as number; k < (outStart[node + 1] as number); k++) this.#offer(base, out[k] as number);
  }

  /** Dijkstra from what is in the heap, against the edges. */
  #settle(base: number): void {
    const { intoStart, into } = this.graph;
    const heap = this.#heap;
    while (heap.pop()) {
      const node = heap.node;
      if (heap.key !== this.distance[base + node] || heap.second !== this.hops[base + node]) continue;
      for (let k = intoStart[node] as number; k < (intoStart[node + 1] as number); k++) {
        this.#offer(base, into[k] as number);
      }
    }
  }

  /** Lets the edge's source have the label that it gets through this edge, if that is better. */
  #offer(base: number, edge: number): void {
    const from = this.graph.source[edge] as number;
    const to = base + (this.graph.target[edge] as number);
    const through = (this.distance[to] as number) + (this.weight[edge] as number);
    const hops = (this.hops[to] as number) + 1;
    const known = this.distance[base + from] as number;
    if (through < known || (through === known && hops < (this.hops[base + from] as number))) {
      if (through === Number.POSITIVE_INFINITY) return;
      this.#label(base, from, through, hops);
      this.#heap.push(from, through, hops);
    }
  }

  #label(base: number, node: number, distance: number, hops: number): void {
    if (this.#logged[node] !== this.#updates) {
      this.#logged[node] = this.#updates;
      this.relabelled.push(base + node);
    }
    this.distance[base + node] = distance;
    this.hops[base + node] = hops;
  }
}

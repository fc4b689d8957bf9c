import type { Graph } from "./graph.ts";
import { NodeHeap } from "./node-heap.ts";

/**
 * Equal-cost multipath shares of node pairs, built per destination when first asked for.
 * One unit from a to b puts `share[k]` on `edge[k]`, for k in `[start[a * nodes + b], end[a * nodes + b])`; a pair without
 * a path has none. Every node splits evenly over all its next-hop edges, parallel ones each (RFC 2992, REPETITA 3.1).
 * An edge of weight 0 is a next hop only where it leads to a node fewer hops from the destination: two such edges
 * between a pair of nodes would be a loop otherwise.
 * Edges marked in `removed` do not exist.
 */
export class Ecmp {
  readonly graph: Graph;
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** By pair: IGP distance, Infinity without a path. */
  readonly distance: Float64Array;
  /** By pair: delay over the slowest of the equal-cost paths, in the graph's unit. */
  readonly delay: Float64Array;
  edge = new Int32Array(1 << 14);
  share = new Float64Array(1 << 14);
  /** Length of what is in use of `edge` and `share`. */
  used = 0;
  readonly #removed: Uint8Array | undefined;
  readonly #built: Uint8Array;
  readonly #hops: Int32Array;
  /** Nodes that reach the destination, nearest first, and the place of each in that order. */
  readonly #order: Int32Array;
  readonly #rank: Int32Array;
  readonly #nextHopStart: Int32Array;
  readonly #nextHop: Int32Array;
  readonly #flow: Float64Array;
  readonly #heap = new NodeHeap();

  constructor(graph: Graph, removed?: Uint8Array) {
    const { nodes } = graph;
    this.graph = graph;
    this.#removed = removed;
    this.start = new Int32Array(nodes * nodes);
    this.end = new Int32Array(nodes * nodes);
    this.distance = new Float64Array(nodes * nodes).fill(Number.POSITIVE_INFINITY);
    this.delay = new Float64Array(nodes * nodes);
    this.#built = new Uint8Array(nodes);
    this.#hops = new Int32Array(nodes);
    this.#order = new Int32Array(nodes);
    this.#rank = new Int32Array(nodes);
    this.#nextHopStart = new Int32Array(nodes + 1);
    this.#nextHop = new Int32Array(graph.edges);
    this.#flow = new Float64Array(nodes);
  }

  /** Every destination. */
  buildAll(): this {
    for (let node = 0; node < this.graph.nodes; node++) this.build(node);
    return this;
  }

  /** All pairs that end at `destination`. */
  build(destination: number): void {
    if (this.#built[destination]) return;
    this.#built[destination] = 1;
    const reached = this.#settle(destination);
    this.#findNextHops(destination, reached);
    for (let at = 0; at < reached; at++) this.#spread(this.#order[at] as number, destination);
  }

  /** Dijkstra against the edges; the number of nodes in `#order`. */
  #settle(destination: number): number {
    const { nodes, intoStart, into, source, weight } = this.graph;
    const distance = this.distance;
    const hops = this.#hops.fill(nodes);
    this.#rank.fill(-1);
    const heap = this.#heap; // Empty again after each destination.
    distance[destination * nodes + destination] = 0;
    hops[destination] = 0;
    heap.push(destination, 0);
    let reached = 0;
    while (heap.pop()) {
      const { node, key } = heap;
      if (this.#rank[node] !== -1) continue;
      this.#rank[node] = reached;
      this.#order[reached++] = node;
      const nextHops = (hops[node] as number) + 1;
      for (let k = intoStart[node] as number; k < (intoStart[node + 1] as number); k++) {
        const edge = into[k] as number;
        if (this.#removed?.[edge]) continue;
        const from = source[edge] as number;
        const pair = from * nodes + destination;
        const through = key + (weight[edge] as number);
        const known = distance[pair] as number;
        if (through < known || (through === known && nextHops < (hops[from] as number))) {
          distance[pair] = through;
          hops[from] = nextHops;
          heap.push(from, through, nextHops);
        }
      }
    }
    return reached;
  }

  #findNextHops(destination: number, reached: number): void {
    const { nodes, outStart, out, target, weight, delay } = this.graph;
    const [distance, hops] = [this.distance, this.#hops];
    let count = 0;
    for (let at = 0; at < reached; at++) {
      const node = this.#order[at] as number;
      const pair = node * nodes + destination;
      this.#nextHopStart[at] = count;
      if (node === destination) continue;
      let slowest = 0;
      for (let k = outStart[node] as number; k < (outStart[node + 1] as number); k++) {
        const edge = out[k] as number;
        if (this.#removed?.[edge]) continue;
        const next = target[edge] as number;
        const length = weight[edge] as number;
        if ((distance[next * nodes + destination] as number) + length !== distance[pair]) continue;
        if (length === 0 && (hops[next] as number) >= (hops[node] as number)) continue;
        this.#nextHop[count++] = edge;
        slowest = Math.max(slowest, (delay[edge] as number) + (this.delay[next * nodes + destination] as number));
      }
      this.delay[pair] = slowest;
    }
    this.#nextHopStart[reached] = count;
  }

  /** One unit from `origin`, node by node in order of falling distance. */
  #spread(origin: number, destination: number): void {
    const pair = origin * this.graph.nodes + destination;
    this.start[pair] = this.used;
    const flow = this.#flow;
    flow[origin] = 1;
    for (let at = this.#rank[origin] as number; at > 0; at--) {
      const node = this.#order[at] as number;
      const arriving = flow[node] as number;
      if (arriving === 0) continue;
      flow[node] = 0;
      const [first, last] = [this.#nextHopStart[at] as number, this.#nextHopStart[at + 1] as number];
      const each = arriving / (last - first);
      this.#reserve(last - first);
      for (let k = first; k < last; k++) {
        const edge = this.#nextHop[k] as number;
        const next = this.graph.target[edge] as number;
        this.edge[this.used] = edge;
        this.share[this.used++] = each;
        flow[next] = (flow[next] as number) + each;
      }
    }
    flow[destination] = 0;
    this.end[pair] = this.used;
  }

  #reserve(more: number): void {
    if (this.used + more <= this.edge.length) return;
    const [edge, share] = [new Int32Array(this.edge.length * 2), new Float64Array(this.edge.length * 2)];
    edge.set(this.edge);
    share.set(this.share);
    this.edge = edge;
    this.share = share;
  }
}

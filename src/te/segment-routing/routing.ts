import type { Ecmp } from "../ecmp.ts";
import type { Demands, Graph } from "../graph.ts";

/** Where every demand goes, and the utilisation that follows; starts with every demand on its IGP path. */
export class Routing {
  readonly graph: Graph;
  readonly demands: Demands;
  readonly ecmp: Ecmp;
  readonly maxSegments: number;
  /** Nodes of a demand's path: `segments[demand] + 1` of them from `demand * stride`. */
  readonly stride: number;
  readonly path: Int32Array;
  readonly segments: Uint8Array;
  /** By edge: load / capacity. */
  readonly utilisation: Float64Array;
  /** Beside `ecmp.edge`: utilisation of the edge for a demand of size 1 on the pair. */
  readonly use: Float64Array;
  /** Pairs that use an edge: `pair[k]` by `pairUse[k]`, for k in `[pairStart[edge], pairStart[edge + 1])`. */
  readonly pairStart: Int32Array;
  readonly pair: Int32Array;
  readonly pairUse: Float64Array;
  /** Demands over their IGP path's one segment. */
  moved = 0;
  // Doubly linked lists of the segments (demand * maxSegments + position) on each pair.
  readonly #first: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(ecmp: Ecmp, demands: Demands, maxSegments: number) {
    const { graph } = ecmp;
    const [count, pairs] = [demands.row.length, graph.nodes * graph.nodes];
    this.graph = graph;
    this.demands = demands;
    this.ecmp = ecmp;
    this.maxSegments = maxSegments;
    this.stride = maxSegments + 1;
    this.path = new Int32Array(count * this.stride);
    this.segments = new Uint8Array(count);
    this.utilisation = new Float64Array(graph.edges);
    this.#first = new Int32Array(pairs).fill(-1);
    this.#next = new Int32Array(count * maxSegments).fill(-1);
    this.#previous = new Int32Array(count * maxSegments).fill(-1);

    const used = ecmp.used;
    this.use = new Float64Array(used);
    this.pairStart = new Int32Array(graph.edges + 1);
    for (let k = 0; k < used; k++) {
      const edge = ecmp.edge[k] as number;
      this.use[k] = (ecmp.share[k] as number) / (graph.capacity[edge] as number);
      this.pairStart[edge + 1] = (this.pairStart[edge + 1] as number) + 1;
    }
    for (let edge = 0; edge < graph.edges; edge++) {
      this.pairStart[edge + 1] = (this.pairStart[edge + 1] as number) + (this.pairStart[edge] as number);
    }
    this.pair = new Int32Array(used);
    this.pairUse = new Float64Array(used);
    const next = this.pairStart.slice();
    for (let pair = 0; pair < pairs; pair++) {
      for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
        const edge = ecmp.edge[k] as number;
        const at = next[edge] as number;
        this.pair[at] = pair;
        this.pairUse[at] = this.use[k] as number;
        next[edge] = at + 1;
      }
    }
    for (let demand = 0; demand < count; demand++) {
      const at = demand * this.stride;
      this.path[at] = demands.source[demand] as number;
      this.path[at + 1] = demands.target[demand] as number;
      this.segments[demand] = 1;
      this.#enlist(demand);
      this.load(demand, demands.size[demand] as number);
    }
  }

  maxUtilisation(): number {
    let highest = 0;
    for (let edge = 0; edge < this.utilisation.length; edge++) {
      if ((this.utilisation[edge] as number) > highest) highest = this.utilisation[edge] as number;
    }
    return highest;
  }

  /** Adds `amount` (negative takes it off) along the pair's equal-cost paths. */
  loadPair(from: number, to: number, amount: number): void {
    const pair = from * this.graph.nodes + to;
    const { start, end, edge } = this.ecmp;
    const { use, utilisation } = this;
    for (let k = start[pair] as number, last = end[pair] as number; k < last; k++) {
      const at = edge[k] as number;
      utilisation[at] = (utilisation[at] as number) + amount * (use[k] as number);
    }
  }

  /** Adds `amount` along the demand's path. */
  load(demand: number, amount: number): void {
    const at = demand * this.stride;
    for (let k = at; k < at + (this.segments[demand] as number); k++) {
      this.loadPair(this.path[k] as number, this.path[k + 1] as number, amount);
    }
  }

  /** Gives the demand another path; its load is the caller's to take off before and to put on after. */
  setPath(demand: number, nodes: Int32Array, segments: number): void {
    this.#delist(demand);
    this.moved += Number(segments > 1) - Number((this.segments[demand] as number) > 1);
    const at = demand * this.stride;
    for (let k = 0; k <= segments; k++) this.path[at + k] = nodes[k] as number;
    this.segments[demand] = segments;
    this.#enlist(demand);
  }

  /** Demands that cross `edge`, a demand as often as its segments do, each with its utilisation of the edge; the number found. */
  demandsOn(edge: number, found: Int32Array, amount: Float64Array): number {
    let count = 0;
    for (let k = this.pairStart[edge] as number; k < (this.pairStart[edge + 1] as number); k++) {
      for (let slot = this.#first[this.pair[k] as number] as number; slot >= 0; slot = this.#next[slot] as number) {
        if (count === found.length) return count;
        const demand = (slot / this.maxSegments) | 0;
        found[count] = demand;
        amount[count++] = (this.demands.size[demand] as number) * (this.pairUse[k] as number);
      }
    }
    return count;
  }

  #enlist(demand: number): void {
    for (let k = 0; k < (this.segments[demand] as number); k++) {
      const slot = demand * this.maxSegments + k;
      const pair = this.#pairAt(demand, k);
      const head = this.#first[pair] as number;
      this.#next[slot] = head;
      this.#previous[slot] = -1;
      if (head >= 0) this.#previous[head] = slot;
      this.#first[pair] = slot;
    }
  }

  #delist(demand: number): void {
    for (let k = 0; k < (this.segments[demand] as number); k++) {
      const slot = demand * this.maxSegments + k;
      const [next, previous] = [this.#next[slot] as number, this.#previous[slot] as number];
      if (previous >= 0) this.#next[previous] = next;
      else this.#first[this.#pairAt(demand, k)] = next;
      if (next >= 0) this.#previous[next] = previous;
    }
  }

  #pairAt(demand: number, position: number): number {
    const at = demand * this.stride + position;
    return (this.path[at] as number) * this.graph.nodes + (this.path[at + 1] as number);
  }
}

import { NodeHeap } from "./node-heap.ts";
import type { ShortestPathTrees } from "./shortest-path-trees.ts";

/** Sums in other orders: what is left of a value after taking it away again is below this share of it. */
const rounding = 1e-12;

/** What is left of `before` once `change` came on top, with nothing where only rounding is left. */
export function settled(before: number, change: number): number {
  const sum = before + change;
  return Math.abs(sum) <= rounding * before ? 0 : sum;
}

/**
 * Traffic through each node on its way to each destination, and what a change of paths or of traffic makes of it: every
 * destination is one flow, whoever sent it, so a change costs the nodes that it touches and not the pairs.
 * For a destination: `inject` what is added or taken away, then `update`; edges gain or lose in `change`.
 */
export class FlowUpdate {
  readonly #trees: ShortestPathTrees;
  /** By destination * nodes + node, own traffic included; 0 at the destination itself. */
  readonly #flow: Float64Array;
  /** By edge, the load that the present change adds or takes away. */
  readonly change: Float64Array;
  readonly #injected: { node: number[]; amount: number[] }[];
  readonly #injectedInto: number[] = [];
  readonly #flowChange: Float64Array;
  readonly #heap = new NodeHeap();
  readonly #touched: number[] = [];
  /** By node: the last update that touched it, that found its next hops changed. */
  readonly #touch: Int32Array;
  readonly #moved: Int32Array;
  #updates = 0;
  readonly #hops: Int32Array;

  constructor(trees: ShortestPathTrees) {
    const { nodes, edges } = trees.graph;
    this.#trees = trees;
    this.#flow = new Float64Array(nodes * nodes);
    this.change = new Float64Array(edges);
    this.#injected = Array.from({ length: nodes }, () => ({ node: [], amount: [] }));
    this.#flowChange = new Float64Array(nodes);
    this.#touch = new Int32Array(nodes);
    this.#moved = new Int32Array(nodes);
    this.#hops = new Int32Array(edges);
  }

  inject(destination: number, node: number, amount: number): void {
    const injected = this.#injected[destination];
    if (!injected) return;
    if (injected.node.length === 0) this.#injectedInto.push(destination);
    injected.node.push(node);
    injected.amount.push(amount);
  }

  /** Destinations with something injected and not yet updated. */
  get pending(): readonly number[] {
    return this.#injectedInto.filter((destination) => this.#injected[destination]?.node.length);
  }

  scale(factor: number): void {
    for (let place = 0; place < this.#flow.length; place++) {
      this.#flow[place] = (this.#flow[place] as number) * factor;
    }
  }

  /**
   * `relabelled` are the places that the trees changed for this destination, `scale` applies to all flows that were there.
   * With `keep` the new flows replace the old; the next change otherwise starts from the old ones again.
   */
  update(destination: number, relabelled: readonly number[], scale: number, keep: boolean): void {
    this.#updates += 1;
    const { nodes, outStart, out, intoStart, into } = this.#trees.graph;
    const base = destination * nodes;
    for (const edge of this.#trees.changed) this.#compare(destination, edge, scale);
    for (const place of relabelled) {
      const node = place - base;
      const [firstOut, lastOut] = [outStart[node] as number, outStart[node + 1] as number];
      for (let k = firstOut; k < lastOut; k++) this.#compare(destination, out[k] as number, scale);
      const [firstInto, lastInto] = [intoStart[node] as number, intoStart[node + 1] as number];
      for (let k = firstInto; k < lastInto; k++) this.#compare(destination, into[k] as number, scale);
    }
    const { node, amount } = this.#injected[destination] as { node: number[]; amount: number[] };
    for (let k = 0; k < node.length; k++) this.#add(base, node[k] as number, amount[k] as number);
    node.length = 0;
    amount.length = 0;
    this.#propagate(destination, scale);
    for (const touched of this.#touched) {
      if (keep && touched !== destination) this.#flow[base + touched] = this.#flowAt(base, touched, scale);
      this.#flowChange[touched] = 0;
    }
    this.#touched.length = 0;
  }

  /** Once every destination is updated. */
  reset(): void {
    this.change.fill(0);
    this.#injectedInto.length = 0;
  }

  #flowAt(base: number, node: number, scale: number): number {
    if (this.#trees.distance[base + node] === Number.POSITIVE_INFINITY) return 0;
    return settled((this.#flow[base + node] as number) * scale, this.#flowChange[node] as number);
  }

  /** Where an edge is a next hop and was not, or was and is not, its node's traffic moves. */
  #compare(destination: number, edge: number, scale: number): void {
    const trees = this.#trees;
    const node = trees.graph.source[edge] as number;
    if (this.#moved[node] === this.#updates) return;
    const flow = this.#flow[destination * trees.graph.nodes + node] as number;
    if (flow === 0) return; // Also at the destination itself.
    if (trees.wasNextHop(edge, destination) !== trees.isNextHop(edge, destination)) {
      this.#reroute(destination, node, flow * scale);
    }
  }

  /** Takes the old flow of a node off its old next hops; `#propagate` puts the new one on the new. */
  #reroute(destination: number, node: number, flow: number): void {
    const trees = this.#trees;
    const { nodes, outStart, out, target } = trees.graph;
    const base = destination * nodes;
    this.#moved[node] = this.#updates;
    this.#add(base, node, 0);
    let count = 0;
    for (let k = outStart[node] as number; k < (outStart[node + 1] as number); k++) {
      const edge = out[k] as number;
      if (trees.wasNextHop(edge, destination)) this.#hops[count++] = edge;
    }
    const each = flow / count;
    for (let k = 0; k < count; k++) {
      const edge = this.#hops[k] as number;
      this.change[edge] = (this.change[edge] as number) - each;
      this.#add(base, target[edge] as number, -each);
    }
  }

  #add(base: number, node: number, amount: number): void {
    this.#flowChange[node] = (this.#flowChange[node] as number) + amount;
    if (this.#touch[node] === this.#updates) return;
    this.#touch[node] = this.#updates;
    this.#touched.push(node);
    const distance = this.#trees.distance[base + node] as number;
    // A node cut off sends nothing any more: what it sent was taken off its old next hops.
    if (distance === Number.POSITIVE_INFINITY) return;
    this.#heap.push(node, -distance, -(this.#trees.hops[base + node] as number));
  }

  /** Farthest first: everything that arrives at a node has arrived when its turn comes. */
  #propagate(destination: number, scale: number): void {
    const trees = this.#trees;
    const { nodes, outStart, out, target } = trees.graph;
    const base = destination * nodes;
    const heap = this.#heap;
    while (heap.pop()) {
      const node = heap.node;
      if (node === destination) continue;
      const leaving =
        this.#moved[node] === this.#updates ? this.#flowAt(base, node, scale) : (this.#flowChange[node] as number);
      if (leaving === 0) continue;
      let count = 0;
      for (let k = outStart[node] as number; k < (outStart[node + 1] as number); k++) {
        const edge = out[k] as number;
        if (trees.isNextHop(edge, destination)) this.#hops[count++] = edge;
      }
      const each = leaving / count;
      for (let k = 0; k < count; k++) {
        const edge = this.#hops[k] as number;
        this.change[edge] = (this.change[edge] as number) + each;
        this.#add(base, target[edge] as number, each);
      }
    }
  }
}

import type { Demands, Graph } from "../graph.ts";
import { NearestFirst } from "./nearest-first.ts";

/** Taken off every bound, as a share: sums of thousands of terms round by less than a thousandth of it. */
const rounding = 1e-9;
/** Share of the way to the ceiling below which steps are not worth their time. */
const leastAmbition = 2e-3;

/**
 * Lower bound on the maximum utilisation of any routing, split or not, by the dual of multi-commodity flow: with a price
 * per edge, nothing below 0, so that the prices of all capacities together are 1, every unit of a demand costs at least
 * the shortest distance by price, and what the demands cost at least no maximum utilisation can be below
 * (Shahrokhi and Matula 1990). Prices are improved by exponentiated subgradient steps (Kivinen and Warmuth 1997) as long as
 * Polyak's, towards a level above the best.
 */
export class LowerBound {
  value = 0;
  readonly #graph: Graph;
  /** Demand by pair of nodes. */
  readonly #matrix: Float64Array;
  /** By edge: price * capacity; they sum up to 1. */
  #prices: Float64Array;
  #best: Float64Array;
  readonly #length: Float64Array;
  readonly #gradient: Float64Array;
  readonly #distance: Float64Array;
  readonly #nearest: NearestFirst;
  readonly #order: Int32Array;
  readonly #by: Int32Array;
  readonly #flow: Float64Array;
  /** How far above the best value the next steps aim, as a share of the way to the ceiling. */
  #ambition = 0.5;
  #fruitless = 0;

  constructor(graph: Graph, demands: Demands) {
    const { nodes, edges } = graph;
    this.#graph = graph;
    this.#matrix = new Float64Array(nodes * nodes);
    for (let demand = 0; demand < demands.row.length; demand++) {
      const pair = (demands.source[demand] as number) * nodes + (demands.target[demand] as number);
      this.#matrix[pair] = (this.#matrix[pair] as number) + (demands.size[demand] as number);
    }
    this.#prices = new Float64Array(edges).fill(1 / edges);
    this.#best = this.#prices.slice();
    this.#length = new Float64Array(edges);
    this.#gradient = new Float64Array(edges);
    this.#distance = new Float64Array(nodes);
    this.#nearest = new NearestFirst(this.#distance);
    this.#order = new Int32Array(nodes);
    this.#by = new Int32Array(nodes);
    this.#flow = new Float64Array(nodes);
  }

  /** Steps have come to bring next to nothing. */
  get settled(): boolean {
    return this.#ambition < leastAmbition;
  }

  /** One step from where the last one ended; `ceiling` is a maximum utilisation that has been reached. False when `expired`. */
  step(ceiling: number, expired: () => boolean): boolean {
    const [prices, gradient] = [this.#prices, this.#gradient];
    const value = this.#evaluate(prices, expired);
    if (value < 0) return false;
    this.#fruitless = value > this.value + (this.#ambition / 50) * (ceiling - this.value) ? 0 : this.#fruitless + 1;
    if (value > this.value) {
      this.value = value;
      this.#best.set(prices);
    }
    if (this.#fruitless >= 10) {
      this.#fruitless = 0;
      this.#ambition /= 1.6;
      prices.set(this.#best);
    }
    let [mean, highest, variance] = [0, 0, 0];
    for (let e = 0; e < prices.length; e++) {
      mean += (prices[e] as number) * (gradient[e] as number);
      highest = Math.max(highest, gradient[e] as number);
    }
    for (let e = 0; e < prices.length; e++) variance += (prices[e] as number) * ((gradient[e] as number) - mean) ** 2;
    const level = this.value + this.#ambition * (ceiling - this.value);
    if (!(variance > 0 && highest > mean && level > value)) return this.#giveUp();
    const stride = Math.min((level - value) / variance, 3 / (highest - mean));
    let sum = 0;
    for (let e = 0; e < prices.length; e++) {
      const price = Math.max(prices[e] as number, 1e-13) * Math.exp(stride * ((gradient[e] as number) - mean));
      prices[e] = price;
      sum += price;
    }
    for (let e = 0; e < prices.length; e++) prices[e] = (prices[e] as number) / sum;
    return true;
  }

  /** There is no step: where all edges are as full, or the level is reached. */
  #giveUp(): boolean {
    this.#ambition = 0;
    return true;
  }

  /** Takes `prices` (by edge: price * capacity, of any scale) if they prove more than what is known. */
  offer(prices: Float64Array): void {
    let sum = 0;
    for (const price of prices) sum += price;
    if (!(sum > 0 && sum < Number.POSITIVE_INFINITY)) return;
    const scaled = prices.map((price) => price / sum);
    const value = this.#evaluate(scaled, () => false);
    if (value <= this.value) return;
    this.value = value;
    this.#prices = scaled;
    this.#best = scaled.slice();
  }

  /** The bound that prices prove, -1 when `expired`; leaves the utilisation of the cheapest routing in `#gradient`. */
  #evaluate(prices: Float64Array, expired: () => boolean): number {
    const { nodes, edges, capacity } = this.#graph;
    for (let e = 0; e < edges; e++) this.#length[e] = (prices[e] as number) / (capacity[e] as number);
    this.#gradient.fill(0);
    let bound = 0;
    for (let source = 0; source < nodes; source++) {
      if (expired()) return -1;
      bound += this.#fromSource(source);
    }
    return bound * (1 - rounding);
  }

  #fromSource(source: number): number {
    const { nodes, outStart, out, target, source: tail, capacity } = this.#graph;
    const [distance, nearest, length, order] = [this.#distance, this.#nearest, this.#length, this.#order];
    const [by, flow, gradient] = [this.#by, this.#flow, this.#gradient];
    distance.fill(Number.POSITIVE_INFINITY);
    distance[source] = 0;
    nearest.put(source);
    let reached = 0;
    for (let node = nearest.take(); node >= 0; node = nearest.take()) {
      order[reached++] = node;
      const key = distance[node] as number;
      for (let k = outStart[node] as number, last = outStart[node + 1] as number; k < last; k++) {
        const edge = out[k] as number;
        const next = target[edge] as number;
        const through = key + (length[edge] as number);
        if (through >= (distance[next] as number)) continue;
        distance[next] = through;
        by[next] = edge;
        nearest.put(next);
      }
    }
    let cost = 0;
    const row = source * nodes;
    for (let at = 0; at < reached; at++) {
      const node = order[at] as number;
      const amount = this.#matrix[row + node] as number;
      flow[node] = amount;
      cost += amount * (distance[node] as number);
    }
    for (let at = reached - 1; at > 0; at--) {
      const node = order[at] as number;
      const edge = by[node] as number;
      const amount = flow[node] as number;
      gradient[edge] = (gradient[edge] as number) + amount / (capacity[edge] as number);
      const before = tail[edge] as number;
      flow[before] = (flow[before] as number) + amount;
    }
    return cost;
  }
}

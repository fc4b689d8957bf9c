import type { Routing } from "./routing.ts";

/**
 * What a routing costs against a target utilisation: the sum over edges of weight * excess², excess being the utilisation
 * above the target. At 0 the target is met. Convex in the load, so `pairPrice` (its derivative along a pair) times a
 * demand's size never overstates what adding the demand costs; the search rules out most candidates by it alone.
 */
export class Penalty {
  target = Number.POSITIVE_INFINITY;
  /** By edge; raised where the search gets stuck, so that it gives way elsewhere (Morris 1993, breakout). */
  readonly weight: Float64Array;
  /** By pair: derivative of the penalty by a demand's size, as of the last `refresh`. */
  readonly pairPrice: Float64Array;
  /** By edge: derivative of the penalty by utilisation, as it stands in `pairPrice`. */
  readonly price: Float64Array;
  readonly #routing: Routing;

  constructor(routing: Routing) {
    const { edges, nodes } = routing.graph;
    this.#routing = routing;
    this.weight = new Float64Array(edges).fill(1);
    this.pairPrice = new Float64Array(nodes * nodes);
    this.price = new Float64Array(edges);
  }

  /** Brings prices up to date but for changes smaller than `tolerance`, as a share. */
  refresh(tolerance: number): void {
    const { price, weight, pairPrice, target } = this;
    const { utilisation, pairStart, pair, pairUse } = this.#routing;
    for (let edge = 0; edge < price.length; edge++) {
      const excess = (utilisation[edge] as number) - target;
      const now = excess > 0 ? 2 * (weight[edge] as number) * excess : 0;
      const change = now - (price[edge] as number);
      if (change === 0 || (now !== 0 && Math.abs(change) < tolerance * now)) continue;
      price[edge] = now;
      for (let k = pairStart[edge] as number, last = pairStart[edge + 1] as number; k < last; k++) {
        const at = pair[k] as number;
        pairPrice[at] = (pairPrice[at] as number) + change * (pairUse[k] as number);
      }
    }
  }

  /** All prices from nothing, without the rounding of many changes. */
  rebuild(): void {
    this.price.fill(0);
    this.pairPrice.fill(0);
    this.refresh(0);
  }

  /** What adding `size` on the pair costs; Infinity as soon as it is `limit` or more. */
  ofSegment(from: number, to: number, size: number, limit: number): number {
    const { target, weight } = this;
    const { ecmp, use, utilisation, graph } = this.#routing;
    const { edge } = ecmp;
    const pair = from * graph.nodes + to;
    let cost = 0;
    for (let k = ecmp.start[pair] as number, last = ecmp.end[pair] as number; k < last; k++) {
      const at = edge[k] as number;
      const before = (utilisation[at] as number) - target;
      const after = before + size * (use[k] as number);
      if (after <= 0) continue;
      cost += (weight[at] as number) * (before > 0 ? (after - before) * (after + before) : after * after);
      if (cost >= limit) return Number.POSITIVE_INFINITY;
    }
    return cost;
  }

  /** The same for a path, whose segments may share edges. */
  ofPath(path: Int32Array, segments: number, size: number, limit: number): number {
    const routing = this.#routing;
    let cost = 0;
    let done = 0;
    for (; done < segments; done++) {
      cost += this.ofSegment(path[done] as number, path[done + 1] as number, size, limit - cost);
      if (cost >= limit) break;
      if (done + 1 < segments) routing.loadPair(path[done] as number, path[done + 1] as number, size);
    }
    for (let k = Math.min(done, segments - 1) - 1; k >= 0; k--) {
      routing.loadPair(path[k] as number, path[k + 1] as number, -size);
    }
    return cost;
  }
}

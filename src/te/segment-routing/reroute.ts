import type { Random } from "../../kernel/random.ts";
import type { Penalty } from "./penalty.ts";
import type { Routing } from "./routing.ts";

export type Limits = Readonly<{
  /** At most so many demands off their IGP path. */
  maxMoved: number;
  /** A path's delay over that of the IGP path, at most. */
  maxStretch: number;
}>;

/** Finds a demand a path that costs less. */
export class Rerouter {
  readonly #routing: Routing;
  readonly #penalty: Penalty;
  readonly #limits: Limits;
  readonly #random: Random;
  readonly #current: Int32Array;
  readonly #candidate: Int32Array;
  readonly #best: Int32Array;
  #bestSegments = 0;
  #lowest = 0;
  #size = 0;
  #delayLimit = Number.POSITIVE_INFINITY;

  constructor(routing: Routing, penalty: Penalty, limits: Limits, random: Random) {
    this.#routing = routing;
    this.#penalty = penalty;
    this.#limits = limits;
    this.#random = random;
    this.#current = new Int32Array(routing.stride);
    this.#candidate = new Int32Array(routing.stride);
    this.#best = new Int32Array(routing.stride);
  }

  /** By prices alone: can a path of two segments (of three, if `deep`) cost less than the demand's own? Most demands cannot gain. */
  mayGain(demand: number, deep: boolean): boolean {
    const { graph, path, stride, segments, demands, moved, maxSegments } = this.#routing;
    const { pairPrice } = this.#penalty;
    const nodes = graph.nodes;
    const [first, last] = [demand * stride, demand * stride + (segments[demand] as number)];
    if (last - first === 1 && moved >= this.#limits.maxMoved) return false;
    let price = 0;
    for (let k = first; k < last; k++) {
      price += pairPrice[(path[k] as number) * nodes + (path[k + 1] as number)] as number;
    }
    price *= 1 - 1e-6;
    if (!(price > 0)) return false;
    const row = (demands.source[demand] as number) * nodes;
    const target = demands.target[demand] as number;
    if ((pairPrice[row + target] as number) < price) return true;
    if (maxSegments < 2) return false;
    for (let middle = 0, into = target; middle < nodes; middle++, into += nodes) {
      if ((pairPrice[row + middle] as number) + (pairPrice[into] as number) < price) return true;
    }
    if (!deep || maxSegments < 3) return false;
    for (let middle = 0; middle < nodes; middle++) {
      const left = price - (pairPrice[row + middle] as number);
      if (left <= 0) continue;
      for (
        let second = 0, between = middle * nodes, into = target;
        second < nodes;
        second++, between++, into += nodes
      ) {
        if ((pairPrice[into] as number) + (pairPrice[between] as number) < left) return true;
      }
    }
    return false;
  }

  /** Moves the demand to the cheapest path found, if that lowers the penalty; says whether it did. */
  reroute(demand: number): boolean {
    const routing = this.#routing;
    const { demands, path, stride, maxSegments } = routing;
    const size = demands.size[demand] as number;
    const [source, target] = [demands.source[demand] as number, demands.target[demand] as number];
    const segments = routing.segments[demand] as number;
    this.#size = size;
    this.#setDelayLimit(source, target);
    routing.load(demand, -size);
    for (let k = 0; k <= segments; k++) this.#current[k] = path[demand * stride + k] as number;
    const original = this.#penalty.ofPath(this.#current, segments, size, Number.POSITIVE_INFINITY);
    this.#lowest = original;
    this.#bestSegments = 0;
    this.#candidate[0] = source;
    if (segments > 1) {
      this.#candidate[1] = target;
      this.#consider(1);
    }
    if (maxSegments > 1) this.#tryMidpoints(source, target);
    if (this.#bestSegments === 0) {
      this.#best.set(this.#current);
      this.#insertMidpoints(segments);
    } else this.#insertMidpoints(this.#bestSegments);
    const gained = this.#bestSegments > 0 && this.#lowest < original * (1 - 1e-7);
    if (gained) routing.setPath(demand, this.#best, this.#bestSegments);
    routing.load(demand, size);
    return gained;
  }

  /** Moves the demand to a path with any one midpoint, or to its IGP path; false where the limits forbid that one. */
  scatter(demand: number): boolean {
    const routing = this.#routing;
    const { demands, ecmp, graph, maxSegments } = routing;
    const [source, target] = [demands.source[demand] as number, demands.target[demand] as number];
    const middle = maxSegments > 1 ? Math.floor(this.#random() * graph.nodes) : target;
    const segments = middle === source || middle === target ? 1 : 2;
    if (segments === 2 && routing.segments[demand] === 1 && routing.moved >= this.#limits.maxMoved) return false;
    this.#setDelayLimit(source, target);
    const delay = (from: number, to: number) => ecmp.delay[from * graph.nodes + to] as number;
    const unreached = (from: number, to: number) => ecmp.distance[from * graph.nodes + to] === Number.POSITIVE_INFINITY;
    if (segments === 2) {
      if (unreached(source, middle) || unreached(middle, target)) return false;
      if (delay(source, middle) + delay(middle, target) > this.#delayLimit) return false;
    }
    routing.load(demand, -(demands.size[demand] as number));
    routing.setPath(demand, Int32Array.of(source, segments === 1 ? target : middle, target), segments);
    routing.load(demand, demands.size[demand] as number);
    return true;
  }

  #setDelayLimit(source: number, target: number): void {
    const { ecmp, graph } = this.#routing;
    const { maxStretch } = this.#limits;
    this.#delayLimit =
      maxStretch === Number.POSITIVE_INFINITY
        ? maxStretch
        : (ecmp.delay[source * graph.nodes + target] as number) * maxStretch * (1 + 1e-12);
  }

  /** Every midpoint, on its own. */
  #tryMidpoints(source: number, target: number): void {
    const penalty = this.#penalty;
    const { pairPrice } = penalty;
    const nodes = this.#routing.graph.nodes;
    const candidate = this.#candidate;
    const size = this.#size;
    // Prices count the demand where it was: halved, they seldom overstate what its return would cost.
    const half = 0.5 * size;
    const offset = Math.floor(this.#random() * nodes);
    for (let k = 0; k < nodes && this.#lowest > 0; k++) {
      const middle = k + offset < nodes ? k + offset : k + offset - nodes;
      if (middle === source || middle === target) continue;
      const [first, second] = [source * nodes + middle, middle * nodes + target];
      if (half * ((pairPrice[first] as number) + (pairPrice[second] as number)) >= this.#lowest) continue;
      const toMiddle = penalty.ofSegment(source, middle, size, this.#lowest);
      if (toMiddle >= this.#lowest) continue;
      if (toMiddle + penalty.ofSegment(middle, target, size, this.#lowest - toMiddle) >= this.#lowest) continue;
      candidate[1] = middle;
      candidate[2] = target;
      this.#consider(2);
    }
  }

  /** One more midpoint into the best path at a time, wherever it helps most, while it helps. */
  #insertMidpoints(from: number): void {
    const { maxSegments } = this.#routing;
    const base = this.#current;
    for (let length = from; length < maxSegments && this.#lowest > 0; length++) {
      base.set(this.#best);
      let inserted = false;
      for (let position = 0; position < length; position++) {
        const middle = this.#bestInsertion(base, length, position);
        if (middle < 0) continue;
        for (let k = 0; k <= position; k++) this.#candidate[k] = base[k] as number;
        this.#candidate[position + 1] = middle;
        for (let k = position + 1; k <= length; k++) this.#candidate[k + 1] = base[k] as number;
        if (this.#consider(length + 1)) inserted = true;
      }
      if (!inserted) return;
    }
  }

  /** The midpoint that lowers the cost of one segment most, with the others in place; -1 for none. */
  #bestInsertion(base: Int32Array, length: number, position: number): number {
    const penalty = this.#penalty;
    const { pairPrice } = penalty;
    const nodes = this.#routing.graph.nodes;
    const size = this.#size;
    const half = 0.5 * size;
    const [from, to, source, target] = [base[position], base[position + 1], base[0], base[length]] as number[] as [
      number,
      number,
      number,
      number,
    ];
    this.#loadOthers(base, length, position, size);
    let limit = penalty.ofSegment(from, to, size, Number.POSITIVE_INFINITY) * (1 - 1e-9);
    let chosen = -1;
    for (let middle = 0; middle < nodes && limit > 0; middle++) {
      const price = (pairPrice[from * nodes + middle] as number) + (pairPrice[middle * nodes + to] as number);
      if (half * price >= limit) continue;
      if (middle === from || middle === to || middle === source || middle === target) continue;
      const first = penalty.ofSegment(from, middle, size, limit);
      if (first >= limit) continue;
      const both = first + penalty.ofSegment(middle, to, size, limit - first);
      if (both >= limit) continue;
      limit = both;
      chosen = middle;
    }
    this.#loadOthers(base, length, position, -size);
    return chosen;
  }

  #loadOthers(base: Int32Array, length: number, position: number, amount: number): void {
    for (let k = 0; k < length; k++) {
      if (k !== position) this.#routing.loadPair(base[k] as number, base[k + 1] as number, amount);
    }
  }

  /** Takes the candidate if it is cheaper than the best and its delay is allowed. */
  #consider(segments: number): boolean {
    const candidate = this.#candidate;
    if (this.#delayLimit !== Number.POSITIVE_INFINITY) {
      const { ecmp, graph } = this.#routing;
      let delay = 0;
      for (let k = 0; k < segments; k++) {
        delay += ecmp.delay[(candidate[k] as number) * graph.nodes + (candidate[k + 1] as number)] as number;
      }
      if (delay > this.#delayLimit) return false;
    }
    const cost = this.#penalty.ofPath(candidate, segments, this.#size, this.#lowest);
    if (cost >= this.#lowest * (1 - 1e-9)) return false;
    this.#lowest = cost;
    this.#bestSegments = segments;
    for (let k = 0; k <= segments; k++) this.#best[k] = candidate[k] as number;
    return true;
  }
}

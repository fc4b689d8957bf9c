import type { Ecmp } from "../ecmp.ts";
import { type Demands, placeByRow } from "../graph.ts";
import { Routing } from "./routing.ts";
import { delayOf, eachSegmentPath, type SegmentPath } from "./segment-path.ts";

export type ReliefInput = Readonly<{
  /** With every destination built. */
  ecmp: Ecmp;
  demands: Demands;
  /** Policies there are, by row: none of them is touched. */
  policies: readonly SegmentPath[];
  /** Utilisation that no edge should be over. */
  target: number;
  /** Of a new policy, 3 at most. */
  maxSegments: number;
}>;

export type Relief = Readonly<{
  /** Edges over the target before. */
  hot: readonly number[];
  /** New policies, by row. */
  policies: readonly SegmentPath[];
  /** Edges that stay over the target. */
  stillHot: readonly number[];
  /** Fewer new policies cannot relieve every hot edge, whatever their paths; Infinity when none can. */
  atLeast: number;
  maxUtilisation: Readonly<{ before: number; after: number }>;
}>;

/** Policies of which every pair is tried for one that does the work of both: it takes the square of that. */
const mostPaired = 12;
/** Slack for sums of shares, in utilisation. */
const rounding = 1e-9;

/**
 * Few new policies that bring every edge over `target` under it and lift no other over it, with nothing else touched.
 * The fewest when one is enough; beyond that greedy, by the traffic over the target that a policy takes off, then each
 * that turned out not to be needed dropped, and pairs replaced by one where that does. `atLeast` bounds what is left to gain.
 */
export function relieve(input: ReliefInput): Relief {
  const relief = new TacticalRelief(input);
  const before = relief.routing.maxUtilisation();
  const atLeast = relief.atLeast();
  relief.addGreedily();
  relief.dropNeedless();
  while (relief.replaceTwoByOne());

  return {
    hot: relief.hot,
    policies: relief.policies(),
    stillHot: relief.hot.filter((edge) => (relief.routing.utilisation[edge] as number) > input.target + rounding),
    atLeast,
    maxUtilisation: { before, after: relief.routing.maxUtilisation() },
  };
}

type Move = Readonly<{ demand: number; nodes: Int32Array; over: number; delay: number }>;

class TacticalRelief {
  readonly routing: Routing;
  readonly hot: readonly number[];
  readonly #input: ReliefInput;
  /** By edge: what its utilisation may become: the target, or what it was where that is more. */
  readonly #limit: Float64Array;
  /** Demands without a policy that cross a hot edge, by index. */
  readonly #movable: readonly number[];
  #chosen: Move[] = [];

  constructor(input: ReliefInput) {
    const { ecmp, demands, policies, target } = input;
    const longest = Math.max(input.maxSegments, ...policies.map(({ nodes }) => nodes.length - 1));
    this.#input = input;
    this.routing = new Routing(ecmp, demands, longest);
    const placeOf = placeByRow(demands);
    const kept = new Set<number>();
    for (const { demand, nodes } of policies) {
      const index = placeOf.get(demand);
      if (index === undefined) continue; // Of size 0, or from a node to itself: nothing rides it.
      kept.add(index);
      this.#place(index, Int32Array.from(nodes), nodes.length - 1);
    }
    this.#limit = this.routing.utilisation.map((use) => Math.max(target, use));
    this.hot = [...this.routing.utilisation.keys()].filter((edge) => (this.#limit[edge] as number) > target + rounding);
    this.#movable = [...this.#contributions().keys()].filter((demand) => !kept.has(demand)).sort((a, b) => a - b);
  }

  policies(): SegmentPath[] {
    return this.#chosen.map(({ demand, nodes }) => ({
      demand: this.#input.demands.row[demand] as number,
      nodes: [...nodes],
    }));
  }

  /** Of each hot edge, how many of its largest movable demands it takes to come down to the target; the most of these. */
  atLeast(): number {
    const { target } = this.#input;
    const movable = new Set(this.#movable);
    let most = 0;
    for (const edge of this.hot) {
      let over = (this.routing.utilisation[edge] as number) - target;
      const uses = [...this.#contributions([edge])].filter(([demand]) => movable.has(demand)).map(([, use]) => use);
      let count = 0;
      for (const use of uses.sort((a, b) => b - a)) {
        if (over <= rounding) break;
        over -= use;
        count += 1;
      }
      most = Math.max(most, over <= rounding ? count : Number.POSITIVE_INFINITY);
    }
    return most;
  }

  /**
   * What a demand could take off only shrinks as others take theirs, but for rounding and room that they make: so what was
   * found in an earlier round ranks the demands, and only those that still may be first are looked at again.
   */
  addGreedily(): void {
    const hopes = new Map(this.#movable.map((demand) => [demand, Number.POSITIVE_INFINITY]));
    for (let over = this.#over(); over > 0; over = this.#over()) {
      let best: Move | undefined;
      for (const [demand, hope] of [...hopes].sort((a, b) => b[1] - a[1] || this.#size(a[0]) - this.#size(b[0]))) {
        if (best && hope < over - best.over - rounding) break;
        const move = this.#bestPath(demand, over);
        hopes.set(demand, move ? over - move.over : 0);
        if (move && (!best || this.#isBetter(move, best))) best = move;
      }
      if (!best) return;
      this.#apply(best);
      hopes.delete(best.demand);
    }
  }

  dropNeedless(): void {
    const needed = this.#over();
    for (const move of [...this.#chosen].sort((a, b) => this.#size(a.demand) - this.#size(b.demand))) {
      this.#undo(move);
      if (this.#over() > needed || this.#overLimit()) this.#apply(move);
    }
  }

  /** True when it found two policies that one does the work of. */
  replaceTwoByOne(): boolean {
    if (this.#chosen.length > mostPaired) return false;
    const needed = this.#over();
    for (const [at, first] of this.#chosen.entries()) {
      for (const second of this.#chosen.slice(at + 1)) {
        this.#undo(first);
        this.#undo(second);
        const one = this.#bestMove(Number.POSITIVE_INFINITY);
        if (one && one.over <= needed + rounding) {
          this.#apply(one);
          return true;
        }
        this.#apply(first);
        this.#apply(second);
      }
    }
    return false;
  }

  /** What takes most off the hot edges: of several that do the same, the smallest demand, by the least delay. */
  #bestMove(over: number): Move | undefined {
    let best: Move | undefined;
    for (const demand of this.#movable) {
      if (this.#chosen.some((move) => move.demand === demand)) continue;
      const move = this.#bestPath(demand, best?.over ?? over);
      if (move && (!best || this.#isBetter(move, best))) best = move;
    }
    return best;
  }

  #isBetter(a: Move, b: Move): boolean {
    if (Math.abs(a.over - b.over) > rounding) return a.over < b.over;
    return this.#size(a.demand) < this.#size(b.demand);
  }

  #bestPath(demand: number, atMost: number): Move | undefined {
    const { ecmp, demands, maxSegments } = this.#input;
    const { routing } = this;
    const [source, target] = [demands.source[demand] as number, demands.target[demand] as number];
    let best: Move | undefined;
    routing.load(demand, -this.#size(demand));
    const stays = this.#hotAfter(ecmp.graph.nodes * source + target, demand);
    eachSegmentPath(ecmp, source, target, maxSegments, (nodes, segments) => {
      if (segments === 1) return;
      const over = this.#overWith(nodes, segments, this.#size(demand), best?.over ?? Math.min(atMost, stays));
      if (over === undefined) return;
      const delay = delayOf(ecmp, nodes, segments);
      const better = !best || over < best.over - rounding || delay < best.delay;
      if (better) best = { demand, nodes: nodes.slice(0, segments + 1), over, delay };
    });
    routing.load(demand, this.#size(demand));
    return best && best.over < stays - rounding ? best : undefined;
  }

  /** What is over the target when the demand, taken off, goes back to its IGP path. */
  #hotAfter(pair: number, demand: number): number {
    const { nodes } = this.#input.ecmp.graph;
    const [from, to] = [Math.floor(pair / nodes), pair % nodes];
    this.routing.loadPair(from, to, this.#size(demand));
    const over = this.#over();
    this.routing.loadPair(from, to, -this.#size(demand));
    return over;
  }

  /** What is over the target with `size` put on this path; undefined when that is more than `atMost`, or lifts an edge over its limit. */
  #overWith(nodes: Int32Array, segments: number, size: number, atMost: number): number | undefined {
    const { routing } = this;
    let loaded = 0;
    let fits = true;
    while (fits && loaded < segments) {
      const [from, to] = [nodes[loaded] as number, nodes[loaded + 1] as number];
      routing.loadPair(from, to, size);
      loaded += 1;
      fits = this.#pairFits(from, to);
    }
    const over = fits ? this.#over() : Number.POSITIVE_INFINITY;
    for (let at = 0; at < loaded; at++) routing.loadPair(nodes[at] as number, nodes[at + 1] as number, -size);
    return over <= atMost + rounding ? over : undefined;
  }

  #pairFits(from: number, to: number): boolean {
    const { ecmp } = this.#input;
    const pair = from * ecmp.graph.nodes + to;
    for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
      const edge = ecmp.edge[k] as number;
      if ((this.routing.utilisation[edge] as number) > (this.#limit[edge] as number) + rounding) return false;
    }
    return true;
  }

  /** Traffic over the target on the hot edges, in the unit of the capacities. */
  #over(): number {
    const { ecmp, target } = this.#input;
    let over = 0;
    for (const edge of this.hot) {
      const excess = (this.routing.utilisation[edge] as number) - target;
      if (excess > rounding) over += excess * (ecmp.graph.capacity[edge] as number);
    }
    return over;
  }

  #overLimit(): boolean {
    return this.routing.utilisation.some((use, edge) => use > (this.#limit[edge] as number) + rounding);
  }

  /** By demand: its utilisation of these edges. */
  #contributions(edges: readonly number[] = this.hot): Map<number, number> {
    const room = this.#input.demands.row.length * this.routing.maxSegments;
    const [found, amount] = [new Int32Array(room), new Float64Array(room)];
    const uses = new Map<number, number>();
    for (const edge of edges) {
      const count = this.routing.demandsOn(edge, found, amount);
      for (let k = 0; k < count; k++) {
        const demand = found[k] as number;
        uses.set(demand, (uses.get(demand) ?? 0) + (amount[k] as number));
      }
    }
    return uses;
  }

  #apply(move: Move): void {
    this.#place(move.demand, move.nodes, move.nodes.length - 1);
    this.#chosen.push(move);
  }

  #undo(move: Move): void {
    const { source, target } = this.#input.demands;
    const direct = Int32Array.of(source[move.demand] as number, target[move.demand] as number);
    this.#place(move.demand, direct, 1);
    this.#chosen = this.#chosen.filter((one) => one.demand !== move.demand);
  }

  #place(demand: number, nodes: Int32Array, segments: number): void {
    this.routing.load(demand, -this.#size(demand));
    this.routing.setPath(demand, nodes, segments);
    this.routing.load(demand, this.#size(demand));
  }

  #size(demand: number): number {
    return this.#input.demands.size[demand] as number;
  }
}

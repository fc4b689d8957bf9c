import { exceeds } from "../../te/link-failure.ts";
import { type Candidate, Placing } from "../../te/segment-routing/class-paths.ts";
import { addLoad, type Route, sameRoute } from "../../te/segment-routing/segment-path.ts";
import { clearlyMore } from "../compare.ts";
import { changesOf, type Move, moveTo, objection } from "./move.ts";
import { placingInput, segmentsOf, type Task } from "./task.ts";

/** What is to come of it, as numbers. Limits are judged bit/s by edge. */
export type Problem = Readonly<{
  task: Task;
  /** What each edge may carry afterwards. */
  limit: Float64Array;
  /** The flows that may be moved, by their places. */
  movable: readonly number[];
  /** Of a flow's paths, best for its class first, those that serve, best first; all without. */
  serving?: (candidates: readonly Candidate[]) => readonly Candidate[];
}>;

export type Found = Readonly<{
  /** The best set of moves; `undefined` when there is none. */
  moves: readonly Move[] | undefined;
  /** False when there are sets that could be better and were not looked at. */
  proven: boolean;
}>;

/** Steps before the search is cut short: tenths of a second on some dozens of routers. Counted, not timed, so that it replays. */
const defaultBudget = 1_000;
/** Ranking so many paths of a flow is a step of its own: in a large network there are tens of thousands. */
const pathsPerStep = 2_000;
/** What a look at every link failure counts for: it takes about as long as ranking so many flows' paths. */
const judgingSteps = 4;
/** Pairs are of this many of the heaviest flows, each on so many of its paths. */
const [pairsOf, pathsEach] = [32, 12];
/** Larger sets are tried up to this size, each with so many steps. */
const [mostTogether, stepsTogether] = [12, 100];
/** Paths looked at where one flow is taken after the other. */
const pathsTried = 4;

/**
 * Sets of flows to move, each flow to the path that suits its class best of those with which every limit holds.
 * One search is for one problem.
 */
export class Search {
  readonly #problem: Problem;
  /** All flows where they are, but for those that are being tried elsewhere. */
  readonly #placing: Placing;
  /** Edges over their limit as it is: only what leaves them is of help. */
  readonly #over: readonly number[];
  #steps: number;

  constructor(problem: Problem, budget = defaultBudget) {
    const { limit, task } = problem;
    this.#problem = problem;
    this.#placing = new Placing({ ...placingInput(task), limit });
    this.#over = [...limit.keys()].filter((edge) => exceeds(task.load[edge] as number, limit[edge] as number));
    this.#steps = budget;
  }

  /**
   * The set of moves that keeps every link within its limit; of several the smallest, then the one that moves least
   * traffic, then with the least extra delay, then that changes fewest SR policies that are there already, then by name.
   * Looks at all single flows that are enough, then at pairs of the heaviest, then takes one flow after the other.
   */
  smallest(): Found {
    const { movable } = this.#problem;
    const byRate = [...movable].sort((a, b) => this.#rateOf(a) - this.#rateOf(b) || a - b);
    const single = this.#bestOf(byRate.map((flow) => [flow]));
    if (single || movable.length < 2) return { moves: single, proven: this.#steps > 0 };
    const heaviest = byRate.slice(-pairsOf);
    const pairs = heaviest.flatMap((a, i) => heaviest.slice(i + 1).map((b) => [a, b]));
    const pair = this.#bestOf(pairs.sort((a, b) => this.#sizeOf(a) - this.#sizeOf(b)));
    const proven = this.#steps > 0 && byRate.length <= pairsOf;
    if (pair || movable.length === 2) return { moves: pair, proven };
    return { moves: this.#enough(), proven: false };
  }

  /** Moves as many of these flows as can be, one after the other, again until no more can; and what keeps each of the others. */
  each(flows: readonly number[]): { moves: readonly Move[]; stuck: ReadonlyMap<number, string> } {
    const moves: Move[] = [];
    const stuck = new Map<number, string>();
    for (let more = true, left = this.#placing.inTurn(flows); more; left = left.filter((flow) => stuck.has(flow))) {
      more = false;
      for (const flow of left) {
        const made = this.#addTo(moves, flow);
        if (typeof made === "string") stuck.set(flow, made);
        else {
          moves.push(made);
          more ||= stuck.size > 0;
          stuck.delete(flow);
        }
      }
    }
    for (const { flow, route } of moves) this.#return(flow, route);
    return { moves, stuck };
  }

  /** The ways to move one flow alone, the one that suits it best first, whether they are enough or not. */
  alone(flow: number): Move[] {
    this.#lift(flow, 1);
    const moves = this.#candidates(flow).map(({ route }) => moveTo(this.#problem.task, flow, route));
    this.#lift(flow, -1);
    return moves;
  }

  /** The sets come with the least traffic first. */
  #bestOf(sets: readonly (readonly number[])[]): Move[] | undefined {
    let best: Move[] | undefined;
    for (const set of sets) {
      if (this.#steps <= 0 || (best && clearlyMore(this.#sizeOf(set), this.#sizeOf(best.map(({ flow }) => flow)))))
        break;
      const moves = this.#placedTogether(set);
      if (moves && (!best || this.#isBetter(moves, best))) best = moves;
    }
    return best;
  }

  /** All of these flows on other paths with which all limits hold, if they are enough. */
  #placedTogether(flows: readonly number[]): Move[] | undefined {
    for (const flow of flows) this.#lift(flow, 1);
    const moves = this.#isEnough() ? this.#placed(this.#placing.inTurn(flows), []) : undefined;
    for (const flow of flows) this.#lift(flow, -1);
    return moves;
  }

  /** These flows put on paths as well, so that all limits hold. */
  #placed([flow, ...others]: readonly number[], moves: Move[]): Move[] | undefined {
    const { task, limit } = this.#problem;
    if (flow === undefined) {
      this.#steps -= judgingSteps;
      return objection(task, changesOf(moves), limit) === undefined ? moves : undefined;
    }
    const candidates = this.#candidates(flow).filter(({ overTarget }) => !overTarget);
    for (const { route } of others.length + moves.length > 0 ? candidates.slice(0, pathsEach) : candidates) {
      if (this.#steps <= 0) return undefined;
      this.#placing.put(flow, route, 1);
      const found = this.#placed(others, [...moves, moveTo(task, flow, route)]);
      this.#placing.put(flow, route, -1);
      if (found) return found;
    }
    return undefined;
  }

  /** The heaviest flows on what is too full together, or else one after the other; without what was not needed of them. */
  #enough(): Move[] | undefined {
    const { movable, task, limit } = this.#problem;
    const takes = new Map(movable.map((flow) => [flow, this.#takesOff(flow)]));
    const inOrder = movable
      .filter((flow) => this.#hasWay(flow))
      .sort((a, b) => (takes.get(b) ?? 0) - (takes.get(a) ?? 0) || a - b)
      .slice(0, pairsOf);
    let moves: readonly Move[] | undefined;
    for (let count = 3; count <= Math.min(inOrder.length, mostTogether) && !moves; count++) {
      this.#steps = stepsTogether;
      moves = this.#placedTogether(inOrder.slice(0, count));
    }
    moves ??= this.#oneByOne(inOrder);
    for (const move of moves?.toReversed() ?? []) {
      const without: readonly Move[] = moves?.filter((other) => other !== move) ?? [];
      if (objection(task, changesOf(without), limit) === undefined) moves = without;
    }
    return moves && [...moves];
  }

  #oneByOne(flows: readonly number[]): Move[] | undefined {
    const moves: Move[] = [];
    for (const flow of flows) {
      if (this.#isEnough()) break;
      const made = this.#addTo(moves, flow);
      if (typeof made !== "string") moves.push(made);
    }
    const enough = this.#isEnough();
    for (const { flow, route } of moves) this.#return(flow, route);
    return enough ? moves : undefined;
  }

  /** Is there a path within the limits for it alone? */
  #hasWay(flow: number): boolean {
    this.#lift(flow, 1);
    const found = this.#candidates(flow).some(({ overTarget }) => !overTarget);
    this.#lift(flow, -1);
    return found;
  }

  /** One more move beside these, with nothing over its limit that is not already; made if there is one, else what forbids it. */
  #addTo(moves: readonly Move[], flow: number): Move | string {
    const { task, limit } = this.#problem;
    this.#lift(flow, 1);
    const candidates = this.#candidates(flow);
    let why = candidates.length === 0 ? noPath(task, flow) : undefined;
    const allowed = Float64Array.from(limit, (most, edge) => Math.max(most, task.load[edge] as number));
    for (const { route, overTarget } of candidates.slice(0, pathsTried)) {
      const move = moveTo(task, flow, route);
      const against = objection(task, changesOf([...moves, move]), allowed);
      if (against === undefined && !overTarget) {
        this.#placing.put(flow, route, 1);
        return move;
      }
      why ??= against;
    }
    this.#lift(flow, -1);
    return why ?? "none of its other paths takes it off what is too full";
  }

  #takesOff(flow: number): number {
    const off = new Float64Array(this.#placing.load.length);
    addLoad(off, this.#routeOf(flow), this.#rateOf(flow));
    return this.#over.reduce((sum, edge) => sum + (off[edge] as number), 0);
  }

  #isEnough(): boolean {
    const { limit } = this.#problem;
    return this.#over.every((edge) => !exceeds(this.#placing.load[edge] as number, limit[edge] as number));
  }

  /** Other paths than the one that it has. */
  #candidates(flow: number): readonly Candidate[] {
    const found = this.#placing.candidates(flow);
    this.#steps -= 1 + ("refused" in found ? 0 : found.candidates.length / pathsPerStep);
    if ("refused" in found) return [];
    const others = found.candidates.filter(({ route }) => !sameRoute(route, this.#routeOf(flow)));
    return this.#problem.serving?.(others) ?? others;
  }

  #isBetter(a: readonly Move[], b: readonly Move[]): boolean {
    const keys = (moves: readonly Move[]) => [
      this.#sizeOf(moves.map(({ flow }) => flow)),
      moves.reduce((sum, { flow, route }) => sum + route.delay - this.#routeOf(flow).delay, 0),
      moves.filter(({ change }) => change.from.length > 0).length,
    ];
    const [x, y] = [keys(a), keys(b)];
    const at = x.findIndex((key, i) => clearlyMore(key, y[i] as number) || clearlyMore(y[i] as number, key));
    if (at >= 0) return (x[at] as number) < (y[at] as number);
    const name = (moves: readonly Move[]) =>
      moves
        .map(({ flow }) => String(flow).padStart(9))
        .sort()
        .join();
    return name(a) < name(b);
  }

  /** Takes a flow off where it is (1), or puts it there again (-1). */
  #lift(flow: number, sign: 1 | -1): void {
    this.#placing.put(flow, this.#routeOf(flow), sign === 1 ? -1 : 1);
  }

  #return(flow: number, from: Route): void {
    this.#placing.put(flow, from, -1);
    this.#lift(flow, -1);
  }

  /** Judged bit/s. */
  #rateOf(flow: number): number {
    return this.#problem.task.judged.flows[flow]?.rate ?? 0;
  }

  #sizeOf(flows: readonly number[]): number {
    return flows.reduce((sum, flow) => sum + (this.#problem.task.backbone.flows[flow]?.rate ?? 0), 0);
  }

  #routeOf(flow: number): Route {
    return this.#problem.task.judged.flows[flow]?.route as Route;
  }
}

/** Why a flow has no other path that could serve. */
export function noPath(task: Task, flow: number): string {
  const asked = `what ${task.backbone.flows[flow]?.class.name} asks`;
  return `no other path of at most ${segmentsOf(task)} segments is open to it that gives ${asked}`;
}

import { seededRandom } from "../../kernel/random.ts";
import type { TrafficClass } from "../../model/inventory.ts";
import type { Ecmp } from "../ecmp.ts";
import type { Demands } from "../graph.ts";
import { addLoad, delayOf, eachSegmentPath, lossOf, type Route, routeOf, type SegmentPath } from "./segment-path.ts";

/** What a class asks of its paths, its delay in the graph's unit. */
export type PathClass = Omit<TrafficClass, "maxDelayMs"> & Readonly<{ maxDelay?: number }>;

/** For a graph whose delays are in ms. */
export const pathClassOf = ({ maxDelayMs, ...rest }: TrafficClass): PathClass =>
  maxDelayMs === undefined ? rest : { ...rest, maxDelay: maxDelayMs };

/** What is on the network already. */
export type InUse = Readonly<{
  /** By edge, in the unit of the demands. */
  load: Float64Array;
  /** By edge: the number of demands of latency classes that use it. */
  latency: Int32Array;
}>;

export type ClassPathsInput = Readonly<{
  /** With every destination built. */
  ecmp: Ecmp;
  demands: Demands;
  /** By demand: its class, as an index into `classes`. */
  classOf: Int32Array;
  classes: readonly PathClass[];
  /** By edge: what is lost on it, 0..1. */
  loss: Float64Array;
  /** Utilisation that no edge should be over. */
  target: number;
  /** Of a path, 3 at most. */
  maxSegments: number;
  /** Beside the demands, and not to be moved; nothing without. */
  inUse?: InUse;
  /** By edge: what it may carry, where that is not `target` of its capacity. */
  limit?: Float64Array;
  /** By edge: 1 where no path may go, not even with a part of its traffic. */
  avoid?: Uint8Array;
  /** By node: 1 where a path may be led through; all without. */
  midpoints?: Uint8Array;
}>;

type ClassPath = SegmentPath &
  Readonly<{
    delay: number;
    loss: number;
    /** Share of the demand's path, in edges, that latency classes use too. */
    shared: number;
    /** Every path that meets the objective goes over the target: this is the one that does least. */
    overTarget: boolean;
  }>;

/** Nothing that the class asks for is possible: what the best paths for each would have. */
type Refusal = Readonly<{ demand: number; leastDelay: number; leastLoss: number }>;

/** A path that meets the objective, as things are now; `fullest` a utilisation, `room` in the unit of the demands. */
export type Candidate = ClassPath & Readonly<{ route: Route; fullest: number; room: number }>;

const order = ["latency", "capacity", "remainder"] as const;
const rounding = 1e-9;

type Routes = Readonly<{ routes: readonly (Route & { loss: number })[]; leastDelay: number; leastLoss: number }>;

/**
 * What the network carries while demands are put on paths and taken off, and the paths that each could have by its class.
 * In their turn latency classes choose first, then capacity classes keep out of their way where the graph allows, then the
 * rest fills up; within a kind the larger demand first. A path whose delay or loss breaks the class's objective is none.
 */
export class Placing {
  readonly load: Float64Array;
  readonly #input: ClassPathsInput;
  readonly #latency: Int32Array;
  readonly #routes = new Map<number, Routes>();
  /** By pair of nodes, and by edge: see `#markOf`. */
  readonly #marks: Float64Array;
  readonly #markOfEdge: Float64Array;

  constructor(input: ClassPathsInput) {
    const { edges } = input.ecmp.graph;
    this.#input = input;
    this.load = input.inUse?.load.slice() ?? new Float64Array(edges);
    this.#latency = input.inUse?.latency.slice() ?? new Int32Array(edges);
    this.#marks = new Float64Array(input.ecmp.graph.nodes ** 2);
    const random = seededRandom(1);
    this.#markOfEdge = Float64Array.from({ length: edges }, random);
  }

  /** Demands in the order in which they choose. */
  inTurn(chosen: readonly number[]): number[] {
    const { size } = this.#input.demands;
    const kindOf = (demand: number) => order.indexOf(this.#classOf(demand).prefers);
    return [...chosen].sort((a, b) => kindOf(a) - kindOf(b) || (size[b] as number) - (size[a] as number) || a - b);
  }

  /** Puts a demand on a route, or takes it off (-1). */
  put(demand: number, route: Route, sign: 1 | -1): void {
    addLoad(this.load, route, sign * (this.#input.demands.size[demand] as number));
    if (this.#classOf(demand).prefers !== "latency") return;
    for (const edge of route.edges) this.#latency[edge] = (this.#latency[edge] as number) + sign;
  }

  /** Every path within the objective of the demand's class, the one that suits it best first: those within the limits before the others. */
  candidates(demand: number): { candidates: readonly Candidate[] } | { refused: Refusal } {
    const { prefers } = this.#classOf(demand);
    const { routes, ...least } = this.#routesOf(demand);
    const { avoid, demands } = this.#input;
    if (routes.length === 0) return { refused: { demand: demands.row[demand] as number, ...least } };
    const open = avoid ? routes.filter(({ edges }) => !edges.some((edge) => avoid[edge] === 1)) : routes;
    const all = open.map((route) => this.#judge(demand, route));
    const ranked = (pool: Candidate[], keys: Keys) => pool.sort((a, b) => compare(keys(a), keys(b)));
    const within = ranked(
      all.filter(({ overTarget }) => !overTarget),
      preferences[prefers],
    );
    return {
      candidates: [
        ...within,
        ...ranked(
          all.filter(({ overTarget }) => overTarget),
          preferences.remainder,
        ),
      ],
    };
  }

  #classOf(demand: number): PathClass {
    return this.#input.classes[this.#input.classOf[demand] as number] as PathClass;
  }

  /** Those of all segment paths that meet the objective: they do not depend on what the network carries. */
  #routesOf(demand: number): Routes {
    const known = this.#routes.get(demand);
    if (known) return known;
    const { ecmp, demands, loss, midpoints } = this.#input;
    const [source, target] = [demands.source[demand] as number, demands.target[demand] as number];
    const all: (Route & { loss: number })[] = [];
    const seen = new Set<number>();
    eachSegmentPath(ecmp, source, target, this.#input.maxSegments, (nodes, segments) => {
      if (!mayLead(midpoints, nodes, segments)) return;
      const mark = this.#markOf(nodes, segments);
      if (seen.has(mark)) return; // Runs as one with fewer segments does.
      seen.add(mark);
      const route = routeOf(ecmp, [...nodes.subarray(0, segments + 1)]);
      if (route) all.push({ ...route, loss: lossOf(route, loss) });
    });
    const least = (key: "delay" | "loss") => all.reduce((lowest, one) => Math.min(lowest, one[key]), Infinity);
    const [leastDelay, leastLoss] = [least("delay"), least("loss")];
    const limits = pathLimits(this.#classOf(demand), leastDelay);
    const fresh = { routes: all.filter((route) => meets(limits, route)), leastDelay, leastLoss };
    this.#routes.set(demand, fresh);
    return fresh;
  }

  /**
   * The same for paths that run alike, and for no others but by a chance of some 1e-8 in a thousand paths: most of many
   * segments do, and to tell them by their edges takes far longer.
   */
  #markOf(nodes: Int32Array, segments: number): number {
    const { ecmp } = this.#input;
    let mark = 0;
    for (let at = 0; at < segments; at++) {
      const pair = (nodes[at] as number) * ecmp.graph.nodes + (nodes[at + 1] as number);
      let ofPair = this.#marks[pair] as number;
      if (ofPair === 0) {
        for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
          ofPair += (ecmp.share[k] as number) * (this.#markOfEdge[ecmp.edge[k] as number] as number);
        }
        this.#marks[pair] = ofPair;
      }
      mark += ofPair;
    }
    return Math.round(mark * 1e12);
  }

  #judge(demand: number, route: Routes["routes"][number]): Candidate {
    const { ecmp, demands, target, limit } = this.#input;
    const { capacity } = ecmp.graph;
    const size = demands.size[demand] as number;
    let [shared, fullest, room, overTarget] = [0, 0, Number.POSITIVE_INFINITY, false];
    for (let k = 0; k < route.edges.length; k++) {
      const edge = route.edges[k] as number;
      const most = capacity[edge] as number;
      if ((this.#latency[edge] as number) > 0) shared++;
      const carries = (this.load[edge] as number) + size * (route.shares[k] as number);
      fullest = Math.max(fullest, carries / most);
      room = Math.min(room, most - carries);
      if (carries / most > (limit ? (limit[edge] as number) / most : target) + rounding) overTarget = true;
    }
    const { nodes, delay, loss } = route;
    const row = demands.row[demand] as number;
    return { demand: row, nodes, delay, loss, shared: shared / route.edges.length, overTarget, route, fullest, room };
  }
}

function mayLead(midpoints: Uint8Array | undefined, nodes: Int32Array, segments: number): boolean {
  for (let at = 1; at < segments; at++) if (midpoints?.[nodes[at] as number] === 0) return false;
  return true;
}

/** The lowest delay that a demand could have, by the segment paths that it may take; Infinity when there is none. */
export function leastDelay(
  { ecmp, maxSegments, midpoints }: Pick<ClassPathsInput, "ecmp" | "maxSegments" | "midpoints">,
  source: number,
  target: number,
): number {
  let least = Number.POSITIVE_INFINITY;
  eachSegmentPath(ecmp, source, target, maxSegments, (nodes, segments) => {
    if (mayLead(midpoints, nodes, segments)) least = Math.min(least, delayOf(ecmp, nodes, segments));
  });
  return least;
}

/** The objective of a class in figures, for a demand that could have `leastDelay`. */
export function pathLimits({ maxDelay, maxLoss, maxStretch }: PathClass, leastDelay: number) {
  const byStretch = maxStretch === undefined ? Number.POSITIVE_INFINITY : maxStretch * leastDelay;
  return {
    delay: Math.min(maxDelay ?? Number.POSITIVE_INFINITY, byStretch),
    loss: maxLoss ?? Number.POSITIVE_INFINITY,
  };
}

export function meets(
  limits: Readonly<{ delay: number; loss: number }>,
  { delay, loss }: Readonly<{ delay: number; loss: number }>,
): boolean {
  return delay <= limits.delay + rounding && loss <= limits.loss + rounding;
}

/** What counts, most important first; less is better. */
type Keys = (candidate: Candidate) => readonly number[];
const preferences: Record<PathClass["prefers"], Keys> = {
  latency: ({ delay, fullest, nodes }) => [delay, fullest, nodes.length],
  capacity: ({ shared, room, delay, nodes }) => [shared, -room, delay, nodes.length],
  remainder: ({ fullest, delay, nodes }) => [fullest, delay, nodes.length],
};

function compare(a: readonly number[], b: readonly number[]): number {
  const differs = (x: number, y: number) => Math.abs(x - y) > rounding * Math.max(1, Math.abs(x), Math.abs(y));
  const at = a.findIndex((key, k) => differs(key, b[k] as number));
  return at < 0 ? 0 : (a[at] as number) - (b[at] as number);
}

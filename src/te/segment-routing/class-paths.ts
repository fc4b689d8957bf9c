import type { Ecmp } from "../ecmp.ts";
import type { Demands } from "../graph.ts";
import { delayOf, eachSegmentPath, type SegmentPath } from "./segment-path.ts";

/** What a class asks of its paths; delays in the graph's unit, loss as a ratio. What is absent is not asked. */
export type PathClass = Readonly<{
  name: string;
  /**
   * `latency`: the lowest delay (inference). `capacity`: apart from what latency classes use, and with the most room left
   * (training). `remainder`: wherever the fullest link stays emptiest (batch).
   */
  prefers: "latency" | "capacity" | "remainder";
  maxDelay?: number;
  maxLoss?: number;
  /** Delay at most, as a multiple of the lowest that the demand could have. */
  maxStretch?: number;
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
}>;

export type ClassPath = SegmentPath &
  Readonly<{
    delay: number;
    loss: number;
    /** Share of the demand's path, in edges, that latency classes use too. */
    shared: number;
    /** Every path that meets the objective goes over the target: this is the one that does least. */
    overTarget: boolean;
  }>;

export type ClassPaths = Readonly<{
  /** By row, in the order of the demands. */
  paths: readonly ClassPath[];
  /** Rows that no path can serve within their class's objective, and what the best one would have had. */
  refused: readonly Readonly<{ demand: number; leastDelay: number; leastLoss: number }>[];
  maxUtilisation: number;
}>;

type Candidate = ClassPath & Readonly<{ fullest: number; room: number }>;

const order = ["latency", "capacity", "remainder"] as const;
const rounding = 1e-9;

/**
 * A path for every demand that suits its class: latency classes choose first, then capacity classes keep out of their way
 * where the graph allows, then the rest fills up; within a kind the larger demand first. A demand is never put on a path
 * whose delay or loss breaks its class's objective: it is refused instead.
 */
export function classPaths(input: ClassPathsInput): ClassPaths {
  const { demands, classOf, classes } = input;
  const placing = new Placing(input);
  const kindOf = (demand: number) => order.indexOf((classes[classOf[demand] as number] as PathClass).prefers);
  const inTurn = [...demands.row.keys()].sort(
    (a, b) => kindOf(a) - kindOf(b) || (demands.size[b] as number) - (demands.size[a] as number) || a - b,
  );
  for (const demand of inTurn) placing.place(demand, classes[classOf[demand] as number] as PathClass);
  return placing.result();
}

class Placing {
  readonly #input: ClassPathsInput;
  readonly #utilisation: Float64Array;
  /** By edge: a latency class uses it. */
  readonly #latency: Uint8Array;
  readonly #paths: ClassPath[] = [];
  readonly #refused: ClassPaths["refused"][number][] = [];

  constructor(input: ClassPathsInput) {
    this.#input = input;
    this.#utilisation = new Float64Array(input.ecmp.graph.edges);
    this.#latency = new Uint8Array(input.ecmp.graph.edges);
  }

  result(): ClassPaths {
    const byRow = (a: { demand: number }, b: { demand: number }) => a.demand - b.demand;
    const maxUtilisation = this.#utilisation.reduce((most, use) => Math.max(most, use), 0);
    return { paths: this.#paths.sort(byRow), refused: this.#refused.sort(byRow), maxUtilisation };
  }

  place(demand: number, wanted: PathClass): void {
    const { ecmp, demands, maxSegments } = this.#input;
    const [source, target] = [demands.source[demand] as number, demands.target[demand] as number];
    const all: Candidate[] = [];
    eachSegmentPath(ecmp, source, target, maxSegments, (nodes, segments) => {
      all.push(this.#judge(demand, [...nodes.slice(0, segments + 1)]));
    });
    const [leastDelay, leastLoss] = [least(all, "delay"), least(all, "loss")];
    const mostDelay = Math.min(
      wanted.maxDelay ?? Number.POSITIVE_INFINITY,
      (wanted.maxStretch ?? Infinity) * leastDelay,
    );
    const mostLoss = wanted.maxLoss ?? Number.POSITIVE_INFINITY;
    const suitable = all.filter(({ delay, loss }) => delay <= mostDelay + rounding && loss <= mostLoss + rounding);
    if (suitable.length === 0) {
      this.#refused.push({ demand: demands.row[demand] as number, leastDelay, leastLoss });
      return;
    }
    const within = suitable.filter(({ overTarget }) => !overTarget);
    const pool = within.length > 0 ? within : suitable;
    const keys = within.length > 0 ? preferences[wanted.prefers] : preferences.remainder;
    const chosen = pool.reduce((best, one) => (isBefore(keys(one), keys(best)) ? one : best));
    this.#take(demand, chosen, wanted.prefers === "latency");
  }

  #judge(demand: number, nodes: number[]): Candidate {
    const { ecmp, demands, loss, target } = this.#input;
    const { graph } = ecmp;
    const size = demands.size[demand] as number;
    let [kept, shared, fullest, room] = [1, 0, 0, Number.POSITIVE_INFINITY];
    const edges = this.#sharesOf(nodes);
    const delay = delayOf(ecmp, nodes, nodes.length - 1);
    for (const [edge, share] of edges) {
      kept *= 1 - (loss[edge] as number);
      shared += this.#latency[edge] as number;
      const capacity = graph.capacity[edge] as number;
      const use = (this.#utilisation[edge] as number) + (size * share) / capacity;
      fullest = Math.max(fullest, use);
      room = Math.min(room, (1 - use) * capacity);
    }
    const overTarget = fullest > target + rounding;
    const row = demands.row[demand] as number;
    return { demand: row, nodes, delay, loss: 1 - kept, shared: shared / edges.size, overTarget, fullest, room };
  }

  /** By edge of the path: the share of the demand on it; more than 1 where segments overlap. */
  #sharesOf(nodes: readonly number[]): Map<number, number> {
    const { ecmp } = this.#input;
    const shares = new Map<number, number>();
    for (const [at, node] of nodes.slice(0, -1).entries()) {
      const pair = node * ecmp.graph.nodes + (nodes[at + 1] as number);
      for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
        const edge = ecmp.edge[k] as number;
        shares.set(edge, (shares.get(edge) ?? 0) + (ecmp.share[k] as number));
      }
    }
    return shares;
  }

  #take(demand: number, { fullest: _, room: __, ...path }: Candidate, isLatency: boolean): void {
    const { ecmp, demands } = this.#input;
    this.#paths.push(path);
    for (const [edge, share] of this.#sharesOf(path.nodes)) {
      const added = ((demands.size[demand] as number) * share) / (ecmp.graph.capacity[edge] as number);
      this.#utilisation[edge] = (this.#utilisation[edge] as number) + added;
      if (isLatency) this.#latency[edge] = 1;
    }
  }
}

/** What counts, most important first; less is better. */
type Keys = (candidate: Candidate) => readonly number[];
const preferences: Record<PathClass["prefers"], Keys> = {
  latency: ({ delay, fullest, nodes }) => [delay, fullest, nodes.length],
  capacity: ({ shared, room, delay, nodes }) => [shared, -room, delay, nodes.length],
  remainder: ({ fullest, delay, nodes }) => [fullest, delay, nodes.length],
};

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((key, k) => Math.abs(key - (b[k] as number)) > rounding);
  return at >= 0 && (a[at] as number) < (b[at] as number);
}

const least = (all: readonly Candidate[], key: "delay" | "loss") =>
  all.reduce((lowest, one) => Math.min(lowest, one[key]), Number.POSITIVE_INFINITY);

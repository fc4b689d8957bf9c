import { seededRandom } from "../../kernel/random.ts";
import { Ecmp } from "../ecmp.ts";
import type { Demands, Graph } from "../graph.ts";
import { LowerBound } from "./lower-bound.ts";
import { Routing } from "./routing.ts";
import { Search } from "./search.ts";
import type { SegmentPath } from "./segment-path.ts";
import { survivable } from "./survive.ts";
import { restoreIdleDetours } from "./trim.ts";

export type OptimiseInput = Readonly<{
  graph: Graph;
  demands: Demands;
  /** Segments of a path at most: midpoints plus one. */
  maxSegments?: number;
  /** Demands off their IGP path at most. */
  maxMoved?: number;
  /** A path's delay at most, as a multiple of its IGP path's. */
  maxStretch?: number;
  /** No failure of a single link may overload an edge, nor load the fullest edge more than it would on the IGP where that is more. */
  surviveLinkFailures?: boolean;
  budgetMs: number;
  /** Milliseconds from any fixed point; read only to know when to stop. */
  now: () => number;
  seed: number;
}>;

export type Optimised = Readonly<{
  /** Load / capacity of the fullest link; may exceed 1. */
  maxUtilisation: number;
  initialMaxUtilisation: number;
  /** No routing, split or not, has a lower maximum utilisation; where the limits leave the IGP paths only, theirs. */
  lowerBound: number;
  /** The bound is reached, but for `provenWithin` of it. */
  provenOptimal: boolean;
  moved: number;
  elapsedMs: number;
  /** Demands off their IGP path, by row: source, midpoints, destination. */
  paths: readonly SegmentPath[];
}>;

/** Of the budget, for putting back what a failure of a link would make harmful. */
const survivalShare = 0.25;

/** Rounding of sums of loads, and what no operator could measure. */
export const provenWithin = 1e-5;

/**
 * How far below the best the search aims, as a share. Far pays while demands still leave the hot edges easily, and grows
 * with every aim reached; once it stalls, near keeps the excess on few edges.
 */
const openingReach = 0.16;
const growth = 1.5;
const mostReach = 0.3;
const settledReach = 0.04;
/** Steps without a better best before an aim is given up for a nearer one; on top of them half a step an edge. */
const leastIdle = 100;
/** Times stuck before the aim is judged; doubles with every round of aims that came closer and closer. */
const patience = 8;
/** Times stuck at one aim before some demands are kicked; single moves alone miss the optimum of one tiny net in ten. */
const kickAfter = 4;
const mostKicked = 3;
const firstBoundSteps = 5;
/** Share of the budget that is left for the bound at the end. */
const boundShare = 0.06;

/**
 * Minimises the maximum link utilisation with segment-routing paths (node segments, one unsplit path a demand, ECMP within
 * a segment; Gay, Hartert and Vissicchio, INFOCOM 2017). Anytime: the best so far when the budget ends. What it does in
 * which order depends on the seed alone; time only ends it.
 */
export function optimise(input: OptimiseInput): Optimised {
  const { graph, demands, maxSegments = 5, budgetMs, now, seed } = input;
  const limits = {
    maxMoved: input.maxMoved ?? Number.POSITIVE_INFINITY,
    maxStretch: input.maxStretch ?? Number.POSITIVE_INFINITY,
  };
  const startMs = now();
  const ecmp = new Ecmp(graph).buildAll();
  const builtMs = now();
  const routing = new Routing(ecmp, demands, maxSegments);
  // Undoing idle detours builds another routing at the end, and moves what moved once more.
  const searchShare = input.surviveLinkFailures ? 1 - survivalShare : 0.99;
  const deadlineMs = startMs + budgetMs * searchShare - 1.5 * (now() - builtMs);
  const expired = () => now() >= deadlineMs;
  const searched = () => now() >= deadlineMs - budgetMs * boundShare;
  const initialMaxUtilisation = routing.maxUtilisation();
  if (maxSegments === 1 || input.maxMoved === 0) {
    const only = { maxUtilisation: initialMaxUtilisation, initialMaxUtilisation, lowerBound: initialMaxUtilisation };
    return { ...only, provenOptimal: true, moved: 0, elapsedMs: now() - startMs, paths: [] };
  }
  const bound = new LowerBound(graph, demands);
  const search = new Search(routing, limits, seededRandom(seed));
  drive(search, bound, graph.edges, searched);
  while (!isProven(search, bound) && !bound.settled && bound.step(search.best, expired));
  const trimmed = restoreIdleDetours(routing, search);
  const { maxUtilisation, paths } = input.surviveLinkFailures
    ? survivable(graph, demands, trimmed.paths, () => now() >= startMs + budgetMs)
    : trimmed;
  return {
    maxUtilisation,
    initialMaxUtilisation,
    lowerBound: Math.min(bound.value, maxUtilisation),
    provenOptimal: maxUtilisation <= bound.value * (1 + provenWithin),
    moved: paths.length,
    elapsedMs: now() - startMs,
    paths,
  };
}

const isProven = (search: Search, bound: LowerBound) => search.best <= bound.value * (1 + provenWithin);

/**
 * Aims below the best, never below the bound. The weights of a stuck search are near the dual's prices: they are offered
 * to the bound. Where many steps, or several times stuck, brought little, the aim was too far: it comes closer, and in the
 * end starts anew.
 */
function drive(search: Search, bound: LowerBound, edges: number, expired: () => boolean): void {
  let reach = openingReach;
  let rounds = 0;
  let [stuck, idle, bestWhenAimed, bestWhenIdle] = [0, 0, search.best, search.best];
  const aim = () => {
    search.aim(Math.max(bound.value, search.best * (1 - reach)));
    bestWhenAimed = search.best;
    stuck = 0;
    idle = 0;
  };
  const aimCloser = () => {
    if (reach > 1e-3) reach = Math.min(reach / 2, settledReach);
    else {
      rounds += 1;
      reach = settledReach * 2 ** (rounds % 4);
    }
    aim();
  };
  for (let k = 0; k < firstBoundSteps && !isProven(search, bound); k++) if (!bound.step(search.best, expired)) return;
  aim();
  while (!isProven(search, bound)) {
    const stuckBefore = search.stuck;
    if (!search.step(expired)) return;
    idle += 1;
    if (search.best < bestWhenIdle * (1 - 1e-3)) {
      bestWhenIdle = search.best;
      idle = 0;
    }
    const patienceScale = 2 ** Math.min(rounds, 8);
    if (search.best <= search.penalty.target) {
      reach = Math.min(mostReach, reach * growth);
      aim();
    } else if (idle > patienceScale * (leastIdle + edges / 2)) aimCloser();
    else if (search.stuck > stuckBefore) {
      stuck += 1;
      if (stuck % kickAfter === 0) search.kick(mostKicked);
      if ((stuck & (stuck - 1)) === 0) {
        bound.offer(search.penalty.price);
        bound.step(search.best, expired);
      }
      if (bound.value > search.penalty.target * (1 + 1e-6)) aim();
      else if (stuck % (patience * patienceScale) === 0) {
        if (search.best > bestWhenAimed * (1 - 1e-3)) aimCloser();
        else bestWhenAimed = search.best;
      }
    }
    if (expired()) return;
  }
}

import { seededRandom } from "../../kernel/random.ts";
import { Ecmp } from "../ecmp.ts";
import type { Demands, Graph } from "../graph.ts";
import { LowerBound } from "./lower-bound.ts";
import { Routing } from "./routing.ts";
import { Search } from "./search.ts";
import { restoreIdleDetours, type SegmentPath } from "./trim.ts";

export type OptimiseInput = Readonly<{
  graph: Graph;
  demands: Demands;
  /** Segments of a path at most: midpoints plus one. */
  maxSegments?: number;
  /** Demands off their IGP path at most. */
  maxMoved?: number;
  /** A path's delay at most, as a multiple of its IGP path's. */
  maxStretch?: number;
  budgetMs: number;
  /** Milliseconds from any fixed point; read only to know when to stop. */
  now: () => number;
  seed: number;
}>;

export type Optimised = Readonly<{
  /** Load / capacity of the fullest link; may exceed 1. */
  maxUtilisation: number;
  initialMaxUtilisation: number;
  /** No routing, split or not, has a lower maximum utilisation. */
  lowerBound: number;
  /** The bound is reached, but for `provenWithin` of it. */
  provenOptimal: boolean;
  moved: number;
  elapsedMs: number;
  /** Demands off their IGP path, by row: source, midpoints, destination. */
  paths: readonly SegmentPath[];
}>;

/** Rounding of sums of loads, and what no operator could measure. */
export const provenWithin = 1e-5;

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
  const deadlineMs = startMs + budgetMs - Math.min(20, budgetMs * 0.03);
  const expired = () => now() >= deadlineMs;
  const routing = new Routing(new Ecmp(graph).buildAll(), demands, maxSegments);
  const initialMaxUtilisation = routing.maxUtilisation();
  const bound = new LowerBound(graph, demands);
  const search = new Search(routing, limits, seededRandom(seed));
  drive(routing, search, bound, expired);
  const trimmed = restoreIdleDetours(routing, search);
  return {
    maxUtilisation: trimmed.maxUtilisation,
    initialMaxUtilisation,
    lowerBound: Math.min(bound.value, trimmed.maxUtilisation),
    provenOptimal: trimmed.maxUtilisation <= bound.value * (1 + provenWithin),
    moved: trimmed.moved,
    elapsedMs: now() - startMs,
    paths: trimmed.paths,
  };
}

/** Lowers the target towards the bound as long as it is met, and raises it where the search gets stuck. */
function drive(routing: Routing, search: Search, bound: LowerBound, expired: () => boolean): void {
  bound.offer(routing.utilisation.map((u) => u ** 8));
  let reach = 0.1;
  const aim = () => search.aim(Math.max(bound.value, search.best * (1 - reach)));
  const proven = () => search.best <= bound.value * (1 + provenWithin);
  for (let k = 0; k < 5 && !expired() && !proven(); k++) bound.step(search.best);
  aim();
  let stuckBefore = 0;
  let bestBefore = search.best;
  while (!proven() && !expired()) {
    if (!search.step(expired)) return;
    if (search.best <= search.penalty.target) aim();
    if (search.stuck > stuckBefore) {
      stuckBefore = search.stuck;
      bound.offer(search.penalty.price);
      if (search.stuck % 30 === 0) {
        if (search.best > bestBefore * (1 - 1e-3)) reach = reach > 1e-3 ? reach / 2 : 0.1;
        bestBefore = search.best;
        aim();
      }
    }
  }
}

import { exceeds } from "../../te/link-failure.ts";
import { BranchAndBound } from "./branch-and-bound.ts";
import { greedySet } from "./greedy.ts";
import type { Outcome, Problem } from "./problem.ts";

/** Moves tried before the search is cut short: some tens of milliseconds. Counted, not timed, so that it replays. */
const defaultBudget = 50_000;

export type Found = Readonly<{
  /** The best set, or undefined when there is none. */
  best: Outcome | undefined;
  /** False when the budget ran out first: a better set may exist. */
  proven: boolean;
}>;

/**
 * The set of moves that brings every link within its limit; of several the one that `isBetter` prefers: first of all,
 * that with the fewest changed announcements.
 *
 * Iterates over the number of changes k. For each k a branch and bound: some link is over its limit, so some move must
 * take traffic off it; each such move is tried in turn, and is ruled out for the branches after it. Cut when the k
 * largest left cannot shed the excess, or when what is sure to be added already costs more than the best set known.
 * Exact within the budget, which is enough for any set of two, and for more when few prefixes carry most of the traffic.
 * When the budget ends before any set is found, a greedy set is given instead.
 */
export function smallestSet(problem: Problem, budget = defaultBudget): Found {
  if (isHopeless(problem)) return { best: undefined, proven: true };
  const candidates = problem.candidates.filter((candidate) => {
    return !exceeds(candidate.moved, problem.maxMoved) && candidate.devices.length <= problem.maxDevices;
  });
  const narrowed = { ...problem, candidates };
  const search = new BranchAndBound(narrowed);
  let left = budget;
  let proven = true;
  const most = mostChanges(narrowed);
  for (let k = 1; k <= most; k++) {
    // Half of what is left for each size: a hopeless one must not starve the next.
    const ran = search.run(k, left / 2);
    left -= ran.steps;
    if (!ran.finished) proven = false;
    if (search.best) return { best: search.best, proven };
    if (left < budget / 100) break;
  }
  return { best: proven ? undefined : greedySet(narrowed), proven };
}

/** All that enters somewhere must fit somewhere, and what is too much on a link must be allowed to move. */
function isHopeless({ loads, limits, demandFactor, maxMoved }: Problem): boolean {
  let [load, limit, toMove] = [0, 0, 0];
  for (let i = 0; i < loads.length; i++) {
    load += loads[i] ?? 0;
    limit += limits[i] ?? 0;
    toMove += Math.max(0, (loads[i] ?? 0) - (limits[i] ?? 0)) / (demandFactor[i] ?? 1);
  }
  return exceeds(load, limit) || exceeds(toMove, maxMoved);
}

/** Changes in the largest set there could be. */
function mostChanges({ candidates }: Problem): number {
  const most = new Map<number, number>();
  for (const { prefixId, changes } of candidates) {
    most.set(prefixId, Math.max(most.get(prefixId) ?? 0, changes.length));
  }
  return [...most.values()].reduce((sum, count) => sum + count, 0);
}

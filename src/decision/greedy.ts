import { exceeds } from "../te/link-failure.ts";
import { type Candidate, type Outcome, outcomeOf, type Problem, worstExcess } from "./problem.ts";

/**
 * A set that keeps every link within its limit, not claimed to be the best: for nets where the exact search gives up.
 * Takes from the link furthest over, to a link with room: the smallest move that is enough, else the largest; among
 * equals the cheapest, then by name. Then drops what turned out not to be needed, smallest first.
 */
export function greedySet(problem: Problem): Outcome | undefined {
  let chosen: Candidate[] = [];
  for (;;) {
    const outcome = outcomeOf(problem, chosen);
    const over = worstExcess(problem, outcome.loads);
    if (!over) break;
    const next = bestNext(problem, outcome, over);
    if (!next) return undefined;
    chosen = [...chosen, next];
  }
  for (const candidate of chosen.toSorted((a, b) => a.moved - b.moved || (a.key < b.key ? -1 : 1))) {
    const without = chosen.filter((other) => other !== candidate);
    if (!worstExcess(problem, outcomeOf(problem, without).loads)) chosen = without;
  }
  const sorted = chosen.sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
  return problem.harm(sorted) ? undefined : outcomeOf(problem, sorted);
}

function bestNext(
  problem: Problem,
  soFar: Outcome,
  { link, excess }: { link: number; excess: number },
): Candidate | undefined {
  const moving = new Set(soFar.chosen.map((candidate) => candidate.prefix));
  let best: Candidate | undefined;
  for (const candidate of problem.candidates) {
    const shed = -(candidate.delta[link] ?? 0);
    if (shed <= 0 || moving.has(candidate.prefix)) continue;
    if (exceeds(soFar.moved + candidate.moved, problem.maxMoved)) continue;
    if (new Set([...soFar.devices, ...candidate.devices]).size > problem.maxDevices) continue;
    const fits = candidate.delta.every((rate, i) => {
      return rate <= 0 || !exceeds((soFar.loads[i] ?? 0) + rate, problem.limits[i] ?? 0);
    });
    if (fits && (!best || goesFirst(candidate, best, link, excess))) best = candidate;
  }
  return best;
}

function goesFirst(a: Candidate, b: Candidate, link: number, excess: number): boolean {
  const [shedA, shedB] = [-(a.delta[link] ?? 0), -(b.delta[link] ?? 0)];
  const [enoughA, enoughB] = [!exceeds(excess, shedA), !exceeds(excess, shedB)];
  if (enoughA !== enoughB) return enoughA;
  if (shedA !== shedB) return enoughA ? shedA < shedB : shedA > shedB;
  if (a.changes.length !== b.changes.length) return a.changes.length < b.changes.length;
  if (a.cost !== b.cost) return a.cost < b.cost;
  return a.key < b.key;
}

import { exceeds } from "../../te/link-failure.ts";
import { type Candidate, nameOf, type Outcome, outcomeOf, type Problem, worstExcess } from "./problem.ts";

/** Moves turned down for what a failure would do, before giving up: each costs a look at all failures. */
const mostBanned = 300;

/**
 * A set that keeps every link within its limit, not claimed to be the best: for nets where the exact search gives up.
 * Takes from the link furthest over, to a link with room: the smallest move that is enough, else the largest; among
 * equals the one with the fewest changes, the cheapest, then by name. Then drops what turned out not to be needed,
 * smallest first.
 */
export function greedySet(problem: Problem): Outcome | undefined {
  const queues = problem.links.map((_, link) => bySize(problem, link));
  let chosen: Candidate[] = [];
  const banned = new Set<Candidate>();
  for (;;) {
    const outcome = outcomeOf(problem, chosen);
    const over = worstExcess(problem, outcome.loads);
    if (!over) break;
    const next = firstThatFits(problem, outcome, queues[over.link] ?? [], over, banned);
    if (!next || banned.size > mostBanned) return undefined;
    // What a failure makes harmful now, more moves hardly make harmless.
    if (problem.harm([...chosen, next])) banned.add(next);
    else chosen = [...chosen, next];
  }
  for (const candidate of chosen.toSorted((a, b) => a.moved - b.moved || (nameOf(a) < nameOf(b) ? -1 : 1))) {
    const without = chosen.filter((other) => other !== candidate);
    if (!worstExcess(problem, outcomeOf(problem, without).loads)) chosen = without;
  }
  const sorted = chosen.sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
  return problem.harm(sorted) ? undefined : outcomeOf(problem, sorted);
}

type Sized = Readonly<{ candidate: Candidate; shed: number }>;

/** What can leave a link, smallest first; of the same size, the preferred first. */
function bySize(problem: Problem, link: number): Sized[] {
  return problem.candidates
    .map((candidate) => ({ candidate, shed: -(candidate.delta[link] ?? 0) }))
    .filter(({ shed }) => shed > 0)
    .sort((x, y) => {
      const [a, b] = [x.candidate, y.candidate];
      const byWorth = x.shed - y.shed || a.changes.length - b.changes.length || a.cost - b.cost;
      return byWorth || (nameOf(a) < nameOf(b) ? -1 : 1);
    });
}

function firstThatFits(
  problem: Problem,
  soFar: Outcome,
  queue: readonly Sized[],
  { excess }: { excess: number },
  banned: ReadonlySet<Candidate>,
): Candidate | undefined {
  const moving = new Set(soFar.chosen.map((candidate) => candidate.prefix));
  const fits = ({ candidate }: Sized) => {
    if (moving.has(candidate.prefix) || banned.has(candidate)) return false;
    if (exceeds(soFar.moved + candidate.moved, problem.maxMoved)) return false;
    const devices = candidate.devices.filter((device) => !soFar.devices.has(device)).length;
    if (soFar.devices.size + devices > problem.maxDevices) return false;
    return candidate.delta.every((rate, i) => {
      return rate <= 0 || !exceeds((soFar.loads[i] ?? 0) + rate, problem.limits[i] ?? 0);
    });
  };
  const enough = queue.find((sized) => !exceeds(excess, sized.shed) && fits(sized));
  if (enough) return enough.candidate;
  const largest = queue.findLast((sized) => exceeds(excess, sized.shed) && fits(sized));
  // Of the largest of one size the preferred one comes first.
  return queue.find((sized) => sized.shed === largest?.shed && fits(sized))?.candidate;
}

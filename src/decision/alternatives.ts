import { formatPercent, formatRate } from "../kernel/units.ts";
import type { Alternative } from "../model/decision.ts";
import type { Link, Prefix } from "../model/inventory.ts";
import { exceeds } from "../te/link-failure.ts";
import { type Candidate, type Outcome, outcomeOf, type Problem } from "./problem.ts";
import { isBetter } from "./search.ts";
import type { Task } from "./task.ts";
import { describeChanges, money } from "./words.ts";

type Situation = Readonly<{
  task: Task;
  hot: Link;
  problem: Problem;
  immovable: ReadonlyMap<Prefix, string>;
  chosen: Outcome | undefined;
}>;

/** How many a person is shown: doing nothing, moving everything, and the best of the rest. */
const shown = 5;

/** What else could be done about the hot link, nearest to good first, and why it is not what is proposed. */
export function alternativesTo(situation: Situation): Alternative[] {
  const { problem, chosen } = situation;
  const everything = everythingOff(situation);
  const singles = singleMoves(situation).filter((o) => !sameMoves(o, chosen) && !sameMoves(o, everything));
  const ranked = singles
    .map((outcome) => ({ outcome, over: totalExcess(problem, outcome) }))
    .sort((a, b) => a.over - b.over || (isBetter(problem, a.outcome, b.outcome) ? -1 : 1))
    .map(({ outcome }) => ({ summary: summaryOf(outcome), whyNot: whyNot(situation, outcome) }));
  const stuck = [...situation.immovable]
    .map(([prefix, why]) => ({ prefix, why, rate: rateOn(situation, prefix) }))
    .filter(({ rate }) => rate > 0)
    .sort((a, b) => b.rate - a.rate || (a.prefix < b.prefix ? -1 : 1))
    .map(({ prefix, why }) => ({ summary: `move ${prefix} off ${situation.hot.name}`, whyNot: why }));

  const always = [doNothing(situation)];
  if (everything && !sameMoves(everything, chosen)) {
    const summary = `move everything off ${situation.hot.name}: ${summaryOf(everything)}`;
    always.unshift({ summary, whyNot: whyNot(situation, everything) });
  }
  return [...[...ranked, ...stuck].slice(0, shown - always.length), ...always];
}

const summaryOf = (outcome: Outcome) => describeChanges(outcome.chosen.flatMap((candidate) => candidate.changes));

function sameMoves(a: Outcome, b: Outcome | undefined): boolean {
  return b !== undefined && a.chosen.length === b.chosen.length && a.chosen.every((c, i) => c.key === b.chosen[i]?.key);
}

/** The best way to move each prefix on the hot link to each other link. */
function singleMoves({ problem, hot }: Situation): Outcome[] {
  const best = new Map<string, Outcome>();
  for (const candidate of offLink(problem, hot)) {
    const outcome = outcomeOf(problem, [candidate]);
    const key = `${candidate.prefix} ${candidate.target}`;
    const known = best.get(key);
    if (!known || isBetter(problem, outcome, known)) best.set(key, outcome);
  }
  return [...best.values()];
}

/** Every prefix that can leave, to the one link that could take them with the least excess; undefined when none can. */
function everythingOff({ problem, hot }: Situation): Outcome | undefined {
  let best: { outcome: Outcome; left: number; over: number } | undefined;
  for (const target of problem.links) {
    const byPrefix = new Map<Prefix, Candidate>();
    for (const candidate of offLink(problem, hot)) {
      if (candidate.target !== target.name) continue;
      const known = byPrefix.get(candidate.prefix);
      if (!known || isBetter(problem, outcomeOf(problem, [candidate]), outcomeOf(problem, [known]))) {
        byPrefix.set(candidate.prefix, candidate);
      }
    }
    if (byPrefix.size === 0) continue;
    const outcome = outcomeOf(
      problem,
      [...byPrefix.values()].sort((a, b) => (a.prefix < b.prefix ? -1 : 1)),
    );
    const left = -outcome.moved;
    const over = totalExcess(problem, outcome);
    const better = !best || over < best.over || (over === best.over && left < best.left);
    const sameButCheaper = best && over === best.over && left === best.left && outcome.cost < best.outcome.cost;
    if (better || sameButCheaper) best = { outcome, left, over };
  }
  return best?.outcome;
}

function offLink(problem: Problem, hot: Link): Candidate[] {
  const index = problem.links.findIndex((link) => link.name === hot.name);
  return problem.candidates.filter((candidate) => (candidate.delta[index] ?? 0) < 0);
}

const rateOn = ({ task, hot }: Situation, prefix: Prefix) => task.traffic.rates.get(prefix)?.get(hot.name) ?? 0;

function totalExcess(problem: Problem, outcome: Outcome): number {
  return outcome.loads.reduce((sum, load, i) => {
    const limit = problem.limits[i] ?? 0;
    return exceeds(load, limit) ? sum + load - limit : sum;
  }, 0);
}

/** The first thing wrong with it, with figures; or, when nothing is, what it costs more than the choice. */
function whyNot({ task, hot, problem, chosen }: Situation, outcome: Outcome): string {
  const target = formatPercent(task.policy.decide.target);
  for (const [i, link] of problem.links.entries()) {
    const load = outcome.loads[i] ?? 0;
    if (!exceeds(load, problem.limits[i] ?? 0)) continue;
    const allowance = task.traffic.saturated.size > 0 ? " with allowance for the demand that saturation hides" : "";
    const at = `${link.name} at ${formatPercent(load / link.capacity)}`;
    const rises = exceeds(load, problem.loads[i] ?? 0);
    return rises && link.name !== hot.name
      ? `would put ${at}${allowance}, over the ${target} target`
      : `leaves ${at}${allowance}, over the ${target} target`;
  }
  const moves = `moves ${formatRate(outcome.moved)}`;
  if (exceeds(outcome.moved, problem.maxMoved)) {
    const share = formatPercent(outcome.moved / problem.total);
    return `${moves}, ${share} of all inbound traffic; the policy allows ${formatPercent(task.policy.guard.maxTrafficMoved)}`;
  }
  if (outcome.devices.size > problem.maxDevices) {
    return `touches ${outcome.devices.size} devices; the policy allows ${problem.maxDevices}`;
  }
  const harm = problem.harm(outcome.chosen);
  if (harm) {
    const now = formatPercent(harm.before);
    return `if ${harm.failed} fails, ${harm.link} would be at ${formatPercent(harm.after)} (${now} as it is)`;
  }
  if (!chosen) return "was not found before the search was cut short";
  return whyWorse(task, outcome, chosen);
}

function whyWorse(task: Task, outcome: Outcome, chosen: Outcome): string {
  const reasons: string[] = [];
  if (outcome.count > chosen.count) {
    reasons.push(`changes ${outcome.count} announcements where ${chosen.count} ${chosen.count === 1 ? "does" : "do"}`);
  }
  const moreMoved = outcome.moved - chosen.moved;
  if (exceeds(outcome.moved, chosen.moved)) {
    reasons.push(`moves ${formatRate(outcome.moved)}, ${formatRate(moreMoved)} more than needed`);
  }
  const dearer = outcome.cost - chosen.cost;
  if (task.currency !== "" && Math.abs(dearer) > 1e-9) {
    reasons.push(`costs ${money(Math.abs(dearer), task.currency)}/h ${dearer > 0 ? "more" : "less"}`);
  }
  if (task.policy.decide.objective === "balance") {
    const fullest = (o: Outcome) => Math.max(...task.traffic.links.map((link, i) => (o.loads[i] ?? 0) / link.capacity));
    reasons.push(
      `its fullest link is at ${formatPercent(fullest(outcome))} instead of ${formatPercent(fullest(chosen))}`,
    );
  }
  return reasons.length === 0 ? "does the same; the proposal comes first by name" : reasons.join(", ");
}

function doNothing({ task, hot, problem }: Situation): Alternative {
  const index = problem.links.findIndex((link) => link.name === hot.name);
  const measured = (problem.loads[index] ?? 0) / (problem.demandFactor[index] ?? 1);
  const at = `${hot.name} stays at ${formatPercent(measured / hot.capacity)}`;
  const dropped = measured - hot.capacity;
  if (dropped > 0) return { summary: "do nothing", whyNot: `${at} and drops ${formatRate(dropped)}` };
  const full = task.traffic.saturated.has(hot.name) ? ": it is full and drops packets" : "";
  return { summary: "do nothing", whyNot: full === "" ? `${at}, over the target` : `${at}${full}` };
}

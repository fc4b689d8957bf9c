import { formatPercent, formatRate } from "../../kernel/units.ts";
import type { Alternative } from "../../model/decision.ts";
import type { Link, Prefix } from "../../model/inventory.ts";
import { linkLoads } from "../../te/bgp-preference.ts";
import { exceeds } from "../../te/link-failure.ts";
import { isBetter } from "./preference.ts";
import { type Candidate, type Outcome, outcomeOf, type Problem } from "./problem.ts";
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

/** How many of the heaviest single moves are looked at for it. */
const considered = 40;

/** What else could be done about the hot link, nearest to good first, and why it is not what is proposed. */
export function alternativesTo(situation: Situation): Alternative[] {
  const { problem, chosen } = situation;
  const everything = everythingOff(situation);
  const singles = singleMoves(situation).filter((o) => !sameMoves(o, chosen) && !sameMoves(o, everything));
  const ranked = singles
    .map((outcome) => ({ outcome, over: totalExcess(problem, outcome) }))
    .sort((a, b) => a.over - b.over || (isBetter(problem, a.outcome, b.outcome) ? -1 : 1))
    .slice(0, shown)
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
  return b !== undefined && a.chosen.length === b.chosen.length && a.chosen.every((c, i) => c.id === b.chosen[i]?.id);
}

/** The best way to move each of the heaviest prefixes on the hot link to each other link. */
function singleMoves({ problem, hot }: Situation): Outcome[] {
  const best = new Map<string, Candidate>();
  for (const candidate of offLink(problem, hot))
    keepSimplest(best, `${candidate.prefix} ${candidate.target}`, candidate);
  return [...best.values()]
    .sort((a, b) => b.moved - a.moved || a.id - b.id)
    .slice(0, considered)
    .map((candidate) => outcomeOf(problem, [candidate]));
}

/** Every prefix that can leave, to the one link that could take them with the least excess; undefined when none can. */
function everythingOff({ problem, hot }: Situation): Outcome | undefined {
  const off = offLink(problem, hot);
  return problem.links
    .map(({ name }) => {
      const byPrefix = new Map<Prefix, Candidate>();
      for (const candidate of off) if (candidate.target === name) keepSimplest(byPrefix, candidate.prefix, candidate);
      const chosen = [...byPrefix.values()].sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
      const outcome = outcomeOf(problem, chosen);
      return { outcome, over: totalExcess(problem, outcome) };
    })
    .filter(({ outcome }) => outcome.count > 0)
    .sort((a, b) => a.over - b.over || b.outcome.moved - a.outcome.moved || a.outcome.cost - b.outcome.cost)[0]
    ?.outcome;
}

/** Of the ways to move one prefix to one link, which all come to the same loads, the one that changes least. */
function keepSimplest(best: Map<string, Candidate>, key: string, candidate: Candidate): void {
  const known = best.get(key);
  const effort = (c: Candidate) => [c.changes.length, c.lowered, c.size, c.id];
  const [x, y] = [effort(candidate), known ? effort(known) : []];
  const first = x.findIndex((value, i) => value !== y[i]);
  if (!known || (x[first] ?? 0) < (y[first] ?? 0)) best.set(key, candidate);
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
  const plain = linkLoads(task.traffic, { changes: outcome.chosen.flatMap((candidate) => candidate.changes) });
  for (const [i, link] of problem.links.entries()) {
    const [judged, limit] = [outcome.loads[i] ?? 0, problem.limits[i] ?? 0];
    if (!exceeds(judged, limit)) continue;
    const measured = plain.get(link.name) ?? 0;
    const hidden = !exceeds(measured, limit);
    const allowance = hidden ? " with allowance for the demand that saturation hides" : "";
    const at = `${link.name} at ${formatPercent((hidden ? judged : measured) / link.capacity)}${allowance}`;
    const heated = link.name !== hot.name && exceeds(judged, problem.loads[i] ?? 0);
    return `${heated ? "would put" : "leaves"} ${at}, over the ${target} target`;
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
  // How much a full link drops, its counters do not show.
  const full = task.traffic.saturated.has(hot.name);
  return { summary: "do nothing", whyNot: full ? `${at}: it is full and drops packets` : `${at}, over the target` };
}

import { formatPercent, formatRate } from "../../kernel/units.ts";
import type { DecisionOutcome, Intent } from "../../model/decision.ts";
import type { Link } from "../../model/inventory.ts";
import { formatSignal } from "../../model/signal.ts";
import { backboneLoads } from "../../te/backbone-loads.ts";
import { exceeds } from "../../te/link-failure.ts";
import { listed } from "../listed.ts";
import { alternativesTo } from "./alternatives.ts";
import { noFuller, percentOf } from "./move.ts";
import { crossing, cutShort, immovable, nothing, propose } from "./propose.ts";
import { type Problem, Search } from "./search.ts";
import type { Task } from "./task.ts";

/**
 * Brings a link to the target or below with the smallest set of flows, and lifts no other above it or above what it has.
 * Partial relief is never proposed: what came closest is among the alternatives.
 */
export function relieveLink(intent: Intent, task: Task): DecisionOutcome {
  const { backbone, policy, load } = task;
  const hot = backbone.links.findIndex(({ name }) => name === intent.target);
  const link = backbone.links[hot] as Link;
  const target = formatPercent(policy.decide.target);
  const at = `${link.name} is at ${percentOf(backboneLoads(backbone)[hot] as number, link)}`;
  if (!exceeds(load[hot] as number, policy.decide.target * link.capacity)) {
    return nothing(`${at} now, within the ${target} target: nothing needs to move`);
  }
  const problem = emptying(task, [hot], () => true);
  if (problem.movable.length === 0) {
    return nothing(`${at}, and no flow that an SR policy could steer crosses it${unexplained(task, hot)}`);
  }
  const search = new Search(problem);
  const { moves, proven } = search.smallest();
  const alternatives = alternativesTo(
    problem,
    search,
    moves ?? [],
    `${at}, over the ${target} target, and stays there`,
  );
  if (!moves) {
    return nothing(`${at}; ${noSet(task, problem, [hot], proven)}${unexplained(task, hot)}`, alternatives);
  }
  return propose(task, intent, {
    situation: `${at} outbound, over ${formatSignal(intent.signal, intent.threshold)}.`,
    moves,
    about: [link.name],
    remarks: proven ? [] : [cutShort],
    alternatives,
  });
}

/** These links are to come under the target by moving flows that cross them, of the classes that may be moved for it. */
export function emptying(task: Task, edges: readonly number[], mayMove: (flow: number) => boolean): Problem {
  const limit = noFuller(task);
  for (const edge of edges) limit[edge] = task.policy.decide.target * (task.backbone.links[edge] as Link).capacity;
  const movable = crossing(task, new Set(edges)).filter((flow) => !immovable(task, flow) && mayMove(flow));
  return { task, limit, movable };
}

/** Why no set of moves does, with figures where it is hopeless. */
export function noSet(task: Task, { movable }: Problem, edges: readonly number[], proven: boolean): string {
  const { judged, policy } = task;
  const rest = backboneLoads({ ...judged, flows: judged.flows.filter((_, flow) => !movable.includes(flow)) });
  const target = formatPercent(policy.decide.target);
  const hopeless = edges.filter((edge) => exceeds(rest[edge] as number, policy.decide.target * capacity(task, edge)));
  const names = listed(edges.map((edge) => (judged.links[edge] as Link).name));
  if (hopeless.length > 0) {
    const left = hopeless.map((edge) => {
      const link = judged.links[edge] as Link;
      return `${link.name} would be at ${percentOf(rest[edge] as number, link)}`;
    });
    const all = movable.length === 1 ? "the one flow" : `all ${movable.length} flows`;
    return `even without ${all} that may be moved ${listed(left)}, over the ${target} target`;
  }
  const goal = `brings ${names} to ${target} within the policy's limits and without overloading another link`;
  return proven ? `no flow moved elsewhere ${goal}` : `no set of flows moved elsewhere that ${goal} was found`;
}

const capacity = ({ judged }: Task, edge: number) => (judged.links[edge] as Link).capacity;

function unexplained({ backbone }: Task, edge: number): string {
  const rate = backbone.background[edge] as number;
  const { name } = backbone.links[edge] as Link;
  return rate > 0 ? `; ${formatRate(rate)} on ${name} belong to no flow, and only its IGP metric moves them` : "";
}

import { assert } from "../../kernel/assert.ts";
import { formatPercent, formatRate } from "../../kernel/units.ts";
import type { DecisionOutcome, Intent, LinkPrediction } from "../../model/decision.ts";
import type { Link } from "../../model/inventory.ts";
import { anycastServiceOf } from "../../model/scope.ts";
import { formatSignal } from "../../model/signal.ts";
import { linkLoads, withHiddenDemand } from "../../te/bgp-preference.ts";
import { exceeds } from "../../te/link-failure.ts";
import { hiddenDemand } from "../../te/link-limits.ts";
import { capitalised } from "../capitalised.ts";
import { alternativesTo } from "./alternatives.ts";
import { possibleMoves } from "./moves.ts";
import { lowerFirst } from "./order.ts";
import { predict } from "./prediction.ts";
import { type Problem, problemOf } from "./problem.ts";
import { type Found, smallestSet } from "./search.ts";
import type { Task } from "./task.ts";
import { describeChanges, describeCost, describeEffect } from "./words.ts";

/**
 * Brings every link in scope to `target` or below with the smallest set of prepend changes. When another link is above
 * target and cannot be helped, relieves the intent's link alone and leaves the other no fuller than it is. Partial
 * relief of the intent's link is never proposed: what came closest is among the alternatives.
 *
 * A saturated link shows what fits, not what was sent: its traffic is judged at `hiddenDemand` times what is measured,
 * on the link that keeps it and on the link that gets it. Predictions stay in measured rates, as a lower bound.
 */
export function relieve(intent: Intent, task: Task): DecisionOutcome {
  const { policy, traffic } = task;
  const hot = traffic.links.find((link) => link.name === intent.target);
  assert(hot, `${intent.target} is in scope`);
  const { moves, immovable } = possibleMoves(task);
  const target = policy.decide.target;
  const problem = problemOf(task, moves, (link) => target * link.capacity);
  const hotLoad = linkLoads(traffic).get(hot.name) ?? 0;
  if (!exceeds(linkLoads(withHiddenDemand(traffic)).get(hot.name) ?? 0, target * hot.capacity)) {
    const reason = `${hot.name} is at ${percentOf(hotLoad, hot)} now, within the ${formatPercent(target)} target: nothing needs to move`;
    return { kind: "nothing-helps", reason, alternatives: [] };
  }

  if (![...traffic.rates.values()].some((entering) => (entering.get(hot.name) ?? 0) > 0)) {
    const reason =
      `${hot.name} is at ${percentOf(hotLoad, hot)}, and of no prefix that may be moved is it known how much enters by it` +
      `${unmovable(task) || "; check telemetry.prometheus.queries.prefixInbound: its query and its labels"}`;
    return { kind: "nothing-helps", reason, alternatives: [] };
  }
  const [used, found] = findSet(task, moves, problem, hot);
  const alternatives = alternativesTo({ task, hot, problem: used, immovable, chosen: found.best });
  if (!found.best) {
    const reason = found.proven
      ? `no set of prepend changes brings ${hot.name} from ${percentOf(hotLoad, hot)} to ${formatPercent(target)} within the policy's limits and without overloading another link`
      : `no set of prepend changes that brings ${hot.name} from ${percentOf(hotLoad, hot)} to ${formatPercent(target)} was found before the search was cut short`;
    return { kind: "nothing-helps", reason: `${reason}${ofAnycast(task, hot)}${unmovable(task)}`, alternatives };
  }
  const changes = lowerFirst(found.best.chosen.flatMap((candidate) => candidate.changes));
  const predicted = predict(traffic, changes, task.currency);
  const caveats = [
    traffic.saturated.has(hot.name)
      ? `it is saturated, so these figures are lower bounds and limits were judged on ${hiddenDemand} times its traffic`
      : "",
    found.proven ? "" : "the search was cut short, so a cheaper set may exist",
  ].filter((caveat) => caveat !== "");
  const reason =
    `${hot.name} is at ${percentOf(hotLoad, hot)} inbound, over ${formatSignal(intent.signal, intent.threshold)}. ` +
    `${capitalised(describeChanges(changes))}: that moves ${formatRate(predicted.moved)} and takes ` +
    `${describeEffect(predicted.links)}${describeCost(predicted.costPerHour)}` +
    `${caveats.map((caveat) => `; ${caveat}`).join("")}.${stillOver(predicted.links, hot, target)}`;
  return { kind: "change", decision: { action: "bgp-prepend", intent, changes, reason, predicted, alternatives } };
}

function findSet(task: Task, moves: Parameters<typeof problemOf>[1], problem: Problem, hot: Link): [Problem, Found] {
  const all = smallestSet(problem);
  const othersOver = problem.links.some(
    (link, i) => link.name !== hot.name && exceeds(problem.loads[i] ?? 0, problem.limits[i] ?? 0),
  );
  if (all.best || !othersOver) return [problem, all];
  const { target } = task.policy.decide;
  const limitOf = (link: Link, load: number) => {
    return link.name === hot.name ? target * link.capacity : Math.max(target * link.capacity, load);
  };
  const alone = problemOf(task, moves, limitOf);
  return [alone, smallestSet(alone)];
}

/** What enters by the link for anycast services: it may be all that would have helped. */
function ofAnycast({ network, traffic }: Task, hot: Link): string {
  const rates = [...traffic.rates].map(([prefix, entering]) => ({ prefix, rate: entering.get(hot.name) ?? 0 }));
  const held = rates.filter(({ prefix, rate }) => rate > 0 && anycastServiceOf(network, prefix));
  if (held.length === 0) return "";
  const rate = held.reduce((sum, one) => sum + one.rate, 0);
  const named = held.map(({ prefix }) => prefix).join(" and ");
  return `; ${formatRate(rate)} enter by it for ${named}, which only the health of anycast sites moves`;
}

/** Names the prefixes that would have to be listed first; only the heaviest when there are many. */
function unmovable({ unlisted }: Task): string {
  if (unlisted.length === 0) return "";
  const rate = unlisted.reduce((sum, one) => sum + one.rate, 0);
  const named = unlisted.slice(0, 3).map(({ prefix }) => prefix);
  const others = unlisted.length - named.length;
  return (
    `; ${formatRate(rate)} enter by it for ${named.join(" and ")}${others > 0 ? ` and ${others} more` : ""}, ` +
    "which may not be moved: if they are yours, add them to prefixes in pointsman.yaml"
  );
}

const percentOf = (load: number, link: Link) => formatPercent(load / link.capacity);

function stillOver(links: readonly LinkPrediction[], hot: Link, target: number): string {
  const over = links.filter(({ link, after }) => link !== hot.name && exceeds(after.utilisation, target));
  if (over.length === 0) return "";
  const named = over.map(({ link, after }) => `${link} at ${formatPercent(after.utilisation)}`).join(" and ");
  return ` ${named} stays over the ${formatPercent(target)} target, as nothing allowed changes that.`;
}

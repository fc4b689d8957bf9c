import { assert } from "../../kernel/assert.ts";
import { formatPercent, formatRate } from "../../kernel/units.ts";
import type { DecisionOutcome, Intent } from "../../model/decision.ts";
import { anycastServiceOf } from "../../model/scope.ts";
import { entryLinksAfter, linkLoads, withHiddenDemand } from "../../te/bgp-preference.ts";
import { exceeds } from "../../te/link-failure.ts";
import { clearLoad } from "../../te/link-limits.ts";
import { capitalised } from "../capitalised.ts";
import { lowerFirst } from "./order.ts";
import { predict } from "./prediction.ts";
import type { Task } from "./task.ts";
import { describeChanges, describeEffect, money } from "./words.ts";

/**
 * Undoes an earlier change: its prepends the other way round. Only while they are still as that change left them, and
 * only when every link that gets traffic back is in scope and ends at or below the policy's `clear`.
 */
export function giveBack(intent: Extract<Intent, { kind: "give-back" }>, task: Task): DecisionOutcome {
  const { policy, traffic } = task;
  const keep = (why: string, doing?: string): DecisionOutcome => ({
    kind: "nothing-helps",
    reason: `${intent.changeId} is not given back: ${why}`,
    alternatives: doing === undefined ? [] : [{ summary: doing, whyNot: why }],
  });
  const made = intent.changes.filter((change) => change.action === "bgp-prepend");
  assert(made.length > 0, `${intent.changeId} changed prepends`);

  const changes = lowerFirst(made.map((change) => ({ ...change, from: change.to, to: change.from })));
  const doing = describeChanges(changes);
  for (const { prefix, link, from } of changes) {
    const service = anycastServiceOf(task.network, prefix);
    if (service) return keep(`${prefix} is the anycast service ${service.name}'s by now`, doing);
    const now = traffic.announced.get(prefix)?.get(link);
    if (now === undefined) return keep(`${prefix} is no longer announced on ${link}`, doing);
    if (now !== from) {
      return keep(`${prefix} has ${now} prepends on ${link} now, not the ${from} that ${intent.changeId} left`, doing);
    }
    if (!traffic.rates.has(prefix)) return keep(`the rate of ${prefix} is not known, and no data is never zero`, doing);
  }
  const inScope = new Set(traffic.links.map((link) => link.name));
  for (const { prefix } of changes) {
    const outside = entryLinksAfter(traffic, prefix, changes).filter((link) => !inScope.has(link));
    if (outside.length > 0) {
      return keep(`${prefix} would enter by ${outside.join(" and ")}, out of the policy's scope`, doing);
    }
  }

  const judged = withHiddenDemand(traffic);
  const before = linkLoads(judged, { tie: "each" });
  const after = linkLoads(judged, { changes, tie: "each" });
  for (const link of traffic.links) {
    const [was, is] = [before.get(link.name) ?? 0, after.get(link.name) ?? 0];
    if (!exceeds(is, was) || !exceeds(is, clearLoad(policy, link))) continue;
    const limit = formatPercent(clearLoad(policy, link) / link.capacity);
    return keep(
      `${link.name} would go to ${formatPercent(is / link.capacity)}, over the ${limit} it must clear`,
      doing,
    );
  }

  const predicted = predict(traffic, changes, task.currency);
  const { before: cost, after: costAfter, currency } = predicted.costPerHour;
  const more = costAfter - cost;
  const saving =
    currency === ""
      ? ""
      : `, ${more > 0 ? "for" : "saving"} ${money(Math.abs(more), currency)}/h${more > 0 ? " more" : ""}`;
  const since = intent.evidence[0];
  const calm = since ? ` since ${new Date(since.atMs).toISOString()}` : "";
  const reason =
    `The peak on ${intent.target} has been over${calm}. ${capitalised(doing)}: that gives ${formatRate(predicted.moved)} back ` +
    `and takes ${describeEffect(predicted.links)}${saving}.`;
  const stay = { summary: "leave the traffic where it is", whyNot: whyGiveBack(intent.target, more, currency) };
  const decision = { intent, changes, reason, predicted, alternatives: [stay] };
  return { kind: "change", decision: { action: "bgp-prepend", ...decision } };
}

function whyGiveBack(link: string, more: number, currency: string): string {
  const cost = more < 0 && currency !== "" ? ` and would go on costing ${money(-more, currency)}/h more` : "";
  return `${link} has room for it again${cost}`;
}

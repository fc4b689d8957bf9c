import { formatPercent, formatRate } from "../kernel/units.ts";
import type { GuardFinding } from "../model/decision.ts";
import {
  clearLoad,
  type InboundTraffic,
  linkLoads,
  movedRate,
  type Situation,
  totalRate,
  withHiddenDemand,
} from "../te/bgp-preference.ts";
import { exceeds, failureHarm } from "../te/link-failure.ts";
import type { Case } from "./case.ts";

export function trafficMoved({ decision, policy }: Case, traffic: InboundTraffic): GuardFinding {
  const guard = "traffic-moved";
  const [moved, total] = [movedRate(traffic, decision.changes), totalRate(traffic)];
  const share = total === 0 ? 0 : moved / total;
  const limit = policy.guard.maxTrafficMoved;
  const reason = `moves ${formatRate(moved)}, ${formatPercent(share)} of all inbound traffic; at most ${formatPercent(limit)} may move`;
  return { guard, allow: !exceeds(share, limit), reason };
}

/**
 * Every link that gets more than it has must end within the target; when traffic is given back, within what the policy
 * calls clear. Judged with the demand that a saturated link hides, and with all of a tie on each tied link.
 */
export function targetHeadroom({ decision, policy, links }: Case, traffic: InboundTraffic): GuardFinding {
  const guard = "target-headroom";
  const judged = withHiddenDemand(traffic);
  const before = linkLoads(judged);
  const after = linkLoads(judged, { changes: decision.changes, tie: "each" });
  const givesBack = decision.intent.kind === "give-back";
  const figures: string[] = [];
  let allow = true;
  for (const link of links) {
    const load = after.get(link.name) ?? 0;
    if (!exceeds(load, before.get(link.name) ?? 0)) continue;
    const limit = givesBack ? clearLoad(policy, link) : policy.decide.target * link.capacity;
    if (exceeds(load, limit)) allow = false;
    figures.push(
      `${link.name} goes to ${formatPercent(load / link.capacity)} of at most ${formatPercent(limit / link.capacity)}`,
    );
  }
  return { guard, allow, reason: figures.length === 0 ? "no link gets more traffic" : figures.join(", ") };
}

/** See `failureHarm` for what counts as more exposed. */
export function linkFailure({ decision, policy, links }: Case, traffic: InboundTraffic): GuardFinding {
  const guard = "link-failure";
  if (!policy.guard.surviveAnyLinkFailure) return { guard, allow: true, reason: "the policy does not ask for it" };
  const judged = withHiddenDemand(traffic);
  const loads = (situation: Situation) => {
    const byLink = linkLoads(judged, { ...situation, tie: "each" });
    return links.map((link) => byLink.get(link.name) ?? 0);
  };
  for (const [index, { name: failed }] of links.entries()) {
    const [before, after] = [loads({ failed }), loads({ failed, changes: decision.changes })];
    const harm = failureHarm(links, { failed: index, before, after }, policy.decide.target);
    if (!harm) continue;
    const reason = `if ${failed} fails, ${harm.link} would be at ${formatPercent(harm.after)}; without the change at ${formatPercent(harm.before)}`;
    return { guard, allow: false, reason };
  }
  return { guard, allow: true, reason: `no failure of one of ${links.length} links is worse than without the change` };
}

import { formatPercent, formatRate } from "../kernel/units.ts";
import type { GuardFinding } from "../model/decision.ts";
import {
  type InboundTraffic,
  linkLoads,
  movedRate,
  prefixLoads,
  type Situation,
  totalRate,
  withHiddenDemand,
} from "../te/bgp-preference.ts";
import { exceeds, failureHarm } from "../te/link-failure.ts";
import type { PrependCase } from "./case.ts";
import { freshSamples, headroom, survival } from "./limits.ts";

/** Every link in scope has a rate, and it and every prefix rate on those links is young enough. */
export function freshness(facts: PrependCase): GuardFinding {
  const { state, decision, links } = facts;
  const inScope = new Set(links.map((link) => link.name));
  const unknown = decision.changes.find((change) => !state.prefixes.some((rate) => rate.prefix === change.prefix));
  return freshSamples(facts, [
    ...links.map(({ name }) => {
      return { what: `inbound rate of ${name}`, atMs: state.signals.get("link.rate.in")?.get(name)?.toMs };
    }),
    ...state.prefixes.flatMap(({ prefix, link, measuredMs }) => {
      return inScope.has(link) ? [{ what: `rate of ${prefix} on ${link}`, atMs: measuredMs }] : [];
    }),
    ...(unknown ? [{ what: `rate of ${unknown.prefix}`, atMs: undefined }] : []),
  ]);
}

/**
 * Prefix rates explain enough of every link that the change takes traffic from: what they say is moved is then what
 * really leaves. On links that only receive, what is not explained stays and counts in full, so nothing rests on it.
 */
export function coverage({ policy, state, decision, links }: PrependCase, traffic: InboundTraffic): GuardFinding {
  const guard = "coverage";
  const required = policy.guard.coverage;
  const losing = new Set<string>();
  for (const prefix of new Set(decision.changes.map((change) => change.prefix))) {
    const after = prefixLoads(traffic, prefix, { changes: decision.changes });
    for (const [link, rate] of traffic.rates.get(prefix) ?? []) {
      if (rate > (after.get(link) ?? 0)) losing.add(link);
    }
  }
  const figures: string[] = [];
  let allow = true;
  for (const { name } of links.filter((link) => losing.has(link.name))) {
    const measured = state.signals.get("link.rate.in")?.get(name)?.value ?? 0;
    const explained = state.prefixes.filter((rate) => rate.link === name).reduce((sum, { rate }) => sum + rate, 0);
    const share = measured === 0 ? 0 : explained / measured;
    if (share < required) allow = false;
    figures.push(
      `prefix rates explain ${formatPercent(share)} of ${formatRate(measured)} on ${name}; ${formatPercent(required)} is required`,
    );
  }
  return { guard, allow, reason: figures.length === 0 ? "takes traffic from no link in scope" : figures.join(", ") };
}

export function trafficMoved({ decision, policy }: PrependCase, traffic: InboundTraffic): GuardFinding {
  const guard = "traffic-moved";
  const [moved, total] = [movedRate(traffic, decision.changes), totalRate(traffic)];
  const share = total === 0 ? 0 : moved / total;
  const limit = policy.guard.maxTrafficMoved;
  const reason = `moves ${formatRate(moved)}, ${formatPercent(share)} of all inbound traffic; at most ${formatPercent(limit)} may move`;
  return { guard, allow: !exceeds(share, limit), reason };
}

/** Judged with the demand that a saturated link hides, and with all of a tie on each tied link. */
export function targetHeadroom(facts: PrependCase, traffic: InboundTraffic): GuardFinding {
  const { links, decision } = facts;
  const before = loads(facts, traffic, {}, "even");
  return headroom(facts, { links, before, after: loads(facts, traffic, { changes: decision.changes }, "each") });
}

export function linkFailure(facts: PrependCase, traffic: InboundTraffic): GuardFinding {
  const { links, decision, policy } = facts;
  return survival(facts, links.length, () => {
    for (const [index, { name: failed }] of links.entries()) {
      const before = loads(facts, traffic, { failed }, "each");
      const after = loads(facts, traffic, { failed, changes: decision.changes }, "each");
      const harm = failureHarm(links, { failed: index, before, after }, policy.decide.target);
      if (harm) return harm;
    }
    return undefined;
  });
}

function loads({ links }: PrependCase, traffic: InboundTraffic, situation: Situation, tie: "even" | "each"): number[] {
  const byLink = linkLoads(withHiddenDemand(traffic), { ...situation, tie });
  return links.map((link) => byLink.get(link.name) ?? 0);
}

import { formatPercent, formatRate } from "../kernel/units.ts";
import type { GuardFinding } from "../model/decision.ts";
import { inboundTraffic, prefixLoads } from "../te/bgp-preference.ts";
import type { Case } from "./case.ts";

const seconds = (ms: number) => `${Number((ms / 1000).toFixed(1))} s`;

/**
 * Every link in scope has a rate, and it and every prefix rate on those links is young enough. A stamp as far ahead
 * of our clock as that is as wrong: a router's clock that runs ahead would make old data look new for as long.
 */
export function freshness({ policy, network, state, decision, links, nowMs }: Case): GuardFinding {
  const guard = "freshness";
  const limitMs = policy.guard.freshnessIntervals * network.telemetry.intervalMs;
  let oldest = 0;
  let complaint: string | undefined;
  const look = (what: string, atMs: number) => {
    const ageMs = nowMs - atMs;
    oldest = Math.max(oldest, ageMs);
    if (ageMs > limitMs) complaint ??= `${what} is ${seconds(ageMs)} old, over ${seconds(limitMs)}`;
    if (-ageMs > limitMs) complaint ??= `${what} is stamped ${seconds(-ageMs)} in the future: a clock is wrong`;
  };
  for (const { name } of links) {
    const measured = state.signals.get("link.rate.in")?.get(name);
    if (measured) look(`the inbound rate of ${name}`, measured.toMs);
    else complaint ??= `there is no inbound rate of ${name}`;
  }
  const inScope = new Set(links.map((link) => link.name));
  for (const { prefix, link, measuredMs } of state.prefixes) {
    if (inScope.has(link)) look(`the rate of ${prefix} on ${link}`, measuredMs);
  }
  const unknown = decision.changes.find((change) => !state.prefixes.some((rate) => rate.prefix === change.prefix));
  if (unknown) complaint ??= `there is no rate of ${unknown.prefix}`;
  const reason = complaint ?? `the oldest sample is ${seconds(oldest)} old, within ${seconds(limitMs)}`;
  return { guard, allow: complaint === undefined, reason };
}

/**
 * Prefix rates explain enough of every link that the change takes traffic from: what they say is moved is then what
 * really leaves. On links that only receive, what is not explained stays and counts in full, so nothing rests on it.
 */
export function coverage({ policy, state, decision, announcements, links }: Case): GuardFinding {
  const guard = "coverage";
  const required = policy.guard.coverage;
  const known = inboundTraffic(links, state, announcements);
  if ("unmeasured" in known) {
    return { guard, allow: false, reason: `the inbound rate of ${known.unmeasured.join(" and ")} is not known` };
  }
  const losing = new Set<string>();
  for (const prefix of new Set(decision.changes.map((change) => change.prefix))) {
    const after = prefixLoads(known.traffic, prefix, { changes: decision.changes });
    for (const [link, rate] of known.traffic.rates.get(prefix) ?? []) {
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

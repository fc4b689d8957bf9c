import { assert } from "../kernel/assert.ts";
import { formatCount, formatPercent } from "../kernel/units.ts";
import { takesOut } from "../model/anycast.ts";
import type { GuardFinding } from "../model/decision.ts";
import type { AnycastService, AnycastSite, SiteName } from "../model/inventory.ts";
import { anycastService, sitesOf } from "../model/scope.ts";
import { anycastTraffic } from "../te/anycast-traffic.ts";
import type { AnycastCase } from "./case.ts";
import { freshSamples } from "./limits.ts";

/** Only the service's own prefix, listed, and only where the inventory says that its sites announce it. */
export function allowList({ decision, network, policy }: AnycastCase): GuardFinding {
  const guard = "allow-list";
  const service = anycastService(network, policy.scope.anycast);
  const sites = sitesOf(network, policy.scope.anycast);
  for (const { prefix, site, device, link } of decision.changes) {
    const known = sites.find(({ name }) => name === site);
    if (prefix !== service?.prefix || !network.prefixes.includes(prefix)) {
      return {
        guard,
        allow: false,
        reason: `${prefix} is not on the allow-list as the prefix of ${policy.scope.anycast}`,
      };
    }
    if (known?.device !== device || !known.links.includes(link)) {
      return { guard, allow: false, reason: `${site} does not announce ${prefix} from ${device} on ${link}` };
    }
  }
  return { guard, allow: true, reason: `${service?.prefix} on the allow-list` };
}

/** Drained before withdrawn, and drained again before announced: traffic never has to find another site within a packet. */
export function oneStep({ decision, policy }: AnycastCase): GuardFinding {
  const guard = "one-step";
  const leap = decision.changes.find(({ from, to }) => (from === "drained") === (to === "drained"));
  if (leap) return { guard, allow: false, reason: `${leap.site} would go from ${leap.from} to ${leap.to} at once` };
  const more = decision.changes.find((one) => takesOut(one) && one.prepends !== policy.decide.prepends);
  if (more)
    return { guard, allow: false, reason: `${more.prepends} prepends; the policy says ${policy.decide.prepends}` };
  return { guard, allow: true, reason: "goes one step at a time" };
}

/** The decision was made from what the routers announce; when that has changed since, so might the decision. */
export function unchangedBasis({ decision, sites }: AnycastCase): GuardFinding {
  const guard = "unchanged-basis";
  const seen = new Set<string>();
  for (const { site, link, prefix, from } of decision.changes) {
    if (seen.has(link)) return { guard, allow: false, reason: `${site} is changed twice on ${link}` };
    seen.add(link);
    const now = sites.find((one) => one.site === site && one.link === link && one.prefix === prefix);
    if (!now) return { guard, allow: false, reason: `how ${site} is announced on ${link} is not known` };
    if (now.state !== from) {
      return { guard, allow: false, reason: `${site} is ${now.state} on ${link}, not ${from} as it was decided on` };
    }
  }
  return { guard, allow: true, reason: "the routers announce what it was decided on" };
}

/** Every site of the service was probed of late: those that are to carry the traffic as much as the one that leaves. */
export function freshness(facts: AnycastCase): GuardFinding {
  const samples = sitesOf(facts.network, facts.policy.scope.anycast).map(({ name }) => ({
    what: `probe of ${name}`,
    atMs: facts.state.sites.get(name)?.measuredMs,
  }));
  return freshSamples(facts, samples);
}

/** A site goes out because it is not well now, and comes back because it is: since the decision it may have become the other. */
export function targetHealth({ decision, state }: AnycastCase): GuardFinding {
  const guard = "target-health";
  for (const one of decision.changes) {
    const { site, from, to } = one;
    const health = state.sites.get(site);
    const step = `goes from ${from} to ${to}`;
    if (!health) return { guard, allow: false, reason: `${site} ${step}, and how well it is is not known` };
    if (health.well === !takesOut(one)) continue;
    const reason = `${site} ${step}, and is ${health.well ? "well" : "not well"}: it ${health.reason}`;
    return { guard, allow: false, reason };
  }
  return { guard, allow: true, reason: "what goes out is not well, what comes back is" };
}

/** Of the service's traffic where that is measured; where it is not, of its sites. */
export function trafficMoved(facts: AnycastCase): GuardFinding {
  const guard = "traffic-moved";
  const { decision, policy, network, state } = facts;
  const out = decision.changes.filter(takesOut);
  if (out.length === 0) return { guard, allow: true, reason: "no site is taken out" };
  const service = serviceOf(facts);
  const links = new Set(out.map(({ link }) => link));
  const leaving = new Set(out.map(({ site }) => site));
  const freshMs = policy.guard.freshnessIntervals * network.telemetry.intervalMs;
  const traffic = anycastTraffic(service, links, state, freshMs);
  const share = traffic ? traffic.on / Math.max(traffic.total, 1) : leaving.size / service.sites.length;
  const limit = policy.guard.maxTrafficMoved;
  const of = traffic ? `the traffic of ${service.name}` : `the sites of ${service.name}, whose traffic is not measured`;
  const reason = `moves ${formatPercent(share)} of ${of}; at most ${formatPercent(limit)}`;
  return { guard, allow: share <= limit, reason };
}

/** Sites that are well and, as their routers say, announced on all their links once this is done. What gives a site back takes none away. */
export function minSites(facts: AnycastCase): GuardFinding {
  const guard = "min-sites";
  const service = serviceOf(facts);
  const leaving = new Set(facts.decision.changes.filter(takesOut).map(({ site }) => site));
  if (leaving.size === 0) return { guard, allow: true, reason: "no site is taken out" };
  const left = service.sites.filter(({ name }) => !leaving.has(name)).filter((site) => serves(facts, site));
  const reason = `${left.length} of ${service.sites.length} sites of ${service.name} are well and fully announced then (${names(left)}), at least ${service.minSites} must be`;
  return { guard, allow: left.length >= service.minSites, reason };
}

/** Where nobody else announces the prefix, a withdrawal is an outage, however unwell the last site is. */
export function lastAnnouncement({ decision, sites }: AnycastCase): GuardFinding {
  const guard = "last-announcement";
  const withdrawn = new Set(decision.changes.filter(({ to }) => to === "withdrawn").map(({ link }) => link));
  if (withdrawn.size === 0) return { guard, allow: true, reason: "nothing is withdrawn" };
  const prefix = decision.changes[0]?.prefix;
  const rest = sites.filter((one) => one.prefix === prefix && one.state !== "withdrawn" && !withdrawn.has(one.link));
  const reason = `${prefix} stays announced on ${formatCount(rest.length, "link")}`;
  return { guard, allow: rest.length > 0, reason };
}

function serves({ state, sites }: AnycastCase, { name, links }: AnycastSite): boolean {
  const announced = (link: string) =>
    sites.some((one) => one.link === link && one.state === "announced" && one.site === name);
  return state.sites.get(name)?.well === true && links.every(announced);
}

function serviceOf({ network, policy }: AnycastCase): AnycastService {
  const service = anycastService(network, policy.scope.anycast);
  assert(service, `${policy.name} is for an anycast service of the inventory`);
  return service;
}

const names = (sites: readonly { name: SiteName }[]) =>
  sites
    .map(({ name }) => name)
    .sort()
    .join(", ") || "none";

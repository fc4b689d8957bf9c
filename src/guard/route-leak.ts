import { covers, parseAllowed } from "../kernel/prefix.ts";
import { takesOut } from "../model/anycast.ts";
import type { GuardFinding } from "../model/decision.ts";
import type { Prefix } from "../model/inventory.ts";
import type { RouteOrigins, Vrp } from "../model/route-origins.ts";
import { linksWithoutMore, prependsByPrefix } from "../te/bgp-preference.ts";
import { originValidity } from "../te/route-origin.ts";
import type { AnycastCase, PrependCase } from "./case.ts";

type RouteCase = PrependCase | AnycastCase;

/** There is fresh word from an RPKI cache, where one is configured and something is to be announced. */
export function rpkiData(facts: RouteCase): GuardFinding {
  const guard = "rpki-data";
  const { network, nowMs } = facts;
  if (!network.rpki) return { guard, allow: true, reason: "no RPKI cache is configured" };
  if (announced(facts).length === 0) return { guard, allow: true, reason: "nothing is announced that was not" };
  const known = routeOrigins(facts);
  switch (known.kind) {
    case "none":
      return { guard, allow: false, reason: "no RPKI cache has been synchronised, and no data is never fine" };
    case "expired": {
      const { cache, expiresMs } = known.said;
      const reason = `what ${cache} said expired ${ago(nowMs - expiresMs)}, and no data is never fine`;
      return { guard, allow: false, reason };
    }
    case "fresh": {
      const { cache, measuredMs } = known.said;
      return { guard, allow: true, reason: `${cache} was synchronised ${ago(nowMs - measuredMs)}` };
    }
  }
}

/**
 * No prefix is announced, or announced otherwise, of which it is known that we are not to originate it (RFC 6811). Whether
 * enough is known is for `rpkiData` to say. Taking a site out is fine whoever may originate its prefix.
 */
export function rpki(facts: RouteCase): GuardFinding {
  const guard = "rpki";
  const { network } = facts;
  if (!network.rpki) return { guard, allow: true, reason: "no RPKI cache is configured" };
  const prefixes = announced(facts);
  if (prefixes.length === 0) return { guard, allow: true, reason: "nothing is announced that was not" };
  const known = routeOrigins(facts);
  if (known.kind !== "fresh") {
    return { guard, allow: true, reason: "nothing is known to be invalid, as nothing is known" };
  }
  const judged = prefixes.map((prefix) => ({ prefix, ...originValidity(known.said.vrps, { prefix, as: network.as }) }));
  const invalid = judged.find(({ validity }) => validity === "invalid");
  if (invalid) {
    const reason = `${invalid.prefix} from AS ${network.as} is RPKI-invalid: ${allowances(invalid.covering)}`;
    return { guard, allow: false, reason };
  }
  const unknown = judged.find(({ validity }) => validity === "not-found");
  if (unknown && network.rpki.requireValid) {
    const reason = `no VRP covers ${unknown.prefix}, and rpki.requireValid asks for one`;
    return { guard, allow: false, reason };
  }
  const words = { valid: "RPKI-valid", invalid: "RPKI-invalid", "not-found": "not found in the RPKI" };
  return {
    guard,
    allow: true,
    reason: judged.map(({ prefix, validity }) => `${prefix} is ${words[validity]}`).join(", "),
  };
}

/** Nothing that is not listed is announced inside a prefix that is changed: it would draw all traffic for that part, wherever the rest goes. */
export function noMoreSpecifics({ decision, network, announcements }: PrependCase): GuardFinding {
  const guard = "no-more-specifics";
  const listed = new Set(network.prefixes);
  const changed = [...new Set(decision.changes.map(({ prefix }) => prefix))];
  const strange = [...announcements, ...decision.changes].filter(({ prefix }) => !listed.has(prefix));
  for (const { prefix, device } of strange) {
    const inner = parseAllowed(prefix);
    // What is changed and not listed itself may be inside any.
    const outer = (changed.includes(prefix) ? network.prefixes : changed).find((one) =>
      covers(parseAllowed(one), inner),
    );
    if (outer === undefined) continue;
    const reason = `${prefix} on ${device} is more specific than our ${outer}, and not listed itself`;
    return { guard, allow: false, reason };
  }
  return { guard, allow: true, reason: "no more specific of our prefixes" };
}

/**
 * Prepended on all its links, a prefix is anyone's who announces it with a shorter path. One link at least keeps no more
 * prepends than the operator's own, whatever our earlier changes added; those that the operator has set everywhere are theirs.
 */
export function prependedEverywhere({ decision, announcements, standing }: PrependCase): GuardFinding {
  const guard = "prepended-everywhere";
  const [stood, announced] = [prependsByPrefix(standing), prependsByPrefix(announcements)];
  const kept: string[] = [];
  for (const prefix of new Set(decision.changes.map((change) => change.prefix))) {
    const after = new Map(announced.get(prefix));
    for (const change of decision.changes) if (change.prefix === prefix) after.set(change.link, change.to);
    const free = linksWithoutMore(after, stood.get(prefix));
    if (free.length === 0) {
      const reason = `${prefix} would have more prepends than its own on all of ${[...after.keys()].join(" and ")}`;
      return { guard, allow: false, reason };
    }
    kept.push(`${prefix} has no more prepends than its own on ${free.join(" and ")}`);
  }
  return { guard, allow: true, reason: kept.join(", ") };
}

/** A drain prepends on top of what is there: one link at least announces the prefix undrained. */
export function drainedEverywhere({ decision, sites }: AnycastCase): GuardFinding {
  const guard = "drained-everywhere";
  const drained = decision.changes.filter(({ from, to }) => from === "announced" && to === "drained");
  if (drained.length === 0) return { guard, allow: true, reason: "nothing is prepended" };
  for (const { prefix } of drained) {
    const left = sites.filter((one) => {
      const leaves = drained.some(({ link }) => link === one.link);
      return one.prefix === prefix && one.state === "announced" && !leaves;
    });
    if (left.length > 0) continue;
    return { guard, allow: false, reason: `${prefix} would be announced undrained on no link` };
  }
  return { guard, allow: true, reason: "it stays announced without a drain's prepends elsewhere" };
}

/** The prefixes that the change announces, or announces otherwise: all but those of sites that it takes out. */
function announced({ decision }: RouteCase): Prefix[] {
  const changes =
    decision.action === "bgp-prepend" ? decision.changes : decision.changes.filter((change) => !takesOut(change));
  return [...new Set(changes.map(({ prefix }) => prefix))];
}

type Known = Readonly<{ kind: "none" }> | Readonly<{ kind: "fresh" | "expired"; said: RouteOrigins }>;

function routeOrigins({ state: { routeOrigins: said }, nowMs }: RouteCase): Known {
  if (!said) return { kind: "none" };
  return { kind: nowMs < said.expiresMs ? "fresh" : "expired", said };
}

/** Three at most: a cache can say much. */
function allowances(covering: readonly Vrp[]): string {
  const named = covering.map(
    ({ prefix, maxLength, as }) => `${as === 0 ? "nobody" : `AS ${as}`} for ${prefix} to /${maxLength}`,
  );
  const more = named.length > 3 ? ` and ${named.length - 3} more` : "";
  return `VRPs name ${named.sort().slice(0, 3).join(", ")}${more}`;
}

const ago = (ms: number) => `${Math.round(ms / 1000)} s ago`;

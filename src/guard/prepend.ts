import type { GuardFinding } from "../model/decision.ts";
import { anycastServiceOf } from "../model/scope.ts";
import { entryLinks } from "../te/bgp-preference.ts";
import type { PrependCase } from "./case.ts";

/** Only prefixes that the inventory names, each exactly, none of an anycast service, and only on links that the policy is for. */
export function allowList({ decision, network, links }: PrependCase): GuardFinding {
  const guard = "allow-list";
  const prefixes = [...new Set(decision.changes.map((change) => change.prefix))];
  const stranger = prefixes.find((prefix) => !network.prefixes.includes(prefix));
  if (stranger !== undefined) return { guard, allow: false, reason: `${stranger} is not on the allow-list` };
  for (const prefix of prefixes) {
    const service = anycastServiceOf(network, prefix);
    if (!service) continue;
    const reason = `${prefix} is the anycast service ${service.name}'s: only the health of its sites moves it`;
    return { guard, allow: false, reason };
  }
  for (const { link, device } of decision.changes) {
    const known = links.find((candidate) => candidate.name === link);
    if (!known) return { guard, allow: false, reason: `${link} is not in the policy's scope` };
    if (known.device !== device) {
      return { guard, allow: false, reason: `${link} is on ${known.device}, and the change is for ${device}` };
    }
  }
  return { guard, allow: true, reason: `${prefixes.join(", ")} on the allow-list` };
}

/**
 * No changed prefix may then enter, not even in a tie, by a link that the policy is not for: the other guards and
 * `verify` watch links in scope only. Rests on the announcements alone, so that a missing rate hides nothing.
 */
export function scope({ decision, announcements, links }: PrependCase): GuardFinding {
  const guard = "scope";
  const inScope = new Set(links.map((link) => link.name));
  for (const prefix of new Set(decision.changes.map((change) => change.prefix))) {
    const prepends = new Map(announcements.filter((a) => a.prefix === prefix).map((a) => [a.link, a.prepends]));
    for (const change of decision.changes) if (change.prefix === prefix) prepends.set(change.link, change.to);
    const outside = entryLinks(prepends).filter((link) => !inScope.has(link));
    if (outside.length > 0) {
      const reason = `${prefix} would enter by ${outside.join(" and ")}, outside the policy's scope`;
      return { guard, allow: false, reason };
    }
  }
  return { guard, allow: true, reason: "what is changed enters by links in scope" };
}

/** The decision was made from what the routers announce; when that has changed since, so might the decision. */
export function unchangedBasis({ decision, announcements }: PrependCase): GuardFinding {
  const guard = "unchanged-basis";
  const seen = new Set<string>();
  for (const { prefix, link, from } of decision.changes) {
    if (seen.has(`${prefix} ${link}`)) {
      return { guard, allow: false, reason: `${prefix} on ${link} is changed twice` };
    }
    seen.add(`${prefix} ${link}`);
    const now = announcements.find((a) => a.prefix === prefix && a.link === link);
    if (!now) return { guard, allow: false, reason: `${prefix} is not announced on ${link}` };
    if (now.prepends !== from) {
      const reason = `${prefix} has ${now.prepends} prepends on ${link}, not the ${from} it was decided on`;
      return { guard, allow: false, reason };
    }
  }
  return { guard, allow: true, reason: "the routers announce what it was decided on" };
}

export function prependCap({ decision, policy }: PrependCase): GuardFinding {
  const guard = "prepend-cap";
  const cap = policy.decide.maxPrepends;
  const over = decision.changes.find(({ to }) => !Number.isInteger(to) || to < 0 || to > cap);
  if (over)
    return {
      guard,
      allow: false,
      reason: `${over.to} prepends of ${over.prefix} on ${over.link}; 0 to ${cap} are allowed`,
    };
  const most = Math.max(...decision.changes.map((change) => change.to));
  return { guard, allow: true, reason: `at most ${most} of ${cap} prepends` };
}

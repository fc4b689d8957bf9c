import { assert } from "../kernel/assert.ts";
import type { GuardFinding } from "../model/decision.ts";
import { type InboundTraffic, inboundTraffic, linksInScope } from "../te/bgp-preference.ts";
import type { Case, GuardInput } from "./case.ts";
import { allowList, maxDevices, prependCap, scope, unchangedBasis } from "./change-limits.ts";
import { coverage, freshness } from "./evidence.ts";
import { linkFailure, targetHeadroom, trafficMoved } from "./network-limits.ts";
import { freezeWindow, killSwitch, oneChangeInFlight } from "./timing.ts";

/** Guards that need only the facts as given. */
const onFacts: readonly ((facts: Case) => GuardFinding)[] = [
  killSwitch,
  freezeWindow,
  oneChangeInFlight,
  allowList,
  scope,
  unchangedBasis,
  maxDevices,
  prependCap,
  freshness,
  coverage,
];

/** Guards that work out where traffic goes; without the links' rates they deny. */
const onTraffic: readonly Readonly<{ guard: string; judge: (facts: Case, traffic: InboundTraffic) => GuardFinding }>[] =
  [
    { guard: "traffic-moved", judge: trafficMoved },
    { guard: "target-headroom", judge: targetHeadroom },
    { guard: "link-failure", judge: linkFailure },
  ];

/**
 * Every guard's word on a decision, always all of them and in one order, each with its figures. One denial is enough,
 * whoever approved. Asked again right before a push, as the facts may have changed since the proposal.
 */
export function judgeGuards(input: GuardInput): readonly GuardFinding[] {
  assert(input.decision.changes.length > 0, "a decision changes something");
  const facts = { ...input, links: linksInScope(input.network, input.policy.scope.links.role) };
  const known = inboundTraffic(facts.links, input.state, input.announcements);
  return [
    ...onFacts.map((judge) => judge(facts)),
    ...onTraffic.map(({ guard, judge }) => {
      if ("traffic" in known) return judge(facts, known.traffic);
      return { guard, allow: false, reason: `the inbound rate of ${known.unmeasured.join(" and ")} is not known` };
    }),
  ];
}

/** The first guard that says no: it overrides all that say yes. */
export function denied(findings: readonly GuardFinding[]): GuardFinding | undefined {
  return findings.find((finding) => !finding.allow);
}

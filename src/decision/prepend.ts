import { assert } from "../kernel/assert.ts";
import type { Announcement, DecisionOutcome, Intent } from "../model/decision.ts";
import type { Network } from "../model/inventory.ts";
import type { NetworkState, PrefixRate } from "../model/network-state.ts";
import type { Policy } from "../model/policy.ts";
import { inboundTraffic, linksInScope } from "../te/bgp-preference.ts";
import { giveBack } from "./give-back.ts";
import { relieve } from "./relieve.ts";

/**
 * Which prepends to change so that inbound traffic enters elsewhere, or why none would help.
 * `announcements` is what the routers announce now, all links; `state` what is measured. Ages are the guard's to judge,
 * but a link in scope without a measured rate stops the decision here: no data is never zero.
 */
export function decidePrepend(
  input: Readonly<{
    intent: Intent;
    policy: Policy;
    network: Network;
    state: NetworkState;
    announcements: readonly Announcement[];
    /** Rates by the intent's link of prefixes that are not on the allow-list, heaviest first: only to be named. */
    unlisted: readonly PrefixRate[];
  }>,
): DecisionOutcome {
  const { intent, policy, network, state, announcements, unlisted } = input;
  const links = linksInScope(network, policy.scope.links.role);
  assert(
    links.some((link) => link.name === intent.link),
    `the intent's link ${intent.link} is in scope of its policy`,
  );
  const nothing = (reason: string): DecisionOutcome => ({ kind: "nothing-helps", reason, alternatives: [] });

  if (!policy.trigger.signal.endsWith(".in")) {
    return nothing(`prepending moves inbound traffic only, and the policy watches ${policy.trigger.signal}`);
  }
  const currencies = [...new Set(links.flatMap((link) => (link.cost ? [link.cost.currency] : [])))];
  if (currencies.length > 1) {
    return nothing(`the links in scope are priced in ${currencies.join(" and ")}, which cannot be compared`);
  }
  const known = inboundTraffic(links, state, announcements);
  if ("unmeasured" in known) {
    return nothing(`the inbound rate of ${known.unmeasured.join(" and ")} is not known, and no data is never zero`);
  }
  const task = { policy, network, traffic: known.traffic, unlisted, currency: currencies[0] ?? "" };
  return intent.kind === "relieve" ? relieve(intent, task) : giveBack(intent, task);
}

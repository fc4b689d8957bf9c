import { assert } from "../kernel/assert.ts";
import type { Announcement, DecisionOutcome, Intent } from "../model/decision.ts";
import type { Network } from "../model/inventory.ts";
import type { NetworkState, PrefixRate } from "../model/network-state.ts";
import type { PrependPolicy } from "../model/policy.ts";
import { linksInScope } from "../model/scope.ts";
import { inboundTraffic, prependsByPrefix } from "../te/bgp-preference.ts";
import { giveBack } from "./prepend/give-back.ts";
import { relieve } from "./prepend/relieve.ts";

export type PrependInput = Readonly<{
  intent: Intent;
  policy: PrependPolicy;
  network: Network;
  state: NetworkState;
  /** What the routers announce now, all links. */
  announcements: readonly Announcement[];
  /** What they announced before any change of ours that still stands. */
  standing: readonly Announcement[];
  /** Rates by the intent's link of prefixes that are not on the allow-list, heaviest first: only to be named. */
  unlisted: readonly PrefixRate[];
}>;

/**
 * Which prepends to change so that inbound traffic enters elsewhere, or why none would help. Ages are the guard's to judge,
 * but a link in scope without a measured rate stops the decision here: no data is never zero.
 */
export function decidePrepend(input: PrependInput): DecisionOutcome {
  const { intent, policy, network, state, announcements, standing, unlisted } = input;
  const links = linksInScope(network, policy);
  assert(
    links.some((link) => link.name === intent.target),
    `the intent's link ${intent.target} is in scope of its policy`,
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
  const task = {
    policy,
    network,
    traffic: known.traffic,
    standing: prependsByPrefix(standing),
    unlisted,
    currency: currencies[0] ?? "",
  };
  return intent.kind === "relieve" ? relieve(intent, task) : giveBack(intent, task);
}

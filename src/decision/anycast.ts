import type { SiteAnnouncement } from "../model/anycast.ts";
import type { DecisionOutcome, Intent } from "../model/decision.ts";
import type { Network } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { AnycastPolicy } from "../model/policy.ts";

export type AnycastInput = Readonly<{
  intent: Intent;
  policy: AnycastPolicy;
  network: Network;
  state: NetworkState;
  /** How every site is announced now. */
  sites: readonly SiteAnnouncement[];
}>;

export function decideAnycast(_input: AnycastInput): DecisionOutcome {
  return { kind: "nothing-helps", reason: "not yet", alternatives: [] };
}

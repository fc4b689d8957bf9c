import type { Network } from "../../model/inventory.ts";
import type { PrefixRate } from "../../model/network-state.ts";
import type { PrependPolicy } from "../../model/policy.ts";
import type { InboundTraffic } from "../../te/bgp-preference.ts";

/** What a decision is made from, once it is known to be complete. */
export type Task = Readonly<{
  policy: PrependPolicy;
  network: Network;
  traffic: InboundTraffic;
  /** Prepends before any change of ours that still stands. */
  standing: InboundTraffic["announced"];
  /** Rates by the intent's link of prefixes that are not on the allow-list, heaviest first. */
  unlisted: readonly PrefixRate[];
  /** Of every cost in scope; empty when no link has one. */
  currency: string;
}>;

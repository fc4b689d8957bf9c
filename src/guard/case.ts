import type { Change } from "../model/change.ts";
import type { Announcement, Decision } from "../model/decision.ts";
import type { Link, Network } from "../model/inventory.ts";
import type { Switches } from "../model/journal.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { Policy } from "../model/policy.ts";

export type GuardInput = Readonly<{
  policy: Policy;
  network: Network;
  state: NetworkState;
  decision: Decision;
  switches: Switches;
  /** What the routers announce now. */
  announcements: readonly Announcement[];
  /** Other changes than this one; those that have ended do not count. */
  changesInFlight: readonly Change[];
  nowMs: number;
}>;

/** What a guard judges on: the facts worked out afresh, nothing that the decision says about itself. */
export type Case = GuardInput & Readonly<{ links: readonly Link[] }>;

import type { Change } from "../model/change.ts";
import type { Announcement, Decision, PrependDecision, SegmentRoutingDecision, Steering } from "../model/decision.ts";
import type { Link, Network } from "../model/inventory.ts";
import type { Switches } from "../model/journal.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { Policy, PrependPolicy, SegmentRoutingPolicy } from "../model/policy.ts";

export type GuardInput = Readonly<{
  policy: Policy;
  network: Network;
  state: NetworkState;
  decision: Decision;
  switches: Switches;
  /** What the routers announce now, on every link of the network: traffic may go to one out of scope. */
  announcements: readonly Announcement[];
  /** What the headends have now for every flow of the inventory. */
  steering: readonly Steering[];
  /** Links and routers that any policy drains. */
  drained: readonly string[];
  /** Changes other than this one that are not over; at a push, without those that only queue for their turn. */
  changesInFlight: readonly Change[];
  /** `push`: the change is about to go to the routers. `propose`: it is only being put forward. */
  phase: "propose" | "push";
  nowMs: number;
}>;

/** What a guard judges on: the facts worked out afresh, nothing that the decision says about itself. */
export type PrependCase = GuardInput &
  Readonly<{ policy: PrependPolicy; decision: PrependDecision; links: readonly Link[] }>;
export type SegmentRoutingCase = GuardInput &
  Readonly<{ policy: SegmentRoutingPolicy; decision: SegmentRoutingDecision; links: readonly Link[] }>;

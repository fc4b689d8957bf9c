import type { Change } from "../model/change.ts";
import type {
  AnycastDecision,
  Decision,
  PrependDecision,
  QosDecision,
  RouterFacts,
  SegmentRoutingDecision,
} from "../model/decision.ts";
import type { Link, Network } from "../model/inventory.ts";
import type { Switches } from "../model/journal.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { AnycastPolicy, Policy, PrependPolicy, QosPolicy, SegmentRoutingPolicy } from "../model/policy.ts";

export type GuardInput = Readonly<{
  policy: Policy;
  network: Network;
  state: NetworkState;
  decision: Decision;
  switches: Switches;
  /** Links and routers that any policy drains. */
  drained: readonly string[];
  /** Changes other than this one that are not over; at a push, without those that only queue for their turn. */
  changesInFlight: readonly Change[];
  /** `push`: the change is about to go to the routers. `propose`: it is only being put forward. */
  phase: "propose" | "push";
  /** When a policy's changes for the decision's target began to reach routers, whatever became of them; without this one. */
  touchedMs: readonly number[];
  /** What was announced before any change of ours that still stands. */
  standing: RouterFacts["announcements"];
  nowMs: number;
}> &
  RouterFacts;

/** What a guard judges on: the facts worked out afresh, nothing that the decision says about itself. */
export type PrependCase = GuardInput &
  Readonly<{ policy: PrependPolicy; decision: PrependDecision; links: readonly Link[] }>;
export type SegmentRoutingCase = GuardInput &
  Readonly<{ policy: SegmentRoutingPolicy; decision: SegmentRoutingDecision; links: readonly Link[] }>;
export type QosCase = GuardInput & Readonly<{ policy: QosPolicy; decision: QosDecision; links: readonly Link[] }>;
export type AnycastCase = GuardInput & Readonly<{ policy: AnycastPolicy; decision: AnycastDecision }>;

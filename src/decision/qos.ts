import type { DecisionOutcome, Intent, InterfaceQos } from "../model/decision.ts";
import type { Network } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { QosPolicy } from "../model/policy.ts";

export type QosInput = Readonly<{
  intent: Intent;
  policy: QosPolicy;
  network: Network;
  state: NetworkState;
  /** What the routers have now, for every link with `qos`. */
  qos: readonly InterfaceQos[];
}>;

export function decideQos(_input: QosInput): DecisionOutcome {
  return { kind: "nothing-helps", reason: "not yet", alternatives: [] };
}

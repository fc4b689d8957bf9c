import { assert } from "../kernel/assert.ts";
import type { DecisionOutcome, Intent, Steering } from "../model/decision.ts";
import type { Network } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { SegmentRoutingPolicy } from "../model/policy.ts";
import { targetsOf } from "../model/scope.ts";
import { backboneOf, drainedEdges } from "../te/backbone.ts";
import { listed } from "./listed.ts";
import { drain } from "./segment-routing/drain.ts";
import { giveBack } from "./segment-routing/give-back.ts";
import { isolate } from "./segment-routing/isolate.ts";
import { mendLatency } from "./segment-routing/mend-latency.ts";
import { nothing } from "./segment-routing/propose.ts";
import { relieveLink } from "./segment-routing/relieve-links.ts";
import { type Task, taskOf } from "./segment-routing/task.ts";

export type SegmentRoutingInput = Readonly<{
  intent: Intent;
  policy: SegmentRoutingPolicy;
  network: Network;
  state: NetworkState;
  /** What the headends have now for every flow of the inventory. */
  steering: readonly Steering[];
  /** Links and routers that any policy drains: nothing is led there. */
  drained: readonly string[];
}>;

/**
 * Which flows to lead along other paths, or why none would help. Ages are the guard's to judge, but a link, flow or headend
 * of which something is not known stops the decision here: no data is never zero.
 */
export function decideSegmentRouting(input: SegmentRoutingInput): DecisionOutcome {
  const { intent, policy, network, state, steering, drained } = input;
  assert(targetsOf(network, policy).includes(intent.target), `the intent's ${intent.target} is in scope of its policy`);
  const known = backboneOf(network, state, steering);
  if ("unknown" in known) {
    const { unknown } = known;
    return nothing(`${listed(unknown)} ${unknown.length === 1 ? "is" : "are"} not known, and no data is never zero`);
  }
  const own = "drain" in policy.scope ? [policy.scope.drain] : [];
  const task = taskOf(policy, known.backbone, drainedEdges(network, known.backbone, [...drained, ...own]));
  return intent.kind === "give-back" ? giveBack(intent, task) : improve(input, task);
}

/** What the change is for follows from what the policy watches. */
function improve({ intent, policy, network, state }: SegmentRoutingInput, task: Task): DecisionOutcome {
  const { scope, trigger } = policy;
  if ("drain" in scope) return drain(intent, task, network);
  if ("links" in scope) {
    const outbound = scope.links.role === "backbone" && trigger.signal.endsWith(".out");
    if (outbound) return relieveLink(intent, task);
    return nothing(
      `segment routing moves what backbone links send, and the policy watches ${trigger.signal} of ${scope.links.role} links`,
    );
  }
  if (trigger.signal === "path.latency.p99") return mendLatency(intent, task, state);
  if (trigger.signal === "path.shared") return isolate(intent, task);
  return nothing(`another path does not change ${trigger.signal}, which the policy watches`);
}

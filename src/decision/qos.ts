import { assert } from "../kernel/assert.ts";
import type { DecisionOutcome, Intent, InterfaceQos } from "../model/decision.ts";
import type { Network } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { QosPolicy } from "../model/policy.ts";
import { servedClass } from "../model/scope.ts";
import { pathLimits, qosInterfaces } from "../te/class-queues.ts";
import { attribute } from "../te/service-level/attribution.ts";
import { listed } from "./listed.ts";
import { giveBack } from "./qos/give-back.ts";
import { improve } from "./qos/improve.ts";
import { nothing } from "./qos/task.ts";

export type QosInput = Readonly<{
  intent: Intent;
  policy: QosPolicy;
  network: Network;
  state: NetworkState;
  /** What the routers have now, for every link with `qos`. */
  qos: readonly InterfaceQos[];
}>;

/**
 * Which interfaces get other queues for a service class, or why none would help. Who is to blame comes first: what is not the
 * network's fault touches nothing. Ages are the guard's to judge, but what is not known stops the decision here: no data is
 * never zero. `blame`: who says it.
 */
export function decideQos(
  { intent, policy, network, state, qos }: QosInput,
  blame: typeof attribute = attribute,
): DecisionOutcome {
  const one = servedClass(network, policy.scope.class);
  assert(one && intent.target === one.name, `the intent's ${intent.target} is the class of its policy`);
  const health = state.classes.get(one.name);
  if (!health) return notKnown([`how ${one.name} stands`]);
  const attribution = intent.kind === "give-back" ? undefined : blame(one, health);
  if (attribution && attribution.verdict !== "network") {
    const { reason, verdict } = attribution;
    const whyNot =
      verdict === "compute" ? "the network is not to blame" : "it is not known that the network is to blame";
    const alternatives = [{ summary: `set queues for ${one.name}`, whyNot }];
    return { kind: "not-network", reason, attribution, alternatives };
  }
  const known = qosInterfaces(network, state, qos);
  if ("unknown" in known) return notKnown(known.unknown);
  const asked = pathLimits(one, health);
  if ("unknown" in asked) return notKnown(asked.unknown);
  const { interfaces } = known;
  if (interfaces.length === 0) return nothing("no link of the inventory has qos: Pointsman may set no queues");
  const task = {
    intent,
    policy,
    network,
    one,
    objectives: health.objectives,
    interfaces,
    limits: asked.limits,
    ...(attribution ? { attribution } : {}),
  };
  return intent.kind === "give-back" ? giveBack(task, intent) : improve(task);
}

function notKnown(unknown: readonly string[]): DecisionOutcome {
  return nothing(`${listed(unknown)} ${unknown.length === 1 ? "is" : "are"} not known, and no data is never zero`);
}

import type { Attribution, ObjectiveReading } from "../../model/class-health.ts";
import type { Alternative, DecisionOutcome, Intent } from "../../model/decision.ts";
import type { Network, ServedClass } from "../../model/inventory.ts";
import type { QosPolicy } from "../../model/policy.ts";
import type { PathLimit, QosInterface } from "../../te/class-queues.ts";

/** What a decision is made from, once it is known to be complete. */
export type Task = Readonly<{
  intent: Intent;
  policy: QosPolicy;
  network: Network;
  /** The class that it is for. */
  one: ServedClass;
  /** How its objectives stand. */
  objectives: readonly ObjectiveReading[];
  interfaces: readonly QosInterface[];
  limits: readonly PathLimit[];
  /** Of an improvement; giving back asks nobody who is to blame. */
  attribution?: Attribution;
}>;

export const nothing = (reason: string, alternatives: readonly Alternative[] = []): DecisionOutcome => ({
  kind: "nothing-helps",
  reason,
  alternatives,
});

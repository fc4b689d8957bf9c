import type { Change } from "../model/change.ts";
import type { PrependDecision } from "../model/decision.ts";
import type { LinkName } from "../model/inventory.ts";

/** A change as it was written before there was segment routing: all were prepends, and each was about a link. */
type Older = Omit<Change, "decision" | "steering"> & {
  decision: Omit<PrependDecision, "action" | "intent"> & { intent: PrependDecision["intent"] & { link: LinkName } };
};

export function readChange(body: string): Change {
  const change = JSON.parse(body) as Change | Older;
  if ("action" in change.decision) return change as Change;
  const { intent, predicted } = change.decision;
  const decision: PrependDecision = {
    ...change.decision,
    action: "bgp-prepend",
    intent: { ...intent, target: intent.link },
    predicted: { ...predicted, flows: [] },
  };
  return { ...change, decision, steering: [] };
}

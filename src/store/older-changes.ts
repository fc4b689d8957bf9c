import type { Change } from "../model/change.ts";
import { correlationOf } from "../model/correlation.ts";
import type { Announcement, PrependDecision, Steering } from "../model/decision.ts";
import type { LinkName } from "../model/inventory.ts";

/** A change as it was written before what came of one breach was joined. */
type Uncorrelated = Omit<Change, "correlation">;
/** A change as it was written while there were prepends and segment routing only. */
type Older = Omit<Uncorrelated, "facts"> & { announcements: readonly Announcement[]; steering: readonly Steering[] };
/** A change as it was written before there was segment routing: all were prepends, and each was about a link. */
type Oldest = Omit<Older, "decision" | "steering"> & {
  decision: Omit<PrependDecision, "action" | "intent"> & { intent: PrependDecision["intent"] & { link: LinkName } };
};

export function readChange(body: string): Change {
  const change = JSON.parse(body) as Change | Uncorrelated | Older | Oldest;
  if ("correlation" in change) return change;
  const whole = withFacts(change);
  const { policy, target, evidence } = whole.decision.intent;
  return { ...whole, correlation: correlationOf(policy, target, evidence[0]?.atMs ?? whole.createdMs) };
}

function withFacts(change: Uncorrelated | Older | Oldest): Uncorrelated {
  if ("facts" in change) return change;
  const { announcements, steering, decision, ...rest } =
    "action" in change.decision ? (change as Older) : withAction(change as Oldest);
  return { ...rest, decision, facts: { announcements, steering, qos: [], sites: [] } };
}

function withAction(change: Oldest): Older {
  const { intent, predicted } = change.decision;
  const decision: PrependDecision = {
    ...change.decision,
    action: "bgp-prepend",
    intent: { ...intent, target: intent.link },
    predicted: { ...predicted, flows: [] },
  };
  return { ...change, decision, steering: [] };
}

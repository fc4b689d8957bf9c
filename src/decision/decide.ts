import { assert } from "../kernel/assert.ts";
import type { DecisionOutcome, Steering } from "../model/decision.ts";
import { isPrepend, isSegmentRouting, type Policy } from "../model/policy.ts";
import { decidePrepend, type PrependInput } from "./prepend.ts";
import { decideSegmentRouting } from "./segment-routing.ts";

/** What a policy's action can do about an intent. Each action reads what it needs: announcements, or steering. */
export function decide(
  input: Omit<PrependInput, "policy"> &
    Readonly<{ policy: Policy; steering: readonly Steering[]; drained: readonly string[] }>,
): DecisionOutcome {
  const { policy } = input;
  if (isSegmentRouting(policy)) return decideSegmentRouting({ ...input, policy });
  assert(isPrepend(policy), `${policy.name} moves traffic between links`);
  return decidePrepend({ ...input, policy });
}

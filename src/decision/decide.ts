import { assert } from "../kernel/assert.ts";
import type { DecisionOutcome, Intent, RouterFacts } from "../model/decision.ts";
import type { Network } from "../model/inventory.ts";
import type { NetworkState, PrefixRate } from "../model/network-state.ts";
import { isAnycast, isPrepend, isQos, isSegmentRouting, type Policy } from "../model/policy.ts";
import { decideAnycast } from "./anycast.ts";
import { decidePrepend } from "./prepend.ts";
import { decideQos } from "./qos.ts";
import { decideSegmentRouting } from "./segment-routing.ts";

export type DecisionInput = Readonly<{
  intent: Intent;
  policy: Policy;
  network: Network;
  state: NetworkState;
  /** Rates by the intent's link of prefixes that are not on the allow-list, heaviest first: only to be named. */
  unlisted: readonly PrefixRate[];
  /** Links and routers that any policy drains. */
  drained: readonly string[];
  /** What was announced before any change of ours that still stands. */
  standing: RouterFacts["announcements"];
}> &
  RouterFacts;

/** What a policy's action can do about an intent. Each action takes of the routers' facts what it needs. */
export function decide(input: DecisionInput): DecisionOutcome {
  const { policy } = input;
  if (isSegmentRouting(policy)) return decideSegmentRouting({ ...input, policy });
  if (isQos(policy)) return decideQos({ ...input, policy });
  if (isAnycast(policy)) return decideAnycast({ ...input, policy });
  assert(isPrepend(policy), `${policy.name} moves traffic between links`);
  return decidePrepend({ ...input, policy });
}

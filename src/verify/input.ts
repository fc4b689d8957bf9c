import type { Decision, Verdict } from "../model/decision.ts";
import type { Network } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { Policy } from "../model/policy.ts";

export type VerifyInput = Readonly<{
  policy: Policy;
  network: Network;
  decision: Decision;
  /** What was measured right before the commit. */
  before: NetworkState;
  now: NetworkState;
  /** When the last device had it. */
  pushedMs: number;
  nowMs: number;
}>;

export type Finding = Verdict["findings"][number];

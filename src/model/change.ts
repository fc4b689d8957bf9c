import type { FailureFacts } from "../kernel/failure.ts";
import type { Correlation } from "./correlation.ts";
import type { Decision, GuardFinding, RouterFacts, Verdict } from "./decision.ts";
import type { DeviceStep, Trial } from "./device.ts";
import type { Mode, Policy } from "./policy.ts";

/** One step per device. Steps are prepared, put on trial and undone on all at once; `confirmationOrder` says how they are confirmed. */
export type ChangePlan = Readonly<{ steps: readonly DeviceStep[] }>;

export const changeStates = [
  "proposed",
  "dry-run",
  "awaiting-approval",
  "preparing",
  "committing",
  "verifying",
  "confirming",
  "confirmed",
  "rejected",
  "expired",
  "aborted", // stopped before anything reached a running configuration
  "rolling-back",
  "rolled-back",
  "stuck", // could be neither finished nor undone: pages a person
] as const;
export type ChangeState = (typeof changeStates)[number];

/** Over for good. A stuck change is not: it stays open, and blocks, until a person has seen to it. */
export const finalStates: readonly ChangeState[] = ["confirmed", "rejected", "expired", "aborted", "rolled-back"];

/** Not on any router, but may be before long. */
export const waitingStates: readonly ChangeState[] = ["proposed", "dry-run", "awaiting-approval"];

/** It may be on a router now, in part, or be left there unfinished. */
export const onRouterStates: readonly ChangeState[] = [
  "preparing",
  "committing",
  "verifying",
  "confirming",
  "rolling-back",
  "stuck",
];

/** That a person, or a kill, wants it stopped. */
export type Stop = Readonly<{ by: string; reason: string }>;

export type Approval = Readonly<{ by: string; atMs: number }>;

/** How many must approve; with `reasons`, more than the policy asks for, and unattended automation asks too. */
export type ApprovalsNeeded = Readonly<{ people: number; reasons: readonly string[] }>;

/** When the change reached each point, ms since the epoch. */
export type ChangeTimes = Readonly<{
  /** Source time of the sample that crossed the threshold. */
  crossedMs?: number;
  detectedMs?: number;
  decidedMs?: number;
  dryRunMs?: number;
  approvedMs?: number;
  /** When the routers were asked for their locks, to prepare the change. */
  pushStartedMs?: number;
  /** Just before the first router was told to put it on trial: no router's timer started earlier. */
  trialMs?: number;
  committedMs?: number;
  verifiedMs?: number;
  endedMs?: number;
  /** Each state as it was reached, oldest first; one may come twice. */
  reached?: readonly Readonly<{ state: ChangeState; atMs: number }>[];
}>;

/** Everything about one change: journaled whole at every transition, before the transition's effect. */
export type Change = Readonly<{
  id: string;
  state: ChangeState;
  /** `operator` for a rollback that a person asked for. */
  origin: Readonly<{ kind: "policy"; policy: string } | { kind: "operator"; by: string; undoes: string }>;
  mode: Mode;
  /** Why a person is asked although the policy is in `auto`. */
  lowered?: string;
  correlation: Correlation;
  /** The rules it was made under: a later edit of the policy file does not change them. */
  policy: Policy;
  decision: Decision;
  /** What the routers had when it was decided; the plan's `basis` holds them to it. */
  facts: RouterFacts;
  plan: ChangePlan;
  /** Unified diff by device: the device's own, from the dry run. */
  diffs: Readonly<Record<string, string>>;
  guards: readonly GuardFinding[];
  approvals: readonly Approval[];
  /** Of the time it was made; absent where that was before such a thing was known. */
  needs?: ApprovalsNeeded;
  createdMs: number;
  expiresMs: number;
  trial: Trial;
  verdict?: Verdict;
  /** It is not to be confirmed any more, whatever the verdict; holds over a restart. */
  stop?: Stop;
  /** Why it ended as it did, when that is not success. */
  outcome?: FailureFacts;
  times: ChangeTimes;
}>;

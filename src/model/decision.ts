import type { BitsPerSecond, Ratio } from "../kernel/units.ts";
import type { DeviceName, LinkName, Prefix } from "./inventory.ts";
import type { SignalName } from "./network-state.ts";

/** How a prefix is announced on a link, as read from the router. A prefix that is not announced there has no entry. */
export type Announcement = Readonly<{ prefix: Prefix; link: LinkName; device: DeviceName; prepends: number }>;

/** Own AS prepended `to` times instead of `from` times for `prefix` on `link`. */
export type PrependChange = Readonly<{
  action: "bgp-prepend";
  device: DeviceName;
  link: LinkName;
  prefix: Prefix;
  from: number;
  to: number;
}>;

/** What a policy wants done, and the evidence for it. */
export type Intent = Readonly<{
  policy: string;
  link: LinkName;
  signal: SignalName;
  threshold: number;
  /** The evaluations that fired it, oldest first. */
  evidence: readonly Readonly<{ atMs: number; value: number }>[];
}> &
  (
    | Readonly<{ kind: "relieve" }>
    /** The peak is over and has stayed over: undo what `changeId` did. */
    | Readonly<{ kind: "give-back"; changeId: string; changes: readonly PrependChange[] }>
  );

export type LinkPrediction = Readonly<{
  link: LinkName;
  before: Readonly<{ utilisation: Ratio; costPerHour: number }>;
  after: Readonly<{ utilisation: Ratio; costPerHour: number }>;
  /** Utilisation when the worst other single link fails, after the change. */
  afterWorstFailure: Ratio;
}>;

export type Prediction = Readonly<{
  links: readonly LinkPrediction[];
  costPerHour: Readonly<{ before: number; after: number; currency: string }>;
  moved: BitsPerSecond;
  /** `moved` as a share of all inbound traffic in scope. */
  movedShare: Ratio;
}>;

export type Alternative = Readonly<{ summary: string; whyNot: string }>;

export type Decision = Readonly<{
  intent: Intent;
  changes: readonly PrependChange[];
  /** One or two sentences for a person. */
  reason: string;
  predicted: Prediction;
  alternatives: readonly Alternative[];
}>;

export type DecisionOutcome =
  | Readonly<{ kind: "change"; decision: Decision }>
  | Readonly<{ kind: "nothing-helps"; reason: string; alternatives: readonly Alternative[] }>;

/** One guard's word. A change goes ahead only when every guard allows it. */
export type GuardFinding = Readonly<{ guard: string; allow: boolean; reason: string }>;

export type Verdict = Readonly<{
  outcome: "better" | "worse" | "silent";
  findings: readonly Readonly<{ text: string; held: boolean }>[];
}>;

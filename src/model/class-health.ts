import type { Measured } from "./signal.ts";

/** `class.risk` and `class.stress` go no higher: a share of a limit, finite whatever was measured. */
export const mostOverLimit = 1_000;

/** How one objective stands. What is not known is absent: no data is never "fine". */
export type ObjectiveReading = Readonly<{
  /** The objective's text. */
  objective: string;
  /** The percentile over the whole window, in the signal's unit; `Infinity` in a histogram's last bucket. */
  value?: number;
  /** The percentile over the fast burn's short window: what a change is verified by. */
  recent?: Measured;
  /** Burn rate as a share of its limit, 1 is at the limit: the lower of the long and the short window's. */
  burn: Readonly<{ fast?: number; slow?: number }>;
  /** Until the percentile crosses the threshold at the present slope; absent when that is not in sight. 0: broken now. */
  breachInMs?: number;
  /** Why something is absent. */
  unknown?: string;
}>;

export type ConditionReading = Readonly<{ text: string; heldMs: number; forMs: number; unknown?: string }>;

/** Values of one signal, oldest first, one an interval: a histogram's is its mean over that interval. */
export type SignalSeries = Readonly<{ atMs: Float64Array; values: Float64Array }>;

/** How a service class stands: `class.risk` and `class.stress` are the worst of it. */
export type ClassHealth = Readonly<{
  objectives: readonly ObjectiveReading[];
  conditions: readonly ConditionReading[];
  /** By signal: the last hour at most, for attribution. */
  series: ReadonlyMap<string, SignalSeries>;
  /** By signal that is the worst of flows or queues, and by their names: which of them got worse. */
  parts?: ReadonlyMap<string, ReadonlyMap<string, SignalSeries>>;
  /** What makes `class.risk` what it is, for people: `"first-token p95 below 500ms: burns 3.1 times the fast limit"`. */
  why: string;
}>;

/** A signal held against the symptom. */
export type AttributionEvidence = Readonly<{
  signal: string;
  of: "path" | "compute";
  /** The flow or queue whose figures these are; absent where they are the signal's own. */
  part?: string;
  /** Median before the symptom began, and now, in the signal's unit. */
  baseline: number;
  now: number;
  /** Now is beyond what its baseline breathes. */
  raised: boolean;
  /** Pearson's, at the lag where it is strongest; `lagMs` > 0: the signal leads the symptom. Null where either does not move. */
  correlation: number | null;
  lagMs: number;
}>;

/** Who is to blame for a class at risk. Only `network` leads to a change. */
export type Attribution = Readonly<{
  verdict: "network" | "compute" | "unclear";
  /** What users feel: the service or path signal whose objective or condition is at risk. */
  symptom: string;
  reason: string;
  evidence: readonly AttributionEvidence[];
}>;

import type { Observation } from "./observe.ts";
import type { Displacement } from "./reclaim.ts";

/** `stale`: given up before it reached a router, as someone else had changed one since it was decided. */
export const outcomes = ["confirmed", "rolled-back", "rejected", "expired", "aborted", "stale", "stuck"] as const;
export type Outcome = (typeof outcomes)[number];

/** A look at the link. `reclaim` is null when nothing is displaced, or when what would come back is not known. */
export type Evaluated = Readonly<{
  type: "evaluated";
  atMs: number;
  observation: Observation;
  reclaim: Readonly<{ displacement: Displacement; predicted: number }> | null;
  frozen: boolean;
}>;

export type PolicyEvent =
  | Evaluated
  /** The loop made a proposal of the intent. */
  | Readonly<{ type: "proposed"; changeId: string }>
  /** The decision found nothing, or a guard denied it. */
  | Readonly<{ type: "nothing-done"; reason: string; atMs: number }>
  /** Approved, and being made. */
  | Readonly<{ type: "changing" }>
  | Readonly<{ type: "ended"; outcome: Outcome; atMs: number }>;

import type { Result } from "../kernel/failure.ts";
import type { Mode } from "./policy.ts";
import type { TargetStatus } from "./sample.ts";

/** How a policy is looked after. */
export type PolicyVitals = Readonly<{
  policy: string;
  /** How often it is to look at its targets, at least: it looks for samples, and for their absence. */
  dueMs: number;
  /** When it last did; absent before the first time. */
  lookedMs?: number;
  /** As written in its file, and as earned. */
  mode: Readonly<{ written: Mode; earned: Mode }>;
  /** Mean prediction error of its last changes, and what it may be; shares of a link's capacity. */
  meanError?: number;
  maxPredictionError: number;
}>;

/** A router that streams, `prometheus`, `anycast <service>`, or `rpki <host>:<port>`, which says who may originate and measures nothing. */
export type SourceVitals = Readonly<{
  source: string;
  tells: "samples" | "route-origins";
  state: TargetStatus["state"];
  /**
   * When the newest sample was taken, by the source's clock, but never after it came; of a cache, when it last said all of what counts of
   * its word. Absent before the first.
   */
  newestMs?: number;
}>;

/** How the controller itself is doing. */
export type Vitals = Readonly<{
  atMs: number;
  startedMs: number;
  /** A bug, or a journal that cannot be written, has stopped the loop. */
  failed: boolean;
  policies: readonly PolicyVitals[];
  sources: readonly SourceVitals[];
  /** Samples that cannot be what they are said to be. */
  refusedSamples: number;
  /** Series that name what the inventory does not have. */
  unknownSeries: number;
  /** Changes that a predecessor left under way, and that are not over yet. */
  recovering: number;
  journalEntries: number;
}>;

export interface Watch {
  vitals(): Promise<Vitals>;
  journalWritable(): Promise<Result<void>>;
}

import type { Ratio } from "../kernel/units.ts";
import type { SignalName } from "./signal.ts";

export const classUnits = ["ms", "ratio", "rate", "count"] as const;
/** What a class's signal is in: milliseconds (queries answer in seconds), shares of 1, bit/s, or a plain number. */
export type ClassUnit = (typeof classUnits)[number];

/** Where a class's signal comes from. */
export type ClassSignalSource = Readonly<
  /** PromQL that answers with one number. */
  | { query: string }
  /**
   * PromQL that answers with cumulative bucket counters by label `le`, without `rate`: `x_bucket{pool="a"}`. Of every process
   * its own: where a query sums them, a restart leaves an interval unknown, and a scrape that comes back counts as observed.
   */
  | { histogram: string }
  /** A signal that telemetry has anyway: the worst over the class's flows, or over its queues. */
  | { signal: SignalName }
>;

/**
 * Something measured about a class. `service` is what its users feel, `path` what the network does to it, `compute` what the
 * machines that serve it do. Attribution weighs the last two against the first.
 */
export type ClassSignal = Readonly<{
  name: string;
  of: "service" | "path" | "compute";
  unit: ClassUnit;
  source: ClassSignalSource;
}>;

/** Long windows have a short one, a twelfth of it, that must agree: a burn that is over has stopped there first. */
export type BurnWindow = Readonly<{ windowMs: number; limit: number }>;

/**
 * `percentile` of the signal is `below` (or above) `threshold` over `windowMs`. So a share of 1 - percentile may be on the
 * wrong side: that is the budget, and the burn rate is how many times faster than that it is used up.
 */
export type Objective = Readonly<{
  /** As it is written: `"first-token p95 below 500ms"`. Names it within its class. */
  text: string;
  signal: string;
  percentile: Ratio;
  comparator: "below" | "above";
  /** In the signal's unit. */
  threshold: number;
  windowMs: number;
  burn: Readonly<{ fast: BurnWindow; slow: BurnWindow }>;
  /** It also counts as at risk when it will be broken within this, at the present slope. */
  forecastMs: number;
}>;

/** `"path-latency above 10ms"`, `"first-token over objective"`, `"rtt above baseline"`. */
export type ClassCondition = Readonly<{
  text: string;
  signal: string;
  comparator: "below" | "above";
  threshold: Readonly<{ value: number } | "objective" | "baseline">;
}>;

/** All at once, for as long as this: then the class is at risk, whatever its objectives say. */
export type CompositeCondition = Readonly<{ all: readonly ClassCondition[]; forMs: number }>;

/** Traffic that is told apart by its DSCP, what it needs, and what may be done for it. */
export type ServiceClass = Readonly<{
  /** RFC 2474: 0 to 63. */
  dscp: number;
  /** What its queue and forwarding group are called on routers. */
  queue: string;
  /** Of the SR policies of its flows (RFC 9256 2.1). */
  color?: number;
  /** 0 is served first, 7 last. */
  priority: number;
  /** Share of every interface that it is never held under. */
  floor: Ratio;
  /** Classes that may be held back in its favour, in this order; all are served after it. */
  sheds: readonly string[];
  /** How often it may be touched. */
  budget: Readonly<{ changes: number; perMs: number }>;
  /** Reads in parallel that one request waits for: 1 is none. */
  fanOut: number;
  signals: readonly ClassSignal[];
  objectives: readonly Objective[];
  conditions: readonly CompositeCondition[];
}>;

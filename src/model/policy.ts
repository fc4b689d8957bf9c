import type { Ratio } from "../kernel/units.ts";
import type { Link } from "./inventory.ts";
import type { SignalName } from "./network-state.ts";

export type Mode = "observe" | "propose" | "auto";

/** `"link.utilisation.in below 85%"`: true of every link in scope. Percentages are ratios here. */
export type Condition = Readonly<{
  text: string;
  signal: SignalName;
  comparator: "below" | "above";
  threshold: number;
}>;

export type Policy = Readonly<{
  name: string;
  description: string;
  mode: Mode;
  scope: Readonly<{ links: Readonly<{ role: Link["role"] }> }>;
  trigger: Readonly<{
    signal: SignalName;
    above: number;
    /** Hysteresis: below `above`; a breach ends, and traffic may go back, only under it. */
    clear: number;
    /** Breach when `count` of the last `of` evaluations were above. */
    for: Readonly<{ count: number; of: number }>;
    everyMs: number;
  }>;
  decide: Readonly<{
    action: "bgp-prepend";
    objective: "cost" | "balance";
    /** Cap on prepends of one prefix on one link, those already there included. */
    maxPrepends: number;
    /** What every link in scope must be under after the change. */
    target: Ratio;
  }>;
  guard: Readonly<{
    maxDevices: number;
    /** Share of all inbound traffic in scope that one change may move. */
    maxTrafficMoved: Ratio;
    /** A sample older than this many telemetry intervals is stale. */
    freshnessIntervals: number;
    /** Share of a link's measured traffic that per-prefix rates must explain. */
    coverage: Ratio;
    /** No single link failure may leave links more loaded after the change than the same failure would before it. */
    surviveAnyLinkFailure: boolean;
  }>;
  approve: Readonly<{ people: number; expiresMs: number }>;
  verify: Readonly<{ observeMs: number; require: readonly Condition[]; forbid: readonly Condition[] }>;
  /** No second move of the same link's traffic before this, and how long a peak must be over before traffic goes back. */
  holdMs: number;
}>;

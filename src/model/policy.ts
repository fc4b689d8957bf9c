import type { Ratio } from "../kernel/units.ts";
import type { DeviceName, Link, LinkName } from "./inventory.ts";
import type { SignalName } from "./network-state.ts";

export type Mode = "observe" | "propose" | "auto";

/** `"link.utilisation.in below 85%"`: true of every link in scope. Percentages are ratios here. */
export type Condition = Readonly<{
  text: string;
  signal: SignalName;
  comparator: "below" | "above";
  threshold: number;
}>;

/** What a policy watches: each of these links, each flow of a class, or one link or router that is to be emptied. */
export type Scope = Readonly<
  | { links: Readonly<{ role: Link["role"] }> }
  | { flows: Readonly<{ class: string }> }
  | { drain: LinkName | DeviceName }
>;

export type PrependAim = Readonly<{
  action: "bgp-prepend";
  objective: "cost" | "balance";
  /** Cap on prepends of one prefix on one link, those already there included. */
  maxPrepends: number;
  /** What every link in scope must be under after the change. */
  target: Ratio;
}>;

/** What for, the scope and the signal say: a link that is too full, a path too slow, a class not apart, a drain. */
export type SegmentRoutingAim = Readonly<{
  action: "segment-routing";
  /** What every link that gets more traffic must be under after the change. */
  target: Ratio;
  /** Of a new path, 3 at most. */
  maxSegments: number;
}>;

export type Policy = Readonly<{
  name: string;
  description: string;
  mode: Mode;
  scope: Scope;
  trigger: Readonly<{
    signal: SignalName;
    above: number;
    /** Hysteresis: below `above`; a breach ends, and traffic may go back, only under it. */
    clear: number;
    /** Breach when `count` of the last `of` evaluations were above. */
    for: Readonly<{ count: number; of: number }>;
    everyMs: number;
  }>;
  decide: PrependAim | SegmentRoutingAim;
  guard: Readonly<{
    maxDevices: number;
    /** Share that one change may move: of all inbound traffic in scope; with segment routing, of what any one link carries. */
    maxTrafficMoved: Ratio;
    /** A sample older than this many telemetry intervals is stale. */
    freshnessIntervals: number;
    /** Share of a link's measured traffic that prefix rates must explain; of what flows claim to bring to a link, the share that must be measured there. */
    coverage: Ratio;
    /** No single link failure may leave links more loaded after the change than the same failure would before it. */
    surviveAnyLinkFailure: boolean;
  }>;
  approve: Readonly<{ people: number; expiresMs: number }>;
  verify: Readonly<{ observeMs: number; require: readonly Condition[]; forbid: readonly Condition[] }>;
  /** No second move of the same link's traffic before this, and how long a peak must be over before traffic goes back. */
  holdMs: number;
}>;

export type PrependPolicy = Policy & Readonly<{ scope: { links: { role: Link["role"] } }; decide: PrependAim }>;
export type SegmentRoutingPolicy = Policy & Readonly<{ decide: SegmentRoutingAim }>;

export const isPrepend = (policy: Policy): policy is PrependPolicy => policy.decide.action === "bgp-prepend";
export const isSegmentRouting = (policy: Policy): policy is SegmentRoutingPolicy =>
  policy.decide.action === "segment-routing";

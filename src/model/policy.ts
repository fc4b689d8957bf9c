import type { Ratio } from "../kernel/units.ts";
import type { DeviceName, Link, LinkName } from "./inventory.ts";
import type { SignalName } from "./signal.ts";

export type Mode = "observe" | "propose" | "auto";

/** `"link.utilisation.in below 85%"`: true of every link in scope. Percentages are ratios here. */
export type Condition = Readonly<{
  text: string;
  signal: SignalName;
  comparator: "below" | "above";
  threshold: number;
}>;

/** What a policy watches: links, flows of a class, one link or router that is to be emptied, a service class, or the sites of an anycast service. */
export type Scope = Readonly<
  | { links: Readonly<{ role: Link["role"] }> }
  | { flows: Readonly<{ class: string }> }
  | { drain: LinkName | DeviceName }
  | { class: string }
  | { anycast: string }
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

/** Queues of the interfaces on which a service class stands in line. */
export type QosAim = Readonly<{
  action: "qos";
  /** What the class and those served before it may take of an interface: with more than this, queues do not help. */
  target: Ratio;
  maxInterfaces: number;
}>;

/** Takes a site that is not well out of its anycast service, in two steps: drained, then withdrawn. */
export type AnycastAim = Readonly<{
  action: "anycast-drain";
  /** Of a drained site's announcement. */
  prepends: number;
}>;

/** An `auto` policy asks a person while its last `over` changes missed their predictions by more than `maxPredictionError` on average. */
export type Autonomy = Readonly<{
  /** As a share of a link's capacity, see `PredictionError`. */
  maxPredictionError: Ratio;
  over: number;
}>;

export type Policy = Readonly<{
  name: string;
  description: string;
  /** Whoever wrote it, by the name that they approve under. */
  author?: string;
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
  decide: PrependAim | SegmentRoutingAim | QosAim | AnycastAim;
  guard: Readonly<{
    maxDevices: number;
    /** Share that one change may move: of all inbound traffic in scope; with segment routing, of what any one link carries; with QoS, what it may hold back of an interface's traffic. */
    maxTrafficMoved: Ratio;
    /** A sample older than this many telemetry intervals is stale. */
    freshnessIntervals: number;
    /** Share of a link's measured traffic that prefix rates must explain; of what flows claim to bring to a link, the share that must be measured there. */
    coverage: Ratio;
    /** No single link failure may leave links more loaded after the change than the same failure would before it. */
    surviveAnyLinkFailure: boolean;
  }>;
  approve: Readonly<{
    people: number;
    expiresMs: number;
    /** The author cannot approve. */
    notAuthor?: boolean;
    /** Whether a deletion needs two people, or what any change of this policy needs; absent is `two-people`. */
    deletions?: "two-people" | "like-any-change";
  }>;
  verify: Readonly<{ observeMs: number; require: readonly Condition[]; forbid: readonly Condition[] }>;
  /** When an `auto` policy must ask; `usualAutonomy` where it does not say. */
  autonomy?: Autonomy;
  /** No second move of the same link's traffic before this, and how long a peak must be over before traffic goes back. */
  holdMs: number;
}>;

export type PrependPolicy = Policy & Readonly<{ scope: { links: { role: Link["role"] } }; decide: PrependAim }>;
export type SegmentRoutingPolicy = Policy & Readonly<{ decide: SegmentRoutingAim }>;

export const isPrepend = (policy: Policy): policy is PrependPolicy => policy.decide.action === "bgp-prepend";
export const isSegmentRouting = (policy: Policy): policy is SegmentRoutingPolicy =>
  policy.decide.action === "segment-routing";
export type QosPolicy = Policy & Readonly<{ scope: { class: string }; decide: QosAim }>;
export type AnycastPolicy = Policy & Readonly<{ scope: { anycast: string }; decide: AnycastAim }>;
export const isQos = (policy: Policy): policy is QosPolicy => policy.decide.action === "qos";
export const isAnycast = (policy: Policy): policy is AnycastPolicy => policy.decide.action === "anycast-drain";

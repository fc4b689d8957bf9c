import { type BitsPerSecond, bitsPerSecond, type Ratio } from "../kernel/units.ts";
import type { SiteAnnouncement, SiteState } from "./anycast.ts";
import type { Attribution } from "./class-health.ts";
import type { DeviceName, FlowName, LinkName, Prefix, SiteName } from "./inventory.ts";
import type { SignalName } from "./signal.ts";

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

/** One candidate path of an SR policy (RFC 9256 2.2): `segments` are the nodes after the headend, the endpoint included. */
export type CandidatePath = Readonly<{ preference: number; segments: readonly DeviceName[] }>;

export const samePath = (a: CandidatePath, b: CandidatePath): boolean =>
  a.preference === b.preference && a.segments.join() === b.segments.join();

/** The same candidate paths, in whatever order. */
export const samePaths = (a: readonly CandidatePath[], b: readonly CandidatePath[]): boolean =>
  a.length === b.length && a.every((path) => b.some((other) => samePath(path, other)));

/** A flow's SR policy as its headend has it: the path in use first; without any, the IGP carries the flow. */
export type Steering = Readonly<{ flow: FlowName; device: DeviceName; paths: readonly CandidatePath[] }>;

/**
 * A flow's SR policy changed. Make before break: a change that gives it another path puts that above the one in use and
 * leaves that one in place; what is not in use may go.
 */
export type SegmentRoutingChange = Readonly<{
  action: "segment-routing";
  /** The headend; with color and endpoint it names the SR policy. */
  device: DeviceName;
  color: number;
  endpoint: DeviceName;
  flow: FlowName;
  from: readonly CandidatePath[];
  to: readonly CandidatePath[];
}>;

/** What a class gets on an interface. */
export type ClassShare = Readonly<{
  class: string;
  /** What it is sure of whenever it has traffic. */
  guaranteed: BitsPerSecond;
  /** It is shaped to this; the link's capacity when it is not held back. */
  ceiling: BitsPerSecond;
  /** 0 is served first. */
  priority: number;
  /**
   * ECN marks (or where a sender has no ECN, drops) begin at `minBytes` in the queue, and end all else at `maxBytes` (RFC 7567, 3168).
   * `linux-htb` keeps `minBytes` and does not apply it: its queues only end, at `maxBytes`.
   */
  mark: Readonly<{ minBytes: number; maxBytes: number }>;
}>;

export const sameShares = (a: readonly ClassShare[], b: readonly ClassShare[]): boolean =>
  a.length === b.length && a.every((share, index) => String(valuesOf(share)) === String(valuesOf(b[index] ?? share)));

/** In one order, whatever order its maker wrote them in. */
const valuesOf = ({ class: name, guaranteed, ceiling, priority, mark }: ClassShare) => [
  ...[name, guaranteed, ceiling, priority],
  ...[mark.minBytes, mark.maxBytes],
];

/** What the network itself says: routing protocols, BFD (RFC 4594 3.1: CS6, and CS7 of what is kept for it). No service class has these. */
export const controlDscps: readonly number[] = [48, 56];

/**
 * Bit/s of an interface that are kept for its control queue, which every interface has beside those of its classes, served before
 * them and with no ceiling. So classes are sure of what is left. 1% of the line; where that is less than 64 kbit/s, as
 * much as that, up to a tenth of the line. In whole kbit/s, as routers count.
 */
export function controlShare(capacity: BitsPerSecond): BitsPerSecond {
  const least = Math.min(64_000, capacity / 10);
  return bitsPerSecond(Math.ceil(Math.max(capacity / 100, least) / 1000) * 1000);
}

/** The longest control queue: 100 packets of full size, as many as a session sends at once when routes change. */
export const controlQueueBytes = 150_000;

/** The queues of an interface as its router has them, by priority and class; none: one plain queue for all. */
export type InterfaceQos = Readonly<{ link: LinkName; device: DeviceName; shares: readonly ClassShare[] }>;

/** All queues of one interface, replaced as a whole; `shares` as in `InterfaceQos`. */
export type QosChange = Readonly<{
  action: "qos";
  device: DeviceName;
  link: LinkName;
  from: readonly ClassShare[];
  to: readonly ClassShare[];
}>;

export type AnycastChange = Readonly<{
  action: "anycast-drain";
  device: DeviceName;
  link: LinkName;
  site: SiteName;
  prefix: Prefix;
  /** Own AS prepended while drained. */
  prepends: number;
  from: SiteState;
  to: SiteState;
}>;

/** All of one action. */
export type Changes =
  | readonly PrependChange[]
  | readonly SegmentRoutingChange[]
  | readonly QosChange[]
  | readonly AnycastChange[];

/** What routers have now, as they say themselves: whatever decisions and guards rest on beside telemetry. */
export type RouterFacts = Readonly<{
  announcements: readonly Announcement[];
  steering: readonly Steering[];
  /** Of every link with `qos`. */
  qos: readonly InterfaceQos[];
  /** Of every anycast site, link by link. */
  sites: readonly SiteAnnouncement[];
}>;

/** What a class offered to an interface when it was held back there: it may have been asked to send less since. */
export type Demand = Readonly<{ link: LinkName; class: string; offered: BitsPerSecond }>;

/** What a policy wants done, and the evidence for it. */
export type Intent = Readonly<{
  policy: string;
  /** The link, flow, class or site it is about; of a drain, the link or router. */
  target: string;
  signal: SignalName;
  threshold: number;
  /** The evaluations that fired it, oldest first. */
  evidence: readonly Readonly<{ atMs: number; value: number }>[];
}> &
  (
    | Readonly<{ kind: "relieve" }>
    /** The peak is over and has stayed over: undo what `changeId` did. */
    | Readonly<{ kind: "give-back"; changeId: string; changes: Changes; demands?: readonly Demand[] }>
  );

export type LinkPrediction = Readonly<{
  link: LinkName;
  before: Readonly<{ utilisation: Ratio; costPerHour: number }>;
  after: Readonly<{ utilisation: Ratio; costPerHour: number }>;
  /** Utilisation when the worst other single link fails, after the change. */
  afterWorstFailure: Ratio;
}>;

/** Where a flow runs: every link of its (equal-cost) paths, from the headend on, and the delay over the slowest. */
export type FlowPath = Readonly<{ links: readonly LinkName[]; delayMs: number }>;

export type FlowPrediction = Readonly<{ flow: FlowName; rate: BitsPerSecond; before: FlowPath; after: FlowPath }>;

/** One class on one interface; delay is the 99th percentile of the wait for the line, absent where it is not known. */
export type QueuePrediction = Readonly<{
  link: LinkName;
  class: string;
  offered: BitsPerSecond;
  before: Readonly<{ carried: BitsPerSecond; delayP99Ms?: number }>;
  after: Readonly<{ carried: BitsPerSecond; delayP99Ms?: number }>;
}>;

/**
 * Share of requests that wait for at least one slow path, of `paths` in parallel: 1 - (1 - p)^n. `slowShare` is as measured before
 * the change, or, where that is not known, as the objective on the path allows.
 */
export type FanOutTail = Readonly<{
  paths: number;
  slowShare: Ratio;
  slowRequests: Ratio;
  basis: "measured" | "allowed";
}>;

export type Prediction = Readonly<{
  links: readonly LinkPrediction[];
  /** The flows that are moved; none of a prepend. */
  flows: readonly FlowPrediction[];
  /** Of a QoS change, every class on every interface changed. */
  queues?: readonly QueuePrediction[];
  /** Of what concerns a service class with fan-out. */
  fanOut?: FanOutTail;
  costPerHour: Readonly<{ before: number; after: number; currency: string }>;
  moved: BitsPerSecond;
  /** `moved` as a share of all traffic that the policy could move. */
  movedShare: Ratio;
}>;

export type Alternative = Readonly<{ summary: string; whyNot: string }>;

type DecisionOf<Change extends { action: string }> = Readonly<{
  action: Change["action"];
  intent: Intent;
  changes: readonly Change[];
  /** One or two sentences for a person. */
  reason: string;
  /** Of what is done for a service class. */
  attribution?: Attribution;
  predicted: Prediction;
  alternatives: readonly Alternative[];
}>;

export type PrependDecision = DecisionOf<PrependChange>;
export type SegmentRoutingDecision = DecisionOf<SegmentRoutingChange>;
export type QosDecision = DecisionOf<QosChange>;
export type AnycastDecision = DecisionOf<AnycastChange>;
export type Decision = PrependDecision | SegmentRoutingDecision | QosDecision | AnycastDecision;

export type DecisionOutcome =
  | Readonly<{ kind: "change"; decision: Decision }>
  | Readonly<{ kind: "nothing-helps"; reason: string; alternatives: readonly Alternative[] }>
  /** Not the network's fault, or not known to be: nothing on it is touched. */
  | Readonly<{
      kind: "not-network";
      reason: string;
      attribution: Attribution;
      alternatives: readonly Alternative[];
    }>;

/** One guard's word. A change goes ahead only when every guard allows it. */
export type GuardFinding = Readonly<{ guard: string; allow: boolean; reason: string }>;

/** Where a change's effect was furthest from what was predicted of it. All are shares of the link's capacity. */
export type PredictionError = Readonly<{
  /** The link, or a queue of it (`queueName`). */
  of: string;
  predicted: number;
  measured: number;
  /** |predicted - measured| */
  error: number;
}>;

export type Verdict = Readonly<{
  outcome: "better" | "worse" | "silent";
  findings: readonly Readonly<{ text: string; held: boolean }>[];
  /** Absent where nothing that was predicted could be measured. */
  predictionError?: PredictionError;
}>;

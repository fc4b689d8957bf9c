import type { Failure, FailureFacts, Result } from "../kernel/failure.ts";
import type { Change } from "./change.ts";
import type { Attribution } from "./class-health.ts";
import type { Correlation } from "./correlation.ts";
import type { Alternative, GuardFinding } from "./decision.ts";
import type { Drift } from "./drift.ts";
import type { ChainedEntry, StoredEntry, Switches } from "./journal.ts";
import type { TargetStatus } from "./sample.ts";
import type { ShedLevel } from "./shed.ts";
import type { SignalName } from "./signal.ts";

export type PolicyStatus = Readonly<{
  policy: string;
  /** The one it has earned. */
  mode: string;
  /** Why that is not the mode in its file. */
  lowered?: string;
  /** The link or flow watched, or what is drained. */
  target: string;
  /** The policy actor's state: `quiet`, `breaching`, … `blind`, `frozen`. */
  state: string;
  /** Why it is where it is, in one sentence. */
  detail: string;
  signal: SignalName;
  /** Of `signal` on this target; absent when unknown. */
  value?: number;
  measuredMs?: number;
}>;

/** A policy that has come to another state on a target. */
export type PolicyStep = Readonly<{
  policy: string;
  target: string;
  from: string;
  state: string;
  detail: string;
  /** Of the breach under way. */
  correlation?: Correlation;
  /** The sample that led there. */
  sample?: Readonly<{ signal: SignalName; value: number; measuredMs: number }>;
}>;

/** What came of the last attempt to read a router's configuration. */
export type DeviceStatus = Readonly<{
  atMs: number;
  failure?: FailureFacts;
}>;

/** A router or a telemetry target that cannot be worked with; without `failure`, one that can be again. */
export type Trouble = Readonly<{ where: string; failure?: FailureFacts }>;

export type Status = Readonly<{
  atMs: number;
  switches: Switches;
  policies: readonly PolicyStatus[];
  targets: Readonly<Record<string, TargetStatus>>;
  devices: Readonly<Record<string, DeviceStatus>>;
  /** Where someone else has changed what a confirmed change left. */
  drift: readonly Drift[];
  /** What confirmed changes have set and the inventory no longer has: nobody looks whether it is changed. */
  unwatched: readonly string[];
  /** Changes that are not over, newest first. */
  open: readonly Change[];
}>;

/** A change, and the later one that took back or gave back what it did. */
export type ShownChange = Change & Readonly<{ undoneBy?: string }>;

/** Why something was, or was not, done: about a change, or about what a policy last decided for a target. */
export type Explanation = Readonly<{
  subject: string;
  atMs: number;
  outcome: string;
  reason: string;
  /** How the target stands now, by each policy that watches it. */
  now?: string;
  mend?: string;
  /** Who is to blame, where a service class is at risk. */
  attribution?: Attribution;
  alternatives: readonly Alternative[];
  guards: readonly GuardFinding[];
  /** What the audit log has on it, oldest first. */
  history: readonly StoredEntry[];
}>;

/** Why whoever asks may not end what `other` has stopped; asked while nobody else can switch anything, so that it still holds when it is acted on. */
export type MayEnd = (other: string) => Failure | undefined;
/** Why whoever asks may not take back a confirmed change; asked once it is known to be one. */
export type MayUndo = () => Failure | undefined;

/** What people and programs can ask of a running controller; `by` is who asks, and is written to the audit log. */
export interface Controller {
  status(): Promise<Status>;
  /** Of every service class, by name. */
  shed(): Promise<readonly ShedLevel[]>;
  /** Newest first, ended ones included. */
  changes(): Promise<readonly Change[]>;
  change(id: string): Promise<Result<ShownChange>>;
  /** Resolves once the approval is journaled; the change is then made in the background. */
  approve(id: string, by: string): Promise<Result<Change>>;
  reject(id: string, by: string, reason: string): Promise<Result<Change>>;
  /** Of a change on trial: takes it back. Of a confirmed one: a new change that leads back, whose record is returned. */
  rollback(id: string, by: string, reason: string, mayUndo?: MayUndo): Promise<Result<Change>>;
  /** Of a stuck change: over as rolled back, by the word of a person who has put the routers right by hand. */
  settle(id: string, by: string, reason: string): Promise<Result<Change>>;
  /** CONFIG_INVALID when that is over; NOTHING_TO_DO when somebody else's freeze lasts as long. */
  freeze(by: string, untilMs: number, reason: string): Promise<Result<Switches>>;
  kill(by: string, reason: string): Promise<Result<Switches>>;
  /** Ends a freeze and a kill; NOTHING_TO_DO when there is neither. */
  resume(by: string, mayEnd?: MayEnd): Promise<Result<Switches>>;
  /** A change id, or the name of a link, a flow, or of what is drained. */
  explain(subject: string): Promise<Result<Explanation>>;
  verifyAudit(): Promise<Result<Readonly<{ entries: number; head: string }>>>;
  /** The audit log since then, oldest first, for whoever checks its chain elsewhere. */
  exportAudit(sinceMs: number): AsyncIterable<ChainedEntry>;
}

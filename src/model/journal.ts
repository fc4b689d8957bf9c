import type { Result } from "../kernel/failure.ts";
import type { Change } from "./change.ts";

/** `event` is `change.<state>` or `switch.<name>` or `policy.<state>`, …; `actor` is a person's name or `pointsman`. */
export type JournalEntry = Readonly<{ event: string; actor: string; subject: string; body: unknown }>;
export type StoredEntry = JournalEntry & Readonly<{ seq: number; atMs: number; hash: string }>;

/**
 * An entry as the chain holds it. `hash` is SHA-256, in hexadecimal, of the UTF-8 text of the JSON array
 * `[prevHash, seq, atMs, event, actor, subject, body, writes]` without white space (ECMA-262 JSON.stringify), where `body` and `writes` are
 * texts, as here. The first entry's `prevHash` is 64 zeros.
 */
export type ChainedEntry = Readonly<{
  seq: number;
  atMs: number;
  event: string;
  actor: string;
  subject: string;
  /** JSON with sorted keys. */
  body: string;
  /** JSON: the read models written with the entry, each by its SHA-256. */
  writes: string;
  prevHash: string;
  hash: string;
}>;

/** Who has stopped something; `also`: others who have asked for the same meanwhile, whose word counts as much. */
type Stop = Readonly<{ by: string; reason: string; also?: readonly string[] }>;

/** What an operator has switched; survives a restart. */
export type Switches = Readonly<{
  /** No new change starts until then; `null` is not frozen. */
  frozen: (Stop & Readonly<{ untilMs: number }>) | null;
  /** Nothing is pushed at all, and what is on trial is taken back. */
  killed: Stop | null;
}>;

/** A policy actor's persisted snapshot, as xstate gives it. */
export type ActorSnapshot = Readonly<{ policy: string; target: string; snapshot: unknown }>;

/** Read models that one entry updates, in the same transaction. */
export type JournalWrites = Readonly<{ change?: Change; actor?: ActorSnapshot; switches?: Switches }>;

/** Append-only and hash-chained. When `append` resolves, the entry is on disk. */
export interface Journal {
  append(entry: JournalEntry, writes?: JournalWrites): Promise<void>;
  nextChangeId(): Promise<string>;
  /** Newest first. */
  changes(): Promise<readonly Change[]>;
  actors(): Promise<readonly ActorSnapshot[]>;
  switches(): Promise<Switches>;
  entries(subject: string): Promise<readonly StoredEntry[]>;
  /** Every entry since then, oldest first: what there is as it is asked for, whether it follows or not. */
  chained(sinceMs: number): AsyncIterable<ChainedEntry>;
  /** All entries so far. */
  count(): Promise<number>;
  /** Writes beside the entries, as an append would: rejects when that would. */
  probe(): Promise<void>;
  /** JOURNAL_BROKEN with the first entry whose hash does not follow. */
  verify(): Promise<Result<Readonly<{ entries: number; head: string }>>>;
  close(): Promise<void>;
}

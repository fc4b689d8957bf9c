import { createHash } from "node:crypto";

/** What an entry's hash covers; `body` and `writes` are canonical JSON. */
export type Link = Readonly<{
  seq: number;
  at_ms: number;
  event: string;
  actor: string;
  subject: string;
  body: string;
  /** The read models written with the entry, each by its hash, so that they are held by the chain too. */
  writes: string;
  prev_hash: string;
}>;

/** The end of the chain so far; `hash` is what the next entry follows. */
export type Head = Readonly<{ seq: number; hash: string }>;

/** Before the first entry. */
export const genesis: Head = { seq: 0, hash: "0".repeat(64) };

export function hashText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A JSON array keeps the fields apart: no two entries run together into the same text. */
export function hashLink(link: Link): string {
  const { prev_hash, seq, at_ms, event, actor, subject, body, writes } = link;
  return hashText(JSON.stringify([prev_hash, seq, at_ms, event, actor, subject, body, writes]));
}

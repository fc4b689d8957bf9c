import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Change } from "../../src/model/change.ts";
import type { Journal } from "../../src/model/journal.ts";
import { openJournal } from "../../src/store/journal.ts";

/** A journal's path in a folder that is gone after the test. */
export async function journalFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-store-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "journal.db");
}

/** Opens, and closes after the test; the clock counts the calls. */
export async function open(file: string): Promise<Journal> {
  let now = 1_000;
  const journal = await openJournal({ file, clock: { now: () => now++, after: () => () => undefined } });
  onTestFinished(() => journal.close());
  return journal;
}

/** The journal keeps a change whole and looks only at its id and state. */
export function change(id: string, state: Change["state"], reason = ""): Change {
  const facts = { announcements: [], steering: [], qos: [], sites: [] };
  const correlation = "p/l/2026-01-01T00:00:00.000Z";
  return { id, state, correlation, facts, decision: { action: "bgp-prepend", reason } } as unknown as Change;
}

export const entry = (event: string, subject: string, body: unknown = null) => ({
  event,
  actor: "alice",
  subject,
  body,
});

import type { Kysely } from "kysely";
import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import { genesis, type Head, hashLink, hashText } from "./chain.ts";
import type { Tables } from "./schema.ts";

/** A read model's row as its last entry says it is; `first` is the entry that made it. */
type Written = Readonly<{ first: number; last: number; hash: string }>;

/** Entries in memory at a time: a journal may be larger than that. */
export const pageSize = 1_000;

/** The next entries in the order of the chain; fewer than `pageSize` at its end. */
export const pageAfter = (db: Kysely<Tables>, seq: number) =>
  db.selectFrom("journal").selectAll().where("seq", ">", seq).orderBy("seq").limit(pageSize).execute();

/** A name for a row of a read model, by which an entry says what it wrote. */
export const rowNames = {
  change: (id: string) => JSON.stringify(["change", id]),
  actor: (policy: string, target: string) => JSON.stringify(["actor", policy, target]),
  switches: JSON.stringify(["switches"]),
};

/**
 * Walks the whole chain, then holds every row of the read models against the last entry that wrote it. JOURNAL_BROKEN names
 * the first entry that does not follow.
 *
 * What this cannot see: the hashes have no key, so someone who may write the file can build a new chain over it, or cut off its
 * end and set the recorded head back. Only a head that was kept elsewhere shows that; `verify` gives it for this purpose.
 */
export async function verifyJournal(
  db: Kysely<Tables>,
  recorded: Head,
): Promise<Result<Readonly<{ entries: number; head: string }>>> {
  const rows = new Map<string, Written>();
  let head = genesis;
  for (;;) {
    const page = await pageAfter(db, head.seq);
    for (const entry of page) {
      if (entry.seq !== head.seq + 1) return broken(head.seq + 1, "is missing");
      if (entry.prev_hash !== head.hash) return broken(entry.seq, "does not follow the one before it");
      if (hashLink(entry) !== entry.hash) return broken(entry.seq, "is not what was written");
      for (const [row, hash] of Object.entries(JSON.parse(entry.writes) as Record<string, string>)) {
        rows.set(row, { first: rows.get(row)?.first ?? entry.seq, last: entry.seq, hash });
      }
      head = { seq: entry.seq, hash: entry.hash };
    }
    if (page.length < pageSize) break;
  }
  // An entry before the first has the sequence number 0: rows of a journal without entries come to this.
  if (head.seq < recorded.seq) return broken(head.seq + 1, "is missing: the end was cut off");
  if (head.hash !== recorded.hash) return broken(head.seq, "is not the recorded head");
  const wrong = await firstWrongRow(db, rows);
  return wrong ?? ok({ entries: head.seq, head: head.hash });
}

async function firstWrongRow(db: Kysely<Tables>, rows: Map<string, Written>) {
  const found: { row: string; text: string; holds: boolean }[] = [];
  for (const { id, state, body, created_seq } of await db.selectFrom("changes").selectAll().execute()) {
    const row = rowNames.change(id);
    const first = rows.get(row)?.first;
    found.push({ row, text: body, holds: created_seq === first && stateOf(body) === state });
  }
  for (const { policy, target, snapshot } of await db.selectFrom("actors").selectAll().execute()) {
    found.push({ row: rowNames.actor(policy, target), text: snapshot, holds: true });
  }
  for (const { body } of await db.selectFrom("switches").selectAll().execute()) {
    found.push({ row: rowNames.switches, text: body, holds: true });
  }
  const left = new Map(rows);
  const wrong: { seq: number; why: string }[] = [];
  for (const { row, text, holds } of found) {
    const written = left.get(row);
    left.delete(row);
    if (!written) wrong.push({ seq: 0, why: `wrote no row ${row}, and no other entry did` });
    else if (!holds || hashText(text) !== written.hash)
      wrong.push({ seq: written.last, why: `wrote another row ${row}` });
  }
  for (const [row, { last }] of left) wrong.push({ seq: last, why: `wrote the row ${row}, which is gone` });
  const [first] = wrong.sort((a, b) => a.seq - b.seq);
  return first && broken(first.seq, first.why);
}

/** Only called on a body beside its hash; one that was tampered with may not even be JSON. */
function stateOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { state?: unknown }).state;
  } catch {
    return undefined;
  }
}

export function broken(seq: number, why: string): { readonly ok: false; readonly failure: Failure } {
  return fail(
    new Failure("JOURNAL_BROKEN", `journal entry ${seq} ${why}`, {
      mend: "keep the file as evidence, restore a backup, and find out who wrote to it",
    }),
  );
}

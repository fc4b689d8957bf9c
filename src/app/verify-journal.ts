import { access } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../kernel/clock.ts";
import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import type { ChainedEntry, Journal } from "../model/journal.ts";
import { openJournal } from "../store/journal.ts";
import { journalFile } from "./journal-file.ts";

/** Checks the journal of a controller that does not run. */
export function verifyJournal(stateFolder: string): Promise<Result<Readonly<{ entries: number; head: string }>>> {
  return withJournal(stateFolder, (journal) => journal.verify());
}

/** Hands the entries of such a journal, from `sinceMs` on, to `write`. */
export function exportJournal(
  stateFolder: string,
  sinceMs: number,
  write: (entries: AsyncIterable<ChainedEntry>) => Promise<void>,
): Promise<Result<void>> {
  return withJournal(stateFolder, async (journal) => ok(await write(journal.chained(sinceMs))));
}

async function withJournal<T>(stateFolder: string, work: (journal: Journal) => Promise<Result<T>>): Promise<Result<T>> {
  const file = join(stateFolder, journalFile);
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  if (!exists)
    return fail(
      new Failure("NOT_FOUND", `there is no journal ${file}`, { mend: "name the state folder with --state" }),
    );
  const journal = await openJournal({ file, clock: systemClock });
  try {
    return await work(journal);
  } finally {
    await journal.close();
  }
}

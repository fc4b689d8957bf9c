import { access } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../kernel/clock.ts";
import { Failure, fail, type Result } from "../kernel/failure.ts";
import { openJournal } from "../store/journal.ts";
import { journalFile } from "./journal-file.ts";

/** Checks the journal of a controller that does not run. */
export async function verifyJournal(stateFolder: string): Promise<Result<Readonly<{ entries: number; head: string }>>> {
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
    return await journal.verify();
  } finally {
    await journal.close();
  }
}

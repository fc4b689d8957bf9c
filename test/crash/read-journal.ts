import { join } from "node:path";
import { journalFile } from "../../src/app/journal-file.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { unwrap } from "../../src/kernel/failure.ts";
import type { Change } from "../../src/model/change.ts";
import { openJournal } from "../../src/store/journal.ts";

/** The changes in the journal of a controller that is dead, newest first. Throws when its chain does not hold. */
export async function readJournal(stateFolder: string): Promise<readonly Change[]> {
  const journal = await openJournal({ file: join(stateFolder, journalFile), clock: systemClock });
  try {
    unwrap(await journal.verify());
    return await journal.changes();
  } finally {
    await journal.close();
  }
}

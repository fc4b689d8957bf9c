import { chmod, open } from "node:fs/promises";
import { Kysely, SqliteDialect } from "kysely";
import Database from "libsql";
import { Failure } from "../kernel/failure.ts";
import type { Tables } from "./schema.ts";

/**
 * Opens a SQLite file for this controller alone, until `destroy`. A commit is on disk when it returns (write-ahead log, full sync).
 * Failures: JOURNAL_LOCKED when someone has it, JOURNAL_BROKEN when it is not a database, CONFIG_INVALID when the path
 * cannot be used. The file is readable by its owner only: it names people and tells where the network is weak.
 */
export async function openDatabase(file: string): Promise<Kysely<Tables>> {
  const { database, close } = await openExclusively(file);
  return new Kysely<Tables>({
    dialect: new SqliteDialect({ database: { prepare: (text) => database.prepare(text), close } }),
  });
}

/** Holds a file that is only a lock; gone with the process, however it ends. Returns what lets go. Failures as of `openDatabase`. */
export async function lockFile(file: string): Promise<() => void> {
  const { close } = await openExclusively(file);
  return close;
}

async function openExclusively(file: string) {
  await createPrivateFile(file);
  const database = connect(file);
  try {
    // Exclusive from the first access on, so that a second controller cannot even read and act on what it read.
    database.pragma("locking_mode = EXCLUSIVE");
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.exec("BEGIN EXCLUSIVE; COMMIT");
  } catch (error) {
    database.close();
    throw asFailure(error, file);
  }
  const close = () => {
    // The driver frees a connection only when its statements are collected as garbage; the lock must go now.
    database.pragma("journal_mode = DELETE");
    database.pragma("locking_mode = NORMAL");
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    database.close();
  };
  return { database, close };
}

function connect(file: string) {
  try {
    return new Database(file);
  } catch (error) {
    throw unusable(file, error);
  }
}

/** What SQLite says about the file itself, as a Failure; anything else as it is. */
export function asFailure(error: unknown, file: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return new Failure("JOURNAL_LOCKED", `another controller has ${file}`, {
      retry: "later",
      mend: "stop the other controller, or use another --state",
      cause: error,
    });
  }
  if (code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT")) {
    return new Failure("JOURNAL_BROKEN", `${file} is damaged, or is not a journal`, {
      mend: "restore it from a backup, or use another --state; do not delete it: it is the audit log",
      cause: error,
    });
  }
  return error;
}

/**
 * SQLite gives its log the mode of the file, so the file is there, and private, before SQLite sees it. A file that is there already
 * is never opened here: closing it again would drop every lock that this process has on it (POSIX fcntl).
 */
async function createPrivateFile(file: string): Promise<void> {
  try {
    const handle = await open(file, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return undefined;
      throw error;
    });
    await handle?.close();
    await chmod(file, 0o600);
  } catch (error) {
    throw unusable(file, error);
  }
}

const unusable = (file: string, cause: unknown) =>
  new Failure("CONFIG_INVALID", `cannot write ${file}: ${(cause as Error).message}`, {
    mend: "give --state a folder that this user may write",
    cause,
  });

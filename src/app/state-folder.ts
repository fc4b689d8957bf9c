import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { attempt, Failure } from "../kernel/failure.ts";
import { lockFile } from "../store/database.ts";

/** A state folder that one controller holds, demo or not, until it releases it or its process ends, however it ends. */
export type StateFolder = Readonly<{
  path: string;
  /** Where the CLI finds the controller's API, readable by the owner only. */
  publish(endpoint: { url: string; token: string }): Promise<void>;
  release(): Promise<void>;
}>;

/** Failures: CONFIG_INVALID when it cannot be used, JOURNAL_LOCKED when another controller runs on it. Creates the folder, not its parents. */
export async function claimStateFolder(path: string): Promise<StateFolder> {
  await createFolder(path);
  const unlock = await lock(path, join(path, "controller.lock"));
  const endpointFile = join(path, "endpoint.json");
  let published = false;
  return {
    path,
    async publish(endpoint) {
      await rm(endpointFile, { recursive: true, force: true }); // Left by a controller that was killed.
      await writeFile(endpointFile, `${JSON.stringify(endpoint)}\n`, { mode: 0o600, flag: "wx" });
      published = true;
    },
    async release() {
      if (published) await rm(endpointFile, { force: true });
      unlock();
    },
  };
}

async function lock(folder: string, file: string): Promise<() => void> {
  const locked = await attempt(() => lockFile(file));
  if (locked.ok) return locked.value;
  switch (locked.failure.code) {
    case "JOURNAL_LOCKED":
      throw new Failure("JOURNAL_LOCKED", `another controller runs on the state folder ${folder}`, {
        retry: "later",
        mend: "stop the other controller, or use another --state",
      });
    case "JOURNAL_BROKEN":
      throw new Failure("CONFIG_INVALID", `cannot use ${file}: it is damaged`, {
        mend: "remove this file: it is a lock and holds nothing",
      });
    default:
      throw locked.failure;
  }
}

async function createFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    if (!(await stat(path)).isDirectory()) throw new Error("it is not a folder");
  } catch (error) {
    throw new Failure("CONFIG_INVALID", `cannot use the state folder ${path}: ${(error as Error).message}`, {
      mend: "give --state a folder that this user may write, in one that exists",
      cause: error,
    });
  }
}

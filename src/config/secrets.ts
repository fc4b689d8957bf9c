import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../kernel/failure.ts";
import type { ResolveSecret } from "../model/inventory.ts";
import { secretFromCommand } from "./secret-command.ts";

/**
 * Reads secrets from the environment, from files and from programs; a relative file is looked for in `baseFolder`, the folder of
 * `pointsman.yaml`, and a program runs there. One trailing newline of a file is dropped, as editors and `echo` add it. Throws Failure: SECRET_MISSING
 * when the reference leads nowhere, CONFIG_INVALID when others than the owner may touch the file. Neither holds the value.
 */
export function secretResolver(baseFolder: string, env: NodeJS.ProcessEnv): ResolveSecret {
  return async (ref) => {
    if ("env" in ref) {
      const value = env[ref.env];
      if (value) return value;
      const mend = `set ${ref.env} in the environment that Pointsman is started in`;
      throw new Failure("SECRET_MISSING", `environment variable ${ref.env} is not set`, { mend });
    }
    if ("command" in ref) return secretFromCommand(ref.command, path.resolve(baseFolder), env);
    return readSecretFile(path.resolve(baseFolder, ref.file));
  };
}

async function readSecretFile(file: string): Promise<string> {
  const missing = (why: string, cause?: unknown) =>
    new Failure("SECRET_MISSING", `secret file ${file} ${why}`, {
      mend: `put the secret there, and chmod 600 ${file}`,
      cause,
    });
  let handle: FileHandle;
  try {
    handle = await open(file, "r");
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    throw missing(error.code === "ENOENT" ? "does not exist" : `cannot be read (${String(error.code)})`, error);
  }
  try {
    // Of the open file, so that what is checked is what is read.
    const stat = await handle.stat();
    if (!stat.isFile()) throw missing("is not a file");
    if ((stat.mode & 0o077) !== 0) {
      const message = `secret file ${file} is open to others than its owner`;
      throw new Failure("CONFIG_INVALID", message, { mend: `chmod 600 ${file}` });
    }
    const value = (await handle.readFile("utf8")).replace(/\r?\n$/, "");
    if (value === "") throw missing("is empty");
    return value;
  } finally {
    await handle.close();
  }
}

import { cp, mkdir, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Mutation } from "./mutations.ts";
import type { Run, RunOptions } from "./simulate.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * The simulation of the real code with one line broken: a copy of the sources, loaded beside those that are whole. Throws when
 * the line is not there exactly once: the mutation must move with the code. The folder is the caller's to remove.
 */
export async function mutated(mutation: Mutation): Promise<{
  simulate: (options: RunOptions) => Promise<Run>;
  folder: string;
}> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-mutation-"));
  await cp(join(root, "src"), join(folder, "src"), { recursive: true });
  for (const part of ["test/simulation", "test/support"]) {
    await mkdir(join(folder, "test"), { recursive: true });
    await cp(join(root, part), join(folder, part), { recursive: true });
  }
  for (const part of ["package.json", "tsconfig.json", "node_modules", "device-templates"]) {
    await symlink(join(root, part), join(folder, part));
  }
  const file = join(folder, mutation.file);
  const [before, after, ...more] = (await readFile(file, "utf8")).split(mutation.line);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`"${mutation.name}": its line is not in ${mutation.file} exactly once`);
  }
  await writeFile(file, before + mutation.by + after);
  const entry = pathToFileURL(join(folder, "test/simulation/simulate.ts")).href;
  const { simulate } = (await import(entry)) as typeof import("./simulate.ts");
  return { simulate, folder };
}

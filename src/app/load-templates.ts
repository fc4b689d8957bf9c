import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { Templates } from "../change/templates.ts";

const folder = fileURLToPath(new URL("../../device-templates/", import.meta.url));

/** Everything under `device-templates/`, by its path from there. */
export async function loadTemplates(): Promise<Templates> {
  const paths = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith(".j2"));
  const files = await Promise.all(
    paths.map(async (path) => [path.split(sep).join("/"), await readFile(join(folder, path), "utf8")] as const),
  );
  return new Templates(new Map(files));
}

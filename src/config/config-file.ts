import { readFile } from "node:fs/promises";
import type { Problem } from "./problem.ts";
import { readYaml, type YamlSource } from "./yaml-source.ts";

/** The documents of one file. A file that cannot be read, is empty, or has an empty document is a problem of that file. */
export async function readConfigFile(
  file: string,
  kind: string,
): Promise<Readonly<{ sources: YamlSource[]; problems: Problem[] }>> {
  const text = await readText(file);
  if (typeof text !== "string") return { sources: [], problems: [text] };
  const { sources, problems } = readYaml(file, text);
  const blank = (source: YamlSource) => source.value === null || source.value === undefined;
  if (sources.every(blank) && problems.length === 0) {
    return { sources: [], problems: [wholeFile(file, "is empty", `write a ${kind} in it, or remove it`)] };
  }
  const blanks = sources
    .filter(blank)
    .map((source) => source.locate({ path: [], message: "an empty document", mend: 'remove the "---" that opens it' }));
  return { sources: sources.filter((source) => !blank(source)), problems: [...problems, ...blanks] };
}

async function readText(file: string): Promise<string | Problem> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    return fileProblem(file, error);
  }
}

export function wholeFile(file: string, message: string, mend: string): Problem {
  return { file, line: 0, column: 0, field: "", message, mend };
}

/** What the file system said, as a problem of the file; anything that is not the file system's word goes on up. */
export function fileProblem(file: string, error: unknown): Problem {
  if (!(error instanceof Error) || !("code" in error)) throw error;
  if (error.code === "ENOENT" || error.code === "ENOTDIR") {
    return wholeFile(file, "there is no such file or folder", "create it, or correct the path where it is written");
  }
  if (error.code === "EISDIR") return wholeFile(file, "is a folder", "name a file in it");
  return wholeFile(file, `cannot be read (${String(error.code)})`, "make it a file that this user may read");
}

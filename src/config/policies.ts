import { readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import type { Policy } from "../model/policy.ts";
import { check, foreign, textAt } from "./check.ts";
import { fileProblem, readConfigFile, wholeFile } from "./config-file.ts";
import { PolicyDocument, policyRules } from "./policy-document.ts";
import { inOrder, type Problem } from "./problem.ts";
import type { YamlSource } from "./yaml-source.ts";

/**
 * All policies of these files and folders (a folder's `*.yaml` and `*.yml`, not recursive), in that order, names ascending
 * in a folder; a file that is listed twice is read once. Every problem of every file is reported; a policy with one is left out.
 */
export async function loadPolicies(
  paths: readonly string[],
): Promise<Readonly<{ policies: Policy[]; problems: Problem[] }>> {
  const policies: Policy[] = [];
  const problems: Problem[] = [];
  const named = new Map<string, Problem>();
  for (const file of await expandAll(paths)) {
    if (typeof file !== "string") {
      problems.push(file);
      continue;
    }
    const read = await readConfigFile(file, "Policy");
    problems.push(...read.problems);
    for (const source of read.sources) {
      const checked = checkPolicy(source);
      const twice = nameTaken(source, named);
      problems.push(...checked.problems, ...twice);
      if (checked.value && twice.length === 0) policies.push(checked.value);
    }
  }
  return { policies, problems: inOrder(problems) };
}

function checkPolicy(source: YamlSource) {
  const other = foreign(source.value, "Policy");
  if (other) return { value: undefined, problems: [source.locate(other)] };
  return check(source, PolicyDocument, policyRules);
}

/** The journal and the persisted state of a policy go by its name, so two must not share one. */
function nameTaken(source: YamlSource, named: Map<string, Problem>): Problem[] {
  const name = textAt(source.value, "metadata", "name");
  if (name === undefined) return [];
  const here = source.locate({ path: ["metadata", "name"], message: "", mend: "give it a name of its own" });
  const first = named.get(name);
  if (first) return [{ ...here, message: `"${name}" is already the policy at ${first.file}:${first.line}` }];
  named.set(name, here);
  return [];
}

/** Every file once, in the order of the list. */
async function expandAll(paths: readonly string[]): Promise<(string | Problem)[]> {
  const seen = new Set<string>();
  const files: (string | Problem)[] = [];
  for (const listed of paths) {
    for (const file of await expand(listed)) {
      const real = typeof file === "string" ? await realpath(file) : undefined;
      if (real === undefined || !seen.has(real)) files.push(file);
      if (real !== undefined) seen.add(real);
    }
  }
  return files;
}

/** A folder as the files in it. */
async function expand(listed: string): Promise<(string | Problem)[]> {
  try {
    if (!(await stat(listed)).isDirectory()) return [listed];
    const names = (await readdir(listed)).filter((name) => /\.ya?ml$/.test(name)).sort();
    if (names.length > 0) return names.map((name) => path.join(listed, name));
    return [wholeFile(listed, "the folder holds no .yaml or .yml file", "put a policy in it, or take it off the list")];
  } catch (error) {
    return [fileProblem(listed, error)];
  }
}

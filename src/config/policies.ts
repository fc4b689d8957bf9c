import { readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import type { Policy } from "../model/policy.ts";
import { check, foreign, textAt } from "./check.ts";
import { classRules } from "./class-rules.ts";
import type { ClassDocument } from "./class-scope-rules.ts";
import { fileProblem, readConfigFile, wholeFile } from "./config-file.ts";
import { nearest } from "./did-you-mean.ts";
import { PolicyDocument } from "./policy-document.ts";
import { policyRules } from "./policy-rules.ts";
import { inOrder, type Problem } from "./problem.ts";
import { TrafficClassDocument } from "./traffic-class-document.ts";
import type { YamlSource } from "./yaml-source.ts";

export type LoadedPolicies = Readonly<{
  policies: Policy[];
  /** Where each policy is written. */
  sources: ReadonlyMap<Policy, YamlSource>;
  classes: ClassDocument[];
  problems: Problem[];
}>;

/**
 * All policies and traffic classes of these files and folders (a folder's `*.yaml` and `*.yml`, not recursive), in that
 * order, names ascending in a folder; a file that is listed twice is read once. Every problem of every file is reported; a
 * policy with one is left out, and a class with one has no value.
 */
export async function loadPolicies(paths: readonly string[]): Promise<LoadedPolicies> {
  const policies: Policy[] = [];
  const sources = new Map<Policy, YamlSource>();
  const classes: ClassDocument[] = [];
  const problems: Problem[] = [];
  const named = { Policy: new Map<string, Problem>(), TrafficClass: new Map<string, Problem>() };
  for (const file of await expandAll(paths)) {
    if (typeof file !== "string") {
      problems.push(file);
      continue;
    }
    const read = await readConfigFile(file, "Policy");
    problems.push(...read.problems);
    for (const source of read.sources) {
      const other = foreign(source.value, "Policy", "TrafficClass");
      if (other) {
        problems.push(source.locate(other));
      } else if (isClass(source)) {
        const twice = nameTaken(source, "class", named.TrafficClass);
        const { value, problems: wrong } = check(source, TrafficClassDocument, classRules);
        problems.push(...wrong, ...twice);
        const name = textAt(source.value, "metadata", "name");
        if (twice.length === 0) classes.push({ source, name, ...(value ? { value } : {}) });
      } else {
        const twice = nameTaken(source, "policy", named.Policy);
        const { value, problems: wrong } = check(source, PolicyDocument, policyRules);
        problems.push(...wrong, ...twice);
        if (!value || twice.length > 0) continue;
        policies.push(value);
        sources.set(value, source);
      }
    }
  }
  return { policies, sources, classes, problems: inOrder(problems) };
}

/** A misspelt kind is what it was probably meant to be, so that its other mistakes are told too. */
const isClass = (source: YamlSource) =>
  nearest(textAt(source.value, "kind") ?? "Policy", ["Policy", "TrafficClass"]) === "TrafficClass";

/** The journal and the persisted state of a policy go by its name, and flows name their class, so two must not share one. */
function nameTaken(source: YamlSource, what: "policy" | "class", named: Map<string, Problem>): Problem[] {
  const name = textAt(source.value, "metadata", "name");
  if (name === undefined) return [];
  const here = source.locate({ path: ["metadata", "name"], message: "", mend: "give it a name of its own" });
  const first = named.get(name);
  if (first) return [{ ...here, message: `"${name}" is already the ${what} at ${first.file}:${first.line}` }];
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

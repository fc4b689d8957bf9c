import path from "node:path";
import { Failure } from "../kernel/failure.ts";
import type { ApiAccess } from "../model/access.ts";
import type { Network } from "../model/inventory.ts";
import type { Policy } from "../model/policy.ts";
import { authorRules } from "./api-document.ts";
import { check, foreign, listAt, textAt } from "./check.ts";
import { type ClassDocument, classScopeRules, policyClassRules } from "./class-scope-rules.ts";
import { readConfigFile } from "./config-file.ts";
import { networkDocument } from "./network-document.ts";
import { networkRules } from "./network-rules.ts";
import { loadPolicies } from "./policies.ts";
import { formatProblem, inOrder, type Problem } from "./problem.ts";
import { scopeRules } from "./scope-rules.ts";

export type Settings = Readonly<{
  network: Network;
  policies: readonly Policy[];
  /** Without, the API is for the owner of the state folder alone. */
  api?: ApiAccess;
}>;

/** A `Result<Settings>` that also holds the problems one by one, for output that is not prose. */
export type LoadedSettings =
  | Readonly<{ ok: true; value: Settings }>
  | Readonly<{ ok: false; failure: Failure; problems: readonly Problem[] }>;

/**
 * `pointsman.yaml` and the policies and traffic classes that it lists, checked together. On any problem the failure is CONFIG_INVALID, and its
 * message has every problem of every file on a line of its own, in `formatProblem`'s form.
 */
export async function loadSettings(file: string): Promise<LoadedSettings> {
  const read = await readConfigFile(file, "Network");
  const [source, second] = read.sources;
  if (!source) return refuse(read.problems);
  const several = second?.locate({ path: [], message: "a second document", mend: "keep one Network in this file" });
  const problems = [...read.problems, ...(several ? [several] : [])];
  const other = foreign(source.value, "Network");
  if (other) return refuse([...problems, source.locate(other)]);

  const folder = path.dirname(file);
  // Joined, not resolved: a problem names the file as the person who wrote the list would.
  const fileOf = (entry: unknown) =>
    typeof entry !== "string" ? [] : [path.isAbsolute(entry) ? entry : path.join(folder, entry)];
  const listed = listAt(source.value, "policies");
  const loaded = await loadPolicies(listed.flatMap(fileOf));
  const whole = withClasses(source.value, loaded.classes);
  const network = check(source, networkDocument(path.resolve(folder)), () => networkRules(whole));
  // A whole file that cannot be read is wrong where it is listed.
  const unread = (problem: Problem) => {
    const index = listed.findIndex((entry) => problem.line === 0 && fileOf(entry)[0] === problem.file);
    if (index < 0) return problem;
    const { message, mend } = problem;
    return source.locate({ path: ["policies", index], message: `${problem.file}: ${message}`, mend });
  };
  const scope = scopeRules(whole, loaded.policies).map((finding) => source.locate(finding));
  const ofClasses = [...loaded.sources].flatMap(([policy, written]) =>
    policyClassRules(source.value, policy, loaded.classes).map((finding) => written.locate(finding)),
  );

  const authors = [...loaded.sources].flatMap(([policy, written]) =>
    authorRules(source.value, policy).map((finding) => written.locate(finding)),
  );

  problems.push(...authors, ...network.problems, ...scope, ...loaded.problems.map(unread));
  problems.push(...classScopeRules(source, loaded.classes), ...ofClasses);
  if (problems.length > 0 || network.value === undefined) return refuse(problems);
  const { api, ...inventory } = network.value;
  const classes = [...inventory.classes, ...loaded.classes.flatMap(({ value }) => value ?? [])];
  const value = { network: { ...inventory, classes }, policies: loaded.policies, ...(api && { api }) };
  return { ok: true, value };
}

/** The raw inventory with the classes of documents after its own, for rules that look a class up by its name. */
function withClasses(raw: unknown, documents: readonly ClassDocument[]): unknown {
  if (raw === null || typeof raw !== "object") return raw;
  const own = listAt(raw, "classes");
  const names = own.map((one) => textAt(one, "name"));
  const more = documents.flatMap(({ name }) => (name === undefined || names.includes(name) ? [] : [{ name }]));
  return { ...raw, classes: [...own, ...more] };
}

function refuse(found: readonly Problem[]): LoadedSettings {
  const problems = inOrder(found);
  const failure = new Failure("CONFIG_INVALID", problems.map(formatProblem).join("\n"), {
    mend: problems.length === 1 ? "correct it" : `correct all ${problems.length}`,
  });
  return { ok: false, failure, problems };
}

import type { z } from "zod";
import { nearest, suggest } from "./did-you-mean.ts";
import { duration, missing } from "./fields.ts";
import { type Finding, fieldName, type Problem } from "./problem.ts";
import type { YamlSource } from "./yaml-source.ts";

export type Checked<T> = Readonly<{ value: T | undefined; problems: Problem[] }>;

/**
 * One document against its schema and the rules between its fields. The rules read the raw value, so that they speak even
 * while some other field is wrong: all problems of a file come at once.
 */
export function check<T>(
  source: YamlSource,
  schema: z.ZodType<T>,
  rules: (raw: unknown) => readonly Finding[],
): Checked<T> {
  const parsed = schema.safeParse(source.value);
  const findings = parsed.success ? [] : toFindings(parsed.error.issues);
  const problems = [...findings, ...rules(source.value)].map((finding) => source.locate(finding));
  return { value: parsed.success && problems.length === 0 ? parsed.data : undefined, problems };
}

/** One finding for one mistake: the first of each field, and a field that was misspelt is not also a missing one. */
function toFindings(issues: readonly z.core.$ZodIssue[]): Finding[] {
  const misspelt = new Set<string>();
  const findings = issues.flatMap((issue): Finding[] => {
    if (issue.code !== "unrecognized_keys") {
      const [message = "", mend = ""] = issue.message.split("\n");
      return [{ path: issue.path, message, mend }];
    }
    return issue.keys.map((key) => {
      const known = issue.message.split(", ");
      const meant = nearest(key, known);
      if (meant !== undefined) misspelt.add(fieldName([...issue.path, meant]));
      return { path: [...issue.path, key], message: "is not a known field", mend: suggest(key, known) };
    });
  });
  const first = new Map(findings.toReversed().map((finding) => [fieldName(finding.path), finding]));
  return findings.filter((finding) => {
    const field = fieldName(finding.path);
    return first.get(field) === finding && !(finding.message === missing && misspelt.has(field));
  });
}

/**
 * The header of a document of another kind or version: one finding for it instead of a page about fields that it rightly
 * does not have. A missing or misspelt header is left to the schema, with everything else.
 */
export function foreign(raw: unknown, ...kinds: readonly string[]): Finding | undefined {
  const [actualKind, version] = [at(raw, "kind"), at(raw, "apiVersion")];
  if (typeof actualKind === "string" && !kinds.includes(actualKind) && nearest(actualKind, kinds) === undefined) {
    return {
      path: ["kind"],
      message: `"${actualKind}" is not read here`,
      mend: `only documents of kind: ${kinds.join(" or ")} belong here`,
    };
  }
  if (typeof version === "string" && /^pointsman\/v\d+$/.test(version) && version !== "pointsman/v1") {
    const mend = "write it for apiVersion: pointsman/v1, or run the release that reads that version";
    return { path: ["apiVersion"], message: `${version} is not known to this release`, mend };
  }
  return undefined;
}

/** What stands at a path of a raw document, whatever shape the rest has; undefined when nothing does. */
export function at(raw: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, step) => {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, step)) return undefined;
    return (value as Record<string | number, unknown>)[step];
  }, raw);
}

export function textAt(raw: unknown, ...path: readonly (string | number)[]): string | undefined {
  const value = at(raw, ...path);
  return typeof value === "string" ? value : undefined;
}

export function listAt(raw: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const value = at(raw, ...path);
  return Array.isArray(value) ? value : [];
}

/** Of the entries of a list that have one. */
export const namesOf = (raw: unknown, list: string): string[] =>
  listAt(raw, list).flatMap((entry) => textAt(entry, "name") ?? []);

/** Milliseconds; undefined when there is no duration. */
export const durationAt = (raw: unknown, ...path: readonly (string | number)[]): number | undefined =>
  duration("").safeParse(textAt(raw, ...path)).data;

/** A finding for each entry of a list whose key an earlier entry has. An entry without a key is the schema's business. */
export function duplicates(
  list: readonly unknown[],
  keyOf: (entry: unknown) => string | undefined,
  tell: (key: string, index: number, first: number) => Finding,
): Finding[] {
  const seen = new Map<string, number>();
  return list.flatMap((entry, index) => {
    const key = keyOf(entry);
    if (key === undefined) return [];
    const first = seen.get(key);
    if (first !== undefined) return [tell(key, index, first)];
    seen.set(key, index);
    return [];
  });
}

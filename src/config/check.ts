import type { z } from "zod";
import { nearest } from "./did-you-mean.ts";
import type { Finding, Problem } from "./problem.ts";
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
  const findings = parsed.success ? [] : parsed.error.issues.flatMap(fromIssue);
  const problems = [...findings, ...rules(source.value)].map((finding) => source.locate(finding));
  return { value: parsed.success && problems.length === 0 ? parsed.data : undefined, problems };
}

function fromIssue(issue: z.core.$ZodIssue): Finding[] {
  if (issue.code !== "unrecognized_keys") {
    const [message = "", mend = ""] = issue.message.split("\n");
    return [{ path: issue.path, message, mend }];
  }
  const known = issue.message.split(", ");
  return issue.keys.map((key) => {
    const guess = nearest(key, known);
    const mend = guess === undefined ? `known here: ${issue.message}` : `did you mean "${guess}"?`;
    return { path: [...issue.path, key], message: "is not a known field", mend };
  });
}

/**
 * The header of a document of another kind or version: one finding for it instead of a page about fields that it rightly
 * does not have. A missing or misspelt header is left to the schema, with everything else.
 */
export function foreign(raw: unknown, kind: string): Finding | undefined {
  const [actualKind, version] = [at(raw, "kind"), at(raw, "apiVersion")];
  if (typeof actualKind === "string" && actualKind !== kind && nearest(actualKind, [kind]) === undefined) {
    return {
      path: ["kind"],
      message: `"${actualKind}" is not read here`,
      mend: `only documents of kind: ${kind} belong here`,
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

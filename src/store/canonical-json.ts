import { assert } from "../kernel/assert.ts";

/**
 * JSON with the keys of every object sorted, so that one value has one text and one hash. Properties that are undefined are left out.
 * What JSON would lose without a word (NaN, a Map) breaks an invariant instead: the journal must say what happened.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value ?? null, "body"));
}

function sorted(value: unknown, path: string): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    assert(Number.isFinite(value), `${path} is a finite number: ${value}`);
    return value;
  }
  assert(typeof value === "object", `${path} can be written as JSON: ${typeof value}`);
  if (Array.isArray(value)) return value.map((item, index) => sorted(item ?? null, `${path}[${index}]`));
  if ("toJSON" in value && typeof value.toJSON === "function") return sorted(value.toJSON(), path);
  const prototype: unknown = Object.getPrototypeOf(value);
  assert(prototype === Object.prototype || prototype === null, `${path} is a plain object`);
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sorted(item, `${path}.${key}`)] as const);
  return Object.fromEntries(entries);
}

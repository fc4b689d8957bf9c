import { assert } from "../kernel/assert.ts";

/**
 * JSON with the keys of every object sorted, so that one value has one text and one hash. Properties that are undefined are left out.
 * What JSON would lose without a word (NaN, a Map) breaks an invariant instead: the journal must say what happened.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value ?? null, "body"));
}

/** `name` is the property's own; the journal is written too often to keep a path for a sentence that nobody is to see. */
function sorted(value: unknown, name: string | number): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) assert(false, `${name} is a finite number: ${value}`);
    return value;
  }
  if (typeof value !== "object") assert(false, `${name} can be written as JSON: ${typeof value}`);
  if (Array.isArray(value)) return value.map((item, index) => sorted(item ?? null, index));
  if ("toJSON" in value && typeof value.toJSON === "function") return sorted(value.toJSON(), name);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) assert(false, `${name} is a plain object`);
  const object = value as Record<string, unknown>;
  const inOrder = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(object).sort()) {
    const item = object[key];
    if (item !== undefined) inOrder[key] = sorted(item, key);
  }
  return inOrder;
}

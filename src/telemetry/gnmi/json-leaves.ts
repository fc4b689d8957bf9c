import type { PathElement } from "./path.ts";

export type JsonLeaf = Readonly<{ below: readonly PathElement[]; value: number | string }>;

const maxDepth = 32;
/** A whole interface has some ten thousand; parsed, a text takes up to forty times its length. */
const maxLength = 1 << 21;
const numberText = /^-?\d+(\.\d+)?$/;

/**
 * The leaves of a `json_val` or `json_ietf_val`. RFC 7951 writes 64-bit integers and decimal64 as strings and `true` as a
 * boolean, and qualifies a member by its module; without the schema, a string that is a number is taken for one.
 * `unread` counts what has no scalar: lists (their keys are in the schema, not in the value), `null`, text that is not JSON,
 * and text longer than 2 Mi characters.
 */
export function jsonLeaves(text: string): { leaves: readonly JsonLeaf[]; unread: number } {
  if (text.length > maxLength) return { leaves: [], unread: 1 };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { leaves: [], unread: 1 };
  }
  const leaves: JsonLeaf[] = [];
  let unread = 0;
  const visit = (node: unknown, below: readonly PathElement[]): void => {
    if (typeof node === "number") leaves.push({ below, value: node });
    else if (typeof node === "boolean") leaves.push({ below, value: Number(node) });
    else if (typeof node === "string") leaves.push({ below, value: numberText.test(node) ? Number(node) : node });
    else if (node === null || Array.isArray(node) || typeof node !== "object" || below.length >= maxDepth) unread++;
    else for (const [member, inner] of Object.entries(node)) visit(inner, [...below, element(member)]);
  };
  visit(value, []);
  return { leaves, unread };
}

const element = (member: string): PathElement => ({
  name: member.slice(member.indexOf(":") + 1),
  keys: new Map(),
});

import { status } from "@grpc/grpc-js";
import { type Entry, type Leaf, leaves, lists } from "./leaves.ts";
import type { Path, PathElem } from "./messages.ts";

/** What ends an RPC: a gRPC status that the client sees. */
export class RpcError extends Error {
  readonly code: status;

  constructor(code: status, details: string) {
    super(details);
    this.code = code;
  }
}

export const invalid = (details: string) => new RpcError(status.INVALID_ARGUMENT, details);

/** Which leaves of which entries a request's path names. */
export type Selection = Readonly<{
  text: string;
  /** As the request gave it; empty when it did not. */
  origin: string;
  leaves: readonly Leaf[];
  /** By depth the key that the request gave; undefined is every entry: a wildcard, left out, or no list. */
  keys: readonly (string | undefined)[];
}>;

/** `prefix` and `path` joined and looked up in the schema; throws INVALID_ARGUMENT, as 2.4.1 and 2.7 of the gNMI specification ask. */
export function select(prefix: Path | null, path: Path | null): Selection {
  const elems = [...(prefix?.elem ?? []), ...(path?.elem ?? [])];
  const text = formatPath(elems);
  for (const part of [prefix, path]) {
    if (part?.element?.length) throw invalid(`${text}: Path.element is deprecated and not served; use elem`);
    const origin = part?.origin ?? "";
    if (origin !== "" && origin !== "openconfig") throw invalid(`${text}: no schema of origin "${origin}" is served`);
  }
  if (prefix?.origin && path?.origin) throw invalid(`${text}: origin is given in the prefix and in the path`);
  if (path?.target) throw invalid(`${text}: target belongs in the prefix only`);

  const onTheWay = leaves.filter((leaf) =>
    isOnTheWay(elems, [...lists[leaf.list].map(({ name }) => name), ...leaf.path]),
  );
  if (onTheWay.length === 0) throw invalid(`${text}: no such path`);
  const found = onTheWay.filter((leaf) => elems.every((elem, depth) => hasKeys(elem, lists[leaf.list][depth]?.key)));
  if (found.length === 0) throw strangeKey(elems, onTheWay, text);
  return {
    text,
    origin: prefix?.origin || path?.origin || "",
    leaves: found,
    keys: elems.map(({ key }) => Object.values(key ?? {})[0]).map((key) => (key === "*" ? undefined : key)),
  };
}

export function selects({ keys }: Selection, entry: Entry): boolean {
  const keyed = [...lists[entry.list].entries()].filter(([, { key }]) => key !== undefined);
  return keyed.every(([depth], nth) => keys[depth] === undefined || keys[depth] === entry.keys[nth]);
}

/** Whether `elems` leads to the leaf or to something above it; `*` stands for any one name. */
function isOnTheWay(elems: readonly PathElem[], leafPath: readonly string[]): boolean {
  return elems.length <= leafPath.length && elems.every(({ name }, depth) => name === "*" || name === leafPath[depth]);
}

/** Whether an element has no other key than its list has. */
const hasKeys = ({ key }: PathElem, known: string | undefined) =>
  Object.keys(key ?? {}).every((each) => each === known);

function strangeKey(elems: readonly PathElem[], onTheWay: readonly Leaf[], text: string): RpcError {
  for (const [depth, elem] of elems.entries()) {
    const known = onTheWay.map(({ list }) => lists[list][depth]?.key);
    const stranger = Object.keys(elem.key ?? {}).find((key) => !known.includes(key));
    if (stranger !== undefined) return invalid(`${text}: ${elem.name} has no key "${stranger}"`);
  }
  return invalid(`${text}: no list has all of these keys`);
}

function formatPath(elems: readonly PathElem[]): string {
  const escaped = (value: string) => value.replace(/[\]\\]/g, "\\$&");
  const keys = (elem: PathElem) =>
    Object.entries(elem.key ?? {})
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `[${name}=${escaped(value)}]`)
      .join("");
  return `/${elems.map((elem) => elem.name + keys(elem)).join("/")}`;
}

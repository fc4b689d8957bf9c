import { status } from "@grpc/grpc-js";
import { type InterfaceState, type Leaf, leaves } from "./leaves.ts";
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

/** Which leaves of which interfaces a request's path names. */
export type Selection = Readonly<{
  text: string;
  /** As the request gave it; empty when it did not. */
  origin: string;
  leaves: readonly Leaf[];
  /** Undefined is every interface: the key is a wildcard or left out, which mean the same. */
  interfaceName: string | undefined;
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

  const found = leaves.filter((leaf) => isOnTheWay(elems, ["interfaces", "interface", ...leaf.path]));
  if (found.length === 0) throw invalid(`${text}: no such path`);
  const interfaceName = elems.map((elem, depth) => keyOf(elem, depth, text))[1];
  return {
    text,
    origin: prefix?.origin || path?.origin || "",
    leaves: found,
    interfaceName: interfaceName === "*" ? undefined : interfaceName,
  };
}

export function selects(selection: Selection, of: InterfaceState): boolean {
  return selection.interfaceName === undefined || selection.interfaceName === of.name;
}

/** Whether `elems` leads to the leaf or to something above it; `*` stands for any one name. */
function isOnTheWay(elems: readonly PathElem[], leafPath: readonly string[]): boolean {
  return elems.length <= leafPath.length && elems.every(({ name }, depth) => name === "*" || name === leafPath[depth]);
}

function keyOf(elem: PathElem, depth: number, text: string): string | undefined {
  const { name, ...others } = elem.key ?? {};
  const [stranger] = depth === 1 ? Object.keys(others) : Object.keys(elem.key ?? {});
  if (stranger !== undefined) throw invalid(`${text}: ${elem.name} has no key "${stranger}"`);
  return name;
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

import { escapeXml } from "../../kernel/xml.ts";

export const netconfNamespace = "urn:ietf:params:xml:ns:netconf:base:1.0";

/** One level of an error-path; `keys` pick the entry of a list. */
export type PathStep = Readonly<{ name: string; namespace: string; keys?: readonly (readonly [string, string])[] }>;
export type Path = readonly PathStep[];

export type ErrorTag =
  | "in-use"
  | "invalid-value"
  | "missing-attribute"
  | "bad-attribute"
  | "unknown-attribute"
  | "missing-element"
  | "bad-element"
  | "unknown-element"
  | "unknown-namespace"
  | "lock-denied"
  | "data-exists"
  | "data-missing"
  | "operation-not-supported"
  | "operation-failed"
  | "malformed-message";

type Detail = Readonly<{
  appTag?: string;
  path?: Path;
  /** Children of error-info. */
  info?: Readonly<Partial<Record<"bad-attribute" | "bad-element" | "bad-namespace" | "session-id", string>>>;
}>;

/** An `<rpc-error>` on its way to the client (RFC 6241 section 4.3 and appendix A). The severity is always error: RFC 6241 defines no warning. */
export class RpcError extends Error {
  readonly type: "rpc" | "protocol" | "application";
  readonly tag: ErrorTag;
  readonly detail: Detail;

  constructor(type: RpcError["type"], tag: ErrorTag, message: string, detail: Detail = {}) {
    super(message);
    this.type = type;
    this.tag = tag;
    this.detail = detail;
  }
}

/** Several errors of one request: all of them go into its reply. */
export class RpcErrors extends Error {
  readonly errors: readonly RpcError[];

  constructor(errors: readonly RpcError[]) {
    super(errors.map(({ message }) => message).join("; "));
    this.errors = errors;
  }
}

/** Text, not a tree: error-path holds prefixed names, and needs its prefixes declared where it stands. */
export function writeRpcError({ type, tag, message, detail }: RpcError): string {
  const info = Object.entries(detail.info ?? {}).map(([name, value]) => leaf(name, value));
  return [
    "<rpc-error>",
    leaf("error-type", type),
    leaf("error-tag", tag),
    leaf("error-severity", "error"),
    detail.appTag === undefined ? "" : leaf("error-app-tag", detail.appTag),
    detail.path === undefined ? "" : writePath(detail.path),
    leaf("error-message", message),
    info.length > 0 ? `<error-info>${info.join("")}</error-info>` : "",
    "</rpc-error>",
  ].join("");
}

const leaf = (name: string, text: string) => `<${name}>${escapeXml(text)}</${name}>`;

function writePath(path: Path): string {
  const prefixes = new Map<string, string>();
  const prefixOf = (namespace: string) => {
    const prefix = prefixes.get(namespace) ?? `n${prefixes.size + 1}`;
    prefixes.set(namespace, prefix);
    return prefix;
  };
  const text = path
    .map(({ name, namespace, keys = [] }) => {
      const prefix = prefixOf(namespace);
      return `/${prefix}:${name}${keys.map(([key, value]) => `[${prefix}:${key}=${xpathLiteral(value)}]`).join("")}`;
    })
    .join("");
  const declarations = [...prefixes].map(([namespace, prefix]) => ` xmlns:${prefix}="${escapeXml(namespace)}"`);
  return `<error-path${declarations.join("")}>${escapeXml(text)}</error-path>`;
}

/** XPath 1.0 has no escapes: a text with both quotes cannot be one literal. */
function xpathLiteral(text: string): string {
  if (!text.includes("'")) return `'${text}'`;
  if (!text.includes('"')) return `"${text}"`;
  return `concat(${text
    .split("'")
    .map((part) => `'${part}'`)
    .join(`,"'",`)})`;
}

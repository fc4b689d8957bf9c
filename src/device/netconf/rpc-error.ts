import { Failure } from "../../kernel/failure.ts";
import { childElement, descend, elements, textOf, type XmlElement } from "../../kernel/xml.ts";
import type { DeviceName } from "../../model/inventory.ts";

/** RFC 6241 4.3. */
export type RpcError = Readonly<{
  severity: "error" | "warning";
  tag: string;
  message: string;
  path: string;
  /** The session that holds a lock (`lock-denied`); "0" is an entity outside NETCONF, such as the command line. */
  sessionId: string | undefined;
}>;

const longest = 400;
/** How many errors of one reply are told; a server may find one in every line. */
const most = 8;

/** Every rpc-error of a reply, in order, also those that Junos nests in `commit-results`; configuration data is not looked into. */
export function rpcErrors(reply: XmlElement): RpcError[] {
  return elements(reply).flatMap((child) => {
    if (child.name === "data") return [];
    return child.name === "rpc-error" && child.namespace === reply.namespace ? [rpcError(child)] : rpcErrors(child);
  });
}

function rpcError(element: XmlElement): RpcError {
  const text = (...path: string[]) => {
    const found = descend(element, ...path);
    return found ? textOf(found).replace(/\s+/g, " ").trim().slice(0, longest) : "";
  };
  return {
    // Anything that does not call itself a warning is an error.
    severity: text("error-severity") === "warning" ? "warning" : "error",
    tag: text("error-tag"),
    message: text("error-message"),
    path: text("error-path"),
    sessionId: text("error-info", "session-id") || undefined,
  };
}

export function describeErrors(errors: readonly RpcError[]): string {
  const told = errors
    .slice(0, most)
    .map(({ tag, message, path }) => [tag, message && `"${message}"`, path && `at ${path}`].filter(Boolean).join(" "))
    .join("; ");
  return errors.length > most ? `${told}; and ${errors.length - most} more` : told;
}

/** The failure that the errors of one reply amount to; undefined when they are warnings only. */
export function refusal(device: DeviceName, operation: string, errors: readonly RpcError[]): Failure | undefined {
  const serious = errors.filter((error) => error.severity === "error");
  if (serious.length === 0) return undefined;
  const what = `${device} refused ${operation}: ${describeErrors(serious)}`;
  const locked = serious.find(({ tag }) => tag === "lock-denied" || tag === "in-use");
  if (locked) {
    const holder = lockHolder(locked);
    return new Failure("DEVICE_LOCKED", `${what}; held by ${holder}`, {
      retry: "later",
      mend: `Wait until ${holder} is done on ${device}, or end that session there.`,
    });
  }
  if (serious.some(({ tag }) => tag === "access-denied")) {
    return new Failure("DEVICE_REFUSED", what, { mend: `Give the user the right to do this on ${device} (RFC 8341).` });
  }
  return new Failure("DEVICE_REFUSED", what, { mend: `Compare the change with what ${device} supports.` });
}

function lockHolder({ sessionId }: RpcError): string {
  if (sessionId === undefined) return "another session";
  return sessionId === "0" ? "someone outside NETCONF" : `session ${sessionId}`;
}

/** `<ok/>` is there: the only way a server says that it did what it was told. */
export const saysOk = (reply: XmlElement) => childElement(reply, "ok", reply.namespace) !== undefined;

import { Failure } from "../../kernel/failure.ts";
import {
  canonicalTexts,
  childElement,
  elements,
  escapeXml,
  parseXml,
  type XmlElement,
  XmlSyntaxError,
} from "../../kernel/xml.ts";
import { type RpcError, refusal, rpcErrors, saysOk } from "./rpc-error.ts";
import type { NetconfSession } from "./session.ts";

// RFC 6241 section 7 and 8. Every function throws Failure: DEVICE_REFUSED or DEVICE_LOCKED for an rpc-error, and what a session throws.

export type Datastore = "running" | "candidate";

const withDefaultsNamespace = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults";

/**
 * What is under a subtree filter, or everything, in canonical form: equal configuration gives equal text. `""` when there is
 * nothing.
 */
export async function getConfig(session: NetconfSession, source: Datastore, filter?: string): Promise<string> {
  // Servers differ in which defaults they show; one mode for every reading (RFC 6243 4.5.1).
  const mode = session.hello.explicitDefaults
    ? `<with-defaults xmlns="${withDefaultsNamespace}">explicit</with-defaults>`
    : "";
  const selection = filter === undefined ? "" : `<filter type="subtree">${fragment(filter)}</filter>`;
  const operation = `<get-config><source><${source}/></source>${selection}${mode}</get-config>`;
  const reply = await session.rpc(operation);
  refuseErrors(session, `get-config of ${source}`, reply);
  const data = childElement(reply, "data", reply.namespace);
  if (!data) throw unclear(session, `get-config of ${source}`);
  try {
    return canonicalTexts(elements(data).filter(saysSomething));
  } catch (error) {
    if (!(error instanceof XmlSyntaxError)) throw error;
    throw new Failure(
      "DEVICE_PROTOCOL",
      `${session.device} answered get-config of ${source} with more than can be worked on: ${error.message}`,
      { retry: "later", mend: `See what ${session.device} has in its configuration, or report it to its vendor.` },
    );
  }
}

/** Merges `config`, the content of `<config>`, into the candidate. */
export async function editConfig(session: NetconfSession, config: string): Promise<void> {
  // Without it a server may keep the first half of an edit that failed; the candidate is discarded in any case.
  const onError = session.has("rollback-on-error:1.0") ? "<error-option>rollback-on-error</error-option>" : "";
  await perform(
    session,
    "edit-config",
    `<edit-config><target><candidate/></target><default-operation>merge</default-operation>${onError}<config>${fragment(config)}</config></edit-config>`,
  );
}

export const lock = (session: NetconfSession, target: Datastore) =>
  perform(session, `lock of ${target}`, `<lock><target><${target}/></target></lock>`);

export const unlock = (session: NetconfSession, target: Datastore) =>
  perform(session, `unlock of ${target}`, `<unlock><target><${target}/></target></unlock>`);

export const validate = (session: NetconfSession) =>
  perform(session, "validate", "<validate><source><candidate/></source></validate>");

export const discardChanges = (session: NetconfSession) => perform(session, "discard-changes", "<discard-changes/>");

export const commit = (session: NetconfSession) => perform(session, "commit", "<commit/>");

/**
 * Commits until `timeoutMs` from now unless confirmed: by whoever knows `token` (RFC 6241 8.4), or without one, by a commit of this
 * same session, with whose end the trial ends too (RFC 4741 8.4).
 */
export async function commitConfirmed(session: NetconfSession, token: string | undefined, timeoutMs: number) {
  // Whole seconds, and never shorter than asked for.
  const seconds = Math.max(1, Math.ceil(timeoutMs / 1000));
  const persist = token === undefined ? "" : `<persist>${escapeXml(token)}</persist>`;
  const operation = `<commit><confirmed/><confirm-timeout>${seconds}</confirm-timeout>${persist}</commit>`;
  await perform(session, "confirmed commit", operation);
}

/** Makes the trial permanent. `no-trial`: the server knows of no pending commit with that token. */
export async function confirmCommit(session: NetconfSession, token: string): Promise<"done" | "no-trial"> {
  const reply = await session.rpc(`<commit><persist-id>${escapeXml(token)}</persist-id></commit>`);
  const serious = rpcErrors(reply).filter(({ severity }) => severity === "error");
  if (serious.length > 0 && serious.every(saysNoTrial)) return "no-trial";
  requireOk(session, "confirming commit", reply);
  return "done";
}

export const cancelCommit = (session: NetconfSession, token: string) =>
  perform(session, "cancel-commit", `<cancel-commit><persist-id>${escapeXml(token)}</persist-id></cancel-commit>`);

async function perform(session: NetconfSession, name: string, operation: string): Promise<void> {
  requireOk(session, name, await session.rpc(operation));
}

function requireOk(session: NetconfSession, name: string, reply: XmlElement): void {
  refuseErrors(session, name, reply);
  if (!saysOk(reply)) throw unclear(session, name);
}

/**
 * RFC 6241 8.4.5.1 wants invalid-value for a token that is not pending, but some servers say operation-failed. Narrow on
 * purpose: taking another error for this one would let a change pass for confirmed that is about to be reverted.
 */
function saysNoTrial({ tag, message, path }: RpcError): boolean {
  if (tag === "invalid-value") return path === "" || /commit|persist/.test(path);
  return tag === "operation-failed" && /\bno (\w+ )?confirmed|confirmed[ -]commit\b.*\bnot\b/i.test(message);
}

function refuseErrors(session: NetconfSession, name: string, reply: XmlElement): void {
  const failure = refusal(session.device, name, rpcErrors(reply));
  if (failure) throw failure;
}

function unclear(session: NetconfSession, name: string): Failure {
  return new Failure("DEVICE_PROTOCOL", `${session.device} answered ${name} with neither a result nor an error`, {
    retry: "later",
    mend: "Read the configuration back before anything else.",
  });
}

/** Text that goes into the middle of an operation must be whole in itself, or it would change what is asked for. */
function fragment(xml: string): string {
  try {
    parseXml(`<fragment>${xml}</fragment>`);
  } catch (error) {
    if (!(error instanceof XmlSyntaxError)) throw error;
    throw new Failure("CHANGE_UNSUPPORTED", `not well-formed XML, so nothing was sent: ${error.message}`, {
      mend: "Correct the device template that it was made from.",
    });
  }
  return xml;
}

/** A container with nothing in it means nothing (RFC 7950 7.5.1): some servers show it, some do not. */
const saysSomething = (element: XmlElement): boolean =>
  element.attributes.length > 0 ||
  element.children.some((child) => (typeof child === "string" ? child.trim() !== "" : saysSomething(child)));

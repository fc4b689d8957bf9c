import { elements, writeXml, type XmlElement } from "../../kernel/xml.ts";
import type { ConfirmedCommit } from "./confirmed-commit.ts";
import { assemble, check, type Datastore } from "./datastore.ts";
import { type DatastoreName, type Locks, lockDenied } from "./locks.ts";
import { badElement, Parameters } from "./parameters.ts";
import { netconfNamespace, RpcError } from "./rpc-error.ts";
import { applyFilter } from "./subtree-filter.ts";

/** What all sessions of one router share. */
export type Router = Readonly<{
  datastore: Datastore;
  locks: Locks;
  confirmedCommit: ConfirmedCommit;
  /** Open sessions by id. */
  sessions: Map<number, Readonly<{ end(): void }>>;
  /** Of :confirmed-commit. Before 1.1 a trial lives with its session, and nothing cancels it but that session's end (RFC 4741 8.4). */
  confirmedCommitVersion: "1.0" | "1.1";
  faults: { readonly lieOnCommit: boolean; loseReplyTo: string | undefined };
  /** Told of every operation before it is performed. */
  onOperation: (name: string) => void;
}>;

type Operation = (router: Router, session: number, request: XmlElement) => string;

const datastores = ["running", "candidate"] as const satisfies readonly DatastoreName[];
const withDefaultsNamespace = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults";
const withDefaults = `{${withDefaultsNamespace}}with-defaults`;
const defaultConfirmTimeoutS = 600;

export const protocolCapabilities = ({ confirmedCommitVersion }: Router) => [
  "urn:ietf:params:netconf:base:1.0",
  "urn:ietf:params:netconf:base:1.1",
  "urn:ietf:params:netconf:capability:candidate:1.0",
  `urn:ietf:params:netconf:capability:confirmed-commit:${confirmedCommitVersion}`,
  "urn:ietf:params:netconf:capability:validate:1.1",
  "urn:ietf:params:netconf:capability:rollback-on-error:1.0",
  "urn:ietf:params:netconf:capability:with-defaults:1.0?basic-mode=explicit",
  `${withDefaultsNamespace}?module=ietf-netconf-with-defaults&revision=2011-06-01`,
];

/** The content of the reply to `request`, an operation inside `<rpc>`. Throws RpcError or RpcErrors. */
export function perform(router: Router, session: number, request: XmlElement): string {
  const operation = request.namespace === netconfNamespace ? operations.get(request.name) : undefined;
  const isKnown = request.name !== "cancel-commit" || router.confirmedCommitVersion === "1.1";
  if (operation && isKnown) return operation(router, session, request);
  throw new RpcError("protocol", "operation-not-supported", `there is no operation ${request.name} here`, {
    info: { "bad-element": request.name },
  });
}

/** A session is gone, for whatever reason: what it left pending goes, and what it held is free (RFC 6241 sections 7.5, 8.3.5.2, 8.4.1). */
export function forgetSession(router: Router, session: number): void {
  router.sessions.delete(session);
  router.confirmedCommit.sessionEnded(session);
  for (const datastore of datastores) {
    if (router.locks.isHeldBy(datastore, session)) releaseLock(router, session, datastore);
  }
}

const ok = "<ok/>";

const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  [
    "get",
    (router, _session, request) => {
      const parameters = new Parameters(request, ["filter", withDefaults]);
      return read(router.datastore.running, parameters);
    },
  ],
  [
    "get-config",
    (router, _session, request) => {
      const parameters = new Parameters(request, ["source", "filter", withDefaults]);
      return read(router.datastore[parameters.choice("source", datastores).chosen], parameters);
    },
  ],
  [
    "edit-config",
    (router, session, request) => {
      const parameters = new Parameters(request, [
        "target",
        "default-operation",
        "test-option",
        "error-option",
        "config",
      ]);
      parameters.choice("target", ["candidate"]);
      const edit = {
        config: parameters.required("config"),
        defaultOperation: parameters.oneOf("default-operation", ["merge", "replace", "none"]) ?? "merge",
        errorOption:
          parameters.oneOf("error-option", ["stop-on-error", "continue-on-error", "rollback-on-error"]) ??
          "stop-on-error",
        testOption: parameters.oneOf("test-option", ["set", "test-then-set", "test-only"]) ?? "set",
      };
      router.locks.assertFree("candidate", session);
      router.datastore.edit(edit);
      return ok;
    },
  ],
  [
    "lock",
    (router, session, request) => {
      const { chosen } = new Parameters(request, ["target"]).choice("target", datastores);
      router.locks.assertNotHeld(chosen);
      const owner = router.confirmedCommit.owner;
      if (chosen === "running" && owner !== undefined && owner !== session) {
        throw lockDenied("a confirmed commit of another session is pending", owner);
      }
      if (chosen === "candidate" && router.datastore.modified) {
        throw lockDenied("candidate has edits that are neither committed nor discarded", 0);
      }
      router.locks.acquire(chosen, session);
      return ok;
    },
  ],
  [
    "unlock",
    (router, session, request) => {
      const { chosen } = new Parameters(request, ["target"]).choice("target", datastores);
      releaseLock(router, session, chosen);
      return ok;
    },
  ],
  [
    "discard-changes",
    (router, session, request) => {
      new Parameters(request, []);
      router.locks.assertFree("candidate", session);
      router.datastore.discard();
      return ok;
    },
  ],
  [
    "validate",
    (router, _session, request) => {
      const { chosen, element } = new Parameters(request, ["source"]).choice("source", [...datastores, "config"]);
      if (chosen === "config") assemble({ ...element, children: [] }, elements(element));
      else check(router.datastore[chosen]);
      return ok;
    },
  ],
  [
    "commit",
    (router, session, request) => {
      const since11 = router.confirmedCommitVersion === "1.1" ? ["persist", "persist-id"] : [];
      const parameters = new Parameters(request, ["confirmed", "confirm-timeout", ...since11]);
      const timeoutMs = (parameters.positive("confirm-timeout") ?? defaultConfirmTimeoutS) * 1000;
      const [persist, persistId] = [parameters.text("persist"), parameters.text("persist-id")];
      const confirmed = parameters.has("confirmed");
      for (const name of ["confirm-timeout", "persist"]) {
        if (!confirmed && parameters.has(name)) throw badElement(name, `${name} means nothing without confirmed`);
      }
      for (const datastore of datastores) router.locks.assertFree(datastore, session);
      if (router.faults.lieOnCommit) return ok;
      router.confirmedCommit.commit(session, persistId, confirmed ? { timeoutMs, persist } : undefined);
      return ok;
    },
  ],
  [
    "cancel-commit",
    (router, session, request) => {
      const persistId = new Parameters(request, ["persist-id"]).text("persist-id");
      router.locks.assertFree("running", session);
      router.confirmedCommit.cancel(session, persistId);
      return ok;
    },
  ],
  [
    "close-session",
    (_router, _session, request) => {
      new Parameters(request, []);
      return ok;
    },
  ],
  [
    "kill-session",
    (router, session, request) => {
      const parameters = new Parameters(request, ["session-id"]);
      parameters.required("session-id");
      const victim = parameters.positive("session-id");
      const other = victim === session || victim === undefined ? undefined : router.sessions.get(victim);
      if (!other) {
        throw new RpcError("protocol", "invalid-value", `${victim} is the id of no other session`, {
          info: { "bad-element": "session-id" },
        });
      }
      other.end();
      return ok;
    },
  ],
]);

function read(config: XmlElement, parameters: Parameters): string {
  const mode = parameters.text(withDefaults);
  if (mode !== undefined && mode !== "explicit") {
    throw new RpcError("protocol", "invalid-value", `with-defaults ${mode} is not offered`, {
      info: { "bad-element": "with-defaults" },
    });
  }
  const filter = parameters.element("filter");
  const type = filter?.attributes.find(({ name }) => name === "type");
  if (type && type.value !== "subtree") {
    throw new RpcError("protocol", "bad-attribute", `filter type ${type.value} is not offered`, {
      info: { "bad-attribute": "type", "bad-element": "filter" },
    });
  }
  const { children } = filter ? applyFilter(config, filter) : config;
  return writeXml({ name: "data", namespace: netconfNamespace, attributes: [], children }, netconfNamespace);
}

/** Edits in the making go with the lock on candidate: the next holder starts from running (RFC 6241 section 8.3.5.2). */
function releaseLock(router: Router, session: number, datastore: DatastoreName): void {
  router.locks.release(datastore, session);
  if (datastore === "candidate") router.datastore.discard();
}

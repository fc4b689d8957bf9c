import { elements, parseXml, writeXml, type XmlElement } from "../../kernel/xml.ts";
import { brokenConstraints } from "./constraints.ts";
import { applyEdit, cloneXml, type DefaultOperation } from "./edit.ts";
import { netconfNamespace, RpcErrors } from "./rpc-error.ts";
import { isKnownNamespace } from "./schema.ts";

type ErrorOption = "stop-on-error" | "continue-on-error" | "rollback-on-error";

/** An edit by its parameters (RFC 6241 section 7.2). */
export type EditRequest = Readonly<{
  config: XmlElement;
  defaultOperation: DefaultOperation;
  errorOption: ErrorOption;
  /** `set` leaves constraints to validate and commit, as RFC 7950 section 8.3.3 wants it for a candidate. */
  testOption: "set" | "test-then-set" | "test-only";
}>;

/** Running and candidate. Trees are shared and never changed in place: each edit makes a new one. */
export class Datastore {
  #running: XmlElement;
  #runningText: string;
  #candidate: XmlElement;
  #modified = false;
  readonly #listeners: ((running: XmlElement) => void)[] = [];

  /** Throws RpcErrors when a router could not run `config`, XmlSyntaxError when it is no XML. */
  constructor(config: string) {
    this.#running = load(parseXml(`<config xmlns="${netconfNamespace}">${config}</config>`));
    this.#runningText = writeXml(this.#running);
    this.#candidate = this.#running;
  }

  get running(): XmlElement {
    return this.#running;
  }

  get runningText(): string {
    return this.#runningText;
  }

  get candidate(): XmlElement {
    return this.#candidate;
  }

  /** The candidate has edits that were neither committed nor discarded. An edit that leads back to running is none. */
  get modified(): boolean {
    return this.#modified;
  }

  onRunningChanged(listener: (running: XmlElement) => void): void {
    this.#listeners.push(listener);
  }

  /** Throws RpcErrors; what then remains in the candidate is for the error option to say. */
  edit({ config, defaultOperation, errorOption, testOption }: EditRequest): void {
    const edited = applyEdit(this.#candidate, config, defaultOperation, errorOption === "continue-on-error");
    const refused = edited.errors.length > 0 && errorOption === "rollback-on-error";
    if (testOption !== "set" && edited.errors.length === 0) check(edited.config);
    if (testOption !== "test-only" && !refused) {
      this.#candidate = edited.config;
      this.#modified = writeXml(edited.config) !== this.#runningText;
    }
    if (edited.errors.length > 0) throw new RpcErrors(edited.errors);
  }

  discard(): void {
    this.#candidate = this.#running;
    this.#modified = false;
  }

  /** Throws RpcErrors and changes nothing when the candidate breaks a constraint. */
  commit(): void {
    check(this.#candidate);
    this.#modified = false;
    this.#replaceRunning(this.#candidate);
  }

  /** Puts running back to what it was. An unmodified candidate goes with it, edits in the making are kept. */
  restore(running: XmlElement): void {
    if (!this.#modified) this.#candidate = running;
    this.#replaceRunning(running);
  }

  #replaceRunning(running: XmlElement): void {
    const text = writeXml(running);
    const changed = text !== this.#runningText;
    this.#running = running;
    this.#runningText = text;
    if (changed) for (const listener of this.#listeners) listener(running);
  }
}

/** Throws RpcErrors when a router could not run this configuration. */
export function check(config: XmlElement): void {
  const errors = brokenConstraints(config);
  if (errors.length > 0) throw new RpcErrors(errors);
}

/** `onto` with `content` merged in and everything checked, as edit, validate and commit would. Throws RpcErrors. */
export function assemble(onto: XmlElement, content: readonly XmlElement[]): XmlElement {
  const { config, errors } = applyEdit(onto, { ...onto, children: [...content] }, "merge");
  if (errors.length > 0) throw new RpcErrors(errors);
  check(config);
  return config;
}

/** What is in none of the served modules can be read and not edited; only the white space of its layout is dropped. */
function load(config: XmlElement): XmlElement {
  const content = elements(config);
  const served = content.filter(({ namespace }) => isKnownNamespace(namespace));
  const others = content.filter((element) => !served.includes(element)).map(withoutLayout);
  return assemble({ ...config, children: others }, served);
}

function withoutLayout(element: XmlElement): XmlElement {
  const below = elements(element);
  return below.length > 0 ? { ...element, children: below.map(withoutLayout) } : cloneXml(element);
}

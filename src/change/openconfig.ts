import { assert } from "../kernel/assert.ts";
import { ok, type Result } from "../kernel/failure.ts";
import {
  canonicalXml,
  childElement,
  elements,
  parseXml,
  textOf,
  type XmlElement,
  XmlSyntaxError,
} from "../kernel/xml.ts";
import type { Payload } from "../model/device.ts";
import type { Device } from "../model/inventory.ts";
import {
  type Coverage,
  coverageOf,
  type Edit,
  type ExportPolicies,
  type Statement,
  unsupported,
} from "./export-policy.ts";
import { type AddressBlock, type PrefixRange, parseNumber, parsePrefix } from "./prefix.ts";
import type { Templates } from "./templates.ts";

const policyNamespace = "http://openconfig.net/yang/routing-policy";
const bgpNamespace = "http://openconfig.net/yang/bgp-policy";

/** How a statement prepends: `asn` is null where the router leaves it out and means its own. */
type Prepend = Readonly<{ repeat: number; asn: string | null }>;
type Unsupported = Readonly<{ unsupported: string }>;

/**
 * `/routing-policy` of openconfig-routing-policy, with the actions of openconfig-bgp-policy, as the concatenated canonical text
 * of the reply's data. CHANGE_UNSUPPORTED when the text would not come out the same again.
 */
export function readOpenconfig(as: number, device: Device, reading: string): Result<ExportPolicies> {
  const data = parseData(reading);
  // Trees are compared by their text, so a text that does not survive a round trip cannot be edited.
  if (!data || writeData(data) !== reading) {
    return unsupported(
      `${device.name}: the routing policy holds characters that cannot be kept exactly`,
      "look for control characters in descriptions and names of the routing policy",
    );
  }
  return ok(new OpenconfigPolicies(as, reading, data));
}

class OpenconfigPolicies implements ExportPolicies {
  readonly #as: number;
  readonly #reading: string;
  readonly #data: XmlElement;
  readonly #sets: ReadonlyMap<string, readonly PrefixRange[] | undefined>;

  constructor(as: number, reading: string, data: XmlElement) {
    this.#as = as;
    this.#reading = reading;
    this.#data = data;
    const sets = listAt(data, "prefix-set", "routing-policy", "defined-sets", "prefix-sets");
    this.#sets = new Map(sets.map((set) => [nameOf(set), rangesOf(set)]));
  }

  statements(policy: string): readonly Statement[] | undefined {
    const found = findPolicy(this.#data, policy);
    if (!found) return undefined;
    return listAt(found, "statement", "statements").map((statement) => {
      const prepend = readPrepend(statement);
      return {
        id: nameOf(statement),
        title: `statement ${nameOf(statement)} of policy-definition ${policy}`,
        covers: (prefix) => this.#covers(statement, prefix),
        verdict: verdictOf(statement),
        prepends: this.#prepends(prepend),
      };
    });
  }

  edit(templates: Templates, edits: readonly Edit[]): { expected: string; forward: Payload; inverse: Payload } {
    const data = parseData(this.#reading);
    assert(data, "a reading that was parsed once parses again");
    const changes = edits.map(({ policy, statement: name, to }) => {
      const found = findPolicy(data, policy);
      const statement = found && listAt(found, "statement", "statements").find((each) => nameOf(each) === name);
      assert(statement, `policy ${policy} has statement ${name}`);
      const before = readPrepend(statement);
      assert(!("unsupported" in before), `statement ${name} of ${policy} may be edited`);
      // The operator's way of writing it is kept: where the AS was left out, it stays out.
      const asn = before.repeat > 0 ? before.asn : String(this.#as);
      const after = to > 0 ? { repeat: to, asn } : { repeat: 0, asn: null };
      writePrepend(statement, after);
      return { policy, name, before, after };
    });
    const render = (side: "before" | "after"): Payload => {
      const byPolicy = new Map<string, object[]>();
      for (const change of changes) {
        const statements = byPolicy.get(change.policy) ?? [];
        byPolicy.set(change.policy, [...statements, { name: change.name, ...change[side] }]);
      }
      // One list entry a policy: a server may refuse a key that comes twice in one edit.
      const policies = Array.from(byPolicy, ([name, statements]) => ({ name, statements }));
      return { config: templates.render("openconfig/bgp-prepend.xml.j2", { policies }), activate: "" };
    };
    return { expected: writeData(data), forward: render("after"), inverse: render("before") };
  }

  #prepends(prepend: Prepend | Unsupported): number | Unsupported {
    if ("unsupported" in prepend) return prepend;
    if (prepend.asn === null || prepend.asn === String(this.#as)) return prepend.repeat;
    return { unsupported: `AS ${prepend.asn} prepended, which is not our own` };
  }

  #covers(statement: XmlElement, prefix: AddressBlock): Coverage {
    const conditions = at(statement, policyNamespace, "conditions");
    const given = conditions ? elements(conditions) : [];
    const matchSet = given.find((each) => is(each, "match-prefix-set"));
    const config = matchSet && at(matchSet, policyNamespace, "config");
    const matched = config ? this.#matchSet(config, prefix) : "with-others";
    if (matched === "no") return "no";
    return given.length > (matchSet ? 1 : 0) ? "perhaps" : matched;
  }

  /** A set that does not exist breaks a leafref; what a router makes of it is its own affair. */
  #matchSet(config: XmlElement, prefix: AddressBlock): Coverage {
    const ranges = this.#sets.get(leaf(config, "prefix-set") ?? "");
    const options = leaf(config, "match-set-options") ?? "ANY";
    if (!ranges || (options !== "ANY" && options !== "INVERT")) return "perhaps";
    const coverage = coverageOf(ranges, prefix);
    if (options === "ANY") return coverage;
    return coverage === "no" ? "with-others" : "no";
  }
}

function parseData(reading: string): XmlElement | undefined {
  try {
    return parseXml(`<data>${reading}</data>`);
  } catch (error) {
    if (error instanceof XmlSyntaxError) return undefined;
    throw error;
  }
}

const writeData = (data: XmlElement) =>
  elements(data)
    .map((child) => canonicalXml(child))
    .join("");

function readPrepend(statement: XmlElement): Prepend | Unsupported {
  const bgpActions = bgpActionsOf(statement);
  const prepend = bgpActions && childElement(bgpActions, "set-as-path-prepend", bgpNamespace);
  if (!prepend) return { repeat: 0, asn: null };
  const config = childElement(prepend, "config", bgpNamespace);
  const leaves = config ? elements(config) : [];
  const known = leaves.every(({ name, namespace }) => namespace === bgpNamespace && ["repeat-n", "asn"].includes(name));
  const repeat = parseNumber(config ? (leaf(config, "repeat-n", bgpNamespace) ?? "") : "");
  if (elements(prepend).length !== 1 || !known || repeat === undefined || repeat < 1) {
    return { unsupported: "a set-as-path-prepend that is not plain repeat-n and asn" };
  }
  return { repeat, asn: (config && leaf(config, "asn", bgpNamespace)) ?? null };
}

/** Where the children go does not matter: the canonical text sorts them. */
function writePrepend(statement: XmlElement, { repeat, asn }: Prepend): void {
  const actions = at(statement, policyNamespace, "actions");
  assert(actions, "an accepting statement has actions");
  const bgpActions = bgpActionsOf(statement) ?? element("bgp-actions");
  const others = bgpActions.children.filter(
    (child) => typeof child === "string" || child.name !== "set-as-path-prepend",
  );
  const config = element("config", element("repeat-n", String(repeat)));
  if (asn !== null) config.children.push(element("asn", asn));
  bgpActions.children.length = 0;
  bgpActions.children.push(...others);
  if (repeat > 0) bgpActions.children.push(element("set-as-path-prepend", config));
  if (!actions.children.includes(bgpActions)) actions.children.push(bgpActions);
}

const element = (name: string, ...children: (XmlElement | string)[]): XmlElement => ({
  name,
  namespace: bgpNamespace,
  attributes: [],
  children,
});

function bgpActionsOf(statement: XmlElement): XmlElement | undefined {
  const actions = at(statement, policyNamespace, "actions");
  return actions && childElement(actions, "bgp-actions", bgpNamespace);
}

function verdictOf(statement: XmlElement): Statement["verdict"] {
  const config = at(statement, policyNamespace, "actions", "config");
  const result = config && leaf(config, "policy-result");
  if (result === "ACCEPT_ROUTE") return "accept";
  return result === "REJECT_ROUTE" ? "deny" : "goes-on";
}

/** The blocks of a prefix set; undefined when one of them is not understood. */
function rangesOf(set: XmlElement): readonly PrefixRange[] | undefined {
  const ranges: PrefixRange[] = [];
  for (const entry of listAt(set, "prefix", "prefixes")) {
    const block = parsePrefix(leaf(entry, "ip-prefix") ?? "");
    if (!block) return undefined;
    const lengths = leaf(entry, "masklength-range") ?? "exact";
    const [min, max] = lengths === "exact" ? [block.length, block.length] : lengths.split("..").map(parseNumber);
    if (min === undefined || max === undefined) return undefined;
    ranges.push({ block, min, max });
  }
  return ranges;
}

const findPolicy = (data: XmlElement, policy: string) =>
  listAt(data, "policy-definition", "routing-policy", "policy-definitions").find((each) => nameOf(each) === policy);

const nameOf = (entry: XmlElement) => leaf(entry, "name") ?? "";
const is = (candidate: XmlElement, name: string) => candidate.name === name && candidate.namespace === policyNamespace;

function leaf(parent: XmlElement, name: string, namespace = policyNamespace): string | undefined {
  const found = childElement(parent, name, namespace);
  return found && textOf(found);
}

function at(from: XmlElement, namespace: string, ...path: string[]): XmlElement | undefined {
  let found: XmlElement | undefined = from;
  for (const name of path) found = found && childElement(found, name, namespace);
  return found;
}

function listAt(from: XmlElement, name: string, ...path: string[]): XmlElement[] {
  const parent = at(from, policyNamespace, ...path);
  return parent ? elements(parent).filter((each) => is(each, name)) : [];
}

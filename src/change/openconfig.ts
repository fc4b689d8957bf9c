import { assert } from "../kernel/assert.ts";
import { ok, type Result } from "../kernel/failure.ts";
import { elements, type XmlElement } from "../kernel/xml.ts";
import type { Payload } from "../model/device.ts";
import type { Device } from "../model/inventory.ts";
import type { Edited } from "./edited.ts";
import {
  type Coverage,
  coverageOf,
  type Edit,
  type ExportPolicies,
  type Statement,
  unsupported,
} from "./export-policy.ts";
import { inModule, readData, writeData } from "./openconfig-data.ts";
import { type AddressBlock, type PrefixRange, parseNumber, parsePrefix } from "./prefix.ts";
import type { Templates } from "./templates.ts";

const routingPolicy = inModule("http://openconfig.net/yang/routing-policy");
const bgpPolicy = inModule("http://openconfig.net/yang/bgp-policy");

/** How a statement prepends: `asn` is null where the router leaves it out and means its own. */
type Prepend = Readonly<{ repeat: number; asn: string | null }>;
type Unsupported = Readonly<{ unsupported: string }>;

/**
 * `/routing-policy` of openconfig-routing-policy, with the actions of openconfig-bgp-policy, as the concatenated canonical text
 * of the reply's data. CHANGE_UNSUPPORTED when the text would not come out the same again.
 */
export function readOpenconfig(as: number, device: Device, reading: string): Result<ExportPolicies> {
  const data = readData(reading);
  if (!data) {
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
    const sets = routingPolicy.list(data, "prefix-set", "routing-policy", "defined-sets", "prefix-sets");
    this.#sets = new Map(sets.map((set) => [nameOf(set), rangesOf(set)]));
  }

  statements(policy: string): readonly Statement[] | undefined {
    const found = findPolicy(this.#data, policy);
    if (!found) return undefined;
    return routingPolicy.list(found, "statement", "statements").map((statement) => {
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

  edit(templates: Templates, edits: readonly Edit[]): Edited {
    const data = readData(this.#reading);
    assert(data, "a reading that was parsed once parses again");
    const changes = edits.map(({ policy, statement: name, to }) => {
      const found = findPolicy(data, policy);
      const statement =
        found && routingPolicy.list(found, "statement", "statements").find((each) => nameOf(each) === name);
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
    const conditions = routingPolicy.at(statement, "conditions");
    const given = conditions ? elements(conditions) : [];
    const matchSet = given.find((each) => routingPolicy.is(each, "match-prefix-set"));
    const config = matchSet && routingPolicy.at(matchSet, "config");
    const matched = config ? this.#matchSet(config, prefix) : "with-others";
    if (matched === "no") return "no";
    return given.length > (matchSet ? 1 : 0) ? "perhaps" : matched;
  }

  /** A set that does not exist breaks a leafref; what a router makes of it is its own affair. */
  #matchSet(config: XmlElement, prefix: AddressBlock): Coverage {
    const ranges = this.#sets.get(routingPolicy.leaf(config, "prefix-set") ?? "");
    const options = routingPolicy.leaf(config, "match-set-options") ?? "ANY";
    if (!ranges || (options !== "ANY" && options !== "INVERT")) return "perhaps";
    const coverage = coverageOf(ranges, prefix);
    if (options === "ANY") return coverage;
    return coverage === "no" ? "with-others" : "no";
  }
}

function readPrepend(statement: XmlElement): Prepend | Unsupported {
  const bgpActions = bgpActionsOf(statement);
  const prepend = bgpActions && bgpPolicy.at(bgpActions, "set-as-path-prepend");
  if (!prepend) return { repeat: 0, asn: null };
  const config = bgpPolicy.at(prepend, "config");
  const leaves = config ? elements(config) : [];
  const known = leaves.every((each) => bgpPolicy.is(each, "repeat-n") || bgpPolicy.is(each, "asn"));
  const repeat = parseNumber(bgpPolicy.leaf(config, "repeat-n") ?? "");
  if (elements(prepend).length !== 1 || !known || repeat === undefined || repeat < 1) {
    return { unsupported: "a set-as-path-prepend that is not plain repeat-n and asn" };
  }
  return { repeat, asn: bgpPolicy.leaf(config, "asn") ?? null };
}

/** Where the children go does not matter: the canonical text sorts them. */
function writePrepend(statement: XmlElement, { repeat, asn }: Prepend): void {
  const actions = routingPolicy.at(statement, "actions");
  assert(actions, "an accepting statement has actions");
  const bgpActions = bgpActionsOf(statement) ?? bgpPolicy.element("bgp-actions");
  const others = bgpActions.children.filter(
    (child) => typeof child === "string" || child.name !== "set-as-path-prepend",
  );
  const config = bgpPolicy.element("config", bgpPolicy.element("repeat-n", String(repeat)));
  if (asn !== null) config.children.push(bgpPolicy.element("asn", asn));
  bgpActions.children.length = 0;
  bgpActions.children.push(...others);
  if (repeat > 0) bgpActions.children.push(bgpPolicy.element("set-as-path-prepend", config));
  if (!actions.children.includes(bgpActions)) actions.children.push(bgpActions);
}

function bgpActionsOf(statement: XmlElement): XmlElement | undefined {
  const actions = routingPolicy.at(statement, "actions");
  return actions && bgpPolicy.at(actions, "bgp-actions");
}

function verdictOf(statement: XmlElement): Statement["verdict"] {
  const config = routingPolicy.at(statement, "actions", "config");
  const result = routingPolicy.leaf(config, "policy-result");
  if (result === "ACCEPT_ROUTE") return "accept";
  return result === "REJECT_ROUTE" ? "deny" : "goes-on";
}

/** The blocks of a prefix set; undefined when one of them is not understood. */
function rangesOf(set: XmlElement): readonly PrefixRange[] | undefined {
  const ranges: PrefixRange[] = [];
  for (const entry of routingPolicy.list(set, "prefix", "prefixes")) {
    const block = parsePrefix(routingPolicy.leaf(entry, "ip-prefix") ?? "");
    if (!block) return undefined;
    const lengths = routingPolicy.leaf(entry, "masklength-range") ?? "exact";
    const [min, max] = lengths === "exact" ? [block.length, block.length] : lengths.split("..").map(parseNumber);
    if (min === undefined || max === undefined) return undefined;
    ranges.push({ block, min, max });
  }
  return ranges;
}

const findPolicy = (data: XmlElement, policy: string) =>
  routingPolicy
    .list(data, "policy-definition", "routing-policy", "policy-definitions")
    .find((each) => nameOf(each) === policy);

const nameOf = (entry: XmlElement) => routingPolicy.leaf(entry, "name") ?? "";

import { assert } from "../kernel/assert.ts";
import { ok, type Result } from "../kernel/failure.ts";
import { type AddressBlock, type PrefixRange, parseNumber, parsePrefix } from "../kernel/prefix.ts";
import { canonicalXml, elements, type XmlElement } from "../kernel/xml.ts";
import type { Payload } from "../model/device.ts";
import type { Device } from "../model/inventory.ts";
import type { Edited } from "./edited.ts";
import {
  type Coverage,
  coverageOf,
  type Edit,
  type ExportPolicies,
  type Statement,
  type Unsupported,
  unsupported,
} from "./export-policy.ts";
import { inModule, readData, writeData } from "./openconfig-data.ts";
import type { Templates } from "./templates.ts";

const routingPolicy = inModule("http://openconfig.net/yang/routing-policy");
const bgpPolicy = inModule("http://openconfig.net/yang/bgp-policy");

/** How a statement prepends: `asn` is null where the router leaves it out and means its own. */
type Prepend = Readonly<{ repeat: number; asn: string | null }>;

/** What an edit sets of a statement; null where it sets nothing. */
type Named = Readonly<{
  prepend: Prepend | null;
  gracefulShutdown: boolean | null;
  result: (typeof results)[keyof typeof results] | null;
}>;
const results = { accept: "ACCEPT_ROUTE", deny: "REJECT_ROUTE" } as const;
/**
 * `/routing-policy` of openconfig-routing-policy, with the actions of openconfig-bgp-policy, as the concatenated canonical text
 * of the reply's data. CHANGE_UNSUPPORTED when the text would not come out the same again.
 */
export function readOpenconfig(as: number, device: Device, reading: string): Result<ExportPolicies> {
  const known = lastRead.get(device);
  if (known?.isOf(as, reading)) return ok(known);
  const data = readData(reading);
  if (!data) {
    return unsupported(
      `${device.name}: the routing policy holds characters that cannot be kept exactly`,
      "look for control characters in descriptions and names of the routing policy",
    );
  }
  const policies = new OpenconfigPolicies(as, reading, data);
  lastRead.set(device, policies);
  return ok(policies);
}

/** A router mostly reads as it did a minute ago, and taking a text apart costs more than comparing it. */
const lastRead = new WeakMap<Device, OpenconfigPolicies>();

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

  isOf(as: number, reading: string): boolean {
    return as === this.#as && reading === this.#reading;
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
        names: this.#names(statement),
        verdict: verdictOf(statement),
        prepends: this.#prepends(prepend),
        gracefulShutdown: readGracefulShutdown(statement),
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
      const before = namedIn(statement, to);
      // The operator's way of writing it is kept: where the AS was left out, it stays out.
      const asn = before.prepend?.repeat ? before.prepend.asn : String(this.#as);
      const after: Named = {
        prepend: to.prepends === undefined ? null : { repeat: to.prepends, asn: to.prepends > 0 ? asn : null },
        gracefulShutdown: to.gracefulShutdown ?? null,
        result: to.verdict === undefined ? null : results[to.verdict],
      };
      write(statement, after);
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
      return { config: templates.render("openconfig/export-policy.xml.j2", { policies }), activate: "" };
    };
    return { expected: writeData(data), forward: render("after"), inverse: render("before") };
  }

  #prepends(prepend: Prepend | Unsupported): number | Unsupported {
    if ("unsupported" in prepend) return prepend;
    if (prepend.asn === null || prepend.asn === String(this.#as)) return prepend.repeat;
    return { unsupported: `AS ${prepend.asn} prepended, which is not our own` };
  }

  #names(statement: XmlElement): readonly PrefixRange[] {
    const config = routingPolicy.at(statement, "conditions", "match-prefix-set", "config");
    const isAny = (routingPolicy.leaf(config, "match-set-options") ?? "ANY") === "ANY";
    return (isAny && this.#sets.get(routingPolicy.leaf(config, "prefix-set") ?? "")) || [];
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

/** A container of its own for our one community; any other way to set communities is someone else's. */
function readGracefulShutdown(statement: XmlElement): Statement["gracefulShutdown"] {
  const bgpActions = bgpActionsOf(statement);
  const others = bgpActions && bgpPolicy.at(bgpActions, "set-community");
  if (!others) return false;
  const same = canonicalXml(others) === canonicalXml(gracefulShutdown());
  return same ? true : { unsupported: "a set-community that is not the inline addition of 65535:0 alone" };
}

const gracefulShutdown = () =>
  bgpPolicy.element(
    "set-community",
    bgpPolicy.element("config", bgpPolicy.element("method", "INLINE"), bgpPolicy.element("options", "ADD")),
    bgpPolicy.element("inline", bgpPolicy.element("config", bgpPolicy.element("communities", "65535:0"))),
  );

/** What the statement has now of that which `to` names. */
function namedIn(statement: XmlElement, to: Edit["to"]): Named {
  const [prepend, community, verdict] = [readPrepend(statement), readGracefulShutdown(statement), verdictOf(statement)];
  assert(!(to.prepends !== undefined && "unsupported" in prepend), "a path that is edited may be");
  assert(!(to.gracefulShutdown !== undefined && typeof community !== "boolean"), "communities that are edited may be");
  assert(verdict !== "goes-on", "a statement that is edited decides");
  return {
    prepend: to.prepends === undefined || "unsupported" in prepend ? null : prepend,
    gracefulShutdown: to.gracefulShutdown === undefined || typeof community !== "boolean" ? null : community,
    result: to.verdict === undefined ? null : results[verdict],
  };
}

/** Where the children go does not matter: the canonical text sorts them. */
function write(statement: XmlElement, { prepend, gracefulShutdown: community, result }: Named): void {
  const actions = routingPolicy.at(statement, "actions");
  assert(actions, "a statement that decides has actions");
  if (prepend !== null) {
    const { repeat, asn } = prepend;
    const config = bgpPolicy.element("config", bgpPolicy.element("repeat-n", String(repeat)));
    if (asn !== null) config.children.push(bgpPolicy.element("asn", asn));
    writeAction(actions, "set-as-path-prepend", repeat > 0 ? bgpPolicy.element("set-as-path-prepend", config) : null);
  }
  if (community !== null) writeAction(actions, "set-community", community ? gracefulShutdown() : null);
  if (result === null) return;
  const leaf = routingPolicy.at(actions, "config", "policy-result");
  assert(leaf, "a statement that decides has a policy-result");
  leaf.children.splice(0, leaf.children.length, result);
}

function writeAction(actions: XmlElement, name: string, action: XmlElement | null): void {
  const bgpActions = bgpPolicy.at(actions, "bgp-actions") ?? bgpPolicy.element("bgp-actions");
  const others = bgpActions.children.filter((child) => typeof child === "string" || child.name !== name);
  bgpActions.children.splice(0, bgpActions.children.length, ...others, ...(action ? [action] : []));
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

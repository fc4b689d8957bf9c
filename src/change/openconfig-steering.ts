import { assert } from "../kernel/assert.ts";
import { Failure } from "../kernel/failure.ts";
import { elements, type XmlElement } from "../kernel/xml.ts";
import type { SegmentRoutingChange, Steering } from "../model/decision.ts";
import type { Payload } from "../model/device.ts";
import type { Device, Flow, Network } from "../model/inventory.ts";
import type { Edited } from "./edited.ts";
import { inModule, readData, writeData } from "./openconfig-data.ts";
import { nodesOf, sidsOf } from "./segment-list.ts";
import type { Templates } from "./templates.ts";

const instances = inModule("http://openconfig.net/yang/network-instance");
const srte = inModule("http://openconfig.net/yang/policy-forwarding/sr-te");

/** The one policy-forwarding policy that is ours: made when first needed, gone with its last rule; all others are others'. */
const ownPolicy = "pointsman";
const networkInstance = "DEFAULT";
const toPolicies = ["network-instances", "network-instance", "policy-forwarding", "policies"];

/** One candidate path, as a rule of our policy. */
type Rule = Readonly<{
  sequence: number;
  endpoint: string;
  color: number;
  preference: number;
  sids: readonly string[];
}>;

export function openconfigSteeringQuery(templates: Templates): string {
  return templates.render("openconfig/segment-routing.query.xml.j2", { networkInstance, policy: ownPolicy });
}

/**
 * SR policies as openconfig-pf-srte has them: a rule for each candidate path, which matches color, endpoint and preference
 * and forwards by one segment list. Throws Failure CHANGE_UNSUPPORTED when a rule of ours is not of that shape.
 */
export function readOpenconfigSteering(network: Network, device: Device, reading: string): Steering[] {
  const rules = rulesOf(device, parse(device, reading));
  return network.flows
    .filter((flow) => flow.headend === device.name)
    .map((flow) => ({
      flow: flow.name,
      device: device.name,
      paths: rules
        .filter((rule) => isFor(network, flow, rule))
        .map(({ preference, sids }) => ({ preference, segments: nodesOf(network, flow, sids) }))
        .sort((a, b) => b.preference - a.preference),
    }));
}

/** Throws Failure CHANGE_UNSUPPORTED. */
export function editOpenconfigSteering(
  templates: Templates,
  network: Network,
  device: Device,
  reading: string,
  changes: readonly SegmentRoutingChange[],
): Edited {
  const data = parse(device, reading);
  const before = rulesOf(device, data);
  let after = before;
  for (const change of changes) {
    const flow = network.flows.find(({ name }) => name === change.flow);
    assert(flow, `${change.flow} is in the inventory`);
    after = changed(network, flow, after, change);
  }
  write(data, after);
  const render = (from: readonly Rule[], to: readonly Rule[]): Payload => {
    const isNew = (rule: Rule) => !from.some((one) => JSON.stringify(one) === JSON.stringify(rule));
    const kept = new Set(to.map(({ sequence }) => sequence));
    const values = {
      networkInstance,
      policy: ownPolicy,
      isNeeded: to.length > 0,
      added: to.filter(isNew),
      removed: from.map(({ sequence }) => sequence).filter((sequence) => !kept.has(sequence)),
    };
    return { config: templates.render("openconfig/segment-routing.xml.j2", values), activate: "" };
  };
  return { expected: writeData(data), forward: render(before, after), inverse: render(after, before) };
}

/** The rules with those of one flow as the change wants them; a candidate path that stays keeps its rule. */
function changed(network: Network, flow: Flow, rules: readonly Rule[], { to }: SegmentRoutingChange): Rule[] {
  const endpoint = addressOf(network, flow);
  const others = rules.filter((rule) => !isFor(network, flow, rule));
  const own = rules.filter((rule) => isFor(network, flow, rule));
  let next = rules.reduce((most, { sequence }) => Math.max(most, sequence), 0);
  const wanted = to.map(({ preference, segments }) => {
    const sids = sidsOf(network, segments);
    const stays = own.find((rule) => rule.preference === preference && String(rule.sids) === String(sids));
    return stays ?? { sequence: ++next, endpoint, color: flow.color, preference, sids };
  });
  return [...others, ...wanted].sort((a, b) => a.sequence - b.sequence);
}

const isFor = (network: Network, flow: Flow, rule: Rule) =>
  rule.color === flow.color && rule.endpoint === addressOf(network, flow);

function addressOf(network: Network, { endpoint }: Flow): string {
  const address = network.devices.find(({ name }) => name === endpoint)?.segmentRouting?.address;
  assert(address !== undefined, `${endpoint}, the endpoint of a flow, has an address`);
  return address;
}

function parse(device: Device, reading: string): XmlElement {
  const data = readData(reading);
  if (data) return data;
  throw odd(device, "its policy-forwarding holds characters that cannot be kept exactly");
}

function policyOf(data: XmlElement): XmlElement | undefined {
  return instances
    .list(data, "policy", ...toPolicies)
    .find((policy) => instances.leaf(policy, "policy-id") === ownPolicy);
}

function rulesOf(device: Device, data: XmlElement): Rule[] {
  const policy = policyOf(data);
  if (!policy) return [];
  return instances
    .list(policy, "rule", "rules")
    .map((element) => {
      const rule = readRule(element);
      // What is written back is what was understood: a rule with more in it is somebody else's work.
      if (rule && String(elements(element).map(text).sort()) === String(ruleChildren(rule).map(text).sort()))
        return rule;
      const sequence = instances.leaf(element, "sequence-id");
      throw odd(device, `rule ${sequence} of policy ${ownPolicy} is not a candidate path as Pointsman writes it`);
    })
    .sort((a, b) => a.sequence - b.sequence);
}

const text = (element: XmlElement) => writeData({ ...element, children: [element] });

function readRule(rule: XmlElement): Rule | undefined {
  const match = srte.at(rule, "srte", "config");
  const action = instances.at(rule, "action");
  const [list] = action ? srte.list(action, "segment-list", "segment-lists") : [];
  if (!match || !list) return undefined;
  const sids = srte
    .list(list, "sid", "sids")
    .map((sid) => ({ index: Number(srte.leaf(sid, "index")), value: srte.leaf(srte.at(sid, "config"), "value") ?? "" }))
    .sort((a, b) => a.index - b.index);
  return {
    sequence: Number(instances.leaf(rule, "sequence-id")),
    endpoint: srte.leaf(match, "srte-endpoint") ?? "",
    color: Number(srte.leaf(match, "srte-color")),
    preference: Number(srte.leaf(match, "srte-preference")),
    sids: sids.map(({ value }) => value),
  };
}

/** Where the children go does not matter: the canonical text sorts them. */
function ruleChildren({ sequence, endpoint, color, preference, sids }: Rule): XmlElement[] {
  const leaf = (name: string, value: string | number) => srte.element(name, String(value));
  const sequenceId = instances.element("sequence-id", String(sequence));
  const match = srte.element(
    "config",
    leaf("srte-endpoint", endpoint),
    leaf("srte-color", color),
    leaf("srte-preference", preference),
  );
  const entries = sids.map((value, index) =>
    srte.element("sid", leaf("index", index), srte.element("config", leaf("index", index), leaf("value", value))),
  );
  const list = srte.element(
    "segment-list",
    leaf("index", 1),
    srte.element("config", leaf("index", 1), leaf("weight", 1)),
    srte.element("sids", ...entries),
  );
  return [
    sequenceId,
    instances.element("config", sequenceId),
    srte.element("srte", match),
    instances.element("action", srte.element("segment-lists", list)),
  ];
}

/** Makes the data read as it will once our policy has these rules. */
function write(data: XmlElement, rules: readonly Rule[]): void {
  const existing = policyOf(data);
  if (!existing && rules.length === 0) return;
  const policies = descend(data);
  const at = existing ? policies.children.indexOf(existing) : policies.children.length;
  const id = instances.element("policy-id", ownPolicy);
  const entries = rules.map((rule) => instances.element("rule", ...ruleChildren(rule)));
  const policy = instances.element(
    "policy",
    id,
    instances.element("config", id),
    instances.element("rules", ...entries),
  );
  policies.children.splice(at, existing ? 1 : 0, ...(rules.length > 0 ? [policy] : []));
  if (policies.children.length === 0) prune(data);
}

/** The container of policies, made with all above it where it is missing. */
function descend(data: XmlElement): XmlElement {
  let parent = data;
  for (const name of toPolicies) {
    let child = instances.at(parent, name);
    if (!child) {
      const key = name === "network-instance" ? [instances.element("name", networkInstance)] : [];
      child = instances.element(name, ...key);
      parent.children.push(child);
    }
    parent = child;
  }
  return parent;
}

/** A container with nothing in it is not shown (RFC 7950 7.5.1). */
function prune(data: XmlElement): void {
  const instance = instances.at(data, "network-instances", "network-instance");
  assert(instance, "what was written into is there");
  const at = instance.children.findIndex((child) => typeof child !== "string" && child.name === "policy-forwarding");
  instance.children.splice(at, 1);
}

const odd = (device: Device, what: string) =>
  new Failure("CHANGE_UNSUPPORTED", `${device.name}: ${what}`, {
    mend: `look at policy-forwarding policy ${ownPolicy} in network-instance ${networkInstance}; Pointsman alone may write it`,
  });

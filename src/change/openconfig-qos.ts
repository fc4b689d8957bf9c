import { assert } from "../kernel/assert.ts";
import { Failure } from "../kernel/failure.ts";
import type { BitsPerSecond } from "../kernel/units.ts";
import { canonicalXml, elements, type XmlElement } from "../kernel/xml.ts";
import type { ClassShare, InterfaceQos, QosChange } from "../model/decision.ts";
import type { Payload } from "../model/device.ts";
import type { Device, Link, Network } from "../model/inventory.ts";
import { servedClass, serviceClasses } from "../model/scope.ts";
import type { Edited } from "./edited.ts";
import { readData, writeData } from "./openconfig-data.ts";
import {
  control,
  controlSequence,
  newInterface,
  type OwnInterface,
  outputObjects,
  own,
  priorityOf,
  qos,
  queueNamesOf,
  queuesOf,
  sharedObjects,
} from "./openconfig-qos-objects.ts";
import type { Templates } from "./templates.ts";

/**
 * Queues as openconfig-qos has them. On the output of an interface: classifiers that lead each class's DSCP over a forwarding
 * group to its queue, a scheduler policy with one scheduler for each class, and for each queue a profile of where ECN marks begin.
 *
 * Classifiers stand at the output. At the input they would have to stand on every interface by which traffic comes in, and the
 * inventory neither knows all of those nor lets us touch them. A router that classifies at its inputs only refuses the edit.
 *
 * Of a scheduler, `cir` is what the class is sure of and `pir` its ceiling; the rest of the line is given by sequence. None is
 * `STRICT`, which would let it take what others are sure of; and there is no action above `pir`, so the queue holds it back.
 * The first is that of control traffic (`controlShare`), whose `pir` is the line; what no class's DSCP is on, and is not that, goes
 * where the router puts it.
 * Its `type` is not written: the container says the same, and an identity comes back under whatever prefix a router likes.
 */
export function openconfigQosQuery(templates: Templates, network: Network, device: Device): string {
  const interfaces = qosLinks(network, device).map((link) => link.interface);
  // An empty list in a filter would select everybody's.
  assert(interfaces.length > 0, `only a router that has links with qos is asked, and ${device.name} has none`);
  const services = serviceClasses(network).map(({ service }) => service);
  return templates.render("openconfig/qos.query.xml.j2", {
    interfaces,
    classifiers: interfaces.flatMap((name) => own.classifiers(name).map((one) => one.name)),
    queues: [control, ...services.map(({ queue }) => queue)].map(own.queue),
    profiles: interfaces.flatMap((name) =>
      ([control, ...services.map(({ dscp }) => dscp)] as const).map((of) => own.profile(of, name)),
    ),
    policies: interfaces.map(own.policy),
  });
}

/** Throws Failure CHANGE_UNSUPPORTED for queues that Pointsman would not have made. */
export function readOpenconfigQos(network: Network, device: Device, reading: string): InterfaceQos[] {
  return read(network, device, reading).found.map(({ link, shares }) => ({ link, device: device.name, shares }));
}

/** Throws Failure CHANGE_UNSUPPORTED; CONFIG_INVALID for a class that has left the inventory. */
export function editOpenconfigQos(
  templates: Templates,
  network: Network,
  device: Device,
  reading: string,
  changes: readonly QosChange[],
): Edited {
  const { data, found } = read(network, device, reading);
  const links = qosLinks(network, device);
  const before = found.map((each) => ownInterface(network, links, each));
  const after = found.map((each) => {
    const change = changes.find(({ link }) => link === each.link);
    return ownInterface(network, links, change ? { link: each.link, shares: change.to } : each);
  });
  const next = compose(data, before, after);
  const changed = (each: OwnInterface) => changes.some(({ link }) => linkOf(links, link).interface === each.interface);
  const values = (
    from: readonly OwnInterface[],
    fromData: XmlElement,
    to: readonly OwnInterface[],
    toData: XmlElement,
  ) => {
    const [had, has] = [queueNamesOf(from), queueNamesOf(to)];
    return {
      interfaces: to.filter(changed).map((each) => ({
        ...payloadOf(
          each,
          from.find((one) => one.interface === each.interface),
        ),
        isNew: !entryOf(fromData, each.interface),
        isGone: !entryOf(toData, each.interface),
      })),
      addedQueues: has.filter((name) => !had.includes(name)),
      removedQueues: had.filter((name) => !has.includes(name)),
    };
  };
  const render = (toSend: Record<string, unknown>): Payload => ({
    config: templates.render("openconfig/qos.xml.j2", toSend),
    activate: "",
  });
  return {
    expected: writeData(next),
    forward: render(values(before, data, after, next)),
    inverse: render(values(after, next, before, data)),
  };
}

/** What the template says of an interface. Numbers are texts: a template may write a large one as it likes. */
function payloadOf(to: OwnInterface, from: OwnInterface | undefined) {
  const name = to.interface;
  const profiles = (one: OwnInterface | undefined) => (one?.queues ?? []).map(({ profile }) => profile);
  return {
    name,
    policy: own.policy(name),
    classifiers: own.classifiers(name),
    removedProfiles: profiles(from).filter((profile) => !profiles(to).includes(profile)),
    queues: to.queues.map(({ sequence, cir, pir, minBytes, maxBytes, terms, ecn, ...named }) => ({
      ...named,
      terms: terms.map(({ id, dscp }) => ({ id, dscp: String(dscp) })),
      sequence: String(sequence),
      guaranteed: String(cir),
      ceiling: String(pir),
      minBytes: String(minBytes),
      maxBytes: String(maxBytes),
      ecn: String(ecn),
    })),
  };
}

const qosLinks = (network: Network, device: Device) =>
  network.links.filter((link) => link.device === device.name && link.qos);

function linkOf(links: readonly Link[], name: string): Link {
  const found = links.find((link) => link.name === name);
  assert(found, `${name} is a link of this router with qos`);
  return found;
}

/** What an interface has; `capacity` is what it was when that was written, and is not there without queues. */
type Found = Readonly<{ link: string; shares: readonly ClassShare[]; capacity?: number }>;

function ownInterface(network: Network, links: readonly Link[], { link: name, shares, capacity }: Found): OwnInterface {
  const classes = serviceClasses(network);
  const link = linkOf(links, name);
  const served = shares.map((share) => {
    const numbers = [share.guaranteed, share.ceiling, share.priority, share.mark.minBytes, share.mark.maxBytes];
    assert(numbers.every(Number.isSafeInteger), `shares are whole numbers: ${JSON.stringify(share)}`);
    const service = classes.find((one) => one.name === share.class)?.service;
    if (service) return { ...share, dscp: service.dscp, queue: service.queue };
    throw new Failure("CONFIG_INVALID", `there is no service class ${share.class} in the inventory any more`, {
      mend: `put ${share.class} back as it was, then try again`,
    });
  });
  return {
    interface: link.interface,
    queues: queuesOf(link.interface, capacity ?? Math.floor(link.capacity), served),
  };
}

function read(network: Network, device: Device, reading: string): { data: XmlElement; found: Found[] } {
  const data = readData(reading);
  if (!data) throw odd(device, "its qos holds characters that cannot be kept exactly");
  const links = qosLinks(network, device);
  const found = links.map((link) => {
    refuseForeign(device, link, data);
    return { link: link.name, ...readShares(network, device, link.interface, data) };
  });
  const understood = found.map((each) => ownInterface(network, links, each));
  // What is written back is what was understood: with more in it, or less, it is somebody else's work.
  const again = compose(data, understood, understood);
  if (sameMeaning(again, data)) return { data, found };
  throw odd(device, "what is called pointsman-… in its qos is not as Pointsman writes it for these links and classes");
}

/** What is on the interface's output and is not called as ours would be. */
function refuseForeign(device: Device, link: Link, data: XmlElement): void {
  const output = outputOf(entryOf(data, link.interface));
  if (!output) return;
  const configs = [
    ...qos.list(output, "classifier", "classifiers").map((one) => qos.at(one, "config")),
    ...qos.list(output, "queue", "queues").map((one) => qos.at(one, "config")),
    qos.at(output, "scheduler-policy", "config"),
  ];
  const foreign = configs
    .flatMap((config) => qos.leaf(config, "name") ?? [])
    .find((name) => !name.startsWith(own.policy("")));
  if (foreign === undefined) return;
  throw new Failure("CHANGE_UNSUPPORTED", `${device.name}: ${foreign} is on the output of ${link.interface} already`, {
    mend: `take it off there, or take qos off ${link.name} in the inventory: Pointsman sets all queues of an interface or none`,
  });
}

/** Throws Failure CHANGE_UNSUPPORTED. Whether everything about them is as it should be is for the caller to see. */
function readShares(network: Network, device: Device, name: string, data: XmlElement): Omit<Found, "link"> {
  const entries = (list: string, container: string) => qos.list(data, list, "qos", container);
  const policy = entries("scheduler-policy", "scheduler-policies").find(
    (each) => qos.leaf(each, "name") === own.policy(name),
  );
  if (!policy) return { shares: [] };
  const number = (parent: XmlElement | undefined, leaf: string): number => {
    const value = Number(qos.leaf(parent, leaf) ?? Number.NaN);
    if (Number.isSafeInteger(value)) return value;
    throw odd(device, `scheduler policy ${own.policy(name)} and its profiles have a scheduler without a whole ${leaf}`);
  };
  const idOf = (scheduler: XmlElement) => qos.leaf(qos.at(scheduler, "inputs", "input"), "id") ?? "";
  const ratesOf = (scheduler: XmlElement) => qos.at(scheduler, "two-rate-three-color", "config");
  const [first, ...others] = qos
    .list(policy, "scheduler", "schedulers")
    .map((scheduler) => ({ scheduler, sequence: number(scheduler, "sequence") }))
    .sort((a, b) => a.sequence - b.sequence);
  if (first?.sequence !== controlSequence || idOf(first.scheduler) !== control || others.length === 0) {
    throw odd(device, `${name} has queues for classes and none before them for the network's own control traffic`);
  }
  const capacity = number(ratesOf(first.scheduler), "pir");
  const shares = others.map(({ scheduler, sequence }): ClassShare => {
    const className = idOf(scheduler);
    const served = servedClass(network, className);
    if (!served) throw odd(device, `${name} has a queue for ${className}, which is no service class`);
    const profile = entries("queue-management-profile", "queue-management-profiles").find(
      (each) => qos.leaf(each, "name") === own.profile(served.service.dscp, name),
    );
    const rates = ratesOf(scheduler);
    const wred = profile && qos.at(profile, "wred", "uniform", "config");
    return {
      class: className,
      guaranteed: number(rates, "cir") as BitsPerSecond,
      ceiling: number(rates, "pir") as BitsPerSecond,
      priority: priorityOf(sequence),
      mark: { minBytes: number(wred, "min-threshold"), maxBytes: number(wred, "max-threshold") },
    };
  });
  return { shares, capacity };
}

/** The data as it reads once our things are as `after` says. The entry of an interface that we have emptied goes with its queues. */
function compose(data: XmlElement, before: readonly OwnInterface[], after: readonly OwnInterface[]): XmlElement {
  const entries = after.flatMap((each) => {
    const had = before.some((one) => one.interface === each.interface && one.queues.length > 0);
    const existing = entryOf(data, each.interface);
    if (!existing && each.queues.length === 0) return [];
    const bare = existing ? withOutput(existing, []) : newInterface(each.interface);
    if (had && each.queues.length === 0 && sameMeaning(bare, newInterface(each.interface))) return [];
    return [withOutput(bare, outputObjects(each))];
  });
  const id = (entry: XmlElement) => qos.leaf(entry, "interface-id") ?? "";
  entries.sort((a, b) => (id(a) < id(b) ? -1 : 1));
  const root = qos.element("qos", qos.element("interfaces", ...entries), ...sharedObjects(after));
  // A container with nothing in it is not shown (RFC 7950 7.5.1).
  const isEmpty = elements(root).every((container) => container.children.length === 0);
  return { ...data, children: isEmpty ? [] : [root] };
}

/** The entry with these things of ours in its output, in place of those it has. */
function withOutput(entry: XmlElement, ours: readonly XmlElement[]): XmlElement {
  const output = outputOf(entry) ?? qos.element("output");
  const replaced = ["classifiers", "queues", "scheduler-policy"];
  const kept = elements(output).filter((child) => !replaced.some((name) => qos.is(child, name)));
  const children = elements(entry).filter((child) => child !== output);
  const next = { ...output, children: [...kept, ...ours] };
  return { ...entry, children: next.children.length > 0 ? [...children, next] : children };
}

const entryOf = (data: XmlElement, name: string): XmlElement | undefined =>
  qos.list(data, "interface", "qos", "interfaces").find((entry) => qos.leaf(entry, "interface-id") === name);

const outputOf = (entry: XmlElement | undefined) => entry && qos.at(entry, "output");

const sameMeaning = (a: XmlElement, b: XmlElement) => canonicalXml(inOneOrder(a)) === canonicalXml(inOneOrder(b));

/** Whatever order a router prefers for entries: none of them are ordered by the operator in this module. */
function inOneOrder(element: XmlElement): XmlElement {
  const sorted = elements(element)
    .map(inOneOrder)
    .map((child) => ({ child, text: canonicalXml(child) }))
    .sort((a, b) => (a.text < b.text ? -1 : 1));
  return sorted.length > 0 ? { ...element, children: sorted.map(({ child }) => child) } : element;
}

const odd = (device: Device, what: string) =>
  new Failure("CHANGE_UNSUPPORTED", `${device.name}: ${what}`, {
    mend: "put links and classes back into the inventory as they were, or delete what is called pointsman-… in qos on the router",
  });

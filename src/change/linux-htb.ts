import { assert } from "../kernel/assert.ts";
import { Failure } from "../kernel/failure.ts";
import { bitsPerSecond, formatRate } from "../kernel/units.ts";
import {
  type ClassShare,
  controlDscps,
  controlQueueBytes,
  controlShare,
  type InterfaceQos,
  type QosChange,
} from "../model/decision.ts";
import type { Payload } from "../model/device.ts";
import type { Device, Link, Network } from "../model/inventory.ts";
import type { Edited } from "./edited.ts";
import { type Htb, type HtbClass, linesOf, type Queueing, readQueueing } from "./linux-htb-reading.ts";
import type { Templates } from "./templates.ts";

/** The class of IP that has no class's DSCP; all others are numbered from 1, in hexadecimal as `tc` does. */
const lastClass = "ffff";
/** A leaf's handle is c801: to c8fc:, c8ff: of the last, and c8fd: of what is no class's: control traffic. */
const mostClasses = 0xfd;

/** HTB's priorities end here; 0 is that of control traffic. */
const lastPrio = 7;
/** What a turn of all classes comes to: 10 ms of the line, and what HTB gives by itself at most (sch_htb: "quantum is big"). */
const [turnMs, longestTurn] = [10, 200_000];
/** A packet of full size on Ethernet: a class with less would be served more than its part. */
const leastQuantum = 1514;

/** The interfaces of the links that have queues. */
export function htbQuery(templates: Templates, network: Network, device: Device): string {
  const interfaces = linksWithQueues(network, device).map((link) => link.interface);
  return templates.render("linux-htb/qos.query.j2", { interfaces: interfaces.toSorted() });
}

/** Throws Failure CHANGE_UNSUPPORTED for queues that Pointsman would not have made, and for a DSCP that is no service class's. */
export function readHtb(network: Network, device: Device, reading: string): InterfaceQos[] {
  const standing = readQueueing(device, reading);
  return linksWithQueues(network, device).map((link) => {
    const found = queueingOf(standing, device, link);
    const shares = found.htb ? found.htb.classes.map((one) => shareOf(network, link, one)) : [];
    if (found.htb) requireOurs(found, htbFor(network, found.htb.rate, shares), device);
    return { link: link.name, device: device.name, shares };
  });
}

/**
 * What the router reads once `changes` are made, and how to get there and back. Throws Failure CHANGE_UNSUPPORTED, also when
 * the operator's shaper on a link has another rate than the inventory: Pointsman's queues take its place at the link's capacity.
 */
export function editHtb(
  templates: Templates,
  network: Network,
  device: Device,
  reading: string,
  changes: readonly QosChange[],
): Edited {
  const standing = readQueueing(device, reading);
  const edits = changes.map((change) => {
    const link = linksWithQueues(network, device).find(({ name }) => name === change.link);
    assert(link, `${change.link} is a link of ${device.name} with queues`);
    const from = queueingOf(standing, device, link);
    return { from, to: queueingFor(network, link, from, change.to) };
  });
  const after = standing.map((one) => edits.find(({ from }) => from === one)?.to ?? one);
  const render = (each: readonly Readonly<{ from: Queueing; to: Queueing }>[]): Payload => ({
    config: templates.render("linux-htb/qos.conf.j2", { interfaces: each.map(({ from, to }) => valuesOf(from, to)) }),
    activate: "",
  });
  return {
    expected: after.flatMap(linesOf).join(""),
    forward: render(edits),
    inverse: render(edits.map(({ from, to }) => ({ from: to, to: from }))),
  };
}

function linksWithQueues(network: Network, device: Device): readonly Link[] {
  const links = network.links.filter((link) => link.device === device.name && link.qos);
  assert(
    new Set(links.map((link) => link.interface)).size === links.length,
    `every link of ${device.name} with queues has an interface of its own`,
  );
  return links;
}

function queueingOf(standing: readonly Queueing[], device: Device, link: Link): Queueing {
  const found = standing.find(({ dev }) => dev === link.interface);
  if (found) return found;
  throw new Failure("CHANGE_UNSUPPORTED", `${device.name} was not asked about ${link.interface} of ${link.name}`, {
    mend: "the inventory has changed since: the next reading has it",
  });
}

function shareOf(network: Network, link: Link, one: HtbClass): ClassShare {
  const served = network.classes.find(({ service }) => service?.dscp === one.dscp);
  if (!served) {
    throw new Failure(
      "CHANGE_UNSUPPORTED",
      `${link.name} has a queue for DSCP ${one.dscp}, which no service class has`,
      {
        mend: `give the class its DSCP back, or take Pointsman's queues off ${link.device} ${link.interface} by hand`,
      },
    );
  }
  return {
    class: served.name,
    guaranteed: bitsPerSecond(one.rate),
    ceiling: bitsPerSecond(one.ceil),
    priority: one.priority,
    mark: { minBytes: one.minBytes, maxBytes: one.maxBytes },
  };
}

/** What is written back is what was understood: with anything else in it, it is somebody else's work. */
function requireOurs(found: Queueing, again: Htb, device: Device): void {
  const made = linesOf({ ...found, htb: again });
  const odd = linesOf(found).find((line, at) => line !== made[at]);
  if (odd === undefined) return;
  throw new Failure(
    "CHANGE_UNSUPPORTED",
    `${device.name} ${found.dev} has a queue that Pointsman would not have made: ${odd.trimEnd()}`,
    {
      mend: `take the queues off with tc qdisc del dev ${found.dev} root and nft delete table inet pointsman-${found.dev}`,
    },
  );
}

function queueingFor(network: Network, link: Link, from: Queueing, shares: readonly ClassShare[]): Queueing {
  const { dev, plain } = from;
  if (shares.length === 0) return { dev, plain };
  if (!from.htb) requireRate(link, plain);
  return { dev, plain, htb: htbFor(network, link.capacity, shares) };
}

/** Control traffic's class and one for each share, on an interface of `rate` bit/s. */
function htbFor(network: Network, rate: number, shares: readonly ClassShare[]): Htb {
  assert(shares.length <= mostClasses, "an interface has at most 253 classes");
  const priorities = [...new Set(shares.map(({ priority }) => priority))].sort((a, b) => a - b);
  const classes = shares.map((share, index): HtbClass => {
    const dscp = network.classes.find(({ name }) => name === share.class)?.service?.dscp;
    assert(dscp !== undefined, `${share.class} is a service class`);
    assert(Number.isInteger(share.priority) && share.priority >= 0 && share.priority <= 7, "a priority is 0 to 7");
    const id = index === shares.length - 1 ? lastClass : (index + 1).toString(16);
    const { guaranteed, ceiling: ceil, priority, mark } = share;
    // Where all eight are in use, the last two are served in turn: each is sure of its rate all the same.
    const prio = Math.min(lastPrio, 1 + priorities.indexOf(priority));
    const quantum = quantumOf(guaranteed, rate);
    const { minBytes, maxBytes } = mark;
    return { id, dscp, rate: guaranteed, ceil, prio, priority, quantum, minBytes, maxBytes };
  });
  const control = controlShare(bitsPerSecond(rate));
  return { rate, control: { rate: control, quantum: quantumOf(control, rate), limit: controlQueueBytes }, classes };
}

/** Bytes that a class may send before it is the next one's turn: classes of one priority share by their rates. */
function quantumOf(rate: number, capacity: number): number {
  const turn = Math.min(longestTurn, (capacity * turnMs) / 8_000);
  return Math.max(leastQuantum, Math.floor((turn * Math.min(rate, capacity)) / capacity));
}

const tbfWords = /^tbf ([0-9a-f]+:) rate (\d+)([KMGT]?)bit burst (\S+) lat (\S+)$/;
const scale: Readonly<Record<string, number>> = { "": 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** `tc` shows rates to four digits or more. */
function requireRate(link: Link, plain: string): void {
  const [, , digits, prefix = ""] = tbfWords.exec(plain) ?? [];
  if (digits === undefined) return;
  const rate = Number(digits) * (scale[prefix] as number);
  if (Math.abs(rate - link.capacity) <= link.capacity / 1000) return;
  throw new Failure(
    "CHANGE_UNSUPPORTED",
    `${link.device} ${link.interface} is shaped to ${formatRate(rate)}, and ${link.name} has a capacity of ${formatRate(link.capacity)}`,
    {
      mend: "make the capacity in the inventory the shaper's rate: Pointsman's queues shape to it in the shaper's place",
    },
  );
}

/** For the template. Whatever stands already is changed in place, so that nothing that is queued is lost. */
function valuesOf(from: Queueing, to: Queueing): Record<string, unknown> {
  const reading = linesOf(to).map((line) => line.trimEnd().split(" "));
  if (to.htb) {
    const kept = new Set(to.htb.classes.map(({ id }) => id));
    const surplus = (from.htb?.classes ?? []).map(({ id }) => id).filter((id) => !kept.has(id));
    return { dev: to.dev, fresh: !from.htb, before: to.plain.split(" "), htb: htbValues(to.htb), surplus, reading };
  }
  const [, handle, digits, prefix, burst, latency] = tbfWords.exec(to.plain) ?? [];
  const tbf = handle === undefined ? {} : { tbf: { handle, rate: `${digits}${prefix}bit`, burst, latency } };
  return { dev: to.dev, htb: false, tbf: false, ...tbf, reading };
}

function htbValues({ rate, control, classes }: Htb): Record<string, unknown> {
  return {
    rate: String(rate),
    shaped: inTc(rate),
    quantum: String(leastQuantum),
    control: {
      rate: String(control.rate),
      shaped: inTc(control.rate),
      quantum: String(control.quantum),
      limit: String(control.limit),
      dscps: controlDscps.map(String),
    },
    classes: classes.map(({ id, dscp, prio, priority, ...one }) => ({
      id,
      dscp,
      prio,
      priority,
      leaf: `c8${id === lastClass ? "ff" : id.padStart(2, "0")}`,
      rate: String(one.rate),
      ceil: String(one.ceil),
      shaped: inTc(one.rate),
      limited: inTc(one.ceil),
      quantum: String(one.quantum),
      minBytes: String(one.minBytes),
      maxBytes: String(one.maxBytes),
      limit: String(Math.floor(one.maxBytes)),
    })),
  };
}

/** Whole bit/s, and not 0, which HTB does not take. */
const inTc = (rate: number) => String(Math.max(1_000, Math.floor(rate)));

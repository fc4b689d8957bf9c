import { bitsPerSecond } from "../kernel/units.ts";
import type { XmlElement } from "../kernel/xml.ts";
import { type ClassShare, controlDscps, controlQueueBytes, controlShare } from "../model/decision.ts";
import { inModule } from "./openconfig-data.ts";

export const qos = inModule("http://openconfig.net/yang/qos");

/** A queue of an interface, and what is led to it. Rates in bit/s. */
export type OwnQueue = Readonly<{
  /** Of its scheduler's input. */
  id: string;
  queue: string;
  profile: string;
  terms: readonly Readonly<{ id: string; dscp: number }>[];
  /** Schedulers are served from the lowest on. */
  sequence: number;
  cir: number;
  pir: number;
  minBytes: number;
  maxBytes: number;
  ecn: boolean;
}>;
/** `queues` by sequence, that of control traffic first; none: nothing of ours is on the interface. */
export type OwnInterface = Readonly<{ interface: string; queues: readonly OwnQueue[] }>;

/** No class and no queue of one is called so: their names begin with a letter or digit. */
export const control = "_control";

/**
 * Whatever Pointsman makes is called `pointsman-…`, and what is of one interface ends with that one's name. What comes before
 * it holds no hyphen, so no two interfaces and classes share a name. Forwarding groups and queues are of the whole router, as
 * the model has them: made with the first interface that needs them, gone with the last.
 */
export const own = {
  queue: (queue: string) => `pointsman-${queue}`,
  policy: (ofInterface: string) => `pointsman-${ofInterface}`,
  profile: (of: number | typeof control, ofInterface: string) => `pointsman-${of}-${ofInterface}`,
  classifiers: (ofInterface: string) =>
    [
      { header: "ipv4", type: "IPV4" },
      { header: "ipv6", type: "IPV6" },
    ].map((each) => ({ ...each, name: `pointsman-${each.header}-${ofInterface}` })),
} as const;

export const controlSequence = 0;
/** There are fewer than a hundred DSCPs, and the first sequence of all is that of control traffic. */
const sequencesPerPriority = 100;
export const priorityOf = (sequence: number) => Math.floor(sequence / sequencesPerPriority);

/** Control traffic's queue, then one for each share. `capacity`: of the interface, whole bit/s. */
export function queuesOf(
  ofInterface: string,
  capacity: number,
  shares: readonly (ClassShare & Readonly<{ dscp: number; queue: string }>)[],
): OwnQueue[] {
  if (shares.length === 0) return [];
  const reserved: OwnQueue = {
    ...{ id: control, queue: own.queue(control), profile: own.profile(control, ofInterface) },
    terms: controlDscps.map((dscp) => ({ id: `${control}-${dscp}`, dscp })),
    ...{ sequence: controlSequence, cir: controlShare(bitsPerSecond(capacity)), pir: capacity },
    // It is not marked and not thinned out: it ends.
    ...{ minBytes: controlQueueBytes, maxBytes: controlQueueBytes, ecn: false },
  };
  const queues = shares.map(({ class: id, dscp, queue, priority, guaranteed, ceiling, mark }): OwnQueue => {
    const equals = shares.filter((share) => share.priority === priority);
    const place = equals.findIndex((share) => share.class === id);
    return {
      ...{ id, queue: own.queue(queue), profile: own.profile(dscp, ofInterface), terms: [{ id, dscp }] },
      ...{ sequence: priority * sequencesPerPriority + 1 + place, cir: guaranteed, pir: ceiling },
      ...{ ...mark, ecn: true },
    };
  });
  return [reserved, ...queues];
}

/** Between the two thresholds the share that is marked rises to all: a router's own default may be anything. */
const maxMarkedPercent = 100;

/** A container or leaf as data: an array is the entries of a list. */
type Tree = string | number | Readonly<{ [name: string]: Tree | readonly Tree[] }>;

export function build(name: string, tree: Tree): XmlElement {
  if (typeof tree !== "object") return qos.element(name, String(tree));
  const isList = (inner: Tree | readonly Tree[]): inner is readonly Tree[] => Array.isArray(inner);
  const children = Object.entries(tree).flatMap(([child, inner]) =>
    (isList(inner) ? inner : [inner]).map((each) => build(child, each)),
  );
  return qos.element(name, ...children);
}

/** The list of each kind of thing that is ours and is not of one interface's entry, by the container that holds it. */
export function sharedObjects(interfaces: readonly OwnInterface[]): XmlElement[] {
  const withQueues = interfaces.filter(({ queues }) => queues.length > 0);
  const queueNames = queueNamesOf(interfaces);
  const classifiers = withQueues.flatMap((each) => own.classifiers(each.interface).map((one) => classifier(each, one)));
  const profiles = withQueues.flatMap((each) => each.queues.map(profile));
  const groups = queueNames.map((name) => ({ name, config: { name, "output-queue": name } }));
  const queues = queueNames.map((name) => ({ name, config: { name } }));
  return [
    build("classifiers", { classifier: classifiers.sort(byName) }),
    build("forwarding-groups", { "forwarding-group": groups }),
    build("queues", { queue: queues }),
    build("queue-management-profiles", { "queue-management-profile": profiles.sort(byName) }),
    build("scheduler-policies", { "scheduler-policy": withQueues.map(schedulerPolicy).sort(byName) }),
  ];
}

export function queueNamesOf(interfaces: readonly OwnInterface[]): string[] {
  const names = interfaces.flatMap(({ queues }) => queues.map(({ queue }) => queue));
  return [...new Set(names)].sort();
}

/** What stands below an interface's `output` for its queues. */
export function outputObjects({ interface: name, queues }: OwnInterface): XmlElement[] {
  if (queues.length === 0) return [];
  const entries = queues.map(({ queue, profile: managed }) => ({
    name: queue,
    config: { name: queue, "queue-management-profile": managed },
  }));
  const classifiers = own
    .classifiers(name)
    .map((one) => ({ type: one.type, config: { name: one.name, type: one.type } }));
  return [
    build("classifiers", { classifier: classifiers }),
    build("queues", { queue: entries.sort(byName) }),
    build("scheduler-policy", { config: { name: own.policy(name) } }),
  ];
}

/** The entry of an interface as it is made where there is none. */
export const newInterface = (name: string): XmlElement =>
  build("interface", {
    "interface-id": name,
    config: { "interface-id": name },
    "interface-ref": { config: { interface: name } },
  });

function classifier({ queues }: OwnInterface, { name, type, header }: { name: string; type: string; header: string }) {
  const terms = queues.flatMap(({ queue, terms: led }) =>
    led.map(({ id, dscp }) => ({
      id,
      config: { id },
      conditions: { [header]: { config: { dscp } } },
      actions: { config: { "target-group": queue } },
    })),
  );
  return { name, config: { name, type }, terms: { term: terms.sort((a, b) => (a.id < b.id ? -1 : 1)) } };
}

function profile({ profile: name, minBytes, maxBytes, ecn }: OwnQueue) {
  const config = {
    "min-threshold": minBytes,
    "max-threshold": maxBytes,
    "enable-ecn": String(ecn),
    drop: "true",
    "max-drop-probability-percent": maxMarkedPercent,
  };
  return { name, config: { name }, wred: { uniform: { config } } };
}

function schedulerPolicy({ interface: ofInterface, queues }: OwnInterface) {
  const name = own.policy(ofInterface);
  const schedulers = queues.map(({ id, queue, sequence, cir, pir }) => ({
    sequence,
    config: { sequence },
    inputs: { input: { id, config: { id, "input-type": "QUEUE", queue } } },
    output: { config: { "output-type": "INTERFACE" } },
    "two-rate-three-color": { config: { cir, pir } },
  }));
  return { name, config: { name }, schedulers: { scheduler: schedulers.sort((a, b) => a.sequence - b.sequence) } };
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);

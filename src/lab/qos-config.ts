import { descend, entriesAt, leafAt, type XmlElement } from "../kernel/xml.ts";

/** A queue as a router has it configured on the output of an interface. Rates in bit/s; `pir` is Infinity where nothing limits it. */
export type ConfiguredQueue = Readonly<{
  queue: string;
  /** Of the packets that stand in it; those of no queue stand in the router's own, served last. */
  dscps: readonly number[];
  /** The lowest is served first, once each has had its `cir`. */
  sequence: number;
  cir: number;
  pir: number;
  /** Marks begin here, where ECN is enabled. */
  ecnMinBytes?: number;
  /** Nothing more is taken in from here on. */
  maxBytes?: number;
}>;

/**
 * The queues in a running configuration by interface, whoever made them: the inputs of the scheduler policy on the output
 * of each interface, those to be served first first (openconfig-qos). An interface without one is not in the map.
 */
export function interfaceQueues(running: XmlElement): ReadonlyMap<string, readonly ConfiguredQueue[]> {
  const found = new Map<string, readonly ConfiguredQueue[]>();
  for (const entry of entriesAt(running, "qos", "interfaces", "interface")) {
    const policyName = leafAt(entry, "output", "scheduler-policy", "config", "name");
    const policy = named(running, policyName, "scheduler-policies", "scheduler-policy");
    const [name, output] = [leafAt(entry, "interface-id"), descend(entry, "output")];
    if (!policy || !output || name === undefined) continue;
    const dscps = dscpsByQueue(running, output);
    const queues = entriesAt(policy, "schedulers", "scheduler").flatMap((scheduler) =>
      entriesAt(scheduler, "inputs", "input").flatMap((input) => {
        const queue = leafAt(input, "config", "queue");
        if (queue === undefined) return [];
        const marks = thresholds(running, output, queue);
        return [{ queue, dscps: dscps.get(queue) ?? [], ...rates(scheduler), ...marks }];
      }),
    );
    found.set(
      name,
      queues.sort((a, b) => a.sequence - b.sequence),
    );
  }
  return found;
}

function rates(scheduler: XmlElement): { sequence: number; cir: number; pir: number } {
  const rate = (name: string) => leafAt(scheduler, "two-rate-three-color", "config", name);
  const [cir, pir] = [rate("cir") ?? 0, rate("pir") ?? Number.POSITIVE_INFINITY];
  return { sequence: Number(leafAt(scheduler, "sequence")), cir: Number(cir), pir: Number(pir) };
}

function thresholds(running: XmlElement, output: XmlElement, queue: string) {
  const entry = entriesAt(output, "queues", "queue").find((each) => leafAt(each, "name") === queue);
  const profileName = entry && leafAt(entry, "config", "queue-management-profile");
  const profile = named(running, profileName, "queue-management-profiles", "queue-management-profile");
  const wred = (name: string) => profile && leafAt(profile, "wred", "uniform", "config", name);
  const [least, most] = [wred("min-threshold"), wred("max-threshold")];
  return {
    ...(least !== undefined && wred("enable-ecn") === "true" ? { ecnMinBytes: Number(least) } : {}),
    ...(most === undefined ? {} : { maxBytes: Number(most) }),
  };
}

/** By the classifiers on the output, over the forwarding group; IPv4 and IPv6 are one traffic here. */
function dscpsByQueue(running: XmlElement, output: XmlElement): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const bound of entriesAt(output, "classifiers", "classifier")) {
    const classifier = named(running, leafAt(bound, "config", "name"), "classifiers", "classifier");
    for (const term of classifier ? entriesAt(classifier, "terms", "term") : []) {
      const group = named(
        running,
        leafAt(term, "actions", "config", "target-group"),
        "forwarding-groups",
        "forwarding-group",
      );
      const queue =
        group && (leafAt(group, "config", "unicast-output-queue") ?? leafAt(group, "config", "output-queue"));
      const dscp =
        leafAt(term, "conditions", "ipv4", "config", "dscp") ?? leafAt(term, "conditions", "ipv6", "config", "dscp");
      if (queue === undefined || dscp === undefined) continue;
      const known = found.get(queue) ?? [];
      if (!known.includes(Number(dscp)))
        found.set(
          queue,
          [...known, Number(dscp)].sort((a, b) => a - b),
        );
    }
  }
  return found;
}

const named = (running: XmlElement, name: string | undefined, container: string, list: string) =>
  name === undefined
    ? undefined
    : entriesAt(running, "qos", container, list).find((entry) => leafAt(entry, "name") === name);

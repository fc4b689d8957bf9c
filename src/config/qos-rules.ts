import type { QosPolicy } from "../model/policy.ts";
import type { Objective } from "../model/service-class.ts";
import type { SignalName } from "../model/signal.ts";
import { at, listAt, textAt } from "./check.ts";
import type { Finding } from "./problem.ts";

/** The platforms on which Pointsman sets queues. */
const queueing = ["openconfig", "linux-htb"];

/** The inventory's queries for signals of queues. */
export const queueQueries: Readonly<Partial<Record<SignalName, string>>> = {
  "queue.rate": "queueRate",
  "queue.drops": "queueDrops",
  "queue.depth": "queueDepth",
};

/** Of all that queues are decided by: what classes send is held against what the link does. */
const queries: Readonly<Partial<Record<SignalName, string>>> = { ...queueQueries, "link.rate.out": "linkOutbound" };

/** Of the inventory by itself: links with `qos` are where queues can be set. */
export function qosLinkRules(raw: unknown): Finding[] {
  const platformOf = platforms(raw);
  return withQos(raw).flatMap(([index, link]) => {
    const platform = platformOf.get(textAt(link, "device"));
    if (platform !== "frr" && platform !== "linux-srv6") return [];
    const message = `is on a router of platform ${platform}, whose queues Pointsman cannot set`;
    return [{ path: ["links", index, "qos"], message, mend: "remove it" }];
  });
}

/** What a QoS policy needs of the inventory. */
export function qosNeeds(raw: unknown, { name }: QosPolicy): Finding[] {
  const platformOf = platforms(raw);
  if (!withQos(raw).some(([, link]) => queueing.includes(platformOf.get(textAt(link, "device")) ?? ""))) {
    const message = `policy "${name}" sets queues, and no link allows it`;
    return [{ path: ["links"], message, mend: "add qos: true to links of openconfig or linux-htb routers" }];
  }
  return (["queue.rate", "queue.drops", "queue.depth", "link.rate.out"] as const).flatMap((signal) => {
    const unread = unmeasured(raw, signal);
    if (unread.length === 0) return [];
    const query = queries[signal] ?? "";
    const path = ["telemetry", ...(at(raw, "telemetry", "prometheus") === undefined ? [] : ["prometheus", "queries"])];
    const message = `has no ${query}, and policy "${name}" needs ${signal} on ${unread.join(", ")}, without gnmi`;
    return [{ path, message, mend: `add the ${query} query, or gnmi to the device` }];
  });
}

/**
 * What queues did is judged on windows that begin after the push: `observe` holds the longest that any class is judged on,
 * and the sample that ends it. `intervalMs`: of telemetry.
 */
export function observedLongEnough(
  { verify }: QosPolicy,
  served: readonly Readonly<{ name: string; objectives: readonly Objective[] }>[],
  intervalMs: number,
): Finding[] {
  const windows = served.flatMap(({ name, objectives }) =>
    objectives.map(({ burn, text }) => {
      const shortMs = Math.max(burn.fast.windowMs / shortWindows, leastBurnSamples * intervalMs);
      return { leastMs: shortMs + intervalMs, of: `"${text}" of class "${name}"` };
    }),
  );
  const [longest] = windows.sort((a, b) => b.leastMs - a.leastMs);
  if (!longest || verify.observeMs >= longest.leastMs) return [];
  const message = `ends before ${longest.of} is known anew: its short window and one sample are ${longest.leastMs / 1000}s`;
  return [{ path: ["spec", "verify", "observe"], message, mend: `write at least ${longest.leastMs / 1000}s` }];
}

/** A short window is this part of a fast burn's, and holds at least as many samples. */
const shortWindows = 12;
export const leastBurnSamples = 3;

/** Whether a signal of queues is known of some link at least. */
export const queueMeasured = (raw: unknown, signal: SignalName): boolean =>
  unmeasured(raw, signal).length < withQos(raw).length;

/** The links with `qos` on which nothing measures a signal of queues: no query is there, nor gNMI. */
function unmeasured(raw: unknown, signal: SignalName): string[] {
  if (at(raw, "telemetry", "prometheus", "queries", queries[signal] ?? "") !== undefined) return [];
  const spoken = listAt(raw, "devices").filter((device) => at(device, "gnmi") !== undefined);
  const names = spoken.map((device) => textAt(device, "name"));
  return withQos(raw).flatMap(([, link]) =>
    names.includes(textAt(link, "device")) ? [] : (textAt(link, "name") ?? ""),
  );
}

const withQos = (raw: unknown) => [...listAt(raw, "links").entries()].filter(([, link]) => at(link, "qos") === true);

const platforms = (raw: unknown) =>
  new Map(listAt(raw, "devices").map((device) => [textAt(device, "name"), textAt(device, "platform")]));

import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { ClassHealth } from "../../src/model/class-health.ts";
import type { ClassShare, Intent, InterfaceQos } from "../../src/model/decision.ts";
import type { Network, ServedClass } from "../../src/model/inventory.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import type { QosPolicy } from "../../src/model/policy.ts";
import type { ServiceClass } from "../../src/model/service-class.ts";
import type { Measured, SignalName } from "../../src/model/signal.ts";

/** Service classes on interfaces of 100 Mbit/s; rates in Mbit/s, depths in bytes. */

export const mbit = 1e6;
export const nowMs = Date.UTC(2026, 10, 21, 12, 0, 0);
export const intervalMs = 10_000;

export const objective = (belowMs: number) => ({
  text: `path-latency p99 below ${belowMs}ms`,
  ...{ signal: "path-latency", percentile: ratio(0.99), comparator: "below" as const, threshold: belowMs },
  windowMs: 3_600_000,
  burn: { fast: { windowMs: 300_000, limit: 10 }, slow: { windowMs: 1_800_000, limit: 3 } },
  forecastMs: 600_000,
});

export function classOf(name: string, more: Partial<ServiceClass> = {}): ServedClass {
  return {
    name,
    prefers: name === "interactive" ? "latency" : "remainder",
    service: {
      ...{ dscp: 0, queue: name, priority: 7, floor: ratio(0.1), sheds: [], fanOut: 1, conditions: [] },
      budget: { changes: 4, perMs: 3_600_000 },
      signals: [{ name: "path-latency", of: "path", unit: "ms", source: { signal: "path.latency.p99" } }],
      objectives: [],
      ...more,
    },
  };
}

const allowedMs = 10;
export const interactive = classOf("interactive", {
  ...{ dscp: 46, priority: 0, sheds: ["batch", "standard"], objectives: [objective(allowedMs)] },
});
export const standard = classOf("standard", { dscp: 18, priority: 1 });
export const batch = classOf("batch", { dscp: 8 });

/** By class, `[sent, dropped]` in Mbit/s. */
export type Loads = Readonly<Record<string, readonly [number, number]>>;
export type LinkLoads = Readonly<Record<string, Loads>>;

/** Links by name, each on a router of its own; "a-b" leads from a to b. */
export function networkOf(links: readonly string[], more: Partial<Network> = {}): Network {
  return {
    as: 65_000,
    devices: [],
    links: links.map((name) => {
      const [device = "", to = ""] = name.split("-");
      return {
        ...{ name, device, interface: "eth1", role: "backbone" as const, capacity: bitsPerSecond(100 * mbit) },
        ...{ qos: true as const, backbone: { to, metric: 10, delayMs: 1, loss: ratio(0) } },
      };
    }),
    prefixes: [],
    classes: [interactive, standard, batch],
    flows: [],
    telemetry: { intervalMs },
    freezes: [],
    anycast: [],
    shedWebhooks: [],
    ...more,
  };
}

/**
 * `unclassed`: Mbit/s that each link sends beside its classes. A plain queue of 1.25 MB (100 ms) that is full wherever something
 * is dropped; what stands in it is the depth of every class.
 */
export function stateOf(
  loads: LinkLoads,
  pathMs: number | undefined,
  span: Readonly<{ fromMs: number; toMs: number }> = { fromMs: nowMs, toMs: nowMs },
  more: Readonly<{ depth?: number; risk?: number; stress?: number; unclassed?: number }> = {},
): NetworkState {
  const of = (values: Readonly<Record<string, number>>) =>
    new Map(Object.entries(values).map(([name, value]): [string, Measured] => [name, { value, ...span }]));
  const queues = Object.entries(loads).flatMap(([link, classes]) => {
    const sent = Object.values(classes).reduce((sum, [rate]) => sum + rate, 0);
    const isFull = Object.values(classes).some(([, drops]) => drops > 0) || sent >= 98;
    const standing = more.depth ?? (isFull ? 1_250_000 : 0);
    return Object.entries(classes).map(([name, [rate, drops]]) => {
      return { name: `${link}/${name}`, rate, drops, depth: standing };
    });
  });
  const signal = (value: (queue: (typeof queues)[number]) => number) =>
    of(Object.fromEntries(queues.map((queue) => [queue.name, value(queue)])));
  const signals = new Map<SignalName, Map<string, Measured>>([
    ["queue.rate", signal(({ rate }) => rate * mbit)],
    ["queue.drops", signal(({ drops }) => drops * mbit)],
    ["queue.depth", signal(({ depth }) => depth)],
    ["link.rate.out", of(sentBy(loads, more.unclassed ?? 0))],
    ["class.risk", of({ interactive: more.risk ?? 3 })],
    ["class.stress", of({ interactive: more.stress ?? 5 })],
  ]);
  const recent = more.stress === undefined ? [] : [{ value: more.stress * allowedMs, ...span }];
  const objectives = recent.map((recent) => ({ objective: objective(allowedMs).text, recent, burn: {} }));
  const classes = new Map([["interactive", { ...healthOf(pathMs), objectives }]]);
  return { atMs: span.toMs, signals, prefixes: [], targets: new Map(), classes, sites: new Map() };
}

/** Bit/s by link. */
const sentBy = (loads: LinkLoads, unclassed: number) =>
  Object.fromEntries(
    Object.entries(loads).map(([link, classes]) => {
      return [link, Object.values(classes).reduce((sum, [rate]) => sum + rate, unclassed) * mbit];
    }),
  );

export function healthOf(pathMs: number | undefined): ClassHealth {
  const values = pathMs === undefined ? [] : [pathMs];
  return {
    objectives: [],
    conditions: [],
    series: new Map([
      ["path-latency", { atMs: Float64Array.from(values, () => nowMs), values: Float64Array.from(values) }],
    ]),
    why: "",
  };
}

export const plainOn = (network: Network): InterfaceQos[] =>
  network.links.map(({ name, device }) => ({ link: name, device, shares: [] }));

export function policyOf(
  parts: Readonly<{ target?: number; maxInterfaces?: number; maxHeldBack?: number }> = {},
): QosPolicy {
  const { target = 0.8, maxInterfaces = 2, maxHeldBack = 0.6 } = parts;
  return {
    ...{ name: "keep-interactive-fast", description: "", mode: "propose", scope: { class: "interactive" } },
    trigger: { signal: "class.risk", above: 1, clear: 0.5, for: { count: 2, of: 3 }, everyMs: intervalMs },
    decide: { action: "qos", target: ratio(target), maxInterfaces },
    guard: {
      ...{ maxDevices: 2, maxTrafficMoved: ratio(maxHeldBack), freshnessIntervals: 3, coverage: ratio(0.8) },
      surviveAnyLinkFailure: false,
    },
    approve: { people: 1, expiresMs: 900_000 },
    verify: { observeMs: 60_000, require: [], forbid: [] },
    holdMs: 600_000,
  };
}

export const intent: Extract<Intent, { kind: "relieve" }> = {
  ...{ kind: "relieve", policy: "keep-interactive-fast", target: "interactive", signal: "class.risk", threshold: 1 },
  evidence: [{ atMs: nowMs, value: 3 }],
};

/** Mbit/s. */
export const share = (name: string, guaranteed: number, priority: number, ceiling = 100): ClassShare => ({
  class: name,
  ...{ guaranteed: bitsPerSecond(guaranteed * mbit), ceiling: bitsPerSecond(ceiling * mbit), priority },
  mark: { minBytes: 5_000, maxBytes: 15_000 },
});

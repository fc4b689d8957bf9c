import { expect } from "vitest";
import { readSteering } from "../../src/change/steering.ts";
import { unwrap } from "../../src/kernel/failure.ts";
import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import { canonicalXml, parseXml } from "../../src/kernel/xml.ts";
import { backboneNetwork } from "../../src/lab/backbone-network.ts";
import type { EmulatedNetwork } from "../../src/lab/network.ts";
import { trainingVsInference as scenario } from "../../src/lab/scenarios/training-vs-inference.ts";
import type { Change } from "../../src/model/change.ts";
import type { Network, TrafficClass } from "../../src/model/inventory.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import type { Policy } from "../../src/model/policy.ts";
import type { Measured, SignalName } from "../../src/model/signal.ts";
import type { MemoryRouter } from "./memory-router.ts";
import { intervalMs } from "./simulated-network.ts";
import type { World } from "./simulation.ts";

const management = { host: "192.0.2.254", port: 830, username: "test", hostKey: `SHA256:${"A".repeat(43)}` };

export const backbone: Network = {
  as: scenario.as,
  devices: Object.entries(scenario.nodes).map(([name, segmentRouting]) => ({
    ...{ name, platform: "openconfig" as const, management, segmentRouting },
  })),
  links: scenario.links.map((link) => ({
    ...{ name: link.name, device: link.device, interface: link.interface, role: "backbone" as const },
    capacity: bitsPerSecond(link.capacity),
    backbone: { to: link.to, metric: link.metric, delayMs: link.delayMs, loss: ratio(0) },
  })),
  prefixes: [],
  classes: scenario.classes.map(({ name, prefers }) => ({ name, prefers }) as TrafficClass),
  flows: scenario.flows.map(({ name, class: of, headend, endpoint, color }) => ({
    name,
    class: of,
    headend,
    endpoint,
    color,
  })),
  telemetry: { intervalMs },
  freezes: [],
  anycast: [],
  shedWebhooks: [],
};

/** Relieves links, so that what was moved comes back once the peak is over. */
export const relieving: Policy = {
  name: "backbone-congestion",
  description: "",
  mode: "propose",
  scope: { links: { role: "backbone" } },
  trigger: { signal: "link.utilisation.out", above: 0.85, clear: 0.75, for: { count: 3, of: 5 }, everyMs: intervalMs },
  decide: { action: "segment-routing", target: ratio(0.75), maxSegments: 3 },
  guard: {
    ...{ maxDevices: 2, maxTrafficMoved: ratio(0.9), freshnessIntervals: 3, coverage: ratio(0.8) },
    surviveAnyLinkFailure: true,
  },
  approve: { people: 1, expiresMs: 900_000, deletions: "like-any-change" },
  verify: {
    observeMs: 5_000,
    require: [
      { text: "link.utilisation.out below 85%", signal: "link.utilisation.out", comparator: "below", threshold: 0.85 },
    ],
    forbid: [],
  },
  holdMs: 60_000,
};

/** Traffic by the lab's own model, which steers by what the routers in memory read. */
export class BackboneTelemetry {
  /** Samples stop coming, and sessions stay open. */
  silent = false;
  readonly #routers: readonly MemoryRouter[];
  readonly #traffic: EmulatedNetwork;
  readonly #configured = new Map<string, string>();
  readonly #listeners = new Set<() => void>();
  #bits = new Map<string, number>();
  #state: NetworkState = {
    atMs: 0,
    signals: new Map(),
    targets: new Map(),
    prefixes: [],
    classes: new Map(),
    sites: new Map(),
  };

  constructor(routers: readonly MemoryRouter[], startMs: number, peak: { afterMs: number; forMs: number }) {
    this.#routers = routers;
    const timing = { peakAfterMs: peak.afterMs, peakForMs: peak.forMs, rampMs: 2_000, reactionMs: 300 };
    this.#traffic = backboneNetwork(scenario, { seed: 1, startMs, timing });
  }

  onUpdate(listener: () => void): void {
    this.#listeners.add(listener);
  }

  unlisted(): readonly [] {
    return [];
  }

  snapshot(nowMs: number): NetworkState {
    return { ...this.#state, atMs: nowMs };
  }

  /** p99 of a flow by the traffic model itself, ms. */
  latencyMs(flow: string, nowMs: number): number {
    return this.#traffic.measure(nowMs).latencyP99Ms[flow] ?? Number.NaN;
  }

  sample(nowMs: number): void {
    for (const { device, running } of this.#routers) {
      if (this.#configured.get(device) === running) continue;
      this.#configured.set(device, running);
      this.#traffic.configure(device, parseXml(`<config>${running}</config>`), nowMs);
    }
    const bits = new Map<string, number>();
    const rate = (name: string, total: number) => {
      bits.set(name, total);
      return {
        value: ((total - (this.#bits.get(name) ?? 0)) * 1000) / intervalMs,
        fromMs: nowMs - intervalMs,
        toMs: nowMs,
      };
    };
    const [rates, utilisations, flows] = [
      new Map<string, Measured>(),
      new Map<string, Measured>(),
      new Map<string, Measured>(),
    ];
    for (const { name, device, interface: port, capacity } of backbone.links) {
      const state = this.#traffic.interfaces(device, nowMs).find((one) => one.name === port);
      const measured = rate(name, (state?.outOctets ?? 0) * 8);
      rates.set(name, measured);
      utilisations.set(name, { ...measured, value: measured.value / capacity });
    }
    for (const reading of this.#traffic.readings(nowMs)) {
      const flow = reading.labels.flow ?? "";
      if ("bits" in reading) flows.set(flow, rate(`flow ${flow}`, reading.bits));
    }
    this.#bits = bits;
    if (this.silent) return;
    this.#state = {
      atMs: nowMs,
      signals: new Map<SignalName, ReadonlyMap<string, Measured>>([
        ["link.rate.out", rates],
        ["link.utilisation.out", utilisations],
        ["flow.rate", flows],
      ]),
      prefixes: [],
      targets: new Map(backbone.devices.map(({ name }) => [name, { state: "synced" }])),
      classes: new Map(),
      sites: new Map(),
    };
    for (const listener of this.#listeners) listener();
  }
}

/** Candidate paths by flow, as the routers' texts say. */
export function steeredBy(routers: readonly MemoryRouter[]): Record<string, readonly string[]> {
  const all = routers.flatMap(({ device, running }) => {
    const headend = backbone.devices.find(({ name }) => name === device);
    return headend ? unwrap(readSteering(backbone, headend, running)) : [];
  });
  const words = (path: { preference: number; segments: readonly string[] }) =>
    `${path.preference}: ${path.segments.join(" > ")}`;
  return Object.fromEntries(all.map(({ flow, paths }) => [flow, paths.map(words)]));
}

/** What a router without our policy gives for the query: the instance that was asked for by name (RFC 6241 section 6.2.5). */
const noPolicy =
  '<network-instances xmlns="http://openconfig.net/yang/network-instance"><network-instance><name>DEFAULT</name></network-instance></network-instances>';

/** The backbone with its peak at a given time. */
export const backboneWorld = (peak: { afterMs: number; forMs: number }): World<BackboneTelemetry> => ({
  network: backbone,
  policy: relieving,
  readings: () => new Map(backbone.flows.map(({ headend }) => [headend, canonicalXml(parseXml(noPolicy))])),
  telemetry: (routers, startMs) => new BackboneTelemetry(routers, startMs, peak),
  checkQuiet(routers, changes: readonly Change[]) {
    const expected: Record<string, readonly string[]> = Object.fromEntries(
      backbone.flows.map(({ name }) => [name, []]),
    );
    for (const { state, decision } of changes.toReversed()) {
      if (state !== "confirmed" || decision.action !== "segment-routing") continue;
      for (const { flow, to } of decision.changes) {
        expected[flow] = to.map((path) => `${path.preference}: ${path.segments.join(" > ")}`);
      }
    }
    expect(steeredBy(routers)).toEqual(expected);
  },
});

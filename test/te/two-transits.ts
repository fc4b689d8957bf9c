import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { Announcement, Intent, PrependChange, PrependDecision } from "../../src/model/decision.ts";
import type { Link, Network } from "../../src/model/inventory.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import type { Policy, PrependAim, PrependPolicy } from "../../src/model/policy.ts";
import type { Measured, SignalName } from "../../src/model/signal.ts";

/** The network that the decision, guard and verify tests share: a cheap full transit, and a dearer one with room. */

export const mbit = 1e6;
export const nowMs = Date.UTC(2026, 10, 20, 12, 0, 0);
export const intervalMs = 10_000;

export function transit(name: string, capacityMbit: number, perMbitMonth: number, device = `edge-${name}`): Link {
  const cost = { perMbitMonth, currency: "USD" };
  return { name, device, interface: "eth1", role: "transit", capacity: bitsPerSecond(capacityMbit * mbit), cost };
}

export const a = transit("transit-a", 1_000, 0.2, "edge-a");
export const b = transit("transit-b", 10_000, 0.3, "edge-b");

export function networkOf(links: readonly Link[], prefixes: readonly string[], more: Partial<Network> = {}): Network {
  return {
    as: 65000,
    devices: [],
    links,
    prefixes,
    classes: [],
    flows: [],
    telemetry: { intervalMs },
    freezes: [],
    anycast: [],
    shedWebhooks: [],
    ...more,
  };
}

/** A small link that no policy for transits watches. */
export const peering: Link = { ...transit("peering-p", 100, 0), role: "peering" };

export const network = networkOf([a, b], ["10.0.0.0/24", "11.0.0.0/24", "12.0.0.0/24"]);

export type Rates = readonly (readonly [prefix: string, link: string, mbits: number])[];

/** `measured`: Mbit/s on each link, where it is not just what its prefixes add up to. */
export function stateOf(
  links: readonly Link[],
  rates: Rates,
  measured: Readonly<Record<string, number>> = {},
  span: Readonly<{ fromMs: number; toMs: number }> = { fromMs: nowMs - intervalMs, toMs: nowMs },
): NetworkState {
  const byLink = new Map<string, Measured>();
  for (const link of links) {
    const sum = rates.reduce((total, [, on, rate]) => (on === link.name ? total + rate : total), 0);
    byLink.set(link.name, { value: (measured[link.name] ?? sum) * mbit, ...span });
  }
  const utilisation = new Map(
    links.map((link) => {
      const rate = byLink.get(link.name);
      return [link.name, { ...span, value: (rate?.value ?? 0) / link.capacity }];
    }),
  );
  return {
    atMs: span.toMs,
    signals: new Map<SignalName, Map<string, Measured>>([
      ["link.rate.in", byLink],
      ["link.utilisation.in", utilisation],
    ]),
    prefixes: rates.map(([prefix, link, rate]) => {
      return { prefix, link, rate: bitsPerSecond(rate * mbit), measuredMs: span.toMs };
    }),
    targets: new Map(),
    classes: new Map(),
    sites: new Map(),
  };
}

export const peakRates: Rates = [
  ["10.0.0.0/24", a.name, 180],
  ["11.0.0.0/24", a.name, 900],
  ["12.0.0.0/24", b.name, 5_000],
];
/** A carries what fits of the 1080 Mbit/s that the flow collector saw. */
export const peak = stateOf([a, b], peakRates, { "transit-a": 1_000 });

export function announce(links: readonly Link[], table: Readonly<Record<string, Readonly<Record<string, number>>>>) {
  const announcements: Announcement[] = [];
  for (const [prefix, on] of Object.entries(table)) {
    for (const [link, prepends] of Object.entries(on)) {
      const device = links.find((candidate) => candidate.name === link)?.device ?? "elsewhere";
      announcements.push({ prefix, link, device, prepends });
    }
  }
  return announcements;
}

export const announcements = announce([a, b], {
  "10.0.0.0/24": { "transit-a": 0, "transit-b": 2 },
  "11.0.0.0/24": { "transit-a": 0, "transit-b": 2 },
  "12.0.0.0/24": { "transit-b": 0 },
});

export type PolicyParts = Readonly<{
  trigger?: Partial<Policy["trigger"]>;
  decide?: Partial<Omit<PrependAim, "target">> & { target?: number };
  guard?: Partial<Omit<Policy["guard"], "maxTrafficMoved" | "coverage">> & {
    maxTrafficMoved?: number;
    coverage?: number;
  };
  verify?: Partial<Policy["verify"]>;
}>;

export function policyOf({ trigger, decide, guard, verify }: PolicyParts = {}): PrependPolicy {
  return {
    name: "transit-congestion",
    description: "",
    mode: "propose",
    scope: { links: { role: "transit" } },
    trigger: {
      signal: "link.utilisation.in",
      above: 0.85,
      clear: 0.65,
      for: { count: 3, of: 5 },
      everyMs: intervalMs,
      ...trigger,
    },
    decide: {
      action: "bgp-prepend",
      objective: "cost",
      maxPrepends: 3,
      ...decide,
      target: ratio(decide?.target ?? 0.75),
    },
    guard: {
      maxDevices: 2,
      freshnessIntervals: 3,
      surviveAnyLinkFailure: true,
      ...guard,
      maxTrafficMoved: ratio(guard?.maxTrafficMoved ?? 0.3),
      coverage: ratio(guard?.coverage ?? 0.9),
    },
    approve: { people: 1, expiresMs: 900_000 },
    verify: {
      observeMs: 60_000,
      require: [
        {
          text: "link.utilisation.in below 85%",
          signal: "link.utilisation.in",
          comparator: "below",
          threshold: 0.85,
        },
      ],
      forbid: [],
      ...verify,
    },
    holdMs: 600_000,
  };
}

export const relieveA: Intent = {
  kind: "relieve",
  policy: "transit-congestion",
  target: "transit-a",
  signal: "link.utilisation.in",
  threshold: 0.85,
  evidence: [{ atMs: nowMs - 20_000, value: 1 }],
};

export function prepend(prefix: string, link: Link, from: number, to: number): PrependChange {
  return { action: "bgp-prepend", device: link.device, link: link.name, prefix, from, to };
}

/** A decision with nothing to say for itself: guards and verify must work everything out from the facts. */
export function decisionOf(changes: readonly PrependChange[], intent: Intent = relieveA): PrependDecision {
  const predicted = {
    links: [],
    flows: [],
    costPerHour: { before: 0, after: 0, currency: "USD" },
    moved: bitsPerSecond(0),
    movedShare: ratio(0),
  };
  return { action: "bgp-prepend", intent, changes, reason: "", predicted, alternatives: [] };
}

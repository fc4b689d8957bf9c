import { expect } from "vitest";
import { readAnnouncements } from "../../src/change/announcements.ts";
import { unwrap } from "../../src/kernel/failure.ts";
import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import { canonicalXml, parseXml } from "../../src/kernel/xml.ts";
import { routerConfig } from "../../src/lab/router-config.ts";
import { twoTransits } from "../../src/lab/scenarios/two-transits.ts";
import type { Announcement } from "../../src/model/decision.ts";
import type { Network } from "../../src/model/inventory.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import type { Policy } from "../../src/model/policy.ts";
import type { Measured, SignalName } from "../../src/model/signal.ts";
import type { MemoryRouter } from "./memory-router.ts";
import type { World } from "./simulation.ts";

export const intervalMs = 1_000;

const management = { host: "192.0.2.254", port: 830, username: "test", hostKey: `SHA256:${"A".repeat(43)}` };

export const network: Network = {
  as: twoTransits.as,
  devices: twoTransits.links.map(({ device }) => ({ name: device, platform: "openconfig", management })),
  links: twoTransits.links.map((link) => ({
    name: link.name,
    device: link.device,
    interface: link.interface,
    role: "transit",
    capacity: bitsPerSecond(link.capacity),
    cost: { perMbitMonth: link.perMbitMonth, currency: "USD" },
    bgp: { neighbor: link.neighbor, exportPolicy: link.exportPolicy },
  })),
  prefixes: twoTransits.demands.map(({ prefix }) => prefix),
  classes: [],
  flows: [],
  telemetry: { intervalMs },
  freezes: [],
  anycast: [],
  shedWebhooks: [],
};

export const policy: Policy = {
  name: "transit-congestion",
  description: "Move inbound prefixes off a transit link before it drops traffic.",
  mode: "propose",
  scope: { links: { role: "transit" } },
  trigger: { signal: "link.utilisation.in", above: 0.85, clear: 0.65, for: { count: 3, of: 5 }, everyMs: intervalMs },
  decide: { action: "bgp-prepend", objective: "cost", maxPrepends: 3, target: ratio(0.75) },
  guard: {
    maxDevices: 2,
    maxTrafficMoved: ratio(0.3),
    freshnessIntervals: 3,
    coverage: ratio(0.9),
    surviveAnyLinkFailure: true,
  },
  approve: { people: 1, expiresMs: 900_000 },
  verify: {
    observeMs: 5_000,
    require: [
      { text: "link.utilisation.in below 85%", signal: "link.utilisation.in", comparator: "below", threshold: 0.85 },
    ],
    forbid: [],
  },
  holdMs: 60_000,
};

/** What each router of the scenario reads at the start, in the form a driver gives it. */
export function initialReadings(): Map<string, string> {
  return new Map(
    twoTransits.links.map((link) => [link.device, canonicalXml(parseXml(routerConfig(link, twoTransits.as)))]),
  );
}

const readBefore = new Map<string, readonly Announcement[]>();

/** Prepends by "prefix link", as the routers' texts say. */
export function announcedBy(routers: Iterable<Readonly<{ device: string; running: string }>>): Map<string, number> {
  const found = new Map<string, number>();
  for (const { device, running } of routers) {
    const router = network.devices.find((one) => one.name === device);
    if (!router) continue;
    const read = readBefore.get(device + running) ?? unwrap(readAnnouncements(network, router, running));
    readBefore.set(device + running, read);
    for (const one of read) found.set(`${one.prefix} ${one.link}`, one.prepends);
  }
  return found;
}

/** Each sample is a simulated second of traffic, which enters by the fewest prepends. */
export class SimulatedTelemetry {
  /** Offered bit/s by prefix. */
  readonly offered = new Map(twoTransits.demands.map(({ prefix, base }) => [prefix, base]));
  /** Samples stop coming, and sessions stay open. */
  silent = false;
  /** Where traffic enters by several announcements that are equally short. */
  ties = "transit-a";
  readonly #routers: readonly MemoryRouter[];
  readonly #links: Network["links"];
  readonly #listeners = new Set<() => void>();
  #state: NetworkState = {
    atMs: 0,
    signals: new Map(),
    targets: new Map(),
    prefixes: [],
    classes: new Map(),
    sites: new Map(),
  };

  constructor(routers: readonly MemoryRouter[], links = network.links) {
    this.#routers = routers;
    this.#links = links;
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

  sample(nowMs: number): void {
    if (this.silent) return;
    const announced = announcedBy(this.#routers);
    const loads = new Map(this.#links.map((link) => [link.name, 0]));
    const entering = [...this.offered].map(([prefix, rate]) => {
      const ways = this.#links.filter((link) => announced.has(`${prefix} ${link.name}`));
      const [best] = ways
        .sort((a, b) => Number(b.name === this.ties) - Number(a.name === this.ties))
        .sort((a, b) => prepends(announced, prefix, a.name) - prepends(announced, prefix, b.name));
      if (best) loads.set(best.name, (loads.get(best.name) ?? 0) + rate);
      return { prefix, link: best?.name ?? "", rate };
    });
    const rateIn = new Map<string, Measured>();
    const utilisationIn = new Map<string, Measured>();
    const squeeze = new Map<string, number>();
    const span = { fromMs: nowMs - intervalMs, toMs: nowMs };
    for (const link of this.#links) {
      const offered = loads.get(link.name) ?? 0;
      const carried = Math.min(offered, link.capacity);
      squeeze.set(link.name, offered > 0 ? carried / offered : 1);
      rateIn.set(link.name, { ...span, value: carried });
      utilisationIn.set(link.name, { ...span, value: carried / link.capacity });
    }
    this.#state = {
      atMs: nowMs,
      signals: new Map<SignalName, ReadonlyMap<string, Measured>>([
        ["link.rate.in", rateIn],
        ["link.utilisation.in", utilisationIn],
      ]),
      prefixes: entering.map(({ prefix, link, rate }) => ({
        prefix,
        link,
        rate: bitsPerSecond(rate * (squeeze.get(link) ?? 1)),
        measuredMs: nowMs,
      })),
      targets: new Map(network.devices.map(({ name }) => [name, { state: "synced" }])),
      classes: new Map(),
      sites: new Map(),
    };
    for (const listener of this.#listeners) listener();
  }
}

export const inboundWorld: World<SimulatedTelemetry> = {
  network,
  policy,
  readings: initialReadings,
  telemetry: (routers) => new SimulatedTelemetry(routers),
  checkQuiet(routers, changes) {
    const expected = announcedBy([...initialReadings()].map(([device, running]) => ({ device, running })));
    for (const { state, decision } of changes.toReversed()) {
      if (state !== "confirmed" || decision.action !== "bgp-prepend") continue;
      for (const { prefix, link, to } of decision.changes) expected.set(`${prefix} ${link}`, to);
    }
    expect(announcedBy(routers)).toEqual(expected);
  },
};

const prepends = (announced: ReadonlyMap<string, number>, prefix: string, link: string) =>
  announced.get(`${prefix} ${link}`) ?? Number.POSITIVE_INFINITY;

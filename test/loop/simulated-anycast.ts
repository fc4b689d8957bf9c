import { expect } from "vitest";
import { readSites } from "../../src/change/sites.ts";
import { unwrap } from "../../src/kernel/failure.ts";
import { bitsPerSecond } from "../../src/kernel/units.ts";
import { canonicalXml, parseXml } from "../../src/kernel/xml.ts";
import { routerConfig } from "../../src/lab/router-config.ts";
import { staleModel } from "../../src/lab/scenarios/stale-model.ts";
import type { SiteHealth, SiteState } from "../../src/model/anycast.ts";
import type { Network } from "../../src/model/inventory.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import type { AnycastPolicy } from "../../src/model/policy.ts";
import { policy as sitesPolicy } from "../te/anycast-sites.ts";
import type { MemoryRouter } from "./memory-router.ts";
import { intervalMs } from "./simulated-network.ts";
import type { World } from "./simulation.ts";

const management = { host: "192.0.2.254", port: 830, username: "test", hostKey: `SHA256:${"A".repeat(43)}` };
const { anycast } = staleModel;

export const network: Network = {
  as: staleModel.as,
  devices: staleModel.links.map(({ device }) => ({ name: device, platform: "openconfig", management })),
  links: staleModel.links.map(({ name, device, neighbor, exportPolicy, capacity, interface: port }) => ({
    ...{ name, device, interface: port, role: "transit", capacity: bitsPerSecond(capacity) },
    bgp: { neighbor, exportPolicy },
  })),
  prefixes: [anycast.prefix],
  classes: [],
  flows: [],
  telemetry: { intervalMs },
  freezes: [],
  anycast: [
    {
      ...{ name: anycast.name, prefix: anycast.prefix, minSites: anycast.minSites, maxLatencyMs: anycast.maxLatencyMs },
      registry: "http://127.0.0.1:1/",
      sites: anycast.sites.map(({ link, ...site }) => ({ ...site, links: [link], probe: "http://127.0.0.1:2/" })),
    },
  ],
  shedWebhooks: [],
};

export const policy: AnycastPolicy = {
  ...sitesPolicy,
  trigger: { ...sitesPolicy.trigger, everyMs: intervalMs },
  verify: { ...sitesPolicy.verify, observeMs: 5_000 },
  holdMs: 60_000,
};

const readings = () =>
  new Map(staleModel.links.map((link) => [link.device, canonicalXml(parseXml(routerConfig(link, staleModel.as)))]));

/** How each site is announced, as the routers' texts say. */
export function sitesAt(routers: Iterable<Readonly<{ device: string; running: string }>>): Record<string, SiteState> {
  const found = [...routers].flatMap(({ device, running }) => {
    const router = network.devices.find(({ name }) => name === device);
    return router ? unwrap(readSites(network, router, running)) : [];
  });
  return Object.fromEntries(found.map(({ site, state }) => [site, state]));
}

/** Each sample is a round of probes. */
export class SimulatedProbes {
  /** What is wrong with a site; nothing with the others. */
  readonly wrong = new Map<string, string>();
  /** Nobody answers. */
  silent = false;
  readonly #sites = new Map<string, SiteHealth>();
  readonly #listeners = new Set<() => void>();

  onUpdate(listener: () => void): void {
    this.#listeners.add(listener);
  }

  unlisted(): readonly [] {
    return [];
  }

  snapshot(nowMs: number): NetworkState {
    const unwell = Array.from(this.#sites, ([site, { well, measuredMs }]) => {
      return [site, { value: well ? 0 : 1, fromMs: measuredMs, toMs: measuredMs }] as const;
    });
    const signals = new Map([["site.unwell" as const, new Map(unwell)]]);
    return { atMs: nowMs, signals, prefixes: [], targets: new Map(), classes: new Map(), sites: new Map(this.#sites) };
  }

  sample(nowMs: number): void {
    if (this.silent) return;
    for (const { name } of anycast.sites) {
      const reason = this.wrong.get(name);
      this.#sites.set(name, { well: reason === undefined, reason: reason ?? "serves llama-8", measuredMs: nowMs });
    }
    for (const listener of this.#listeners) listener();
  }
}

export const anycastWorld: World<SimulatedProbes> = {
  network,
  policy,
  readings,
  telemetry: () => new SimulatedProbes(),
  checkQuiet(routers: readonly MemoryRouter[], changes) {
    const expected = sitesAt([...readings()].map(([device, running]) => ({ device, running })));
    for (const { state, decision } of changes.toReversed()) {
      if (state !== "confirmed" || decision.action !== "anycast-drain") continue;
      for (const { site, to } of decision.changes) expected[site] = to;
    }
    expect(sitesAt(routers)).toEqual(expected);
  },
};

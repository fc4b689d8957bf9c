import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { SiteAnnouncement, SiteHealth, SiteState } from "../../src/model/anycast.ts";
import type { AnycastChange, Intent } from "../../src/model/decision.ts";
import type { AnycastService, Network } from "../../src/model/inventory.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import type { AnycastPolicy } from "../../src/model/policy.ts";
import { intervalMs, networkOf, nowMs, transit } from "./two-transits.ts";

/** Three sites that answer for one prefix; Paris has two links. */

export const prefix = "192.0.2.0/24";

export const chat: AnycastService = {
  name: "chat",
  prefix,
  minSites: 2,
  registry: "http://127.0.0.1:1/",
  golden: { prompt: "2 + 2?", answer: "4" },
  maxLatencyMs: 500,
  sites: [
    { name: "tokyo", device: "edge-t", links: ["transit-t"], probe: "http://127.0.0.1:4/" },
    { name: "paris", device: "edge-p", links: ["transit-p1", "transit-p2"], probe: "http://127.0.0.1:2/" },
    { name: "london", device: "edge-l", links: ["transit-l"], probe: "http://127.0.0.1:3/" },
  ],
};

export const network: Network = networkOf(
  [
    transit("transit-p1", 1_000, 0.2, "edge-p"),
    transit("transit-p2", 1_000, 0.2, "edge-p"),
    transit("transit-l", 1_000, 0.2, "edge-l"),
    transit("transit-t", 1_000, 0.2, "edge-t"),
  ],
  [prefix, "198.51.100.0/24"],
  { anycast: [chat] },
);

export const policy: AnycastPolicy = {
  name: "stale-model",
  description: "",
  mode: "propose",
  scope: { anycast: "chat" },
  trigger: { signal: "site.unwell", above: 0.5, clear: 0.4, for: { count: 3, of: 5 }, everyMs: intervalMs },
  decide: { action: "anycast-drain", prepends: 3 },
  guard: {
    maxDevices: 1,
    maxTrafficMoved: ratio(1),
    freshnessIntervals: 3,
    coverage: ratio(0.8),
    surviveAnyLinkFailure: false,
  },
  approve: { people: 1, expiresMs: 900_000, deletions: "like-any-change" },
  verify: {
    observeMs: 60_000,
    require: [{ text: "site.unwell below 50%", signal: "site.unwell", comparator: "below", threshold: 0.5 }],
    forbid: [],
  },
  holdMs: 600_000,
};

export const intent: Intent = {
  kind: "relieve",
  policy: policy.name,
  target: "paris",
  signal: "site.unwell",
  threshold: 0.5,
  evidence: [{ atMs: nowMs, value: 1 }],
};

export const giveBackOf = (changes: readonly AnycastChange[]): Intent => ({
  ...intent,
  kind: "give-back",
  changeId: "c1",
  changes,
});

const stale = "serves llama-7 while the registry says llama-8";

/** What is wrong with a site, or `null` where nothing is; a site that is left out was never probed. */
export function stateOf(
  wrong: Readonly<Record<string, string | null>> = { paris: stale, london: null, tokyo: null },
  measuredMs = nowMs - 1_000,
): NetworkState {
  const sites = new Map<string, SiteHealth>(
    Object.entries(wrong).map(([site, reason]) => [
      site,
      { well: reason === null, reason: reason ?? "serves llama-8", measuredMs },
    ]),
  );
  const unwell = Array.from(sites, ([site, { well }]) => {
    return [site, { value: well ? 0 : 1, fromMs: measuredMs, toMs: measuredMs }] as const;
  });
  return {
    atMs: nowMs,
    signals: new Map([["site.unwell", new Map(unwell)]]),
    prefixes: [],
    targets: new Map(),
    classes: new Map(),
    sites,
  };
}

export const withRates = (state: NetworkState, mbits: Readonly<Record<string, number>>): NetworkState => ({
  ...state,
  prefixes: Object.entries(mbits).map(([link, rate]) => {
    return { prefix, link, rate: bitsPerSecond(rate * 1e6), measuredMs: nowMs - 1_000 };
  }),
});

/** How each link announces the service; `announced` where nothing is said. */
export function announcedAs(states: Readonly<Record<string, SiteState>> = {}): SiteAnnouncement[] {
  return chat.sites.flatMap(({ name: site, device, links }) =>
    links.map((link) => ({ site, device, link, prefix, state: states[link] ?? "announced" })),
  );
}

export function siteChange(link: string, from: SiteState, to: SiteState, prepends = 3): AnycastChange {
  const site = chat.sites.find(({ links }) => links.includes(link));
  return {
    action: "anycast-drain",
    device: site?.device ?? "",
    link,
    site: site?.name ?? "",
    prefix,
    prepends,
    from,
    to,
  };
}

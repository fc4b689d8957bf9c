import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import { routerConfig } from "../../src/lab/router-config.ts";
import type { Network } from "../../src/model/inventory.ts";
import type { Policy } from "../../src/model/policy.ts";

const mbit = 1e6;
const management = { host: "192.0.2.254", port: 830, username: "test", hostKey: `SHA256:${"A".repeat(43)}` };
const gnmi = { host: "192.0.2.254", port: 9339, ca: "ca.pem" };

export const intervalMs = 10_000;
const as = 65_000;

type SimulatedLink = Readonly<{
  name: string;
  device: string;
  platform: "openconfig" | "frr";
  capacity: number;
  perMbitMonth: number;
  neighbor: string;
  /** Prepends by prefix, before any change. */
  announced: Readonly<Record<string, number>>;
}>;

/**
 * Three transits on two platforms. To move 10.0.0.0/24 from a to b takes prepends on a and on c, where it would enter next;
 * 13.0.0.0/24 from c to b takes them on c and on a: changes of a NETCONF router and of one with a dead-man timer, together.
 */
export const links: readonly SimulatedLink[] = [
  {
    ...{ name: "transit-a", device: "edge-a", platform: "openconfig", neighbor: "192.0.2.1" },
    ...{ capacity: 1_000 * mbit, perMbitMonth: 0.2 },
    announced: { "10.0.0.0/24": 0, "11.0.0.0/24": 0, "13.0.0.0/24": 1 },
  },
  {
    ...{ name: "transit-b", device: "edge-b", platform: "openconfig", neighbor: "198.51.100.1" },
    ...{ capacity: 10_000 * mbit, perMbitMonth: 0.6 },
    announced: { "10.0.0.0/24": 2, "11.0.0.0/24": 1, "12.0.0.0/24": 0, "13.0.0.0/24": 2 },
  },
  {
    ...{ name: "transit-c", device: "edge-c", platform: "frr", neighbor: "203.0.113.1" },
    ...{ capacity: 1_000 * mbit, perMbitMonth: 0.3 },
    announced: { "10.0.0.0/24": 1, "13.0.0.0/24": 0 },
  },
];

/** Bit/s that prefixes may be offered; what is offered changes between them. */
export const demands: ReadonlyMap<string, readonly number[]> = new Map([
  ["10.0.0.0/24", [200 * mbit, 350 * mbit, 900 * mbit]],
  ["11.0.0.0/24", [250 * mbit, 300 * mbit, 900 * mbit]],
  ["12.0.0.0/24", [5_000 * mbit]],
  ["13.0.0.0/24", [300 * mbit, 500 * mbit, 950 * mbit]],
]);

export const exportPolicy = "TRANSIT-OUT";

export const network: Network = {
  as,
  devices: links.map(({ device, platform }) => ({
    ...{ name: device, platform, management },
    ...(platform === "openconfig" ? { gnmi } : {}),
  })),
  links: links.map(({ name, device, capacity, perMbitMonth, neighbor }) => ({
    ...{ name, device, interface: "eth1", role: "transit" as const },
    capacity: bitsPerSecond(capacity),
    cost: { perMbitMonth, currency: "USD" },
    bgp: { neighbor, exportPolicy },
  })),
  prefixes: [...demands.keys()],
  ...{ classes: [], flows: [], freezes: [], anycast: [], shedWebhooks: [] },
  telemetry: { intervalMs },
};

export const policy: Policy = {
  name: "transit-congestion",
  description: "",
  mode: "propose",
  scope: { links: { role: "transit" } },
  trigger: { signal: "link.utilisation.in", above: 0.85, clear: 0.65, for: { count: 2, of: 3 }, everyMs: intervalMs },
  decide: { action: "bgp-prepend", objective: "cost", maxPrepends: 3, target: ratio(0.75) },
  guard: {
    ...{ maxDevices: 2, maxTrafficMoved: ratio(0.3), freshnessIntervals: 3, coverage: ratio(0.8) },
    surviveAnyLinkFailure: false,
  },
  approve: { people: 1, expiresMs: 180_000 },
  verify: {
    observeMs: 20_000,
    require: [
      { text: "link.utilisation.in below 85%", signal: "link.utilisation.in", comparator: "below", threshold: 0.85 },
    ],
    forbid: [],
  },
  holdMs: 90_000,
};

/** The configuration that a router starts with: children of `<config>`, or lines of `show running-config`. */
export function startupOf({
  platform,
  announced,
  name,
  device,
  capacity,
  perMbitMonth,
  neighbor,
}: SimulatedLink): string {
  if (platform === "openconfig") {
    const link = { name, device, capacity, perMbitMonth, neighbor, interface: "eth1", exportPolicy, announced };
    return routerConfig(link, as);
  }
  const entries = Object.entries(announced);
  const nameOf = (prefix: string) => `OWN-${prefix.replace("/", "-")}`;
  const lists = entries.map(([prefix]) => `ip prefix-list ${nameOf(prefix)} seq 5 permit ${prefix}`);
  const maps = entries.flatMap(([prefix, prepends], index) => [
    `route-map ${exportPolicy} permit ${(index + 1) * 10}`,
    ` match ip address prefix-list ${nameOf(prefix)}`,
    ...(prepends > 0 ? [` set as-path prepend ${Array(prepends).fill(as).join(" ")}`] : []),
    "exit",
  ]);
  return [...lists, ...maps].map((line) => `${line}\n`).join("");
}

/** The links that a prefix enters by, by what is announced where: the one with the fewest prepends, the first by name in a tie. */
export function entryOf(
  prefix: string,
  announced: ReadonlyMap<string, ReadonlyMap<string, number>>,
): string | undefined {
  let best: { link: string; prepends: number } | undefined;
  for (const [link, prefixes] of announced) {
    const prepends = prefixes.get(prefix);
    if (prepends !== undefined && (!best || prepends < best.prepends)) best = { link, prepends };
  }
  return best?.link;
}

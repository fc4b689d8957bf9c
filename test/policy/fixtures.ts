import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { PrependChange } from "../../src/model/decision.ts";
import type { Network } from "../../src/model/inventory.ts";
import type { NetworkState, PrefixRate } from "../../src/model/network-state.ts";
import type { Policy } from "../../src/model/policy.ts";
import type { TargetStatus } from "../../src/model/sample.ts";
import type { Measured } from "../../src/model/signal.ts";
import type { Observation } from "../../src/policy/observe.ts";

export const intervalMs = 10_000;
export const holdMs = 60_000;

/** Acts on 3 of 5 above 85%; a breach is over under 65%. */
export const policy: Policy = {
  name: "transit-congestion",
  description: "Move inbound prefixes off a transit link before it drops traffic.",
  mode: "propose",
  scope: { links: { role: "transit" } },
  trigger: {
    signal: "link.utilisation.in",
    above: 0.85,
    clear: 0.65,
    for: { count: 3, of: 5 },
    everyMs: intervalMs,
  },
  decide: { action: "bgp-prepend", objective: "cost", maxPrepends: 3, target: ratio(0.75) },
  guard: {
    maxDevices: 2,
    maxTrafficMoved: ratio(0.3),
    freshnessIntervals: 3,
    coverage: ratio(0.9),
    surviveAnyLinkFailure: true,
  },
  approve: { people: 1, expiresMs: 900_000 },
  verify: { observeMs: 60_000, require: [], forbid: [] },
  holdMs,
};

export const network: Network = {
  as: 65_000,
  devices: [],
  links: [
    {
      name: "transit-a",
      device: "edge-a",
      interface: "eth1",
      role: "transit",
      capacity: bitsPerSecond(1e9),
    },
  ],
  prefixes: ["10.0.0.0/24", "11.0.0.0/24"],
  classes: [],
  flows: [],
  telemetry: { intervalMs },
  freezes: [],
  anycast: [],
  shedWebhooks: [],
};

export const moved: PrependChange = {
  action: "bgp-prepend",
  device: "edge-a",
  link: "transit-a",
  prefix: "11.0.0.0/24",
  from: 0,
  to: 3,
};

export const seen = (value: number, measuredMs: number): Observation => ({ kind: "seen", value, measuredMs });
export const blind: Observation = { kind: "blind", reason: "no sample" };

export function stateAt(
  atMs: number,
  inbound: Measured | undefined,
  prefixes: readonly PrefixRate[] = [],
  targets: Readonly<Record<string, TargetStatus>> = {},
): NetworkState {
  const links = new Map(inbound ? [["transit-a", inbound]] : []);
  return {
    atMs,
    signals: new Map([["link.utilisation.in", links]]),
    prefixes,
    targets: new Map(Object.entries(targets)),
    classes: new Map(),
    sites: new Map(),
  };
}

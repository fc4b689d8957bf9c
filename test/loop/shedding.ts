import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { Change, ChangeState } from "../../src/model/change.ts";
import type { ClassShare } from "../../src/model/decision.ts";
import type { Network, TrafficClass } from "../../src/model/inventory.ts";

export const capacity = 10_000_000;
export const holdMs = 60_000;
export const names = ["batch", "interactive", "standard"] as const;
export type Name = (typeof names)[number];
export const floors: Readonly<Record<Name, number>> = { batch: 0.05, interactive: 0.1, standard: 0.1 };

const served = (name: Name): TrafficClass => ({
  name,
  prefers: "latency",
  service: {
    ...{ dscp: 0, queue: name, priority: 0, floor: ratio(floors[name]), sheds: [], fanOut: 1 },
    ...{ budget: { changes: 4, perMs: 3_600_000 }, signals: [], objectives: [], conditions: [] },
  },
});

export const network: Network = {
  as: 65_000,
  devices: [],
  links: ["a", "b"].map((name) => ({
    ...{ name, device: "edge", interface: name, role: "transit" as const, qos: true as const },
    capacity: bitsPerSecond(capacity),
  })),
  prefixes: [],
  classes: [...names.map(served), { name: "unserved", prefers: "remainder" }],
  flows: [],
  anycast: [],
  telemetry: { intervalMs: 10_000 },
  freezes: [],
  shedWebhooks: [],
};

export type Ceilings = Readonly<Record<Name, number>>;
export const free: Ceilings = { batch: capacity, interactive: capacity, standard: capacity };
const shares = (ceilings: Ceilings): ClassShare[] =>
  names.map((name) => ({
    ...{ class: name, guaranteed: bitsPerSecond(0), ceiling: bitsPerSecond(ceilings[name]), priority: 0 },
    mark: { minBytes: 1, maxBytes: 2 },
  }));

export type Made = Readonly<{
  id: string;
  state: ChangeState;
  /** By link. */
  to: Readonly<Record<string, Ceilings>>;
  atMs?: number;
  mode?: "observe" | "propose";
  gaveBack?: string;
  tookBack?: string;
}>;

export const held: Ceilings = { ...free, batch: 3_000_000 };

/** A QoS change with as much of it as its levels come from. */
export function change({ id, state, to, atMs = 0, mode = "propose", gaveBack, tookBack }: Made): Change {
  const intent = gaveBack === undefined ? { kind: "relieve" } : { kind: "give-back", changeId: gaveBack };
  const changes = Object.entries(to).map(([link, ceilings]) => ({
    ...{ action: "qos", device: "edge", link, from: [], to: shares(ceilings) },
  }));
  const queues = [{ link: "a", class: "batch", offered: 8_000_000 }];
  return {
    ...{ id, state, mode, createdMs: atMs, expiresMs: atMs + 900_000, policy: { holdMs } },
    correlation: "p/l/2026-01-01T00:00:00.000Z",
    origin: tookBack === undefined ? { kind: "policy" } : { kind: "operator", undoes: tookBack },
    decision: { action: "qos", intent, changes, predicted: { queues } },
    times: { endedMs: atMs },
  } as unknown as Change;
}

import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { CandidatePath, Intent, SegmentRoutingChange, Steering } from "../../src/model/decision.ts";
import type { Device, Flow, Link, Network, TrafficClass } from "../../src/model/inventory.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import type { SegmentRoutingPolicy } from "../../src/model/policy.ts";
import type { Measured } from "../../src/model/signal.ts";
import { type Backbone, backboneOf } from "../../src/te/backbone.ts";
import { backboneLoads } from "../../src/te/backbone-loads.ts";

/** Networks for segment routing, in Gbit/s: routers r0, r1, …, and links in both directions named "r0-r1". */

export const gbit = 1e9;
export const nowMs = Date.UTC(2026, 10, 21, 12, 0, 0);
export const intervalMs = 10_000;

export type LinkSpec = Readonly<{ metric?: number; capacity?: number; delay?: number; loss?: number }>;
export type FlowSpec = Readonly<{
  from: string;
  to: string;
  class?: string;
  rate: number;
  paths?: readonly CandidatePath[];
}>;

export const classes: readonly TrafficClass[] = [
  { name: "inference", prefers: "latency", maxDelayMs: 10 },
  { name: "training", prefers: "capacity" },
  { name: "batch", prefers: "remainder" },
];

const deviceOf = (name: string, segment = true): Device => ({
  name,
  platform: "openconfig",
  management: { host: name, port: 830, username: "pointsman", hostKey: "SHA256:x" },
  ...(segment ? { segmentRouting: { address: "10.0.0.1", sid: 16_001 } } : {}),
});

/** Links by their ends, "r0 r1", or "r0 r1 b" for a second one; a metric of 10, 10 Gbit/s and 1 ms unless told. */
export function networkOf(
  links: Readonly<Record<string, LinkSpec>>,
  flows: Readonly<Record<string, FlowSpec>>,
  more: Partial<Network> & Readonly<{ withoutSegment?: readonly string[] }> = {},
): Network {
  const { withoutSegment = [], ...rest } = more;
  const names = [...new Set(Object.keys(links).flatMap((ends) => ends.split(" ").slice(0, 2)))];
  return {
    as: 65000,
    devices: names.map((name) => deviceOf(name, !withoutSegment.includes(name))),
    links: Object.entries(links).flatMap(([ends, spec]) => {
      const [a = "", b = "", which = ""] = ends.split(" ");
      return [linkOf(a, b, which, spec), linkOf(b, a, which, spec)];
    }),
    prefixes: [],
    classes,
    flows: Object.entries(flows).map(([name, spec]): Flow => {
      return { name, class: spec.class ?? "training", headend: spec.from, endpoint: spec.to, color };
    }),
    telemetry: { intervalMs },
    freezes: [],
    anycast: [],
    shedWebhooks: [],
    ...rest,
  };
}

function linkOf(from: string, to: string, which: string, spec: LinkSpec): Link {
  const { metric = 10, capacity = 10, delay = 1, loss = 0 } = spec;
  return {
    name: `${from}-${to}${which}`,
    device: from,
    interface: `to-${to}${which}`,
    role: "backbone",
    capacity: bitsPerSecond(capacity * gbit),
    backbone: { to, metric, delayMs: delay, loss: ratio(loss) },
  };
}

export const steeringOf = (flows: Readonly<Record<string, FlowSpec>>): Steering[] =>
  Object.entries(flows).map(([flow, { from, paths = [] }]) => ({ flow, device: from, paths }));

/** Every link at what its flows bring and `background` (Gbit/s by link) adds. */
export function stateOf(
  network: Network,
  flows: Readonly<Record<string, FlowSpec>>,
  background: Readonly<Record<string, number>> = {},
  span: Readonly<{ fromMs: number; toMs: number }> = { fromMs: nowMs - intervalMs, toMs: nowMs },
): NetworkState {
  const rates = new Map(Object.entries(flows).map(([name, { rate }]) => [name, { value: rate * gbit, ...span }]));
  const out = (of: (link: string) => number) =>
    new Map(network.links.map(({ name }): [string, Measured] => [name, { value: of(name), ...span }]));
  const idle = out(() => 0);
  const known = backboneOf(network, withSignals(idle, rates, span.toMs), steeringOf(flows));
  if ("unknown" in known) throw new Error(known.unknown.join());
  const load = backboneLoads(known.backbone);
  const byLink = new Map(known.backbone.links.map(({ name }, edge) => [name, load[edge] ?? 0]));
  return withSignals(
    out((link) => (byLink.get(link) ?? 0) + (background[link] ?? 0) * gbit),
    rates,
    span.toMs,
  );
}

const withSignals = (out: Map<string, Measured>, rates: Map<string, Measured>, atMs: number): NetworkState => ({
  atMs,
  signals: new Map([
    ["link.rate.out", out],
    ["flow.rate", rates],
  ]),
  prefixes: [],
  targets: new Map(),
  classes: new Map(),
  sites: new Map(),
});

export function backbone(
  network: Network,
  flows: Readonly<Record<string, FlowSpec>>,
  background: Readonly<Record<string, number>> = {},
): Backbone {
  const known = backboneOf(network, stateOf(network, flows, background), steeringOf(flows));
  if ("unknown" in known) throw new Error(known.unknown.join());
  return known.backbone;
}

export type PolicyParts = Readonly<{
  scope?: SegmentRoutingPolicy["scope"];
  trigger?: Partial<SegmentRoutingPolicy["trigger"]>;
  target?: number;
  maxSegments?: number;
  guard?: Partial<Record<keyof SegmentRoutingPolicy["guard"], number | boolean>>;
}>;

export function policyOf({ scope, trigger, target = 0.75, maxSegments = 2, guard }: PolicyParts = {}) {
  return {
    name: "backbone",
    description: "",
    mode: "propose",
    scope: scope ?? { links: { role: "backbone" } },
    trigger: {
      signal: "link.utilisation.out",
      above: 0.85,
      clear: 0.65,
      for: { count: 3, of: 5 },
      everyMs: intervalMs,
      ...trigger,
    },
    decide: { action: "segment-routing", target: ratio(target), maxSegments },
    guard: {
      maxDevices: 2,
      maxTrafficMoved: 1,
      freshnessIntervals: 3,
      coverage: 0.9,
      surviveAnyLinkFailure: false,
      ...guard,
    } as SegmentRoutingPolicy["guard"],
    approve: { people: 1, expiresMs: 900_000 },
    verify: { observeMs: 60_000, require: [], forbid: [] },
    holdMs: 600_000,
  } satisfies SegmentRoutingPolicy;
}

export const intentFor = (
  target: string,
  policy: SegmentRoutingPolicy,
  value = 1,
): Extract<Intent, { kind: "relieve" }> => ({
  kind: "relieve",
  policy: policy.name,
  target,
  signal: policy.trigger.signal,
  threshold: policy.trigger.above,
  evidence: [{ atMs: nowMs - 20_000, value }],
});

export const via = (preference: number, ...segments: string[]): CandidatePath => ({ preference, segments });

/** Of every flow here. */
const color = 100;

/** `endpoint` is where its paths end. */
export const steer = (
  flow: string,
  device: string,
  from: readonly CandidatePath[],
  to: readonly CandidatePath[],
  endpoint = [...from, ...to][0]?.segments.at(-1) ?? "",
): SegmentRoutingChange => ({ action: "segment-routing", device, color, endpoint, flow, from, to });

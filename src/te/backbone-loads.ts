import type { CandidatePath, SegmentRoutingChange } from "../model/decision.ts";
import type { FlowName } from "../model/inventory.ts";
import { type Backbone, routeInUse } from "./backbone.ts";
import { Ecmp } from "./ecmp.ts";
import { type FailureHarm, failureHarm } from "./link-failure.ts";
import { addLoad, type Route, routeOf } from "./segment-routing/segment-path.ts";

/** Candidate paths of flows that have others than they have now. */
export type NewPaths = ReadonlyMap<FlowName, readonly CandidatePath[]>;

export const newPaths = (changes: readonly SegmentRoutingChange[]): NewPaths =>
  new Map(changes.map(({ flow, to }) => [flow, to]));

/** Bit/s by edge: what no flow explains where it is, and every flow where its candidate paths lead it. */
export function backboneLoads(backbone: Backbone, changed: NewPaths = new Map()): Float64Array {
  const load = backbone.background.slice();
  for (const { flow, route, rate } of backbone.flows) {
    const paths = changed.get(flow.name);
    const now = paths ? routeInUse(backbone, flow, paths) : route;
    if (now) addLoad(load, now, rate);
  }
  return load;
}

/**
 * Bit/s of flows by edge as they should be seen on it: a flow that crosses a full link brings the links of its path no more
 * than that one lets through. `measured`: bit/s by edge.
 */
export function arrivingLoads({ flows, saturated, links }: Backbone, measured: Float64Array): Float64Array {
  const offered = new Float64Array(links.length);
  for (const { route, rate } of flows) if (route) addLoad(offered, route, rate);
  const arriving = new Float64Array(links.length);
  for (const { route, rate } of flows) {
    if (!route) continue;
    const full = [...route.edges].filter((edge) => saturated[edge] === 1);
    const passes = full.map((edge) => Math.min(1, (measured[edge] as number) / (offered[edge] as number)));
    addLoad(arriving, route, rate * Math.min(1, ...passes));
  }
  return arriving;
}

/** Less than this share of a link is the difference between counters and flow rates, and no traffic. */
const noise = 0.01;

/**
 * By edge: the share of what the link carries that the changes take off it, 0..1. This is what `guard.maxTrafficMoved`
 * limits; what they put on links is the target's to limit. 0 on a link that one flow has to itself, as next to its headend
 * or on a detour: flows are moved whole.
 */
export function shareTakenOff(backbone: Backbone, changed: NewPaths): Float64Array {
  const off = new Float64Array(backbone.links.length);
  for (const { flow, route, rate } of backbone.flows) {
    const paths = changed.get(flow.name);
    if (!paths || !route) continue;
    const moved = new Float64Array(off.length);
    addLoad(moved, route, rate);
    const now = routeInUse(backbone, flow, paths);
    if (now) addLoad(moved, now, -rate);
    for (const edge of route.edges) off[edge] = (off[edge] as number) + Math.max(0, moved[edge] as number);
  }
  const load = backboneLoads(backbone);
  const using = new Int32Array(backbone.links.length);
  for (const { route, rate } of backbone.flows) {
    if (rate > 0) for (const edge of route?.edges ?? []) using[edge] = (using[edge] as number) + 1;
  }
  return off.map((rate, edge) => {
    const [background, capacity] = [backbone.background[edge] as number, backbone.graph.capacity[edge] as number];
    const isAlone = using[edge] === 1 && background <= noise * capacity;
    return rate === 0 || isAlone ? 0 : rate / (load[edge] as number);
  });
}

/** What single failures of physical links do; worked out once for the backbone as it is, and then by what changes differ. */
export class BackboneFailures {
  readonly #backbone: Backbone;
  readonly #cases = new Map<number, Readonly<{ ecmp: Ecmp; before: Float64Array }>>();

  constructor(backbone: Backbone) {
    this.#backbone = backbone;
  }

  /** The first failure that leaves the network more exposed than without the changes, see `failureHarm`. */
  harm(changed: NewPaths, target: number): FailureHarm | undefined {
    const { links, physical } = this.#backbone;
    for (const [failure, [failed]] of physical.entries()) {
      const { before } = this.#case(failure);
      const harm = failureHarm(
        links,
        { failed: failed as number, before, after: this.loads(failure, changed) },
        target,
      );
      if (harm) return harm;
    }
    return undefined;
  }

  /** The most bit/s on each edge over all failures. */
  worst(changed: NewPaths): Float64Array {
    const worst = backboneLoads(this.#backbone, changed);
    for (const failure of this.#backbone.physical.keys()) {
      const load = this.loads(failure, changed);
      for (const [edge, rate] of load.entries()) worst[edge] = Math.max(worst[edge] as number, rate);
    }
    return worst;
  }

  /** Bit/s by edge while the physical link at this place is gone: 0 on its own edges. Flows that are cut off are lost. */
  loads(failure: number, changed: NewPaths): Float64Array {
    const { ecmp, before } = this.#case(failure);
    const load = before.slice();
    for (const one of this.#backbone.flows) {
      const paths = changed.get(one.flow.name);
      if (!paths) continue;
      const [was, now] = [this.#routeIn(one, failure, ecmp), routeInUse(this.#backbone, one.flow, paths, ecmp)];
      if (was) addLoad(load, was, -one.rate);
      if (now) addLoad(load, now, one.rate);
    }
    return load;
  }

  #case(failure: number): Readonly<{ ecmp: Ecmp; before: Float64Array }> {
    const known = this.#cases.get(failure);
    if (known) return known;
    const { graph, physical, background, flows } = this.#backbone;
    const removed = new Uint8Array(graph.edges);
    for (const edge of physical[failure] ?? []) removed[edge] = 1;
    const ecmp = new Ecmp(graph, removed);
    const before = background.slice();
    for (const edge of physical[failure] ?? []) before[edge] = 0;
    // What no flow explains was to reach the far end of its link: there the IGP leads it.
    for (const edge of physical[failure] ?? []) {
      const detour = routeOf(ecmp, [graph.source[edge] as number, graph.target[edge] as number]);
      if (detour) addLoad(before, detour, background[edge] as number);
    }
    for (const one of flows) {
      const route = this.#routeIn(one, failure, ecmp);
      if (route) addLoad(before, route, one.rate);
    }
    const fresh = { ecmp, before };
    this.#cases.set(failure, fresh);
    return fresh;
  }

  /** A route without the failed edges stays as it is: what is gone was on none of its shortest paths. */
  #routeIn({ flow, paths, route }: Backbone["flows"][number], failure: number, ecmp: Ecmp): Route | undefined {
    const failed = this.#backbone.physical[failure] ?? [];
    if (route && !route.edges.some((edge) => failed.includes(edge))) return route;
    return routeInUse(this.#backbone, flow, paths, ecmp);
  }
}

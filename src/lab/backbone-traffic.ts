import { assert } from "../kernel/assert.ts";
import type { DeviceName, LinkName } from "../model/inventory.ts";
import { Igp, type Leg } from "./igp.ts";
import type { SegmentRoutingRule } from "./policy-forwarding.ts";
import { type LinkFlow, linkFlow, type TrafficLink, TrafficModel, type TrafficStart } from "./traffic.ts";

/** One direction of a line between two routers. */
export type BackboneLink = TrafficLink &
  Readonly<{
    device: DeviceName;
    to: DeviceName;
    metric: number;
    delayMs: number;
    /** bit/s of traffic that belongs to no flow and stays on this link. */
    background?: number;
  }>;

/** Traffic that BGP colors at its headend (RFC 9256 section 8.4). Rates are bit/s. */
export type BackboneFlow = Readonly<{
  name: string;
  headend: DeviceName;
  endpoint: DeviceName;
  color: number;
  base: number;
  peak: number;
}>;

/** A router's loopback, which is the endpoint of policies towards it, and its node SID, a label. */
export type SegmentRoutingNode = Readonly<{ address: string; sid: number }>;

/** No path is missing: the IGP connects every headend with its endpoints. */
export type BackboneTopology = Readonly<{
  nodes: Readonly<Record<DeviceName, SegmentRoutingNode>>;
  links: readonly BackboneLink[];
  flows: readonly BackboneFlow[];
}>;

/** Loss upstream decides what arrives downstream; two links may each stand upstream of the other for some flow. */
const mostRounds = 100;
const settled = 1e-12;

/**
 * Traffic between the routers of a backbone, steered by each headend's segment-routing rules, else by the IGP. Its own
 * idea of forwarding, apart from the controller's on purpose, so that the lab can prove that wrong.
 */
export class BackboneTraffic extends TrafficModel<readonly SegmentRoutingRule[]> {
  readonly #topology: BackboneTopology;
  readonly #igp: Igp<BackboneLink>;
  readonly #deviceBySid: ReadonlyMap<string, DeviceName>;

  /** `rules` are those each router starts with. */
  constructor(
    start: TrafficStart,
    topology: BackboneTopology,
    rules: ReadonlyMap<DeviceName, readonly SegmentRoutingRule[]>,
  ) {
    const { links, flows, nodes } = topology;
    const background = links.map(({ name, background = 0 }) => ({
      name: backgroundOf(name),
      base: background,
      peak: background,
    }));
    const settings = new Map(Object.keys(nodes).map((device) => [device, rules.get(device) ?? []]));
    super(start, { links, demands: [...flows, ...background], settings });
    this.#topology = topology;
    this.#igp = new Igp(links);
    this.#deviceBySid = new Map(Object.entries(nodes).map(([device, { sid }]) => [String(sid), device]));
  }

  flows(): ReadonlyMap<LinkName, LinkFlow> {
    return this.#carry().links;
  }

  /** bit/s by flow that reach its endpoint. */
  arriving(): ReadonlyMap<string, number> {
    return this.#carry().arriving;
  }

  /** By flow: the longest way a packet can take, by propagation and the 99th percentile of each wait for the line. */
  latencyP99Ms(): ReadonlyMap<string, number> {
    const flows = this.flows();
    const over = (link: BackboneLink) => link.delayMs + (flows.get(link.name)?.queueP99Ms ?? 0);
    return new Map(
      this.#topology.flows.map((flow) => [
        flow.name,
        this.#legs(flow).reduce((sum, leg) => sum + longest(leg, over), 0),
      ]),
    );
  }

  #carry(): { links: ReadonlyMap<LinkName, LinkFlow>; arriving: ReadonlyMap<string, number> } {
    const routes = this.#topology.flows.map((flow) => ({ flow, legs: this.#legs(flow) }));
    const rates = this.offered();
    let links: ReadonlyMap<LinkName, LinkFlow> = new Map();
    let arriving = new Map<string, number>();
    const lossShare = (link: LinkName) => links.get(link)?.lossShare ?? 0;
    for (let round = 0; round < mostRounds; round++) {
      const offered = new Map<LinkName, Map<string, number>>();
      for (const { name, background } of this.#topology.links) {
        const key = backgroundOf(name);
        offered.set(name, new Map(background ? [[key, rates.get(key) ?? 0]] : []));
      }
      const pass = (flow: string, { name }: BackboneLink, rate: number) => {
        const onLink = offered.get(name);
        onLink?.set(flow, (onLink.get(flow) ?? 0) + rate);
        return rate * (1 - lossShare(name));
      };
      arriving = new Map(
        routes.map(({ flow, legs }) => [
          flow.name,
          legs.reduce(
            (rate, leg) => spread(leg, rate, (link, part) => pass(flow.name, link, part)),
            rates.get(flow.name) ?? 0,
          ),
        ]),
      );
      const next = new Map(
        this.#topology.links.map((link) => [link.name, linkFlow(link, offered.get(link.name) ?? new Map())]),
      );
      const still = [...next].every(([name, flow]) => Math.abs(flow.lossShare - lossShare(name)) <= settled);
      links = next;
      if (still) break;
    }
    return { links, arriving };
  }

  /** What carries the flow: the valid rule of highest preference (RFC 9256 section 2.9), else the IGP. */
  #legs(flow: BackboneFlow): readonly Leg<BackboneLink>[] {
    const address = this.#topology.nodes[flow.endpoint]?.address;
    const rules = (this.settings.get(flow.headend) ?? [])
      .filter(({ color, endpoint }) => color === flow.color && endpoint === address)
      .sort((a, b) => b.preference - a.preference);
    for (const { sids } of rules) {
      const legs = this.#path(flow, sids);
      if (legs) return legs;
    }
    const leg = this.#igp.leg(flow.headend, flow.endpoint);
    assert(leg, `the backbone connects ${flow.headend} and ${flow.endpoint}`);
    return [leg];
  }

  /** Undefined when a label is no router's or leads nowhere. Where the last label is popped short of the endpoint, the IGP takes over. */
  #path(flow: BackboneFlow, sids: readonly string[]): readonly Leg<BackboneLink>[] | undefined {
    if (sids.length === 0) return undefined;
    const legs: Leg<BackboneLink>[] = [];
    let at = flow.headend;
    for (const device of [...sids.map((sid) => this.#deviceBySid.get(sid)), flow.endpoint]) {
      const leg = device === undefined ? undefined : this.#igp.leg(at, device);
      if (!leg) return undefined;
      legs.push(leg);
      at = leg.to;
    }
    return legs;
  }
}

const backgroundOf = (link: LinkName) => `background of ${link}`;

/** Sends `rate` along a leg and gives what arrives at its end; `pass` is told what enters each link and gives what leaves it. */
function spread(leg: Leg<BackboneLink>, rate: number, pass: (link: BackboneLink, rate: number) => number): number {
  const at = new Map([[leg.from, rate]]);
  for (const { device, links } of leg.hops) {
    const part = (at.get(device) ?? 0) / links.length;
    for (const link of links) at.set(link.to, (at.get(link.to) ?? 0) + pass(link, part));
  }
  return at.get(leg.to) ?? 0;
}

function longest(leg: Leg<BackboneLink>, over: (link: BackboneLink) => number): number {
  const toEnd = new Map([[leg.to, 0]]);
  for (const { device, links } of leg.hops.toReversed()) {
    toEnd.set(device, Math.max(...links.map((link) => over(link) + (toEnd.get(link.to) ?? 0))));
  }
  return toEnd.get(leg.from) ?? 0;
}

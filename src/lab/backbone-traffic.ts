import { assert } from "../kernel/assert.ts";
import type { DeviceName, LinkName } from "../model/inventory.ts";
import { Igp, type Leg } from "./igp.ts";
import { type LinkFlow, lineFlow, type QueueFlow, queueOf } from "./line-queues.ts";
import { type ClassMeasurement, lossRatio } from "./network.ts";
import type { SegmentRoutingRule } from "./policy-forwarding.ts";
import type { ConfiguredQueue } from "./qos-config.ts";
import { gpuUtilisation, ServiceLoad, type ServiceRates, type Serving, type Training } from "./service-load.ts";
import { type TrafficDemand, type TrafficLink, TrafficModel, type TrafficStart, tickMs } from "./traffic.ts";

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
  /** Of the service class that it belongs to. */
  service?: string;
  dscp?: number;
  /** Its senders have windows, see `LineDemand`: the first of its links is then its narrowest. */
  windowMs?: number;
}>;

/** A router's loopback, which is the endpoint of policies towards it, and its node SID, a label. */
export type SegmentRoutingNode = Readonly<{ address: string; sid: number }>;

/** No path is missing: the IGP connects every headend with its endpoints. */
export type BackboneTopology = Readonly<{
  nodes: Readonly<Record<DeviceName, SegmentRoutingNode>>;
  links: readonly BackboneLink[];
  flows: readonly BackboneFlow[];
  services?: readonly BackboneService[];
}>;

/** Traffic of one class, and the machines that it is for. */
export type BackboneService = Readonly<{ name: string; serving?: Serving; training?: Training }>;

/** What a router is configured to do: steer by these rules, and serve what it sends on these links by queues. */
export type RouterSetting = Readonly<{
  rules: readonly SegmentRoutingRule[];
  queues: ReadonlyMap<LinkName, readonly ConfiguredQueue[]>;
}>;

type Carried = Readonly<{ links: ReadonlyMap<LinkName, LinkFlow>; arriving: ReadonlyMap<string, number> }>;

/** Loss upstream decides what arrives downstream; two links may each stand upstream of the other for some flow. */
const mostRounds = 500;
/** Two such links can call to and fro for ever: from this round on each meets the other half way. */
const patientRounds = 20;
const settled = 1e-12;

/**
 * Traffic between the routers of a backbone, steered by each headend's segment-routing rules, else by the IGP. Its own
 * idea of forwarding, apart from the controller's on purpose, so that the lab can prove that wrong.
 */
export class BackboneTraffic extends TrafficModel<RouterSetting> {
  readonly #topology: BackboneTopology;
  readonly #igp: Igp<BackboneLink>;
  readonly #deviceBySid: ReadonlyMap<string, DeviceName>;
  readonly #loads: ReadonlyMap<string, ServiceLoad>;
  /** Of the moment that was asked for last: every interface asks for the same. */
  #carriedAt: { moment: number; carried: Carried } | undefined;

  /** `settings` are those each router starts with. */
  constructor(start: TrafficStart, topology: BackboneTopology, settings: ReadonlyMap<DeviceName, RouterSetting>) {
    const { links, flows, nodes, services = [] } = topology;
    const background = links.map(({ name, background = 0 }) => ({
      name: backgroundOf(name),
      base: background,
      peak: background,
    }));
    const machines = services.flatMap(({ name, serving }): TrafficDemand[] =>
      serving
        ? [
            { name: requestsOf(name), ...serving.requests },
            { name: machinesOf(name), ...serving.capacity },
          ]
        : [],
    );
    const none: RouterSetting = { rules: [], queues: new Map() };
    super(start, {
      links,
      demands: [...flows, ...background, ...machines],
      settings: new Map(Object.keys(nodes).map((device) => [device, settings.get(device) ?? none])),
    });
    this.#topology = topology;
    this.#igp = new Igp(links);
    this.#deviceBySid = new Map(Object.entries(nodes).map(([device, { sid }]) => [String(sid), device]));
    this.#loads = new Map(
      services.flatMap(({ name, serving }) => (serving ? [[name, new ServiceLoad(serving, tickMs)] as const] : [])),
    );
  }

  flows(): ReadonlyMap<LinkName, LinkFlow> {
    return this.#carry().links;
  }

  /** bit/s by flow that reach its endpoint. */
  arriving(): ReadonlyMap<string, number> {
    return this.#carry().arriving;
  }

  override sending(): ReadonlyMap<string, number> {
    const windowed = this.#topology.flows.filter(({ windowMs }) => windowMs !== undefined);
    if (windowed.length === 0) return this.offered();
    const { arriving } = this.#carry();
    return new Map([...this.offered(), ...windowed.map(({ name }) => [name, arriving.get(name) ?? 0] as const)]);
  }

  /** By flow: the longest way a packet can take, by propagation and the 99th percentile of each wait for the line. */
  latencyP99Ms(): ReadonlyMap<string, number> {
    return this.#latencyP99Ms(this.#carry());
  }

  /** By service class. */
  services(): ReadonlyMap<string, ClassMeasurement> {
    const carried = this.#carry();
    const [latency, sending] = [this.#latencyP99Ms(carried), this.sending()];
    return new Map(
      (this.#topology.services ?? []).map(({ name, training }) => {
        const flows = this.flowsOf(name);
        const sum = (of: ReadonlyMap<string, number>) => flows.reduce((total, flow) => total + (of.get(flow) ?? 0), 0);
        const path = {
          latencyP99Ms: Math.max(0, ...flows.map((flow) => latency.get(flow) ?? 0)),
          loss: lossRatio(sum(sending), sum(carried.arriving)),
        };
        const load = this.#loads.get(name);
        return [
          name,
          {
            ...path,
            carried: sum(carried.arriving),
            ...(load && {
              firstTokenP95Ms: load.firstTokenP95Ms(this.#serviceRates(name), path),
              requestsWaiting: load.waiting(),
            }),
            ...(training && { gpuUtilisation: gpuUtilisation(training, path) }),
          },
        ];
      }),
    );
  }

  /** What the link's sender is configured with; none: one line for all. */
  queuesOf({ name, device }: Pick<BackboneLink, "name" | "device">): readonly ConfiguredQueue[] {
    return this.settings.get(device)?.queues.get(name) ?? [];
  }

  /** The flows that carry one of these DSCPs. */
  flowsMarked(dscps: readonly number[]): string[] {
    return this.#topology.flows
      .filter(({ dscp }) => dscp !== undefined && dscps.includes(dscp))
      .map(({ name }) => name);
  }

  flowsOf(service: string): string[] {
    return this.#topology.flows.filter((flow) => flow.service === service).map(({ name }) => name);
  }

  /** The requests of a class that has machines to answer them. */
  load(service: string): ServiceLoad | undefined {
    return this.#loads.get(service);
  }

  protected override during(spanMs: number): void {
    if (this.#loads.size === 0) return;
    const services = this.services();
    for (const [name, load] of this.#loads) {
      load.advance(spanMs, this.#serviceRates(name), services.get(name) ?? { latencyP99Ms: 0, loss: 0 });
    }
  }

  #serviceRates(service: string): ServiceRates {
    const rates = this.offered();
    return { requests: rates.get(requestsOf(service)) ?? 0, capacity: rates.get(machinesOf(service)) ?? 0 };
  }

  #latencyP99Ms({ links }: Carried): ReadonlyMap<string, number> {
    return new Map(
      this.#topology.flows.map((flow) => {
        const over = ({ name, delayMs }: BackboneLink) => {
          const link = links.get(name);
          return delayMs + (link ? queueOf(link, flow.name).queueP99Ms : 0);
        };
        return [flow.name, this.#legs(flow).reduce((sum, leg) => sum + longest(leg, over), 0)];
      }),
    );
  }

  #carry(): Carried {
    if (this.#carriedAt?.moment !== this.moment) {
      this.#carriedAt = { moment: this.moment, carried: this.#carryNow() };
    }
    return this.#carriedAt.carried;
  }

  #carryNow(): Carried {
    const { flows } = this.#topology;
    const routes = flows.map((flow) => ({ flow, legs: this.#legs(flow) }));
    const rates = this.offered();
    let links: ReadonlyMap<LinkName, LinkFlow> = new Map();
    let arriving = new Map<string, number>();
    let askedBefore: ReadonlyMap<LinkName, ReadonlyMap<string, number>> = new Map();
    for (let round = 0; round < mostRounds; round++) {
      const asked = new Map<LinkName, Map<string, number>>();
      for (const { name, background } of this.#topology.links) {
        const key = backgroundOf(name);
        asked.set(name, new Map(background ? [[key, rates.get(key) ?? 0]] : []));
      }
      const pass = ({ name: flow, windowMs }: BackboneFlow, { name }: BackboneLink, rate: number) => {
        const onLink = asked.get(name);
        onLink?.set(flow, (onLink.get(flow) ?? 0) + rate);
        const link = links.get(name);
        if (!link) return rate;
        const { heldShare, lossShare } = queueOf(link, flow);
        return rate * (1 - lossShare) * (windowMs === undefined ? 1 : 1 - heldShare);
      };
      arriving = new Map(
        routes.map(({ flow, legs }) => [
          flow.name,
          legs.reduce(
            (rate, leg) => spread(leg, rate, (link, part) => pass(flow, link, part)),
            rates.get(flow.name) ?? 0,
          ),
        ]),
      );
      const next = new Map(
        this.#topology.links.map((link) => {
          const demands = [...(asked.get(link.name) ?? [])].map(([name, rate]) => {
            const flow = flows.find((each) => each.name === name);
            const before = round < patientRounds ? rate : (askedBefore.get(link.name)?.get(name) ?? rate);
            return { name, rate: (rate + before) / 2, ...marksOf(flow) };
          });
          return [link.name, lineFlow(link.capacity, demands, this.queuesOf(link))];
        }),
      );
      const still = [...next].every(([name, flow]) => alike(flow, links.get(name)));
      links = next;
      askedBefore = asked;
      if (still) break;
    }
    return { links, arriving };
  }

  /** What carries the flow: the valid rule of highest preference (RFC 9256 section 2.9), else the IGP. */
  #legs(flow: BackboneFlow): readonly Leg<BackboneLink>[] {
    const address = this.#topology.nodes[flow.endpoint]?.address;
    const rules = (this.settings.get(flow.headend)?.rules ?? [])
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
const requestsOf = (service: string) => `requests of ${service}`;
const machinesOf = (service: string) => `machines of ${service}`;

const marksOf = (flow: BackboneFlow | undefined): Pick<BackboneFlow, "dscp" | "windowMs"> => ({
  ...(flow?.dscp !== undefined && { dscp: flow.dscp }),
  ...(flow?.windowMs !== undefined && { windowMs: flow.windowMs }),
});

/** Whether as much is lost and held back in every queue as in the round before, when there was one. */
function alike(now: LinkFlow, before: LinkFlow | undefined): boolean {
  const near = (a: QueueFlow, b: QueueFlow | undefined) =>
    Math.abs(a.lossShare - (b?.lossShare ?? 0)) <= settled && Math.abs(a.heldShare - (b?.heldShare ?? 0)) <= settled;
  return near(now, before) && now.queues.every((queue, index) => near(queue, before?.queues[index]));
}

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

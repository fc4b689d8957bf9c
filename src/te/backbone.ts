import { assert } from "../kernel/assert.ts";
import type { CandidatePath, Steering } from "../model/decision.ts";
import type { DeviceName, Flow, FlowName, Link, LinkName, Network, TrafficClass } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import { drainedLinks, linksInScope } from "../model/scope.ts";
import { Ecmp } from "./ecmp.ts";
import { buildGraph, type Graph } from "./graph.ts";
import { hiddenDemand, isSaturated } from "./link-limits.ts";
import { addLoad, type Route, routeOf } from "./segment-routing/segment-path.ts";
import { physicalLinks } from "./what-if.ts";

/** A flow, what its headend has for it, and where it runs now: `undefined` when the network is cut between its ends. */
export type SteeredFlow = Readonly<{
  flow: Flow;
  class: TrafficClass;
  paths: readonly CandidatePath[];
  route: Route | undefined;
}>;

/** The links between our own routers as a graph: edges by the name of the link, nodes by that of the device. Delays in ms. */
export type Topology = Readonly<{
  links: readonly Link[];
  graph: Graph;
  ecmp: Ecmp;
  /** By edge, 0..1. */
  loss: Float64Array;
  nodeOf: ReadonlyMap<DeviceName, number>;
  /** By node: 1 where a segment may lead to. */
  hasSegment: Uint8Array;
  /** Edges that fail together: both directions of a physical link. */
  physical: readonly (readonly number[])[];
}>;

export type SteeredNetwork = Topology & Readonly<{ flows: readonly SteeredFlow[] }>;

export type Backbone = Topology &
  Readonly<{
    /** By name. Bit/s as measured where they enter. */
    flows: readonly (SteeredFlow & Readonly<{ rate: number }>)[];
    /** By edge: bit/s measured that no flow's rate explains. They stay on their link. */
    background: Float64Array;
    /** By edge: 1 where the link is measured as full, so that what it would carry if it could is not known. */
    saturated: Uint8Array;
  }>;

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);

/** What is known of every flow's path; or the flows of which it is not known, as nobody has read their headends. */
export function steeredNetwork(
  network: Network,
  steering: readonly Steering[],
): Readonly<{ steered: SteeredNetwork }> | Readonly<{ unread: readonly FlowName[] }> {
  const topology = topologyOf(network);
  const read = new Map<FlowName, Steering>();
  for (const one of steering) {
    assert(!read.has(one.flow), `one steering of ${one.flow}`);
    read.set(one.flow, one);
  }
  const inOrder = network.flows.toSorted(byName);
  const unread = inOrder.map(({ name }) => name).filter((name) => !read.has(name));
  if (unread.length > 0) return { unread };
  const classes = new Map(network.classes.map((one) => [one.name, one]));
  const flows = inOrder.map((flow): SteeredFlow => {
    const itsClass = classes.get(flow.class);
    assert(itsClass, `${flow.name} has a class`);
    const paths = read.get(flow.name)?.paths ?? [];
    return { flow, class: itsClass, paths, route: routeInUse(topology, flow, paths) };
  });
  return { steered: { ...topology, flows } };
}

/** What is measured, joined with where flows run; or what is not known of either, which is never zero: "the rate of x". */
export function backboneOf(
  network: Network,
  state: NetworkState,
  steering: readonly Steering[],
): Readonly<{ backbone: Backbone }> | Readonly<{ unknown: readonly string[] }> {
  const known = steeredNetwork(network, steering);
  if ("unread" in known) return { unknown: known.unread.map((flow) => `the path of ${flow}`) };
  const { steered } = known;
  const out = state.signals.get("link.rate.out");
  const rates = state.signals.get("flow.rate");
  const unknown = [
    ...steered.links.filter(({ name }) => !out?.has(name)).map(({ name }) => `the outbound rate of ${name}`),
    ...steered.flows.filter(({ flow }) => !rates?.has(flow.name)).map(({ flow }) => `the rate of ${flow.name}`),
  ];
  if (unknown.length > 0) return { unknown };
  const flows = steered.flows.map((steeredFlow) => {
    return { ...steeredFlow, rate: rates?.get(steeredFlow.flow.name)?.value ?? 0 };
  });
  const explained = new Float64Array(steered.links.length);
  for (const { route, rate } of flows) if (route) addLoad(explained, route, rate);
  const measured = Float64Array.from(steered.links, ({ name }) => out?.get(name)?.value ?? 0);
  const background = measured.map((rate, edge) => Math.max(0, rate - (explained[edge] as number)));
  const saturated = Uint8Array.from(steered.links, (link, edge) => Number(isSaturated(link, measured[edge] as number)));
  return { backbone: { ...steered, flows, background, saturated } };
}

/** The same with what crosses a full link scaled by `hiddenDemand`, wherever else it goes: what limits are judged on. */
export function withHiddenDemand(backbone: Backbone): Backbone {
  const { saturated } = backbone;
  if (!saturated.includes(1)) return backbone;
  return {
    ...backbone,
    flows: backbone.flows.map((one) => {
      const hides = one.route?.edges.some((edge) => saturated[edge] === 1);
      return hides ? { ...one, rate: one.rate * hiddenDemand } : one;
    }),
    background: backbone.background.map((rate, edge) => (saturated[edge] === 1 ? rate * hiddenDemand : rate)),
  };
}

/** The nodes that a candidate path leads a flow through, headend first; `undefined` when one is no device of ours. */
function nodesOf({ nodeOf }: Topology, flow: Flow, segments: readonly DeviceName[]): number[] | undefined {
  const nodes = [flow.headend, ...segments].map((device) => nodeOf.get(device));
  return nodes.every((node) => node !== undefined) ? nodes : undefined;
}

type InUse = Readonly<{ path?: CandidatePath; route: Route }>;

/** The path of highest preference whose segments all have one in `ecmp`, or else what the IGP does; `undefined` without any. */
export function inUse(
  topology: Topology,
  flow: Flow,
  paths: readonly CandidatePath[],
  ecmp: Ecmp = topology.ecmp,
): InUse | undefined {
  for (const path of paths.toSorted((a, b) => b.preference - a.preference)) {
    const nodes = nodesOf(topology, flow, path.segments);
    const route = nodes && routeOf(ecmp, nodes);
    if (route) return { path, route };
  }
  const route = routeOf(ecmp, nodesOf(topology, flow, [flow.endpoint]) ?? []);
  return route && { route };
}

export const routeInUse = (...of: Parameters<typeof inUse>): Route | undefined => inUse(...of)?.route;

/** By edge: how many flows of latency classes use it, but for one. */
export function latencyUse(flows: readonly SteeredFlow[], edges: number, butFor?: FlowName): Int32Array {
  const use = new Int32Array(edges);
  for (const { flow, class: itsClass, route } of flows) {
    if (itsClass.prefers !== "latency" || flow.name === butFor) continue;
    for (const edge of route?.edges ?? []) use[edge] = (use[edge] as number) + 1;
  }
  return use;
}

/** Of the links on a route, the part (0..1) that flows of latency classes use too, the flow itself aside. */
export function sharedWithLatency({ flows, links }: SteeredNetwork, flow: FlowName, { edges }: Route): number {
  if (edges.length === 0) return 0;
  const use = latencyUse(flows, links.length, flow);
  return edges.reduce((count, edge) => count + Number((use[edge] as number) > 0), 0) / edges.length;
}

/** The links of a route in the order in which traffic meets them. */
export const linkNames = ({ links }: Topology, { edges }: Route): LinkName[] =>
  Array.from(edges, (edge) => (links[edge] as Link).name);

/** By edge: 1 on the links that are drained, by their names or by those of their routers. */
export function drainedEdges(network: Network, { links }: Topology, drained: readonly string[]): Uint8Array {
  const names = new Set(drained.flatMap((one) => drainedLinks(network, one).map(({ name }) => name)));
  return Uint8Array.from(links, ({ name }) => Number(names.has(name)));
}

function topologyOf(network: Network): Topology {
  const links = linksInScope(network, { scope: { links: { role: "backbone" } } });
  const devices = network.devices.toSorted(byName);
  const nodeOf = new Map(devices.map(({ name }, node) => [name, node]));
  const node = (device: DeviceName) => {
    const found = nodeOf.get(device);
    assert(found !== undefined, `${device} is a device`);
    return found;
  };
  const backboneOf = (link: Link) => {
    assert(link.backbone, `${link.name} says where it leads`);
    return link.backbone;
  };
  const graph = buildGraph(
    devices.length,
    {
      source: Int32Array.from(links, (link) => node(link.device)),
      target: Int32Array.from(links, (link) => node(backboneOf(link).to)),
      weight: Float64Array.from(links, (link) => backboneOf(link).metric),
      capacity: Float64Array.from(links, (link) => link.capacity),
      delay: Float64Array.from(links, (link) => backboneOf(link).delayMs),
    },
    { nodeNames: devices.map(({ name }) => name), edgeNames: links.map(({ name }) => name) },
  );
  return {
    links,
    graph,
    ecmp: new Ecmp(graph).buildAll(),
    loss: Float64Array.from(links, (link) => backboneOf(link).loss),
    nodeOf,
    hasSegment: Uint8Array.from(devices, ({ segmentRouting }) => Number(segmentRouting !== undefined)),
    physical: physicalLinks(graph).flatMap((one) => (one.kind === "node" ? [] : [one.edges])),
  };
}

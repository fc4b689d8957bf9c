import { assert } from "../kernel/assert.ts";
import { Failure } from "../kernel/failure.ts";
import { type CandidatePath, type SegmentRoutingChange, type Steering, samePaths } from "../model/decision.ts";
import type { Payload } from "../model/device.ts";
import type { Device, Flow, Network, Prefix } from "../model/inventory.ts";
import type { Edited } from "./edited.ts";
import { nodesOf, sidsOf } from "./segment-list.ts";
import type { Templates } from "./templates.ts";

/** One line of a reading: `2001:db8:6::/64 metric 19 segs fc00:0:3::1,fc00:0:6::d6 dev eth1`. */
type Route = Readonly<{ prefix: Prefix; metric: number; segments: readonly string[]; dev: string }>;

const routeLine = /^(\S+) metric (\d+) segs (\S+) dev (\S+)$/;

/** Metric and preference add up to this: the highest preference has the lowest metric, and all are below the 20 of zebra's routes. */
const metricAndPreference = 119;
const preferences = { least: 100, most: 118 };

/** The prefixes of the flows that start at this router. */
export function linuxQuery(templates: Templates, network: Network, device: Device): string {
  const prefixes = flowsFrom(network, device).map(({ prefix }) => prefix);
  return templates.render("linux-srv6/segment-routing.query.j2", { prefixes: prefixes.toSorted() });
}

/**
 * Every flow of this headend with its SR policy. Throws Failure CHANGE_UNSUPPORTED for a route that Pointsman would not have made: a segment that is no
 * node's in the inventory, a path that does not end where the endpoint decapsulates, a metric out of range, another kind of route.
 */
export function readLinuxSteering(network: Network, device: Device, reading: string): Steering[] {
  const routes = readRoutes(device, reading);
  return flowsFrom(network, device).map((flow) => ({
    flow: flow.name,
    device: device.name,
    paths: routes.filter(({ prefix }) => prefix === flow.prefix).map((route) => pathOf(network, flow, route)),
  }));
}

/**
 * What the router reads once `changes` are made, and how to get there and back: what is new is added first, then what is not
 * wanted any more removed. Throws Failure CHANGE_UNSUPPORTED.
 */
export function editLinuxSteering(
  templates: Templates,
  network: Network,
  device: Device,
  reading: string,
  changes: readonly SegmentRoutingChange[],
): Edited {
  const routes = readRoutes(device, reading);
  const added: Route[] = [];
  const removed: Route[] = [];
  for (const change of changes) {
    const flow = flowsFrom(network, device).find(({ name }) => name === change.flow);
    assert(flow, `flow ${change.flow} starts at ${device.name}`);
    const { from, to } = change;
    const isIn = (paths: readonly CandidatePath[]) => (path: CandidatePath) =>
      paths.some((each) => samePaths([each], [path]));
    const [fresh, stale] = [to.filter((path) => !isIn(from)(path)), from.filter((path) => !isIn(to)(path))];
    assert(
      fresh.every(({ preference }) => from.every((path) => path.preference !== preference)),
      `a new candidate path of ${flow.name} has a preference of its own`,
    );
    added.push(...fresh.map((path) => routeFor(network, device, flow, path)));
    const ofFlow = routes.filter(({ prefix }) => prefix === flow.prefix);
    removed.push(...ofFlow.filter(({ metric }) => stale.some(({ preference }) => metricOf(preference) === metric)));
  }
  const expected = [...routes.filter((route) => !removed.includes(route)), ...added].sort(byPrefixAndMetric);
  const render = (add: readonly Route[], remove: readonly Route[]): Payload => ({
    config: templates.render("linux-srv6/segment-routing.conf.j2", { added: add, removed: remove }),
    activate: "",
  });
  return { expected: expected.map(lineOf).join(""), forward: render(added, removed), inverse: render(removed, added) };
}

type SteeredFlow = Flow & Readonly<{ prefix: Prefix }>;

/** A prefix is one flow's: the configuration's reader has checked that. */
function flowsFrom(network: Network, device: Device): readonly SteeredFlow[] {
  const flows = network.flows.filter(({ headend }) => headend === device.name);
  assert(
    flows.every(({ prefix }) => prefix !== undefined) &&
      new Set(flows.map(({ prefix }) => prefix)).size === flows.length,
    `every flow from ${device.name} has a prefix of its own`,
  );
  return flows as readonly SteeredFlow[];
}

function readRoutes(device: Device, reading: string): readonly Route[] {
  const lines = reading.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [, prefix, metric, segments, dev] = routeLine.exec(line) ?? [];
    if (prefix === undefined || segments === undefined || dev === undefined) {
      throw new Failure("CHANGE_UNSUPPORTED", `${device.name}: a route of protocol 200 has no segment list: ${line}`, {
        mend: "protocol 200 is Pointsman's on this router: remove the route, or give it another protocol",
      });
    }
    return { prefix, metric: Number(metric), segments: segments.split(","), dev };
  });
}

function pathOf(network: Network, flow: SteeredFlow, { metric, segments }: Route): CandidatePath {
  const preference = metricAndPreference - metric;
  requirePreference(flow, preference);
  return { preference, segments: nodesOf(network, flow, segments) };
}

function routeFor(network: Network, device: Device, flow: SteeredFlow, path: CandidatePath): Route {
  requirePreference(flow, path.preference);
  const sids = sidsOf(network, path.segments);
  const label = sids.findIndex((sid) => !sid.includes(":"));
  if (label >= 0) {
    throw new Failure("CHANGE_UNSUPPORTED", `${path.segments[label]} has no SRv6 SID for a path of flow ${flow.name}`, {
      mend: "give it segmentRouting.sid as an IPv6 address",
    });
  }
  // Any interface does that is up; the packet leaves by the route to its first segment.
  const out = network.links.find((link) => link.device === device.name && link.backbone);
  if (out) return { prefix: flow.prefix, metric: metricOf(path.preference), segments: sids, dev: out.interface };
  throw new Failure("CHANGE_UNSUPPORTED", `${device.name} has no backbone link for a path of flow ${flow.name}`, {
    mend: "give the inventory its links to the other routers",
  });
}

const metricOf = (preference: number) => metricAndPreference - preference;

function requirePreference(flow: SteeredFlow, preference: number): void {
  const { least, most } = preferences;
  if (Number.isInteger(preference) && preference >= least && preference <= most) return;
  throw new Failure(
    "CHANGE_UNSUPPORTED",
    `${flow.headend}: a path of flow ${flow.name} with preference ${preference} would have metric ${metricOf(preference)}`,
    { mend: `return the flow to the IGP and start again: preferences are from ${least} to ${most} there` },
  );
}

const byPrefixAndMetric = (a: Route, b: Route) =>
  a.prefix === b.prefix ? a.metric - b.metric : a.prefix < b.prefix ? -1 : 1;

const lineOf = ({ prefix, metric, segments, dev }: Route) =>
  `${prefix} metric ${metric} segs ${segments.join(",")} dev ${dev}\n`;

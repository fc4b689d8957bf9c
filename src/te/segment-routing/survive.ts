import { Ecmp } from "../ecmp.ts";
import { type Demands, type Graph, placeByRow } from "../graph.ts";
import { NetworkLoads } from "../network-loads.ts";
import { pathThrough } from "../routed-demands.ts";
import { type FailureScenario, physicalLinks, removalOf } from "../what-if.ts";
import type { SegmentPath } from "./segment-path.ts";

export type Survivable = Readonly<{ paths: readonly SegmentPath[]; maxUtilisation: number }>;

const rounding = 1e-9;
/** Demands put back must not fill the whole network more than it was, either. */
const nothingFails: FailureScenario = { kind: "group", name: "none", edges: [] };

/**
 * Of these paths, those that can stay when no failure of a single link may overload an edge, or load the fullest edge more
 * than the same failure does with every demand on its IGP path, where that is more. Takes the worst failure first, and puts
 * back the demands that bring most to the edge it fills, until none is left or `expired`: then none of the paths stays.
 */
export function survivable(
  graph: Graph,
  demands: Demands,
  paths: readonly SegmentPath[],
  expired: () => boolean,
): Survivable {
  const links: FailureScenario[] = [nothingFails, ...physicalLinks(graph)];
  const onIgp = new NetworkLoads(graph, demands);
  const limits = links.map((link) => {
    const before = onIgp.whatIf(removalOf(link)).maxUtilisation;
    return link === nothingFails ? before : Math.max(1, before);
  });
  const placeOf = placeByRow(demands);
  let kept = paths;
  for (;;) {
    const steered = kept.map(({ demand, nodes }) => pathThrough(placeOf.get(demand) as number, nodes));
    const network = new NetworkLoads(graph, demands, steered);
    const worst = worstFailure(network, links, limits);
    if (!worst) return { paths: kept, maxUtilisation: network.now.maxUtilisation };
    if (expired()) return { paths: [], maxUtilisation: onIgp.now.maxUtilisation };
    const back = broughtBy(graph, demands, kept, placeOf, worst);
    kept = kept.filter((path) => !back.has(path));
  }
}

type Overload = Readonly<{ link: FailureScenario; edge: number; over: number }>;

function worstFailure(
  network: NetworkLoads,
  links: readonly FailureScenario[],
  limits: readonly number[],
): Overload | undefined {
  let worst: Overload | undefined;
  for (const [at, link] of links.entries()) {
    const { maxUtilisation, edge } = network.whatIf(removalOf(link));
    const over = maxUtilisation - (limits[at] as number);
    if (over > (worst?.over ?? rounding)) worst = { link, edge, over };
  }
  return worst;
}

/** The paths that bring most to the edge, by what their demands would bring without them: enough of them to get under the limit. */
function broughtBy(
  graph: Graph,
  demands: Demands,
  paths: readonly SegmentPath[],
  placeOf: ReadonlyMap<number, number>,
  { link, edge, over }: Overload,
): ReadonlySet<SegmentPath> {
  const removed = new Uint8Array(graph.edges);
  for (const gone of link.kind === "node" ? [] : link.edges) removed[gone] = 1;
  const ecmp = new Ecmp(graph, removed);
  const brought = paths
    .map((path) => {
      const direct = [path.nodes[0] as number, path.nodes.at(-1) as number];
      const size = demands.size[placeOf.get(path.demand) as number] as number;
      const more = size * (shareOf(ecmp, path.nodes, edge) - shareOf(ecmp, direct, edge));
      return { path, more: more / (graph.capacity[edge] as number) };
    })
    .filter(({ more }) => more > rounding)
    .sort((a, b) => b.more - a.more || a.path.demand - b.path.demand);
  const back = new Set<SegmentPath>();
  let left = over;
  for (const { path, more } of brought) {
    if (left <= 0) break;
    back.add(path);
    left -= more;
  }
  return back;
}

/** Of one unit along these nodes, how much crosses the edge; none where a segment has no path: it goes by the IGP then. */
function shareOf(ecmp: Ecmp, nodes: readonly number[], edge: number): number {
  const { nodes: count } = ecmp.graph;
  let share = 0;
  for (const [at, from] of nodes.slice(0, -1).entries()) {
    const to = nodes[at + 1] as number;
    ecmp.build(to);
    const pair = from * count + to;
    if (ecmp.distance[pair] === Number.POSITIVE_INFINITY) {
      return nodes.length === 2 ? 0 : shareOf(ecmp, [nodes[0] as number, nodes.at(-1) as number], edge);
    }
    for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
      if (ecmp.edge[k] === edge) share += ecmp.share[k] as number;
    }
  }
  return share;
}

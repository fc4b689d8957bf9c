import { Routing } from "./routing.ts";
import type { Search } from "./search.ts";
import type { SegmentPath } from "./segment-path.ts";

/** Puts demands of the best routing back on their IGP path, smallest first, where no link gets fuller than the fullest. */
export function restoreIdleDetours(
  searched: Routing,
  { bestPath, bestSegments }: Pick<Search, "bestPath" | "bestSegments">,
): Readonly<{ maxUtilisation: number; moved: number; paths: readonly SegmentPath[] }> {
  const { demands, ecmp, maxSegments, stride } = searched;
  const routing = new Routing(ecmp, demands, maxSegments);
  const moved: number[] = [];
  for (let demand = 0; demand < bestSegments.length; demand++) {
    const segments = bestSegments[demand] as number;
    if (segments === 1) continue;
    moved.push(demand);
    move(routing, demand, bestPath.subarray(demand * stride, (demand + 1) * stride), segments);
  }
  const ceiling = routing.maxUtilisation();
  moved.sort((a, b) => (demands.size[a] as number) - (demands.size[b] as number) || a - b);
  const kept: number[] = [];
  for (const demand of moved) {
    const detour = bestPath.slice(demand * stride, (demand + 1) * stride);
    move(routing, demand, Int32Array.of(detour[0] as number, demands.target[demand] as number), 1);
    if (fitsOn(routing, demand, ceiling)) continue;
    move(routing, demand, detour, bestSegments[demand] as number);
    kept.push(demand);
  }
  const paths: SegmentPath[] = kept
    .map((demand) => ({
      demand: demands.row[demand] as number,
      nodes: Array.from(bestPath.subarray(demand * stride, demand * stride + (bestSegments[demand] as number) + 1)),
    }))
    .sort((a, b) => a.demand - b.demand);
  return { maxUtilisation: routing.maxUtilisation(), moved: kept.length, paths };
}

function move(routing: Routing, demand: number, nodes: Int32Array, segments: number): void {
  const size = routing.demands.size[demand] as number;
  routing.load(demand, -size);
  routing.setPath(demand, nodes, segments);
  routing.load(demand, size);
}

/** Is every edge of the demand's IGP path within `ceiling`? */
function fitsOn(routing: Routing, demand: number, ceiling: number): boolean {
  const { ecmp, graph, demands, utilisation } = routing;
  const pair = (demands.source[demand] as number) * graph.nodes + (demands.target[demand] as number);
  for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
    if ((utilisation[ecmp.edge[k] as number] as number) > ceiling) return false;
  }
  return true;
}

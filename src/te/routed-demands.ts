import { assert } from "../kernel/assert.ts";
import type { Demands, Graph } from "./graph.ts";

/** Where a segment-routing path goes next: to a node along its shortest paths, or over one edge (RFC 8402 3.1, 3.4). */
export type Segment = Readonly<{ node: number }> | Readonly<{ edge: number }>;

/** The segments of one demand, its source left out; `demand` is its place in `Demands`, not its row in a file. */
export type DemandSegments = Readonly<{ demand: number; segments: readonly Segment[] }>;

/** How a demand travels: on its segments, on its IGP path because they are broken, not at all, or it is gone with one of its ends. */
export const status = { onPath: 0, fallback: 1, disconnected: 2, lost: 3 } as const;

/** The path that visits `nodes`, source and destination included. */
export function pathThrough(demand: number, nodes: readonly number[]): DemandSegments {
  return { demand, segments: nodes.slice(1).map((node) => ({ node })) };
}

/**
 * Demands, each cut into legs. A leg is a number: destination * nodes + from for a stretch of shortest paths, so the place of
 * its distance in `ShortestPathTrees`; or nodes² + edge for an edge taken alone.
 */
export class RoutedDemands {
  readonly source: Int32Array;
  readonly target: Int32Array;
  readonly size: Float64Array;
  /** The legs of a demand's path are `leg[legStart[demand] .. legStart[demand + 1])`. */
  readonly legStart: Int32Array;
  readonly leg: Int32Array;
  /** The demands whose path or IGP path has a leg are `user[userStart[leg] .. userStart[leg + 1])`. */
  readonly userStart: Int32Array;
  readonly user: Int32Array;
  readonly #nodes: number;

  constructor(graph: Graph, { source, target, size }: Demands, paths: readonly DemandSegments[] = []) {
    this.source = source;
    this.target = target;
    this.size = size.slice();
    this.#nodes = graph.nodes;
    const pathOf = new Map<number, DemandSegments>();
    for (const path of paths) {
      assert(path.demand >= 0 && path.demand < size.length, `a path for an unknown demand: ${path.demand}`);
      assert(!pathOf.has(path.demand), `one path for demand ${path.demand}`);
      pathOf.set(path.demand, path);
    }
    this.legStart = new Int32Array(size.length + 1);
    const legs: number[] = [];
    const [used, users]: [number[], number[]] = [[], []];
    for (let demand = 0; demand < size.length; demand++) {
      const direct = this.direct(demand);
      const path = pathOf.get(demand);
      const own = path && legsOf(graph, source[demand] as number, target[demand] as number, path.segments);
      if (own) for (const leg of own) legs.push(leg);
      else legs.push(direct);
      used.push(direct);
      users.push(demand);
      for (const leg of own ? new Set(own) : []) {
        if (leg === direct) continue;
        used.push(leg);
        users.push(demand);
      }
      this.legStart[demand + 1] = legs.length;
    }
    this.leg = Int32Array.from(legs);
    [this.userStart, this.user] = grouped(graph.nodes * graph.nodes + graph.edges, used, users);
  }

  get count(): number {
    return this.size.length;
  }

  /** The leg from its source to its destination: its IGP path. */
  direct(demand: number): number {
    return (this.target[demand] as number) * this.#nodes + (this.source[demand] as number);
  }
}

function legsOf(graph: Graph, from: number, to: number, segments: readonly Segment[]): number[] {
  const legs: number[] = [];
  let at = from;
  const walk = (node: number) => {
    if (node !== at) legs.push(node * graph.nodes + at);
    at = node;
  };
  for (const segment of segments) {
    if ("node" in segment) walk(segment.node);
    else {
      walk(graph.source[segment.edge] as number);
      legs.push(graph.nodes * graph.nodes + segment.edge);
      at = graph.target[segment.edge] as number;
    }
  }
  assert(at === to, `a path that ends where its demand does: ${at}, ${to}`);
  return legs;
}

/** `items` by the group of each, as starts and items. */
function grouped(groups: number, groupOf: readonly number[], items: readonly number[]): [Int32Array, Int32Array] {
  const start = new Int32Array(groups + 1);
  for (const group of groupOf) start[group + 1] = (start[group + 1] as number) + 1;
  for (let group = 0; group < groups; group++)
    start[group + 1] = (start[group + 1] as number) + (start[group] as number);
  const next = start.slice();
  const sorted = new Int32Array(items.length);
  for (let at = 0; at < items.length; at++) {
    const group = groupOf[at] as number;
    sorted[next[group] as number] = items[at] as number;
    next[group] = (next[group] as number) + 1;
  }
  return [start, sorted];
}

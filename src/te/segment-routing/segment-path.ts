import type { Ecmp } from "../ecmp.ts";

/** A demand, by row, and its path: source, midpoints, destination. */
export type SegmentPath = Readonly<{ demand: number; nodes: readonly number[] }>;

/**
 * Calls `visit` with the nodes of every segment path from `source` to `target` of at most `maxSegments` segments (3 at
 * most) whose segments all have a path: the direct one first, then by fewer midpoints, then by node. The array is one and
 * the same; `segments + 1` entries of it count.
 */
export function eachSegmentPath(
  ecmp: Ecmp,
  source: number,
  target: number,
  maxSegments: number,
  visit: (nodes: Int32Array, segments: number) => void,
): void {
  const { nodes } = ecmp.graph;
  const path = new Int32Array(4);
  const reaches = (from: number, to: number) => ecmp.distance[from * nodes + to] !== Number.POSITIVE_INFINITY;
  path[0] = source;
  path[1] = target;
  if (reaches(source, target)) visit(path, 1);
  const others = Array.from({ length: nodes }, (_, node) => node).filter((node) => node !== source && node !== target);
  path[2] = target;
  for (const first of maxSegments >= 2 ? others : []) {
    path[1] = first;
    if (reaches(source, first) && reaches(first, target)) visit(path, 2);
  }
  path[3] = target;
  for (const first of maxSegments >= 3 ? others : []) {
    if (!reaches(source, first)) continue;
    for (const second of others) {
      path[1] = first;
      path[2] = second;
      if (second !== first && reaches(first, second) && reaches(second, target)) visit(path, 3);
    }
  }
}

/** Delay of a path over the slowest of its equal-cost paths, in the graph's unit. */
export function delayOf(ecmp: Ecmp, nodes: ArrayLike<number>, segments: number): number {
  let delay = 0;
  for (let k = 0; k < segments; k++) {
    delay += ecmp.delay[(nodes[k] as number) * ecmp.graph.nodes + (nodes[k + 1] as number)] as number;
  }
  return delay;
}

/** Where a segment path runs: its edges in the order first met, each with its share of the traffic; more than 1 where segments overlap. */
export type Route = Readonly<{
  nodes: readonly number[];
  edges: Int32Array;
  shares: Float64Array;
  /** As `delayOf`. */
  delay: number;
}>;

/** `undefined` when a segment has no path. Every destination on the way is built. */
export function routeOf(ecmp: Ecmp, nodes: readonly number[]): Route | undefined {
  const { nodes: count } = ecmp.graph;
  const shares = new Map<number, number>();
  for (let at = 0; at + 1 < nodes.length; at++) {
    const to = nodes[at + 1] as number;
    const pair = (nodes[at] as number) * count + to;
    ecmp.build(to);
    if (ecmp.distance[pair] === Number.POSITIVE_INFINITY) return undefined;
    for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
      const edge = ecmp.edge[k] as number;
      shares.set(edge, (shares.get(edge) ?? 0) + (ecmp.share[k] as number));
    }
  }
  const delay = delayOf(ecmp, nodes, nodes.length - 1);
  return { nodes, edges: Int32Array.from(shares.keys()), shares: Float64Array.from(shares.values()), delay };
}

/** Adds `size` of traffic on this route to what each edge carries; a negative one takes it off. */
export function addLoad(load: Float64Array, { edges, shares }: Route, size: number): void {
  for (let k = 0; k < edges.length; k++) {
    const edge = edges[k] as number;
    load[edge] = (load[edge] as number) + size * (shares[k] as number);
  }
}

/** What is lost along all edges of a route, each taken in full: an upper bound where it splits. `loss` by edge, 0..1. */
export function lossOf({ edges }: Pick<Route, "edges">, loss: Float64Array): number {
  let kept = 1;
  for (const edge of edges) kept *= 1 - (loss[edge] as number);
  return 1 - kept;
}

/** Both put the same shares on the same edges, whatever their segments. */
export function sameRoute(a: Route, b: Route): boolean {
  if (a.edges.length !== b.edges.length) return false;
  const shares = new Map(Array.from(a.edges, (edge, k) => [edge, a.shares[k] as number]));
  return b.edges.every((edge, k) => Math.abs((shares.get(edge) ?? 0) - (b.shares[k] as number)) < 1e-9);
}

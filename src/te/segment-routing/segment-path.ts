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

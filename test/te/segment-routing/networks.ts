import fc from "fast-check";
import type { Ecmp } from "../../../src/te/ecmp.ts";
import { buildGraph, type Demands, type Graph } from "../../../src/te/graph.ts";

export type Edge = readonly [from: number, to: number, weight: number, capacity: number];
export type Demand = readonly [from: number, to: number, size: number];

/** Delay is the weight. */
export function graphOf(nodes: number, edges: readonly Edge[]): Graph {
  const column = (at: 0 | 1 | 2 | 3) => edges.map((edge) => edge[at]);
  return buildGraph(nodes, {
    source: Int32Array.from(column(0)),
    target: Int32Array.from(column(1)),
    weight: Float64Array.from(column(2)),
    capacity: Float64Array.from(column(3)),
    delay: Float64Array.from(column(2)),
  });
}

export function demandsOf(list: readonly Demand[]): Demands {
  return {
    row: Int32Array.from(list.keys()),
    source: Int32Array.from(list, ([from]) => from),
    target: Int32Array.from(list, ([, to]) => to),
    size: Float64Array.from(list, ([, , size]) => size),
  };
}

export const both = (a: number, b: number, weight: number, capacity: number): Edge[] => [
  [a, b, weight, capacity],
  [b, a, weight, capacity],
];

/** By edge of the path, the share of the demand on it. */
export function sharesOn(ecmp: Ecmp, nodes: readonly number[]): Map<number, number> {
  const shares = new Map<number, number>();
  for (const [at, node] of nodes.slice(0, -1).entries()) {
    const pair = node * ecmp.graph.nodes + (nodes[at + 1] as number);
    for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
      const edge = ecmp.edge[k] as number;
      shares.set(edge, (shares.get(edge) ?? 0) + (ecmp.share[k] as number));
    }
  }
  return shares;
}

/** Utilisation by edge, worked out apart from the code under test; a demand without an entry in `paths` takes its IGP path. */
export function utilisationOf(
  ecmp: Ecmp,
  list: readonly Demand[],
  paths: ReadonlyMap<number, readonly number[]>,
): number[] {
  const use = new Array<number>(ecmp.graph.edges).fill(0);
  for (const [row, [from, to, size]] of list.entries()) {
    for (const [edge, share] of sharesOn(ecmp, paths.get(row) ?? [from, to])) {
      use[edge] = (use[edge] as number) + (size * share) / (ecmp.graph.capacity[edge] as number);
    }
  }
  return use;
}

/** Three to five nodes on a ring, so that every demand has a path, and some edges more. */
export const networks = fc.integer({ min: 3, max: 5 }).chain((nodes) => {
  const node = fc.integer({ min: 0, max: nodes - 1 });
  const weight = fc.integer({ min: 1, max: 4 });
  const edge = fc.tuple(node, node, weight, fc.constantFrom(5, 10, 20)).filter(([from, to]) => from !== to);
  const demand = fc.tuple(node, node, fc.integer({ min: 1, max: 8 })).filter(([from, to]) => from !== to);
  return fc.record({
    nodes: fc.constant(nodes),
    edges: fc.array(edge, { maxLength: 8 }).map((more) => {
      const ring = Array.from({ length: nodes }, (_, at) => both(at, (at + 1) % nodes, 2, 10)).flat();
      return [...ring, ...more];
    }),
    demands: fc.array(demand, { minLength: 1, maxLength: 5 }),
  });
});

import fc from "fast-check";
import { buildGraph, type Demands, type Graph } from "../../src/te/graph.ts";

export type EdgeSpec = Readonly<{ from: number; to: number; weight: number; capacity: number }>;

export function graphOf(nodes: number, specs: readonly EdgeSpec[]): Graph {
  return buildGraph(nodes, {
    source: Int32Array.from(specs, (s) => s.from),
    target: Int32Array.from(specs, (s) => s.to),
    weight: Float64Array.from(specs, (s) => s.weight),
    capacity: Float64Array.from(specs, (s) => s.capacity),
    delay: Float64Array.from(specs, (s) => s.weight),
  });
}

export function demandsOf(specs: readonly (readonly [source: number, target: number, size: number])[]): Demands {
  return {
    row: Int32Array.from(specs.keys()),
    source: Int32Array.from(specs, ([source]) => source),
    target: Int32Array.from(specs, ([, target]) => target),
    size: Float64Array.from(specs, ([, , size]) => size),
  };
}

/** A ring both ways, so that all nodes reach each other, and chords that may be parallel to anything. */
export const networks = (maxNodes: number, minWeight: number) =>
  fc.integer({ min: 3, max: maxNodes }).chain((nodes) => {
    const node = fc.integer({ min: 0, max: nodes - 1 });
    const figures = { weight: fc.integer({ min: minWeight, max: 4 }), capacity: fc.integer({ min: 5, max: 20 }) };
    const chord = fc.record({ from: node, to: node, ...figures }).filter(({ from, to }) => from !== to);
    const ring = fc.array(fc.record(figures), { minLength: 2 * nodes, maxLength: 2 * nodes }).map((drawn) =>
      drawn.map((figure, k) => {
        const [here, next] = [k >> 1, ((k >> 1) + 1) % nodes];
        return k % 2 === 0 ? { from: here, to: next, ...figure } : { from: next, to: here, ...figure };
      }),
    );
    return fc.tuple(ring, fc.array(chord, { maxLength: 2 * nodes })).map(([base, chords]) => ({
      nodes,
      specs: [...base, ...chords] as EdgeSpec[],
    }));
  });

/** Load of every edge, by an implementation of its own: distances by relaxation, the split by recursion. */
export function loadsOf(
  graph: Graph,
  demands: Demands,
  paths: ReadonlyMap<number, readonly number[]>,
  removed: ReadonlySet<number> = new Set(),
): number[] {
  const loads = Array<number>(graph.edges).fill(0);
  for (let demand = 0; demand < demands.row.length; demand++) {
    const ends = [demands.source[demand] as number, demands.target[demand] as number];
    const nodes = paths.get(demands.row[demand] as number) ?? ends;
    for (let k = 0; k + 1 < nodes.length; k++) {
      spread(graph, nodes[k] as number, nodes[k + 1] as number, demands.size[demand] as number, loads, removed);
    }
  }
  return loads;
}

function spread(graph: Graph, at: number, to: number, amount: number, loads: number[], removed: ReadonlySet<number>) {
  if (at === to) return;
  const distance = distancesTo(graph, to, removed);
  const nextHops = [...loads.keys()].filter(
    (edge) =>
      !removed.has(edge) &&
      graph.source[edge] === at &&
      (graph.weight[edge] as number) + (distance[graph.target[edge] as number] as number) === distance[at],
  );
  for (const edge of nextHops) {
    loads[edge] = (loads[edge] as number) + amount / nextHops.length;
    spread(graph, graph.target[edge] as number, to, amount / nextHops.length, loads, removed);
  }
}

function distancesTo(graph: Graph, to: number, removed: ReadonlySet<number>): number[] {
  const distance = Array<number>(graph.nodes).fill(Number.POSITIVE_INFINITY);
  distance[to] = 0;
  for (let round = 0; round < graph.nodes; round++) {
    for (let edge = 0; edge < graph.edges; edge++) {
      if (removed.has(edge)) continue;
      const through = (graph.weight[edge] as number) + (distance[graph.target[edge] as number] as number);
      const from = graph.source[edge] as number;
      if (through < (distance[from] as number)) distance[from] = through;
    }
  }
  return distance;
}

export function maxUtilisationOf(graph: Graph, loads: readonly number[]): number {
  return Math.max(...loads.map((load, edge) => load / (graph.capacity[edge] as number)));
}

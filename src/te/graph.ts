/** Edges as columns, one entry an edge. Capacity in the unit of the demands; delay in the file's unit, only ever compared. */
export type Edges = Readonly<{
  source: Int32Array;
  target: Int32Array;
  weight: Float64Array;
  capacity: Float64Array;
  delay: Float64Array;
}>;

/**
 * Directed multigraph in typed arrays; nodes and edges are their indices.
 * The edges out of node v are `out[outStart[v] .. outStart[v + 1])`, those into it `into[intoStart[v] .. intoStart[v + 1])`.
 */
export type Graph = Edges &
  Readonly<{
    nodes: number;
    edges: number;
    outStart: Int32Array;
    out: Int32Array;
    intoStart: Int32Array;
    into: Int32Array;
    nodeNames?: readonly string[];
    edgeNames?: readonly string[];
  }>;

/** Traffic matrix as columns: `size` in the unit of the capacities; `row` is where the demand stands in its file, from 0. */
export type Demands = Readonly<{ row: Int32Array; source: Int32Array; target: Int32Array; size: Float64Array }>;

/** By row of the file: the demand's place in the columns. */
export function placeByRow({ row }: Demands): ReadonlyMap<number, number> {
  return new Map(Array.from(row, (of, place) => [of, place]));
}

export type Names = Readonly<{ nodeNames?: readonly string[]; edgeNames?: readonly string[] }>;

export function buildGraph(nodes: number, edges: Edges, names: Names = {}): Graph {
  const [outStart, out] = edgesBy(nodes, edges.source);
  const [intoStart, into] = edgesBy(nodes, edges.target);
  return { ...edges, ...names, nodes, edges: edges.source.length, outStart, out, intoStart, into };
}

/** Edge indices grouped by the node at one of their ends, in order within a group. */
function edgesBy(nodes: number, end: Int32Array): [start: Int32Array, grouped: Int32Array] {
  const start = new Int32Array(nodes + 1);
  for (const node of end) start[node + 1] = (start[node + 1] as number) + 1;
  for (let node = 0; node < nodes; node++) start[node + 1] = (start[node + 1] as number) + (start[node] as number);
  const next = start.slice();
  const grouped = new Int32Array(end.length);
  for (let edge = 0; edge < end.length; edge++) {
    const node = end[edge] as number;
    const at = next[node] as number;
    grouped[at] = edge;
    next[node] = at + 1;
  }
  return [start, grouped];
}

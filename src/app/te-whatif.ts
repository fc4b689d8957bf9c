import { Failure, unwrap } from "../kernel/failure.ts";
import { type Graph, placeByRow } from "../te/graph.ts";
import type { AddedDemand, NetworkChange } from "../te/network-change.ts";
import { type LoadState, NetworkLoads } from "../te/network-loads.ts";
import { parseDemands, parseGraph } from "../te/repetita.ts";
import { pathThrough } from "../te/routed-demands.ts";
import { eachNode, type FailureImpact, failEach, linkName, physicalLinks } from "../te/what-if.ts";
import { parsePaths, readText } from "./te-files.ts";

/** Ids as in the files; capacities and demands in kbit/s. */
export type WhatIfQuestion = Readonly<{
  topology: string;
  demands: string;
  /** A file as `te solve --json` prints it. */
  paths?: string;
  failEach?: "link" | "node";
  removedEdges: readonly number[];
  removedNodes: readonly number[];
  weights: ReadonlyMap<number, number>;
  capacities: ReadonlyMap<number, number>;
  scaleDemands?: number;
  addedDemands: readonly AddedDemand[];
}>;

type Loads = Readonly<{
  /** Load over capacity where it is highest; may exceed 1. */
  maxUtilisation: number;
  /** Where that is; null when no edge is left. */
  edge: number | null;
  /** How many edges are above their capacity. */
  overloaded: number;
  /** Demands without any path, and their kbit/s. */
  disconnected: LoadState["disconnected"];
  /** Demands that start or end at a removed node: gone with it, not cut off. */
  lost: LoadState["lost"];
  /** Demands on their IGP path because a segment of their own has no path or its midpoint is gone. */
  fallbacks: number;
}>;

/**
 * `before` is the network as in the files; `after` is with what was asked to change, null when nothing was. Each of `failures`
 * comes on top of that alone, worst first: by utilisation, then by volume cut off. A link fails in both directions: the k-th
 * edge from u to v together with the k-th from v to u, an edge without a partner alone.
 * `cutOff` are the rows of the demands that the change disconnects, `addedCutOff` those of the added ones, from 0 in the order given.
 * `edges` are all edges, the fullest first; load in kbit/s. `elapsedMs` is everything after reading the files.
 */
export type WhatIfReport = Readonly<{
  before: Loads;
  after: (Loads & Readonly<{ cutOff: readonly number[]; addedCutOff: readonly number[] }>) | null;
  failures: readonly (Omit<FailureImpact, "edge"> & Readonly<{ edge: number | null }>)[];
  worst: WhatIfReport["failures"][number] | null;
  edges: readonly Readonly<{
    edge: number;
    name: string;
    load: Readonly<{ before: number; after: number }>;
    utilisation: Readonly<{ before: number; after: number }>;
  }>[];
  elapsedMs: number;
}>;

/** Throws CONFIG_INVALID for a file that cannot be read or is malformed (with its line or field), and for unknown ids. */
export async function answerWhatIf(question: WhatIfQuestion): Promise<WhatIfReport> {
  const graph = unwrap(parseGraph(await readText(question.topology), question.topology));
  const demands = unwrap(parseDemands(await readText(question.demands), question.demands, graph));
  const paths = question.paths ? parsePaths(await readText(question.paths), question.paths, graph, demands) : [];
  checkIds(question, graph);

  const startedMs = performance.now();
  const placeOf = placeByRow(demands);
  const steered = paths.map(({ demand, nodes }) => pathThrough(placeOf.get(demand) as number, nodes));
  const network = new NetworkLoads(graph, demands, steered);
  const before = network.now;
  const change = changeAsked(question);
  const after = change ? network.apply(change) : undefined;
  const failures = failEach(network, scenarios(question, graph)).map((impact) => ({
    ...impact,
    edge: impact.edge < 0 ? null : impact.edge,
  }));
  return {
    before: shown(before),
    after: after ? { ...shown(after), ...cutOff(after, demands.row) } : null,
    failures,
    worst: failures[0] ?? null,
    edges: fullestFirst(graph, before, after ?? before),
    elapsedMs: Math.round((performance.now() - startedMs) * 10) / 10,
  };
}

function cutOff({ cutOff: places }: LoadState, row: Int32Array) {
  return {
    cutOff: places.filter((place) => place < row.length).map((place) => row[place] as number),
    addedCutOff: places.filter((place) => place >= row.length).map((place) => place - row.length),
  };
}

function shown({ maxUtilisation, edge, overloaded, disconnected, lost, fallbacks }: LoadState): Loads {
  return {
    maxUtilisation,
    edge: edge < 0 ? null : edge,
    overloaded: overloaded.length,
    disconnected,
    lost,
    fallbacks,
  };
}

function fullestFirst(graph: Graph, before: LoadState, after: LoadState): WhatIfReport["edges"] {
  const used = ({ loads, capacities }: LoadState, edge: number) => (loads[edge] ?? 0) / (capacities[edge] ?? 1);
  return Array.from({ length: graph.edges }, (_, edge) => ({
    edge,
    name: linkName(graph, edge),
    load: { before: before.loads[edge] ?? 0, after: after.loads[edge] ?? 0 },
    utilisation: { before: used(before, edge), after: used(after, edge) },
  })).sort((a, b) => b.utilisation.after - a.utilisation.after || a.edge - b.edge);
}

function changeAsked(question: WhatIfQuestion): NetworkChange | undefined {
  const { removedEdges, removedNodes, weights, capacities, scaleDemands, addedDemands } = question;
  const asked = [removedEdges, removedNodes, addedDemands].some((list) => list.length > 0);
  if (!asked && weights.size === 0 && capacities.size === 0 && scaleDemands === undefined) return undefined;
  const scaled = scaleDemands === undefined ? {} : { scaleDemands };
  return { removedEdges, removedNodes, weights, capacities, addedDemands, ...scaled };
}

/** What is removed anyway cannot fail. */
function scenarios({ failEach: kind, removedEdges, removedNodes }: WhatIfQuestion, graph: Graph) {
  if (kind === undefined) return [];
  const gone = (edge: number) =>
    removedEdges.includes(edge) ||
    removedNodes.includes(graph.source[edge] as number) ||
    removedNodes.includes(graph.target[edge] as number);
  const all = kind === "link" ? physicalLinks(graph) : eachNode(graph);
  return all.filter((one) => (one.kind === "node" ? !removedNodes.includes(one.node) : !one.edges.every(gone)));
}

function checkIds(question: WhatIfQuestion, { nodes, edges }: Graph): void {
  const check = (option: string, what: "edge" | "node", ids: Iterable<number>, count: number) => {
    for (const id of ids) {
      if (id < count) continue;
      const mend = `${what}s are numbered 0 to ${count - 1} in ${question.topology}`;
      throw new Failure("CONFIG_INVALID", `${option}: unknown ${what} ${id}`, { mend });
    }
  };
  check("--remove-edge", "edge", question.removedEdges, edges);
  check("--remove-node", "node", question.removedNodes, nodes);
  check("--weight", "edge", question.weights.keys(), edges);
  check("--capacity", "edge", question.capacities.keys(), edges);
  const ends = question.addedDemands.flatMap(({ source, target }) => [source, target]);
  check("--add-demand", "node", ends, nodes);
}

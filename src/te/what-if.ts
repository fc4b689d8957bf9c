import type { Graph } from "./graph.ts";
import type { NetworkChange } from "./network-change.ts";
import type { LoadState, NetworkLoads } from "./network-loads.ts";

/** What fails together: a physical link, a node with all its edges, or a shared-risk group of edges. */
export type FailureScenario =
  | Readonly<{ kind: "link" | "group"; name: string; edges: readonly number[] }>
  | Readonly<{ kind: "node"; name: string; node: number }>;

export type FailureImpact = Readonly<{
  failed: FailureScenario;
  maxUtilisation: number;
  /** Where it is; -1 when no edge is left. */
  edge: number;
  /** Edges above their capacity. */
  overloaded: number;
  /** Those of them that were not before the failure. */
  newlyOverloaded: number;
  disconnected: LoadState["disconnected"];
  lost: LoadState["lost"];
  fallbacks: number;
}>;

/** Calls each failure alone, worst first: by utilisation, then by volume cut off, then in the order given. */
export function failEach(network: NetworkLoads, scenarios: readonly FailureScenario[]): FailureImpact[] {
  const before = new Set(network.now.overloaded);
  const impacts = scenarios.map((failed): FailureImpact => {
    const { maxUtilisation, edge, overloaded, disconnected, lost, fallbacks } = network.whatIf(removalOf(failed));
    const newlyOverloaded = overloaded.reduce((count, one) => count + Number(!before.has(one)), 0);
    return {
      failed,
      maxUtilisation,
      edge,
      overloaded: overloaded.length,
      newlyOverloaded,
      disconnected,
      lost,
      fallbacks,
    };
  });
  // Sums in different orders: failures that load the same edge alike must not be told apart by rounding.
  const rank = ({ maxUtilisation }: FailureImpact) => Number(maxUtilisation.toPrecision(9));
  return impacts.sort((a, b) => rank(b) - rank(a) || b.disconnected.volume - a.disconnected.volume);
}

export function removalOf(failed: FailureScenario): NetworkChange {
  return failed.kind === "node" ? { removedNodes: [failed.node] } : { removedEdges: failed.edges };
}

/**
 * The physical links: the k-th edge from u to v is the other direction of the k-th edge from v to u, in the order of their
 * indices (REPETITA files have a line for each direction). An edge without a partner, or from a node to itself, is alone.
 */
export function physicalLinks(graph: Graph): FailureScenario[] {
  const { nodes, edges, source, target } = graph;
  const waiting = new Map<number, number[]>();
  const links: number[][] = [];
  for (let edge = 0; edge < edges; edge++) {
    const [from, to] = [source[edge] as number, target[edge] as number];
    const partner = from === to ? undefined : waiting.get(to * nodes + from)?.shift();
    if (partner !== undefined) {
      links[partner]?.push(edge);
      continue;
    }
    const key = from * nodes + to;
    waiting.set(key, [...(waiting.get(key) ?? []), links.length]);
    links.push([edge]);
  }
  return links.map((both) => ({ kind: "link", name: linkName(graph, both[0] as number), edges: both }));
}

export function eachNode(graph: Graph): FailureScenario[] {
  return Array.from({ length: graph.nodes }, (_, node) => ({ kind: "node", name: nodeName(graph, node), node }));
}

export function nodeName(graph: Graph, node: number): string {
  return graph.nodeNames?.[node] ?? `node ${node}`;
}

/** By its ends, as an operator knows it. */
export function linkName(graph: Graph, edge: number): string {
  return `${nodeName(graph, graph.source[edge] as number)} - ${nodeName(graph, graph.target[edge] as number)}`;
}

import { Ecmp } from "../../src/te/ecmp.ts";
import { buildGraph, type Demands, type Graph } from "../../src/te/graph.ts";
import type { NetworkChange } from "../../src/te/network-change.ts";
import type { DemandSegments } from "../../src/te/routed-demands.ts";

export type Case = Readonly<{ graph: Graph; demands: Demands; paths: readonly DemandSegments[] }>;

/** Everything that is known of a network: what a change is made of, gathered up. */
type Situation = Readonly<{ weights: Map<number, number>; removed: Set<number>; down: Set<number> }>;

/** The definition, pair by pair and demand by demand, with nothing kept from one situation to the next. */
export function fromScratch({ graph, demands, paths }: Case, changes: readonly NetworkChange[]) {
  const situation: Situation = { weights: new Map(), removed: new Set(), down: new Set() };
  const capacity = graph.capacity.slice();
  const all = [...demands.size].map((size, demand) => ({
    source: demands.source[demand] as number,
    target: demands.target[demand] as number,
    size,
  }));
  for (const change of changes) {
    for (const [edge, weight] of change.weights ?? []) {
      situation.removed.delete(edge);
      situation.weights.set(edge, weight);
    }
    for (const edge of change.removedEdges ?? []) situation.removed.add(edge);
    for (const node of change.removedNodes ?? []) situation.down.add(node);
    for (const [edge, value] of change.capacities ?? []) capacity[edge] = value;
    for (const demand of all) demand.size *= change.scaleDemands ?? 1;
    all.push(...(change.addedDemands ?? []).map((demand) => ({ ...demand })));
  }
  const isGone = (edge: number) =>
    situation.removed.has(edge) ||
    situation.down.has(graph.source[edge] as number) ||
    situation.down.has(graph.target[edge] as number);
  const removed = Uint8Array.from({ length: graph.edges }, (_, edge) => Number(isGone(edge)));
  const weight = graph.weight.map((value, edge) => situation.weights.get(edge) ?? value);
  const ecmp = new Ecmp(buildGraph(graph.nodes, { ...graph, weight, capacity }), removed).buildAll();

  const loads = new Float64Array(graph.edges);
  const disconnected = { demands: 0, volume: 0 };
  const lost = { demands: 0, volume: 0 };
  let fallbacks = 0;
  const reaches = (from: number, to: number) => ecmp.distance[from * graph.nodes + to] !== Number.POSITIVE_INFINITY;
  const stretch = (from: number, to: number, size: number) => {
    const pair = from * graph.nodes + to;
    for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
      const edge = ecmp.edge[k] as number;
      loads[edge] = (loads[edge] as number) + size * (ecmp.share[k] as number);
    }
  };
  for (const [demand, { source, target, size }] of all.entries()) {
    const segments = paths.find((path) => path.demand === demand)?.segments ?? [{ node: target }];
    let [at, intact] = [source, true];
    const steps: (() => void)[] = [];
    for (const segment of segments) {
      const from = at;
      const to = "node" in segment ? segment.node : (graph.source[segment.edge] as number);
      intact &&= reaches(from, to);
      steps.push(() => stretch(from, to, size));
      at = to;
      if ("edge" in segment) {
        intact &&= removed[segment.edge] === 0;
        at = graph.target[segment.edge] as number;
        steps.push(() => {
          loads[segment.edge] = (loads[segment.edge] as number) + size;
        });
      }
    }
    if (situation.down.has(source) || situation.down.has(target)) {
      lost.demands += 1;
      lost.volume += size;
    } else if (intact) for (const step of steps) step();
    else if (reaches(source, target)) {
      fallbacks += 1;
      stretch(source, target, size);
    } else {
      disconnected.demands += 1;
      disconnected.volume += size;
    }
  }
  let maxUtilisation = 0;
  for (let edge = 0; edge < graph.edges; edge++) {
    if (!removed[edge]) maxUtilisation = Math.max(maxUtilisation, (loads[edge] as number) / (capacity[edge] as number));
  }
  return { loads, capacity, maxUtilisation, disconnected, lost, fallbacks };
}

import { assert } from "../kernel/assert.ts";
import type { Graph } from "./graph.ts";

export type AddedDemand = Readonly<{ source: number; target: number; size: number }>;

/** What to change, all at once. An edge that is removed, alone or with a node, stays so whatever weight it is given. */
export type NetworkChange = Readonly<{
  removedEdges?: readonly number[];
  removedNodes?: readonly number[];
  /** By edge, finite and at least 0; an edge that was removed earlier is back with it, unless a node of it is gone. */
  weights?: ReadonlyMap<number, number>;
  /** By edge, above 0. */
  capacities?: ReadonlyMap<number, number>;
  /** Factor on every demand that is there already. */
  scaleDemands?: number;
  /** Without segments: they take their IGP path. */
  addedDemands?: readonly AddedDemand[];
}>;

/** A change that cannot be is a bug, found before anything is touched. */
export function assertPossible(change: NetworkChange, { nodes, edges }: Graph): void {
  const { removedEdges = [], removedNodes = [], weights = [], capacities = [], addedDemands = [] } = change;
  for (const edge of removedEdges) assert(edge >= 0 && edge < edges, `an edge to remove: ${edge}`);
  for (const node of removedNodes) assert(node >= 0 && node < nodes, `a node to remove: ${node}`);
  for (const [edge, weight] of weights) {
    assert(edge >= 0 && edge < edges && weight >= 0 && weight < Infinity, `a weight of an edge: ${edge} ${weight}`);
  }
  for (const [edge, capacity] of capacities) {
    assert(edge >= 0 && edge < edges && capacity > 0, `a capacity of an edge: ${edge} ${capacity}`);
  }
  for (const { source, target, size } of addedDemands) {
    const known = Math.min(source, target) >= 0 && Math.max(source, target) < nodes && source !== target;
    assert(known && size >= 0 && size < Infinity, `a demand to add: ${source} ${target} ${size}`);
  }
  const factor = change.scaleDemands ?? 1;
  assert(factor >= 0 && factor < Infinity, `a factor for the demands: ${factor}`);
}

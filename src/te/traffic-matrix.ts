import { Ecmp } from "./ecmp.ts";
import { entropyFit } from "./entropy-fit.ts";
import type { Demands, Graph } from "./graph.ts";
import { gravityPrior, hasAllTotals } from "./gravity.ts";
import { addUp, type Measured, type MeasuredSystem, measuredSystem } from "./measured-system.ts";

export type { Measured } from "./measured-system.ts";

/** Loads under this share of the largest count as that much where a relative error is asked for. */
const leastShare = 1e-3;

/** How well the estimate explains what was measured; rates in the unit of the measurements. */
export type Fit = Readonly<{
  /** Root of the sum of squares, of what the measured link loads are off over what they are. */
  relativeResidual: number;
  /** The edge that is furthest off, as a share of its load (of 0.1% of the largest load where that is more). */
  worstEdge: Readonly<{ edge: number; measured: number; fitted: number; relativeResidual: number }> | undefined;
  /** The same as `relativeResidual` for node totals; undefined where none were given. */
  nodeTotalsResidual: number | undefined;
  unknowns: number;
  /** Measurements that some unknown demand takes part in. */
  equations: number;
  /** Unknown demands that no measurement sees: nothing but the prior speaks for them. */
  unseen: number;
  /** What the gravity prior was made from. */
  prior: "node-totals" | "link-loads";
}>;

export type TrafficMatrix = Readonly<{
  /** By source, then target; demands of 0 are left out, and `row` counts those that are there. */
  demands: Demands;
  /** The gravity prior, in the same order, for comparison. */
  prior: Float64Array;
  fit: Fit;
}>;

/**
 * The traffic matrix that shortest-path routing turns into the measured loads. There are many such matrices (a network has
 * far fewer links than pairs of nodes): this is the one nearest to a gravity matrix, with the known demands held.
 * Interior links do not tell what a node originates from what passes through it. So without node totals the gravity
 * matrix is fitted to the link loads themselves, and total link traffic a node, the usual stand-in, is not used.
 */
export function estimateTrafficMatrix(graph: Graph, measured: Measured): TrafficMatrix {
  const system = measuredSystem(graph, new Ecmp(graph), measured);
  const prior = gravityPrior(system);
  const size = entropyFit(system, prior);
  const { nodes } = graph;
  const [all, priors] = [new Float64Array(nodes * nodes), new Float64Array(nodes * nodes)];
  const put = (into: Float64Array, source: Int32Array, target: Int32Array, sizes: Float64Array) => {
    for (let at = 0; at < sizes.length; at++) {
      const pair = (source[at] as number) * nodes + (target[at] as number);
      into[pair] = (into[pair] as number) + (sizes[at] as number);
    }
  };
  put(all, system.source, system.target, size);
  put(priors, system.source, system.target, prior);
  for (const into of measured.known ? [all, priors] : []) {
    put(into, (measured.known as Demands).source, (measured.known as Demands).target, (measured.known as Demands).size);
  }
  const pairs = Int32Array.from(all.keys()).filter((pair) => (all[pair] as number) > 0);
  return {
    demands: {
      row: pairs.map((_, row) => row),
      source: pairs.map((pair) => Math.floor(pair / nodes)),
      target: pairs.map((pair) => pair % nodes),
      size: Float64Array.from(pairs, (pair) => all[pair] as number),
    },
    prior: Float64Array.from(pairs, (pair) => priors[pair] as number),
    fit: fitOf(system, size),
  };
}

function fitOf(system: MeasuredSystem, size: Float64Array): Fit {
  const { measured, explained, edgeOfRow } = system;
  const taken = addUp(system, size, new Float64Array(measured.length));
  const fitted = taken.map((value, row) => value + (explained[row] as number));
  const largest = measured.reduce((most, value, row) => {
    return edgeOfRow[row] === -1 ? most : Math.max(most, value, fitted[row] as number);
  }, 0);
  let worstEdge: Fit["worstEdge"];
  const [onEdges, onTotals] = [new Squares(), new Squares()];
  for (let row = 0; row < measured.length; row++) {
    const [was, is, edge] = [measured[row] as number, fitted[row] as number, edgeOfRow[row] as number];
    (edge >= 0 ? onEdges : onTotals).add(was, is);
    const relativeResidual = largest > 0 ? Math.abs(is - was) / Math.max(was, leastShare * largest) : 0;
    if (edge >= 0 && !(relativeResidual <= (worstEdge?.relativeResidual ?? -1))) {
      worstEdge = { edge, measured: was, fitted: is, relativeResidual };
    }
  }
  return {
    relativeResidual: onEdges.ratio(),
    worstEdge,
    nodeTotalsResidual: edgeOfRow.includes(-1) ? onTotals.ratio() : undefined,
    unknowns: size.length,
    equations: new Set(system.row).size,
    unseen: system.unseen,
    prior: hasAllTotals(system) ? "node-totals" : "link-loads",
  };
}

class Squares {
  #off = 0;
  #of = 0;

  add(measured: number, fitted: number): void {
    this.#off += (fitted - measured) ** 2;
    this.#of += measured ** 2;
  }

  /** Infinity where traffic was fitted to links that carry none. */
  ratio(): number {
    return this.#off === 0 ? 0 : Math.sqrt(this.#off / this.#of);
  }
}

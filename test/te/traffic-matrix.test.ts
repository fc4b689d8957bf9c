import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Demands } from "../../src/te/graph.ts";
import { estimateTrafficMatrix, type Measured, type TrafficMatrix } from "../../src/te/traffic-matrix.ts";
import { countersOf, gravityNetworks, type Network, networks } from "./measured-network.ts";

const total = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
const asMatrix = (nodes: number, { source, target }: Demands, size: Float64Array) => {
  const matrix = new Float64Array(nodes * nodes);
  for (let at = 0; at < size.length; at++) matrix[(source[at] ?? 0) * nodes + (target[at] ?? 0)] = size[at] ?? 0;
  return matrix;
};
const sound = ({ demands: { source, target, size } }: TrafficMatrix) =>
  size.every((value, at) => value > 0 && value < Number.POSITIVE_INFINITY && source[at] !== target[at]);

/** Loads of the estimate against those measured, in the measure of the fit but computed from the answer alone. */
function worstOff({ graph }: Network, { demands }: TrafficMatrix, measured: Measured): number {
  const { load } = countersOf({ graph, truth: asMatrix(graph.nodes, demands, demands.size) });
  const largest = Math.max(...measured.load.filter((value) => !Number.isNaN(value)), ...load);
  return Math.max(
    0,
    ...Array.from(
      measured.load,
      (was, edge) => Math.abs((load[edge] ?? 0) - was) / Math.max(was, 1e-3 * largest),
    ).filter((off) => !Number.isNaN(off)),
  );
}

function demandsWhere({ graph: { nodes }, truth }: Network, picked: (pair: number) => boolean): Demands {
  const chosen = Int32Array.from(truth.keys()).filter(
    (pair) => Math.floor(pair / nodes) !== pair % nodes && picked(pair),
  );
  return {
    row: chosen.map((_, row) => row),
    source: chosen.map((pair) => Math.floor(pair / nodes)),
    target: chosen.map((pair) => pair % nodes),
    size: Float64Array.from(chosen, (pair) => truth[pair] ?? 0),
  };
}

// Goal: loads that some matrix explains are explained, with node totals or without, and the fit tells the truth about it.
test("consistent loads are met by a matrix without negative demands", () => {
  const property = fc.property(networks, fc.boolean(), (network, nodeTotals) => {
    const { load, ...totals } = countersOf(network);
    const measured = { load, ...(nodeTotals ? totals : {}) };
    const estimate = estimateTrafficMatrix(network.graph, measured);
    expect(estimate).toSatisfy(sound);
    const off = worstOff(network, estimate, measured);
    expect(off).toBeLessThan(3e-2);
    expect(estimate.fit.relativeResidual).toBeLessThan(1e-2);
    expect(estimate.fit.worstEdge?.relativeResidual).toBeCloseTo(off, 6);
    expect(estimate.fit.prior).toBe(nodeTotals ? "node-totals" : "link-loads");
  });
  fc.assert(property, { numRuns: 200 });
});

// Goal: where the truth is a gravity matrix, node totals give it back, though they and the loads leave most of it open.
test("a gravity matrix is found from node totals", () => {
  const property = fc.property(gravityNetworks, (network) => {
    const { demands, prior } = estimateTrafficMatrix(network.graph, countersOf(network));
    for (const sizes of [prior, demands.size]) {
      const found = asMatrix(network.graph.nodes, demands, sizes);
      const off = total(found.map((size, pair) => Math.abs(size - (network.truth[pair] ?? 0))));
      expect(off / total(network.truth)).toBeLessThan(1e-5);
    }
  });
  fc.assert(property, { numRuns: 100 });
});

// Goal: without node totals, link loads alone come much nearer to a gravity matrix than total link traffic as weights does.
test("a gravity matrix is nearly found from link loads alone", () => {
  let [plain, fitted] = [0, 0];
  for (const network of fc.sample(gravityNetworks, { numRuns: 60, seed: 7 })) {
    const { graph, truth } = network;
    const { load } = countersOf(network);
    const { demands } = estimateTrafficMatrix(graph, { load });
    const weight = (end: Int32Array, node: number) => total(load.filter((_, edge) => end[edge] === node));
    const product = truth.map((_, pair) => {
      const [from, to] = [Math.floor(pair / graph.nodes), pair % graph.nodes];
      return from === to ? 0 : weight(graph.source, from) * weight(graph.target, to);
    });
    const scale = total(load) / total(countersOf({ graph, truth: product }).load);
    const off = (found: Float64Array) =>
      total(found.map((size, pair) => Math.abs(size - (truth[pair] ?? 0)))) / total(truth);
    plain += off(product.map((size) => size * scale)) / 60;
    fitted += off(asMatrix(graph.nodes, demands, demands.size)) / 60;
  }
  expect(plain).toBeGreaterThan(0.15);
  expect(fitted).toBeLessThan(plain / 5);
});

// Goal: what is measured is not estimated: known demands come back as they are, none included, and the rest explains the rest.
test("known demands are held", () => {
  const property = fc.property(networks, fc.infiniteStream(fc.boolean()), (network, stream) => {
    const picked = Array.from(network.truth, () => stream.next().value === true);
    const known = demandsWhere(network, (pair) => picked[pair] === true);
    const { load } = countersOf(network);
    const estimate = estimateTrafficMatrix(network.graph, { load, known });
    const found = asMatrix(network.graph.nodes, estimate.demands, estimate.demands.size);
    for (const [at, from] of known.source.entries()) {
      expect(found[from * network.graph.nodes + (known.target[at] ?? 0)]).toBe(known.size[at]);
    }
    expect(estimate).toSatisfy(sound);
    expect(worstOff(network, estimate, { load })).toBeLessThan(3e-2);
    const pairs = network.graph.nodes * (network.graph.nodes - 1);
    expect(estimate.fit.unknowns).toBeLessThanOrEqual(pairs - known.size.length);
  });
  fc.assert(property, { numRuns: 100 });
});

// Goal: links without a counter are no links without traffic; down to no counter at all there is an answer.
test("missing loads are tolerated", () => {
  const property = fc.property(networks, fc.infiniteStream(fc.boolean()), (network, stream) => {
    const load = countersOf(network).load.map((value) => (stream.next().value === true ? value : Number.NaN));
    const estimate = estimateTrafficMatrix(network.graph, { load });
    expect(estimate).toSatisfy(sound);
    expect(worstOff(network, estimate, { load })).toBeLessThan(3e-2);
    expect(estimate.fit.equations).toBeLessThanOrEqual(load.filter((value) => !Number.isNaN(value)).length);
    if (load.every(Number.isNaN)) expect(estimate.fit.unseen).toBe(estimate.fit.unknowns);
  });
  fc.assert(property, { numRuns: 100 });
});

// Goal: counters that contradict each other get a finite compromise, the same one every time, and the fit says how far off it is.
test("contradicting loads are told", () => {
  const property = fc.property(
    networks,
    fc.infiniteStream(fc.double({ min: 0, max: 1e4, noNaN: true })),
    (network, stream) => {
      const load = countersOf(network).load.map(() => stream.next().value ?? 0);
      const estimate = estimateTrafficMatrix(network.graph, { load });
      expect(estimate).toSatisfy(sound);
      expect(estimate.fit.worstEdge?.relativeResidual).toBeCloseTo(worstOff(network, estimate, { load }), 6);
      expect(estimateTrafficMatrix(network.graph, { load })).toEqual(estimate);
    },
  );
  fc.assert(property, { numRuns: 100 });
});

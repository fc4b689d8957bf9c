import * as fc from "fast-check";
import { Ecmp } from "../../src/te/ecmp.ts";
import { buildGraph, type Graph } from "../../src/te/graph.ts";

/** Random networks with a true matrix, and what counters would show of it. */

/** A ring both ways, so that all reach all, and chords, some of them parallel; metrics that make ties. */
const graphs: fc.Arbitrary<Graph> = fc.integer({ min: 3, max: 9 }).chain((nodes) => {
  const node = fc.nat({ max: nodes - 1 });
  const chords = fc.array(
    fc.tuple(node, node).filter(([a, b]) => a !== b),
    { maxLength: 2 * nodes },
  );
  return fc
    .tuple(chords, fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 4 * nodes, maxLength: 4 * nodes }))
    .map(([extra, weights]) => {
      const ring = Array.from({ length: nodes }, (_, at) => [at, (at + 1) % nodes] as const);
      const ends = [...ring, ...ring.map(([a, b]) => [b, a] as const), ...extra];
      const column = (of: (end: readonly [number, number]) => number) => Int32Array.from(ends, of);
      return buildGraph(nodes, {
        source: column(([a]) => a),
        target: column(([, b]) => b),
        weight: Float64Array.from(ends, (_, at) => weights[at] ?? 1),
        capacity: new Float64Array(ends.length).fill(1),
        delay: new Float64Array(ends.length),
      });
    });
});

export type Network = Readonly<{ graph: Graph; truth: Float64Array }>;

const pairs = ({ nodes }: Graph, size: (from: number, to: number) => number) =>
  Float64Array.from({ length: nodes * nodes }, (_, pair) => {
    const [from, to] = [Math.floor(pair / nodes), pair % nodes];
    return from === to ? 0 : size(from, to);
  });

/** Rates over four orders of magnitude, and none at all. */
const rate = fc.oneof(
  { weight: 4, arbitrary: fc.double({ min: 0, max: 4, noNaN: true }).map((log) => 10 ** log) },
  { weight: 1, arbitrary: fc.constant(0) },
);

export const networks: fc.Arbitrary<Network> = graphs.chain((graph) => {
  const most = graph.nodes ** 2;
  return fc
    .array(rate, { minLength: most, maxLength: most })
    .map((rates) => ({ graph, truth: pairs(graph, (from, to) => rates[from * graph.nodes + to] ?? 0) }));
});

export const gravityNetworks: fc.Arbitrary<Network> = graphs.chain((graph) => {
  const weights = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), {
    minLength: graph.nodes,
    maxLength: graph.nodes,
  });
  return fc
    .tuple(weights, weights)
    .map(([out, into]) => ({ graph, truth: pairs(graph, (from, to) => 100 * (out[from] ?? 0) * (into[to] ?? 0)) }));
});

export function countersOf({ graph, truth }: Network) {
  const { nodes } = graph;
  const ecmp = new Ecmp(graph).buildAll();
  const load = new Float64Array(graph.edges);
  const [originated, received] = [new Float64Array(nodes), new Float64Array(nodes)];
  truth.forEach((size, pair) => {
    const [from, to] = [Math.floor(pair / nodes), pair % nodes];
    originated[from] = (originated[from] ?? 0) + size;
    received[to] = (received[to] ?? 0) + size;
    for (let k = ecmp.start[pair] ?? 0; k < (ecmp.end[pair] ?? 0); k++) {
      const edge = ecmp.edge[k] ?? -1;
      load[edge] = (load[edge] ?? 0) + size * (ecmp.share[k] ?? 0);
    }
  });
  return { load, originated, received };
}

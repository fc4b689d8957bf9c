import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildGraph, type Graph } from "../../src/te/graph.ts";
import type { NetworkChange } from "../../src/te/network-change.ts";
import { type LoadState, NetworkLoads } from "../../src/te/network-loads.ts";
import { pathThrough, type Segment } from "../../src/te/routed-demands.ts";
import { eachNode, failEach, physicalLinks, removalOf } from "../../src/te/what-if.ts";
import { type Case, fromScratch } from "./from-scratch.ts";

// Goal: what the incremental engine says is what the definition says, after any change and any row of changes.
// Method: random small multigraphs (parallel edges, loops, weights 0, one way only, cut in pieces) with demands on segment
// paths, compared with per-pair ECMP computed anew. A failing run prints its seed and path; replay with fc.assert's options.

const edge = (nodes: number) =>
  fc.record({
    source: fc.nat(nodes - 1),
    target: fc.nat(nodes - 1),
    weight: fc.nat(3),
    capacity: fc.integer({ min: 1, max: 50 }),
    twoWay: fc.boolean(),
  });

const networks: fc.Arbitrary<Case> = fc.integer({ min: 2, max: 9 }).chain((nodes) =>
  fc
    .record({
      edges: fc.array(edge(nodes), { minLength: 1, maxLength: 16 }),
      demands: fc.array(fc.record({ source: fc.nat(nodes - 1), target: fc.nat(nodes - 1), size: fc.nat(100) }), {
        maxLength: 12,
      }),
      picks: fc.array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 12 }),
    })
    .map(({ edges, demands, picks }) => {
      const all = edges.flatMap((one) => [
        one,
        ...(one.twoWay ? [{ ...one, source: one.target, target: one.source }] : []),
      ]);
      const graph = buildGraph(nodes, {
        source: Int32Array.from(all, (one) => one.source),
        target: Int32Array.from(all, (one) => one.target),
        weight: Float64Array.from(all, (one) => one.weight),
        capacity: Float64Array.from(all, (one) => one.capacity),
        delay: new Float64Array(all.length),
      });
      const real = demands.filter(({ source, target }) => source !== target);
      const paths = real.flatMap(({ target }, demand) => {
        const segments = (picks[demand] ?? []).map(
          (pick): Segment => (pick % 3 === 0 ? { edge: pick % graph.edges } : { node: pick % nodes }),
        );
        return segments.length === 0 ? [] : [{ demand, segments: [...segments, { node: target }] }];
      });
      const columns = {
        row: Int32Array.from(real, (_, row) => row),
        source: Int32Array.from(real, (one) => one.source),
        target: Int32Array.from(real, (one) => one.target),
        size: Float64Array.from(real, (one) => one.size),
      };
      return { graph, demands: columns, paths };
    }),
);

/** Numbers that any graph can turn into a change of each kind. */
const pair = fc.tuple(fc.nat(), fc.nat(4));
const kinds = {
  "edges removed": fc.array(fc.nat(), { minLength: 1, maxLength: 3 }).map((picks) => (graph: Graph) => ({
    removedEdges: picks.map((pick) => pick % graph.edges),
  })),
  "nodes removed": fc.array(fc.nat(), { minLength: 1, maxLength: 2 }).map((picks) => (graph: Graph) => ({
    removedNodes: picks.map((pick) => pick % graph.nodes),
  })),
  "weights changed": fc.array(pair, { minLength: 1, maxLength: 4 }).map((picks) => (graph: Graph) => ({
    weights: new Map(picks.map(([pick, weight]) => [pick % graph.edges, weight])),
  })),
  "capacities changed": fc.array(pair, { minLength: 1, maxLength: 4 }).map((picks) => (graph: Graph) => ({
    capacities: new Map(picks.map(([pick, capacity]) => [pick % graph.edges, capacity + 0.5])),
  })),
  "demands scaled": fc.constantFrom(0, 0.5, 1.2, 3).map((scaleDemands) => () => ({ scaleDemands })),
  "demands added": fc
    .array(fc.tuple(fc.nat(), fc.nat(), fc.nat(100)), { minLength: 1, maxLength: 3 })
    .map((picks) => ({ nodes }: Graph) => ({
      addedDemands: picks
        .map(([from, to, size]) => ({ source: from % nodes, target: to % nodes, size }))
        .filter(({ source, target }) => source !== target),
    })),
};
type Kind = fc.Arbitrary<(graph: Graph) => NetworkChange>;
const anything: Kind = fc
  .record(kinds, { requiredKeys: [] })
  .map((made) => (graph: Graph) => Object.assign({}, ...Object.values(made).map((make) => make(graph))));

function expectSame(got: LoadState, network: Case, changes: readonly NetworkChange[]): void {
  const wanted = fromScratch(network, changes);
  const off = [...wanted.loads.keys()].filter(
    (at) => !(Math.abs((got.loads[at] ?? Number.NaN) - (wanted.loads[at] ?? 0)) < 1e-6),
  );
  if (off.length > 0) expect.fail(`edges ${off} are loaded otherwise than ${wanted.loads}: ${got.loads}`);
  for (const [at, load] of got.loads.entries())
    expect(load, `load of edge ${at}`).toBeCloseTo(wanted.loads[at] ?? -1, 6);
  expect(got.maxUtilisation).toBeCloseTo(wanted.maxUtilisation, 6);
  if (got.edge >= 0) {
    const there = (wanted.loads[got.edge] ?? -1) / (wanted.capacity[got.edge] ?? 1);
    expect(there).toBeCloseTo(wanted.maxUtilisation, 6);
  }
  expect(got.fallbacks).toBe(wanted.fallbacks);
  for (const which of ["disconnected", "lost"] as const) {
    expect(got[which].demands, which).toBe(wanted[which].demands);
    expect(got[which].volume, which).toBeCloseTo(wanted[which].volume, 6);
  }
}

describe("loads after a change are those computed from scratch", () => {
  test.each(Object.entries<Kind>({ ...kinds, "everything at once": anything }))("%s", (_, kind) => {
    const property = fc.property(networks, kind, kind, (network, make, makeOther) => {
      const loads = new NetworkLoads(network.graph, network.demands, network.paths);
      expectSame(loads.now, network, []);
      const [change, other] = [make(network.graph), makeOther(network.graph)];
      expectSame(loads.whatIf(change), network, [change]);
      expectSame(loads.whatIf(other), network, [other]); // The first left nothing behind.
      expectSame(loads.whatIf({}), network, []);
    });
    fc.assert(property, { numRuns: 120 });
  });

  test("a row of changes that stay, what-ifs between them", () => {
    const property = fc.property(networks, fc.array(anything, { minLength: 2, maxLength: 5 }), (network, makers) => {
      const loads = new NetworkLoads(network.graph, network.demands, network.paths);
      const made: NetworkChange[] = [];
      for (const make of makers) {
        const change = make(network.graph);
        expectSame(loads.whatIf(change), network, [...made, change]);
        made.push(change);
        expectSame(loads.apply(change), network, made);
        expect(loads.whatIf({}).loads).toEqual(loads.now.loads);
      }
    });
    fc.assert(property, { numRuns: 120 });
  });

  test("edges that are not there from the start", () => {
    const property = fc.property(networks, fc.array(fc.nat(), { maxLength: 3 }), anything, (network, picks, make) => {
      const removedEdges = picks.map((pick) => pick % network.graph.edges);
      const removed = new Uint8Array(network.graph.edges);
      for (const one of removedEdges) removed[one] = 1;
      const loads = new NetworkLoads(network.graph, network.demands, network.paths, removed);
      expectSame(loads.now, network, [{ removedEdges }]);
      expectSame(loads.whatIf(make(network.graph)), network, [{ removedEdges }, make(network.graph)]);
    });
    fc.assert(property, { numRuns: 120 });
  });
});

// Goal: a sweep reports each failure as it is alone, worst first, and tells old overload from new.
test("each failure alone, worst first", () => {
  const property = fc.property(networks, (network) => {
    const loads = new NetworkLoads(network.graph, network.demands, network.paths);
    const scenarios = [...physicalLinks(network.graph), ...eachNode(network.graph)];
    const impacts = failEach(loads, scenarios);
    expect(new Set(impacts.map(({ failed }) => failed))).toEqual(new Set(scenarios));
    const over = (state: ReturnType<typeof fromScratch>) =>
      [...state.loads.keys()].filter((at) => (state.loads[at] ?? 0) > (state.capacity[at] ?? 0) * (1 + 1e-9));
    const before = over(fromScratch(network, []));
    let last = Number.POSITIVE_INFINITY;
    for (const { failed, maxUtilisation, overloaded, newlyOverloaded } of impacts) {
      const alone = fromScratch(network, [removalOf(failed)]);
      expect(maxUtilisation).toBeCloseTo(alone.maxUtilisation, 6);
      expect(maxUtilisation).toBeLessThanOrEqual(last + 1e-6);
      last = maxUtilisation;
      expect(overloaded).toBe(over(alone).length);
      expect(newlyOverloaded).toBe(over(alone).filter((at) => !before.includes(at)).length);
    }
  });
  fc.assert(property, { numRuns: 80 });
});

const graphOf = (nodes: number, edges: readonly (readonly [from: number, to: number, weight?: number])[]) =>
  buildGraph(nodes, {
    source: Int32Array.from(edges, ([from]) => from),
    target: Int32Array.from(edges, ([, to]) => to),
    weight: Float64Array.from(edges, ([, , weight]) => weight ?? 1),
    capacity: new Float64Array(edges.length).fill(10),
    delay: new Float64Array(edges.length),
  });
const demand = (source: number, target: number, size: number) => ({
  row: Int32Array.of(0),
  source: Int32Array.of(source),
  target: Int32Array.of(target),
  size: Float64Array.of(size),
});

// Goal: both directions fail together, parallel links one by one, and what has no partner alone.
test("the k-th edge one way goes with the k-th edge back", () => {
  const graph = graphOf(3, [
    [0, 1],
    [0, 1],
    [1, 2],
    [1, 0],
    [1, 1],
    [1, 0],
    [1, 1],
    [0, 1],
  ]);
  expect(physicalLinks(graph).map(({ kind, ...link }) => [kind, "edges" in link && link.edges])).toEqual(
    [[0, 3], [1, 5], [2], [4], [6], [7]].map((edges) => ["link", edges]),
  );
});

// Goal: a broken path falls back to the IGP before the demand counts as cut off; a node's own traffic counts apart.
test("a midpoint that is gone, a source that is gone, a destination out of reach", () => {
  const graph = graphOf(4, [
    [0, 1],
    [1, 3],
    [0, 2, 5],
    [2, 3, 5],
  ]);
  const loads = new NetworkLoads(graph, demand(0, 3, 8), [pathThrough(0, [0, 2, 3])]);
  expect([...loads.now.loads]).toEqual([0, 0, 8, 8]);
  const midpointGone = loads.whatIf({ removedNodes: [2] });
  expect([...midpointGone.loads]).toEqual([8, 8, 0, 0]);
  expect(midpointGone).toMatchObject({ fallbacks: 1, maxUtilisation: 0.8, edge: 0, cutOff: [] });
  expect(loads.whatIf({ removedNodes: [0] })).toMatchObject({
    lost: { demands: 1, volume: 8 },
    disconnected: { demands: 0, volume: 0 },
    maxUtilisation: 0,
  });
  expect(loads.whatIf({ removedEdges: [1, 3] })).toMatchObject({
    disconnected: { demands: 1, volume: 8 },
    lost: { demands: 0 },
    cutOff: [0],
  });
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { Ecmp } from "../../src/te/ecmp.ts";
import { demandsOf, graphOf, loadsOf, networks } from "./networks.ts";

const sharesOf = (ecmp: Ecmp, from: number, to: number): number[] => {
  const shares = Array<number>(ecmp.graph.edges).fill(0);
  const pair = from * ecmp.graph.nodes + to;
  for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
    const edge = ecmp.edge[k] as number;
    shares[edge] = (shares[edge] as number) + (ecmp.share[k] as number);
  }
  return shares;
};

// Goal: shares are those of the split itself. Method: random multigraphs, parallel edges included, against recursion.
test("shares of every pair are those of an even split at every node", () => {
  const property = fc.property(networks(7, 1), fc.nat(), ({ nodes, specs }, drawn) => {
    const graph = graphOf(nodes, specs);
    const gone = drawn % (2 * specs.length); // Half the time none.
    const ecmp = new Ecmp(
      graph,
      Uint8Array.from(specs, (_, edge) => Number(edge === gone)),
    ).buildAll();
    for (let from = 0; from < nodes; from++) {
      for (let to = 0; to < nodes; to++) {
        const expected = loadsOf(graph, demandsOf([[from, to, 1]]), new Map(), new Set([gone]));
        for (const [edge, share] of sharesOf(ecmp, from, to).entries())
          expect(share).toBeCloseTo(expected[edge] ?? 0, 9);
      }
    }
  });
  fc.assert(property, { numRuns: 200 });
});

// Goal: edges of weight 0 make no loop and lose nothing. Method: what leaves a node is what came in, on edges once each.
test("with edges of weight 0, all of a unit arrives, over shortest paths", () => {
  const property = fc.property(networks(7, 0), ({ nodes, specs }) => {
    const graph = graphOf(nodes, specs);
    const ecmp = new Ecmp(graph).buildAll();
    for (let from = 0; from < nodes; from++) {
      for (let to = 0; to < nodes; to++) {
        if (from === to) continue;
        const balance = Array<number>(nodes).fill(0);
        for (const [edge, share] of sharesOf(ecmp, from, to).entries()) {
          const { from: tail, to: head, weight } = specs[edge] as (typeof specs)[number];
          balance[tail] = (balance[tail] as number) - share;
          balance[head] = (balance[head] as number) + share;
          expect(share).toBeLessThanOrEqual(1 + 1e-9);
          if (share > 0) {
            const gain = (ecmp.distance[tail * nodes + to] as number) - (ecmp.distance[head * nodes + to] as number);
            expect(gain).toBe(weight);
          }
        }
        for (const [node, net] of balance.entries())
          expect(net).toBeCloseTo(Number(node === to) - Number(node === from));
      }
    }
  });
  fc.assert(property, { numRuns: 200 });
});

test("a pair without a path has no shares and an infinite distance", () => {
  const ecmp = new Ecmp(graphOf(3, [{ from: 0, to: 1, weight: 1, capacity: 1 }])).buildAll();
  expect(sharesOf(ecmp, 0, 2)).toEqual([0]);
  expect(ecmp.distance[2]).toBe(Number.POSITIVE_INFINITY);
});

test("delay is that of the slowest equal-cost path", () => {
  const diamond = graphOf(4, [
    { from: 0, to: 1, weight: 1, capacity: 1 },
    { from: 0, to: 2, weight: 1, capacity: 1 },
    { from: 1, to: 3, weight: 1, capacity: 1 },
    { from: 2, to: 3, weight: 1, capacity: 1 },
  ]);
  const ecmp = new Ecmp({ ...diamond, delay: Float64Array.of(1, 5, 1, 2) }).buildAll();
  expect(ecmp.delay[3]).toBe(7);
});

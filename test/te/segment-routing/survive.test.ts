import fc from "fast-check";
import { expect, test } from "vitest";
import { Ecmp } from "../../../src/te/ecmp.ts";
import { optimise } from "../../../src/te/segment-routing/optimise.ts";
import { physicalLinks } from "../../../src/te/what-if.ts";
import { type Demand, demandsOf, type Edge, graphOf, networks, utilisationOf } from "./networks.ts";

/** Fullest edge with these edges gone; a path that is broken goes by the IGP, a demand without any path loads nothing. */
function fullest(
  nodes: number,
  edges: readonly Edge[],
  demands: readonly Demand[],
  paths: ReadonlyMap<number, readonly number[]>,
  gone: readonly number[],
) {
  const removed = new Uint8Array(edges.length);
  for (const edge of gone) removed[edge] = 1;
  const ecmp = new Ecmp(graphOf(nodes, edges), removed).buildAll();
  const connected = (from: number, to: number) => ecmp.distance[from * nodes + to] !== Number.POSITIVE_INFINITY;
  const whole = new Map(
    [...paths].filter(([, path]) => path.slice(1).every((node, at) => connected(path[at] as number, node))),
  );
  const carried = demands.map(([from, to, size]): Demand => [from, to, connected(from, to) ? size : 0]);
  return Math.max(...utilisationOf(ecmp, carried, whole));
}

// Goal: after any single link failure nothing is overloaded that the IGP would have carried, by an independent count.
// Method: every link of small networks failed; the same without the option shows that it matters.
test("a solution that survives every single link failure", () => {
  let [kept, broken] = [0, 0];
  const property = fc.property(networks, ({ nodes, edges, demands }) => {
    const graph = graphOf(nodes, edges);
    let ticks = 0;
    const given = { graph, demands: demandsOf(demands), budgetMs: 400, seed: 1, now: () => ticks++ };
    const isSafe = (solved: ReturnType<typeof optimise>) => {
      const paths = new Map(solved.paths.map(({ demand, nodes: path }) => [demand, path]));
      expect(fullest(nodes, edges, demands, paths, [])).toBeCloseTo(solved.maxUtilisation, 9);
      return physicalLinks(graph).every((link) => {
        if (link.kind === "node") throw new Error("a link is not a node");
        const limit = Math.max(1, fullest(nodes, edges, demands, new Map(), link.edges));
        return fullest(nodes, edges, demands, paths, link.edges) <= limit + 1e-6;
      });
    };
    const solved = optimise({ ...given, surviveLinkFailures: true });
    expect(isSafe(solved)).toBe(true);
    expect(solved.maxUtilisation).toBeLessThanOrEqual(solved.initialMaxUtilisation + 1e-9);
    kept += Number(solved.moved > 0);
    ticks = 0;
    broken += Number(!isSafe(optimise(given)));
  });
  fc.assert(property, { numRuns: 150 });
  expect(kept, "it is not just the IGP").toBeGreaterThan(20);
  expect(broken, "without the option some do not survive").toBeGreaterThan(3);
});

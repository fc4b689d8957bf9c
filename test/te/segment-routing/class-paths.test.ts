import fc from "fast-check";
import { expect, test } from "vitest";
import { ratio } from "../../../src/kernel/units.ts";
import { Ecmp } from "../../../src/te/ecmp.ts";
import { type ClassPathsInput, type PathClass, Placing } from "../../../src/te/segment-routing/class-paths.ts";
import { eachSegmentPath } from "../../../src/te/segment-routing/segment-path.ts";
import { both, type Demand, demandsOf, graphOf, networks, sharesOn, utilisationOf } from "./networks.ts";

const inference: PathClass = { name: "inference", prefers: "latency", maxDelay: 6, maxStretch: 2 };
const training: PathClass = { name: "training", prefers: "capacity", maxLoss: ratio(0.001) };
const batch: PathClass = { name: "batch", prefers: "remainder" };
const classes = [inference, training, batch];

// The short way 0-1-4 is small, 0-2-4 is wide, 0-3-4 is wide and loses packets.
const edges = [
  ...both(0, 1, 1, 10),
  ...both(1, 4, 1, 10),
  ...both(0, 2, 2, 40),
  ...both(2, 4, 2, 40),
  ...both(0, 3, 3, 100),
  ...both(3, 4, 3, 100),
];
const graph = graphOf(5, edges);
const loss = Float64Array.from(edges, ([from, to]) => (from === 3 || to === 3 ? 0.01 : 0));

/** Every demand in its turn on the path that suits its class best; by row. */
function classPaths(input: ClassPathsInput) {
  const { demands, ecmp } = input;
  const placing = new Placing(input);
  const paths = [];
  const refused = [];
  for (const demand of placing.inTurn([...demands.row.keys()])) {
    const found = placing.candidates(demand);
    if ("refused" in found) refused.push(found.refused);
    const best = "refused" in found ? undefined : found.candidates[0];
    if (!best) continue;
    paths.push(best);
    placing.put(demand, best.route, 1);
  }
  const byRow = (a: { demand: number }, b: { demand: number }) => a.demand - b.demand;
  const use = placing.load.map((load, edge) => load / (ecmp.graph.capacity[edge] as number));
  return { paths: paths.sort(byRow), refused: refused.sort(byRow), maxUtilisation: Math.max(...use) };
}

function placed(list: readonly (readonly [...Demand, kind: number])[], more: Partial<ClassPathsInput> = {}) {
  const demands = demandsOf(list.map(([from, to, size]) => [from, to, size]));
  const classOf = Int32Array.from(list, ([, , , kind]) => kind);
  const ecmp = new Ecmp(graph).buildAll();
  return classPaths({ ecmp, demands, classOf, classes, loss, target: 0.8, maxSegments: 2, ...more });
}

// Goal: the picture that an operator has of it, whatever the order of the demands.
test("inference goes the short way, training the wide one apart from it, batch fills what is empty", () => {
  const found = placed([
    [0, 4, 30, 1],
    [0, 4, 20, 2],
    [0, 4, 5, 0],
  ]);
  expect(found.refused).toEqual([]);
  expect(found.paths).toMatchObject([
    { demand: 0, nodes: [0, 2, 4], shared: 0, overTarget: false },
    { demand: 1, nodes: [0, 3, 4] },
    { demand: 2, nodes: [0, 4], delay: 2 },
  ]);
  expect(found.maxUtilisation).toBeCloseTo(0.75);
});

test("a lossy path is refused to training, and a slow one to inference, even when nothing else is left", () => {
  const lossy = placed([[0, 4, 5, 1]], { loss: new Float64Array(edges.length).fill(0.01) });
  expect(lossy).toMatchObject({ paths: [], refused: [{ demand: 0, leastDelay: 2 }] });
  expect(lossy.refused[0]?.leastLoss).toBeCloseTo(1 - 0.99 ** 2);
  const slow = placed([[0, 4, 5, 0]], { classes: [{ ...inference, maxDelay: 1 }] });
  expect(slow).toMatchObject({ paths: [], refused: [{ demand: 0, leastDelay: 2 }] });
});

test("what fits nowhere within the target goes where it does least, within the objective", () => {
  expect(placed([[0, 4, 90, 1]]).paths).toMatchObject([{ nodes: [0, 2, 4], overTarget: true }]);
});

// Goal: an objective is never broken, loads are as told, latency classes get the least delay that fits when they are
// alone, and training is apart from inference whenever some suitable path within the target is.
test("class paths against all paths", () => {
  let apart = 0;
  const property = fc.property(
    networks,
    fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 5, maxLength: 5 }),
    (network, kinds) => {
      const ecmp = new Ecmp(graphOf(network.nodes, network.edges)).buildAll();
      const lossOf = Float64Array.from(network.edges, ([from, to]) => ((from + to) % 3 === 0 ? 0.001 : 0));
      const demands = demandsOf(network.demands);
      const classOf = Int32Array.from(network.demands, (_, at) => kinds[at] as number);
      const found = classPaths({ ecmp, demands, classOf, classes, loss: lossOf, target: 0.8, maxSegments: 3 });
      expect([...found.paths, ...found.refused].map(({ demand }) => demand).sort()).toEqual([...demands.row]);

      const chosen = new Map(found.paths.map((path) => [path.demand, path]));
      const carried = network.demands.map(([from, to, size], row): Demand => [from, to, chosen.has(row) ? size : 0]);
      const use = utilisationOf(ecmp, carried, new Map([...chosen].map(([row, { nodes }]) => [row, nodes])));
      expect(found.maxUtilisation).toBeCloseTo(Math.max(...use), 9);

      for (const path of found.paths) {
        const kind = classes[kinds[path.demand] as number] as PathClass;
        expect(path.delay).toBeLessThanOrEqual((kind.maxDelay ?? Number.POSITIVE_INFINITY) + 1e-9);
        const kept = [...sharesOn(ecmp, path.nodes).keys()].reduce(
          (product, edge) => product * (1 - (lossOf[edge] as number)),
          1,
        );
        expect(path.loss).toBeCloseTo(1 - kept, 9);
        expect(path.loss).toBeLessThanOrEqual((kind.maxLoss ?? 1) + 1e-9);
      }

      const latencyEdges = new Set(
        found.paths
          .filter(({ demand }) => kinds[demand] === 0)
          .flatMap(({ nodes }) => [...sharesOn(ecmp, nodes).keys()]),
      );
      const trainings = found.paths.filter(({ demand }) => kinds[demand] === 1);
      const [only] = trainings;
      if (trainings.length !== 1 || !only || only.overTarget) return;
      const [from, to, size] = network.demands[only.demand] as Demand;
      let possible = false;
      const others = utilisationOf(
        ecmp,
        carried.map(([a, b, amount], row): Demand => [a, b, kinds[row] === 0 ? amount : 0]),
        new Map([...chosen].map(([row, { nodes }]) => [row, nodes])),
      );
      eachSegmentPath(ecmp, from, to, 3, (nodes, segments) => {
        const shares = [...sharesOn(ecmp, [...nodes.slice(0, segments + 1)])];
        const fits = shares.every(
          ([edge, share]) =>
            (others[edge] as number) + (size * share) / (ecmp.graph.capacity[edge] as number) <= 0.8 + 1e-9,
        );
        const lossless =
          shares.reduce((product, [edge]) => product * (1 - (lossOf[edge] as number)), 1) >= 1 - 0.001 - 1e-9;
        possible ||= fits && lossless && shares.every(([edge]) => !latencyEdges.has(edge));
      });
      if (possible) expect(only.shared).toBe(0);
      apart += Number(possible && latencyEdges.size > 0);
    },
  );
  fc.assert(property, { numRuns: 500 });
  expect(apart).toBeGreaterThan(10);
});

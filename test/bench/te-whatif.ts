// Time of all single failures on a seeded random network of 200 nodes with full-mesh demands, everything after reading
// included: paths and loads before, every failure, sorting. Beside it the same failures with nothing kept from one to the
// next, once by destination (a new NetworkLoads) and once by pair (a new Ecmp): measured on a sample of the failures and
// multiplied up. All in one process on one thread. CPU time, compiling and garbage collection included: the median of the
// turns, the first one apart (in the first line nothing is compiled before it). `timesNaive` is against the faster of the
// two. One JSON line a figure.
import assert from "node:assert/strict";
import { seededRandom } from "../../src/kernel/random.ts";
import { Ecmp } from "../../src/te/ecmp.ts";
import { buildGraph, type Demands, type Graph } from "../../src/te/graph.ts";
import { NetworkLoads } from "../../src/te/network-loads.ts";
import { type DemandSegments, pathThrough } from "../../src/te/routed-demands.ts";
import { eachNode, type FailureScenario, failEach, physicalLinks } from "../../src/te/what-if.ts";

const seed = 1;
const nodes = 200;
const turns = 5;
const sampled = 8;
/** Share of demands on a path with one midpoint, where there are such paths. */
const steered = 0.05;

type Network = Readonly<{ graph: Graph; demands: Demands; paths: readonly DemandSegments[] }>;

/** A ring, so that it is connected, and random links: each both ways with one weight of 1 to `heaviest`. */
function randomNetwork(links: number, heaviest: number, withPaths: boolean): Network {
  const random = seededRandom(seed);
  const pick = (below: number) => Math.floor(random() * below);
  const ends = Array.from({ length: links }, (_, link): [number, number] => {
    if (link < nodes) return [link, (link + 1) % nodes];
    const from = pick(nodes);
    return [from, (from + 1 + pick(nodes - 1)) % nodes];
  });
  const weights = ends.map(() => 1 + pick(heaviest));
  const capacities = ends.map(() => [1e7, 4e7, 1e8][pick(3)] as number);
  const graph = buildGraph(nodes, {
    source: Int32Array.from(ends.flat()),
    target: Int32Array.from(ends.flatMap(([from, to]) => [to, from])),
    weight: Float64Array.from(weights.flatMap((weight) => [weight, weight])),
    capacity: Float64Array.from(capacities.flatMap((capacity) => [capacity, capacity])),
    delay: new Float64Array(2 * links),
  });
  const pairs = Array.from({ length: nodes * nodes }, (_, at) => [Math.floor(at / nodes), at % nodes] as const).filter(
    ([from, to]) => from !== to,
  );
  const demands = {
    row: Int32Array.from(pairs, (_, row) => row),
    source: Int32Array.from(pairs, ([from]) => from),
    target: Int32Array.from(pairs, ([, to]) => to),
    size: Float64Array.from(pairs, () => 1 + pick(20_000)),
  };
  const paths = pairs.flatMap(([from, to], demand) =>
    withPaths && random() < steered ? [pathThrough(demand, [from, pick(nodes), to])] : [],
  );
  return { graph, demands, paths };
}

function timed<T>(work: () => T): Readonly<{ ms: number; wallMs: number; result: T }> {
  const startedMs = performance.now();
  const started = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(started);
  return { ms: (user + system) / 1000, wallMs: performance.now() - startedMs, result };
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Edges gone with a failure, as a mark by edge. */
function removedBy(graph: Graph, failed: FailureScenario): Uint8Array {
  const gone = (edge: number) =>
    failed.kind === "node"
      ? graph.source[edge] === failed.node || graph.target[edge] === failed.node
      : failed.edges.includes(edge);
  return Uint8Array.from({ length: graph.edges }, (_, edge) => Number(gone(edge)));
}

/** Loads from shares of each pair; a failed node's own demands have none, and broken paths are not looked at: the least it can cost. */
function loadsByPair({ graph, demands }: Network, removed: Uint8Array): Float64Array {
  const ecmp = new Ecmp(graph, removed).buildAll();
  const loads = new Float64Array(graph.edges);
  for (let demand = 0; demand < demands.size.length; demand++) {
    const pair = (demands.source[demand] as number) * graph.nodes + (demands.target[demand] as number);
    for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
      const edge = ecmp.edge[k] as number;
      loads[edge] = (loads[edge] as number) + (ecmp.share[k] as number) * (demands.size[demand] as number);
    }
  }
  return loads;
}

function measure(name: string, network: Network, scenarios: readonly FailureScenario[]): void {
  const { graph, demands, paths } = network;
  const sweep = () => failEach(new NetworkLoads(graph, demands, paths), scenarios);
  const { result: impacts, ms: firstCpuMs } = timed(sweep);
  const runs = Array.from({ length: turns }, () => timed(sweep));
  const ms = median(runs.map((run) => run.ms));
  const sample = scenarios.filter((_, at) => at % Math.ceil(scenarios.length / sampled) === 0);
  const naive = (work: (removed: Uint8Array) => unknown) => {
    const each = sample.map((failed) => timed(() => work(removedBy(graph, failed))).ms);
    return median(each) * scenarios.length;
  };
  const byDestination = naive((removed) => new NetworkLoads(graph, demands, paths, removed).now);
  const byPair = naive((removed) => loadsByPair(network, removed));
  // All three mean the same.
  const loads = new NetworkLoads(graph, demands, paths);
  for (const failed of sample) {
    const { maxUtilisation } = new NetworkLoads(graph, demands, paths, removedBy(graph, failed)).now;
    const swept = impacts.find((impact) => impact.failed === failed);
    assert.ok(swept && Math.abs(swept.maxUtilisation - maxUtilisation) < 1e-9 * Math.max(1, maxUtilisation));
    if (paths.length > 0) continue;
    const expected = loadsByPair(network, removedBy(graph, failed));
    const got = failed.kind === "node" ? { removedNodes: [failed.node] } : { removedEdges: failed.edges };
    for (const [edge, load] of loads.whatIf(got).loads.entries()) {
      assert.ok(Math.abs(load - (expected[edge] ?? Number.NaN)) < 1e-6 * Math.max(1, load));
    }
  }
  const figure = {
    bench: "te-whatif",
    failures: name,
    scenarios: scenarios.length,
    nodes: graph.nodes,
    edges: graph.edges,
    demands: demands.size.length,
    paths: paths.length,
    seed,
    cpuMs: Math.round(ms),
    wallMs: Math.round(median(runs.map((run) => run.wallMs))),
    firstCpuMs: Math.round(firstCpuMs),
    naiveByDestinationCpuMs: Math.round(byDestination),
    naiveByPairCpuMs: Math.round(byPair),
    naiveSample: sample.length,
    timesNaive: Number((Math.min(byDestination, byPair) / ms).toFixed(1)),
    worstUtilisation: Number(impacts[0]?.maxUtilisation.toFixed(4)),
  };
  process.stdout.write(`${JSON.stringify(figure)}\n`);
}

const network = randomNetwork(500, 20, false);
measure("each link", network, physicalLinks(network.graph));
measure(
  "each directed edge",
  network,
  Array.from({ length: network.graph.edges }, (_, edge) => ({ kind: "link", name: `${edge}`, edges: [edge] })),
);
measure("each node", network, eachNode(network.graph));
const unary = randomNetwork(500, 1, false);
measure("each link, all weights 1", unary, physicalLinks(unary.graph));
const withPaths = randomNetwork(500, 20, true);
measure("each link, 5% of demands on segments", withPaths, physicalLinks(withPaths.graph));
measure("each node, 5% of demands on segments", withPaths, eachNode(withPaths.graph));
const double = randomNetwork(1000, 20, false);
measure("each of 1000 links both ways", double, physicalLinks(double.graph));

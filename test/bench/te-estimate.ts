import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { unwrap } from "../../src/kernel/failure.ts";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import { Ecmp } from "../../src/te/ecmp.ts";
import type { Demands, Graph } from "../../src/te/graph.ts";
import { parseDemands, parseGraph } from "../../src/te/repetita.ts";
import { estimateTrafficMatrix, type TrafficMatrix } from "../../src/te/traffic-matrix.ts";

// How near the estimate comes to a true matrix of which it sees the link loads only, on every REPETITA instance of a folder.
// The matrices there are gravity matrices themselves (to a rounding of 0.2%), which flatters any estimate with a gravity
// prior. So each is also tried `scattered`: every demand times a log-normal factor, sigma 0.5. `noise` adds a normal error of
// 1% to every counter. Beside the estimate, in the same run: the plain gravity matrix (out * in / all, of node totals, or of a
// node's total link loads where there are none), and the prior that the estimate started from.

const folder = process.argv[2];
if (folder === undefined) throw new Error("usage: npm run bench:estimate -- <folder of REPETITA instances>");
const seed = Number(process.env.SEED ?? 1);
const [sigma, noise] = [0.5, 0.01];

const cases = [
  { truth: "given", nodeTotals: false, noise: 0 },
  { truth: "given", nodeTotals: true, noise: 0 },
  { truth: "scattered", nodeTotals: false, noise: 0 },
  { truth: "scattered", nodeTotals: true, noise: 0 },
  { truth: "scattered", nodeTotals: false, noise },
] as const;
type Case = (typeof cases)[number];
type Figures = Readonly<{ meanRelativeError: number; rmsre90: number }>;

const normal = (random: Random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** By pair of nodes. */
function matrixOf(nodes: number, { source, target, size }: Demands, sizes: ArrayLike<number> = size): Float64Array {
  const matrix = new Float64Array(nodes * nodes);
  for (let at = 0; at < size.length; at++) {
    const pair = (source[at] as number) * nodes + (target[at] as number);
    matrix[pair] = (matrix[pair] as number) + (sizes[at] as number);
  }
  return matrix;
}

function loadsOf(graph: Graph, ecmp: Ecmp, matrix: Float64Array) {
  const { nodes } = graph;
  const load = new Float64Array(graph.edges);
  const [originated, received] = [new Float64Array(nodes), new Float64Array(nodes)];
  const add = (to: Float64Array, at: number, amount: number) => {
    to[at] = (to[at] as number) + amount;
  };
  matrix.forEach((size, pair) => {
    add(originated, Math.floor(pair / nodes), size);
    add(received, pair % nodes, size);
    for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
      add(load, ecmp.edge[k] as number, size * (ecmp.share[k] as number));
    }
  });
  return { load, originated, received };
}

type Loads = ReturnType<typeof loadsOf>;

/** Scaled so that it puts as much on all links together as was measured. */
function plainGravity(graph: Graph, ecmp: Ecmp, { load, originated, received }: Loads, nodeTotals: boolean) {
  const { nodes } = graph;
  const weight = (end: Int32Array, totals: Float64Array) => {
    if (nodeTotals) return totals;
    const sum = new Float64Array(nodes);
    for (let edge = 0; edge < graph.edges; edge++) {
      sum[end[edge] as number] = (sum[end[edge] as number] as number) + (load[edge] as number);
    }
    return sum;
  };
  const [out, into] = [weight(graph.source, originated), weight(graph.target, received)];
  const matrix = Float64Array.from({ length: nodes * nodes }, (_, pair) => {
    const [from, to] = [Math.floor(pair / nodes), pair % nodes];
    return from === to ? 0 : (out[from] as number) * (into[to] as number);
  });
  const scale = total(load) / total(loadsOf(graph, ecmp, matrix).load);
  return matrix.map((size) => size * scale);
}

const total = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
const rounded = (value: number) => Number(value.toPrecision(3));

/** Against the truth: absolute errors over all traffic, and the root mean square of relative errors of the largest demands that make up 90% of it. */
function figures(truth: Float64Array, estimate: Float64Array): Figures {
  const off = truth.reduce((sum, size, pair) => sum + Math.abs((estimate[pair] as number) - size), 0);
  const all = total(truth);
  let [covered, squares, count] = [0, 0, 0];
  for (const pair of [...truth.keys()].sort((a, b) => (truth[b] as number) - (truth[a] as number) || a - b)) {
    if (covered >= 0.9 * all) break;
    const size = truth[pair] as number;
    covered += size;
    squares += (((estimate[pair] as number) - size) / size) ** 2;
    count += 1;
  }
  return { meanRelativeError: rounded(off / all), rmsre90: rounded(Math.sqrt(squares / count)) };
}

function run(graph: Graph, demands: Demands, { truth, nodeTotals, noise }: Case) {
  const random = seededRandom(seed);
  const ecmp = new Ecmp(graph).buildAll();
  const scatter = (size: number) => (truth === "given" ? size : size * Math.exp(sigma * normal(random)));
  const matrix = matrixOf(graph.nodes, demands, demands.size.map(scatter));
  const loads = loadsOf(graph, ecmp, matrix);
  const load = noise === 0 ? loads.load : loads.load.map((value) => Math.max(0, value * (1 + noise * normal(random))));
  const startedMs = performance.now();
  const estimate: TrafficMatrix = estimateTrafficMatrix(graph, nodeTotals ? loads : { load });
  const elapsedMs = Math.round(performance.now() - startedMs);
  return {
    plainGravity: figures(matrix, plainGravity(graph, ecmp, { ...loads, load }, nodeTotals)),
    prior: figures(matrix, matrixOf(graph.nodes, estimate.demands, estimate.prior)),
    estimate: figures(matrix, matrixOf(graph.nodes, estimate.demands)),
    linkResidual: rounded(estimate.fit.relativeResidual),
    worstLinkResidual: rounded(estimate.fit.worstEdge?.relativeResidual ?? 0),
    unknowns: estimate.fit.unknowns,
    equations: estimate.fit.equations,
    elapsedMs,
  };
}

const mean = (values: readonly number[]) => rounded(values.reduce((sum, value) => sum + value, 0) / values.length);
const done: { case: Case; result: ReturnType<typeof run> }[] = [];
const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".demands")).sort();
for (const file of files) {
  const graphFile = join(folder, file.replace(/(\.\d+)?\.demands$/, ".graph"));
  const graph = unwrap(parseGraph(await readFile(graphFile, "utf8"), graphFile));
  const demands = unwrap(parseDemands(await readFile(join(folder, file), "utf8"), file, graph));
  for (const tried of cases) {
    const result = run(graph, demands, tried);
    done.push({ case: tried, result });
    console.log(JSON.stringify({ instance: basename(file, ".demands"), nodes: graph.nodes, ...tried, ...result }));
  }
}
const summary = cases.map((tried) => {
  const results = done.filter((one) => one.case === tried).map((one) => one.result);
  const means = (of: (result: ReturnType<typeof run>) => Figures) => ({
    meanRelativeError: mean(results.map((result) => of(result).meanRelativeError)),
    rmsre90: mean(results.map((result) => of(result).rmsre90)),
  });
  return {
    ...tried,
    plainGravity: means((result) => result.plainGravity),
    prior: means((result) => result.prior),
    estimate: means((result) => result.estimate),
    worstLinkResidual: Math.max(...results.map((result) => result.worstLinkResidual)),
    slowestMs: Math.max(...results.map((result) => result.elapsedMs)),
  };
});
const peakMemoryMb = Math.round(process.resourceUsage().maxRSS / 1024);
console.log(JSON.stringify({ bench: "te-estimate", instances: files.length, seed, peakMemoryMb, summary }));

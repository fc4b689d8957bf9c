import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { unwrap } from "../../src/kernel/failure.ts";
import { parseDemands, parseGraph } from "../../src/te/repetita.ts";
import { optimise } from "../../src/te/segment-routing/optimise.ts";

// npm run bench:te -- <folder>: every instance of the folder's baseline.csv (REPETITA files below the folder, by name), a
// JSON line per instance and budget: the median over the seeds, beside the Java SRLS column of that budget and the
// multi-commodity-flow bound. Parsing counts. BUDGETS=1,10 (seconds) and SEEDS=1,2,3,4,5 may be reduced. One thread.

const folder = process.argv[2];
if (!folder) throw new Error("usage: npm run bench:te -- <folder with baseline.csv>");
const numbers = (text: string) => text.split(",").map(Number);
const budgets = numbers(process.env.BUDGETS ?? "1,10");
const seeds = numbers(process.env.SEEDS ?? "1,2,3,4,5");

const files = new Map<string, string>();
for (const path of await readdir(folder, { recursive: true })) files.set(basename(path), join(folder, path));

const [head = "", ...lines] = (await readFile(join(folder, "baseline.csv"), "utf8")).trim().split(/\r?\n/);
const columns = head.split(",");
const rows = lines.map((line) => {
  const cells = line.split(",");
  return new Map(columns.map((column, at) => [column, cells[at] ?? ""]));
});

type Row = ReadonlyMap<string, string>;
const figure = (row: Row, column: string) => Number(row.get(column) || Number.NaN);

async function measure(row: Row, budgetS: number) {
  const instance = row.get("instance") ?? "";
  const demandsFile = files.get(`${instance}.demands`) ?? "";
  const graphFile = files.get(`${instance}.graph`) ?? files.get(`${instance.replace(/\.\d+$/, "")}.graph`) ?? "";
  const [graphText, demandsText] = [await readFile(graphFile, "utf8"), await readFile(demandsFile, "utf8")];
  const runs = seeds.map((seed) => {
    const startMs = performance.now();
    const graph = unwrap(parseGraph(graphText, graphFile));
    const demands = unwrap(parseDemands(demandsText, demandsFile, graph));
    const budgetMs = budgetS * 1000 - (performance.now() - startMs);
    const solved = optimise({ graph, demands, budgetMs, seed, now: () => performance.now() });
    return { ...solved, elapsedMs: performance.now() - startMs };
  });
  runs.sort((a, b) => a.maxUtilisation - b.maxUtilisation);
  const median = runs[(runs.length - 1) >> 1];
  if (!median) throw new Error("SEEDS is empty");
  const reference = figure(row, `srls_java_${budgetS}s_cpu_median`);
  const mcfBound = figure(row, "mcf_lower_bound");
  const gap = (value: number) => Number(((value / mcfBound - 1) * 100).toFixed(3));
  return {
    bench: "te",
    instance,
    budgetS,
    seeds: seeds.length,
    maxUtilisation: Number(median.maxUtilisation.toFixed(6)),
    srlsJava: reference,
    mcfBound,
    gapPercent: gap(median.maxUtilisation),
    srlsGapPercent: gap(reference),
    lowerBound: Number(median.lowerBound.toFixed(6)),
    proven: runs.filter((run) => run.provenOptimal).length,
    moved: median.moved,
    worstElapsedMs: Math.round(Math.max(...runs.map((run) => run.elapsedMs))),
  };
}

const mean = (values: readonly number[]) =>
  Number((values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(3));
for (const budgetS of budgets) {
  const measured: Awaited<ReturnType<typeof measure>>[] = [];
  for (const row of rows) {
    const line = await measure(row, budgetS);
    measured.push(line);
    console.log(JSON.stringify(line));
  }
  const compared = measured.filter((line) => Number.isFinite(line.srlsJava));
  const hard = compared.filter((line) => line.srlsGapPercent > 1);
  const worst = measured.toSorted((a, b) => b.gapPercent - a.gapPercent)[0];
  console.log(
    JSON.stringify({
      bench: "te",
      figure: "summary",
      budgetS,
      instances: measured.length,
      meanGapPercent: mean(measured.map((line) => line.gapPercent)),
      srlsMeanGapPercent: mean(compared.map((line) => line.srlsGapPercent)),
      within0_5PercentOrBetter: compared.filter((line) => line.maxUtilisation <= line.srlsJava * 1.005).length,
      compared: compared.length,
      betterWhereSrlsIsOver1Percent: `${hard.filter((line) => line.maxUtilisation < line.srlsJava).length} of ${hard.length}`,
      worst: { instance: worst?.instance, gapPercent: worst?.gapPercent },
      maxResidentMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
    }),
  );
}

import type { Clock } from "../kernel/clock.ts";
import { unwrap } from "../kernel/failure.ts";
import { parseLinkLoads, parseNodeTotals } from "../te/counter-files.ts";
import { formatDemands, parseKnownDemands } from "../te/demand-files.ts";
import type { Graph } from "../te/graph.ts";
import { parseGraph } from "../te/repetita.ts";
import { estimateTrafficMatrix, type Fit, type Measured } from "../te/traffic-matrix.ts";
import { readText, writeText } from "./te-files.ts";

/** Paths; a failure names them as they are written here. */
export type EstimateFiles = Readonly<{
  topology: string;
  linkLoads: string;
  known?: string | undefined;
  nodeTotals?: string | undefined;
  output?: string | undefined;
}>;

/** Node numbers as in the graph file, sizes in kbit/s. */
export type EstimateReport = Readonly<{
  demands: readonly Readonly<{ source: number; target: number; size: number }>[];
  fit: Omit<Fit, "worstEdge"> &
    Readonly<{ worstEdge: (NonNullable<Fit["worstEdge"]> & { label?: string }) | null; note: string }>;
  /** From when the files were read. */
  elapsedMs: number;
}>;

/** Reads the files, estimates, and writes the demands where asked. Throws a Failure, CONFIG_INVALID, for a file that is wrong. */
export async function estimateFromFiles(files: EstimateFiles, clock: Clock): Promise<EstimateReport> {
  const { topology, linkLoads, known, nodeTotals, output } = files;
  const texts = {
    topology: await readText(topology),
    linkLoads: await readText(linkLoads),
    known: known === undefined ? undefined : await readText(known),
    nodeTotals: nodeTotals === undefined ? undefined : await readText(nodeTotals),
  };
  const startedMs = clock.now();
  const graph = unwrap(parseGraph(texts.topology, topology));
  const measured: Measured = {
    load: unwrap(parseLinkLoads(texts.linkLoads, linkLoads, graph)),
    ...(texts.nodeTotals === undefined ? {} : unwrap(parseNodeTotals(texts.nodeTotals, nodeTotals ?? "", graph))),
    ...(texts.known === undefined ? {} : { known: unwrap(parseKnownDemands(texts.known, known ?? "", graph)) }),
  };
  const { demands, fit } = estimateTrafficMatrix(graph, measured);
  const listed = Array.from(demands.size, (size, at) => ({
    source: demands.source[at] as number,
    target: demands.target[at] as number,
    size: toBits(size),
  })).filter(({ size }) => size > 0);
  const elapsedMs = clock.now() - startedMs;
  if (output !== undefined) await writeText(output, formatDemands(listed));
  return { demands: listed, fit: { ...fit, worstEdge: named(fit.worstEdge, graph), note: noteOf(fit) }, elapsedMs };
}

/** No counter is better than a bit per second. */
const toBits = (kbits: number) => Math.round(kbits * 1e3) / 1e3;

function named(worst: Fit["worstEdge"], { edgeNames }: Graph): EstimateReport["fit"]["worstEdge"] {
  if (!worst) return null;
  const label = edgeNames?.[worst.edge];
  return { ...worst, ...(label === undefined ? {} : { label }) };
}

/** What the figures do not say by themselves. */
function noteOf({ unknowns, equations, unseen, prior }: Fit): string {
  const free = unknowns - equations;
  const made = prior === "node-totals" ? "made from the node totals" : "fitted to the link loads";
  const sentences = [
    free > 0
      ? `Not unique: ${equations} equations leave at least ${free} of ${unknowns} unknown demands open. Of all matrices with these loads this is the one nearest to a gravity matrix ${made}: a small residual says that it explains the loads, not that each demand is right.`
      : `${equations} equations for ${unknowns} unknown demands; those that always share their links cannot be told apart, and are split as in a gravity matrix ${made}.`,
    ...(unseen > 0
      ? [`${unseen} unknown demands cross nothing that was measured: they are the gravity matrix's alone.`]
      : []),
    "Traffic is taken to follow shortest paths, split evenly over equal ones.",
  ];
  return sentences.join(" ");
}

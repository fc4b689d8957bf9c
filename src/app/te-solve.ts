import { readFile } from "node:fs/promises";
import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import type { Demands, Graph } from "../te/graph.ts";
import { parseDemands, parseGraph } from "../te/repetita.ts";
import { type Optimised, optimise } from "../te/segment-routing/optimise.ts";

export type { Optimised };

export type SolveRequest = Readonly<{
  topologyFile: string;
  demandsFile: string;
  budgetMs: number;
  seed: number;
  maxSegments?: number;
  maxMoved?: number;
}>;

/** Reads both files, then optimises; the budget and `elapsedMs` begin when they have been read. */
export async function solve(request: SolveRequest): Promise<Result<Optimised>> {
  const { topologyFile, demandsFile, ...options } = request;
  const texts = await Promise.all([readText(topologyFile), readText(demandsFile)]);
  const [topology, matrix] = texts;
  if (!topology.ok) return topology;
  if (!matrix.ok) return matrix;
  const startMs = performance.now();
  const network = parseNetwork(topology.value, topologyFile, matrix.value, demandsFile);
  if (!network.ok) return network;
  const budgetMs = Math.max(0, options.budgetMs - (performance.now() - startMs));
  const solved = optimise({ ...options, ...network.value, budgetMs, now: () => performance.now() });
  return ok({ ...solved, elapsedMs: performance.now() - startMs });
}

function parseNetwork(
  topology: string,
  topologyFile: string,
  matrix: string,
  demandsFile: string,
): Result<{ graph: Graph; demands: Demands }> {
  const graph = parseGraph(topology, topologyFile);
  if (!graph.ok) return graph;
  const demands = parseDemands(matrix, demandsFile, graph.value);
  return demands.ok ? ok({ graph: graph.value, demands: demands.value }) : demands;
}

async function readText(file: string): Promise<Result<string>> {
  try {
    return ok(await readFile(file, "utf8"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return fail(
      new Failure("CONFIG_INVALID", `${file}: cannot be read (${code})`, { mend: "name a file that can be read" }),
    );
  }
}

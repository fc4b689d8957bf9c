import { unwrap } from "../kernel/failure.ts";
import { parseDemands, parseGraph } from "../te/repetita.ts";
import { type Optimised, optimise } from "../te/segment-routing/optimise.ts";
import { readText } from "./te-files.ts";

export type { Optimised };

export type SolveRequest = Readonly<{
  topology: string;
  demands: string;
  budgetMs: number;
  seed: number;
  maxSegments: number;
  maxMoved?: number;
  surviveLinkFailures: boolean;
}>;

/** Reads both files, then optimises; the budget and `elapsedMs` begin when they have been read. Throws a Failure, CONFIG_INVALID, for a file that is wrong. */
export async function solveFiles(request: SolveRequest): Promise<Optimised> {
  const { topology, demands: matrix, ...options } = request;
  const texts = await Promise.all([readText(topology), readText(matrix)]);
  const startMs = performance.now();
  const graph = unwrap(parseGraph(texts[0], topology));
  const demands = unwrap(parseDemands(texts[1], matrix, graph));
  const budgetMs = Math.max(0, options.budgetMs - (performance.now() - startMs));
  const solved = optimise({ ...options, graph, demands, budgetMs, now: () => performance.now() });
  return { ...solved, elapsedMs: performance.now() - startMs };
}

import { unwrap } from "../kernel/failure.ts";
import { Ecmp } from "../te/ecmp.ts";
import { parseDemands, parseGraph } from "../te/repetita.ts";
import { type Relief, relieve } from "../te/segment-routing/relief.ts";
import { parsePaths, readText } from "./te-files.ts";

export type RelieveRequest = Readonly<{
  topology: string;
  demands: string;
  /** Policies there are: a file as `te solve --json` prints it. */
  paths?: string;
  target: number;
  maxSegments: number;
}>;

/** `atLeast` is null when no number of new policies relieves every hot edge. `elapsedMs` is everything after reading the files. */
export type ReliefReport = Omit<Relief, "policies" | "atLeast"> &
  Readonly<{ paths: Relief["policies"]; atLeast: number | null; elapsedMs: number }>;

/** Throws a Failure, CONFIG_INVALID, for a file that is wrong. */
export async function relieveFiles(request: RelieveRequest): Promise<ReliefReport> {
  const { topology, demands: matrix, paths, target, maxSegments } = request;
  const texts = [await readText(topology), await readText(matrix), paths ? await readText(paths) : ""] as const;
  const startMs = performance.now();
  const graph = unwrap(parseGraph(texts[0], topology));
  const demands = unwrap(parseDemands(texts[1], matrix, graph));
  const policies = paths ? parsePaths(texts[2], paths, graph, demands) : [];
  const found = relieve({ ecmp: new Ecmp(graph).buildAll(), demands, policies, target, maxSegments });
  const { policies: made, atLeast, ...rest } = found;
  const elapsedMs = Math.round((performance.now() - startMs) * 10) / 10;
  return { ...rest, paths: made, atLeast: Number.isFinite(atLeast) ? atLeast : null, elapsedMs };
}

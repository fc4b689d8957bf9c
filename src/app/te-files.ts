import { readFile, writeFile } from "node:fs/promises";
import { z } from "zod";
import { fileProblem } from "../config/config-file.ts";
import { Failure } from "../kernel/failure.ts";
import { type Demands, type Graph, placeByRow } from "../te/graph.ts";
import type { SegmentPath } from "../te/segment-routing/segment-path.ts";

/** Throws Failure CONFIG_INVALID, naming the file. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw wrongFile(file, error);
  }
}

/** Throws Failure CONFIG_INVALID, naming the file. */
export async function writeText(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw wrongFile(file, error, "name a file in a folder that exists and that this user may write to");
  }
}

function wrongFile(file: string, error: unknown, mend?: string): Failure {
  const problem = fileProblem(file, error);
  return new Failure("CONFIG_INVALID", `${file}: ${problem.message}`, { mend: mend ?? problem.mend, cause: error });
}

const Id = z.int().nonnegative();
/** No router takes a segment list as long (RFC 9256 leaves it to the platform; ten is much). */
const mostSegments = 16;
const Paths = z.object({
  paths: z.array(
    z.object({
      demand: Id,
      nodes: z
        .array(Id)
        .min(2)
        .max(mostSegments + 1),
    }),
  ),
});

/**
 * The paths of a solution, in the order of the file.
 * Shape:  `{ paths: [{ demand: row in the demands file from 0, nodes: [source, midpoints, destination] }] }`; the rest is ignored.
 * Errors: CONFIG_INVALID with the file and the field.
 */
export function parsePaths(text: string, file: string, graph: Graph, demands: Demands): readonly SegmentPath[] {
  const refuse = (where: string, reason: string, mend: string): never => {
    throw new Failure("CONFIG_INVALID", `${file}: ${where ? `${where} ` : ""}${reason}`, { mend });
  };
  const shape =
    "give a file that te solve --json printed: { paths: [{ demand, nodes: [source, midpoints, destination] }] }";
  const parsed = Paths.safeParse(json(text, (reason) => refuse("", `is not JSON: ${reason}`, shape)));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refuse(z.core.toDotPath(issue?.path ?? []), issue?.message ?? "", shape);
  }
  const placeOf = placeByRow(demands);
  const taken = new Set<number>();
  for (const [at, { demand: row, nodes }] of parsed.data.paths.entries()) {
    const demand = placeOf.get(row);
    if (demand === undefined) {
      const mend =
        "demand is the row in the demands file, from 0; rows of size 0 or from a node to itself do not count";
      return refuse(`paths[${at}].demand`, `there is no demand ${row}`, mend);
    }
    if (taken.has(row)) refuse(`paths[${at}].demand`, `demand ${row} has a path already`, "keep one path a demand");
    taken.add(row);
    for (const [k, node] of nodes.entries()) {
      if (node < graph.nodes) continue;
      refuse(`paths[${at}].nodes[${k}]`, `unknown node ${node}`, `nodes are numbered 0 to ${graph.nodes - 1}`);
    }
    const [source, target] = [demands.source[demand] as number, demands.target[demand] as number];
    if (nodes[0] !== source || nodes.at(-1) !== target) {
      const reason = `the path goes from ${nodes[0]} to ${nodes.at(-1)}, demand ${row} from ${source} to ${target}`;
      refuse(`paths[${at}].nodes`, reason, "use the paths with the demands that they were made for");
    }
  }
  return parsed.data.paths;
}

function json(text: string, refuse: (reason: string) => never): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return refuse((error as Error).message);
  }
}

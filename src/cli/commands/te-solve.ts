import { Command, Option } from "commander";
import type { Optimised } from "../../app/te-solve.ts";
import { formatPercent } from "../../kernel/units.ts";
import { duration, globalsOf, wholeNumber } from "../options.ts";
import { print, printJson, table } from "../terminal.ts";

type SolveOptions = {
  topology: string;
  demands: string;
  budget: number;
  seed: number;
  maxSegments: number;
  maxMoved?: number;
  surviveLinkFailures: boolean;
};

/** Paths shown to a person; a program gets all. */
const shownPaths = 10;

/** `te solve`: segment-routing paths for the lowest maximum link utilisation. */
export function solveCommand(): Command {
  return new Command("solve")
    .description("segment-routing paths for the lowest maximum link utilisation")
    .requiredOption("--topology <file>", "REPETITA .graph file")
    .requiredOption("--demands <file>", "REPETITA .demands file")
    .addOption(new Option("--budget <duration>", "time to spend: 500ms, 2m").argParser(duration).default(1000, "1s"))
    .option("--seed <number>", "the same seed searches the same way", wholeNumber(0, 2 ** 32 - 1), 1)
    .option("--max-segments <number>", "segments of a path at most, midpoints plus one", wholeNumber(1, 16), 5)
    .option("--max-moved <number>", "demands off their IGP path at most", wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option(
      "--survive-link-failures",
      "no single failed link may overload another, nor be worse than on the IGP",
      false,
    )
    .action(async ({ budget, ...options }: SolveOptions, command: Command) => {
      const { solveFiles } = await import("../../app/te-solve.ts");
      const solved = await solveFiles({ ...options, budgetMs: budget });
      if (globalsOf(command).json) printJson(solved);
      else print(describe(solved));
    });
}

function describe({ paths, ...solved }: Optimised): string {
  const { initialMaxUtilisation, maxUtilisation, lowerBound, provenOptimal, moved, elapsedMs } = solved;
  const figures = table(
    ["before", "after", "lower bound", "moved", "time"],
    [
      [
        formatPercent(initialMaxUtilisation),
        formatPercent(maxUtilisation),
        `${formatPercent(lowerBound)}${provenOptimal ? " (optimal)" : ""}`,
        `${moved} demands`,
        `${Math.round(elapsedMs)} ms`,
      ],
    ],
  );
  if (paths.length === 0) return figures;
  const rows = paths.slice(0, shownPaths).map(({ demand, nodes }) => [String(demand), nodes.join(" > ")]);
  const more = paths.length > shownPaths ? `\n${paths.length - shownPaths} more; --json has them all` : "";
  return `${figures}\n\n${table(["demand", "path"], rows)}${more}`;
}

import { Command } from "commander";
import type { Optimised, SolveRequest } from "../../app/te-solve.ts";
import { Failure, unwrap } from "../../kernel/failure.ts";
import { formatPercent, parseDurationMs } from "../../kernel/units.ts";
import { globalsOf } from "../options.ts";
import { print, printJson, table } from "../terminal.ts";

type SolveOptions = {
  topology: string;
  demands: string;
  budget: string;
  seed: string;
  maxSegments: string;
  maxMoved?: string;
};

/** Paths shown to a person; a program gets all. */
const shownPaths = 10;

export function teCommand(): Command {
  const solve = new Command("solve")
    .description("segment-routing paths for the lowest maximum link utilisation")
    .requiredOption("--topology <file>", "REPETITA .graph file")
    .requiredOption("--demands <file>", "REPETITA .demands file")
    .option("--budget <duration>", "time to spend: 1s, 500ms, 2m", "1s")
    .option("--seed <number>", "the same seed searches the same way", "1")
    .option("--max-segments <number>", "segments of a path at most, midpoints plus one", "5")
    .option("--max-moved <number>", "demands off their IGP path at most")
    .action(async (options: SolveOptions, command: Command) => {
      const request = requestOf(options);
      const { solve: run } = await import("../../app/te-solve.ts");
      const solved = unwrap(await run(request));
      if (globalsOf(command).json) printJson(solved);
      else print(describe(solved));
    });
  return new Command("te").description("traffic engineering on topology and demand files").addCommand(solve);
}

function requestOf(options: SolveOptions): SolveRequest {
  const budgetMs = parseDurationMs(options.budget);
  if (!budgetMs) {
    throw new Failure("CONFIG_INVALID", `--budget ${options.budget} is not a duration`, {
      mend: "write it as 500ms, 1s or 2m",
    });
  }
  return {
    topologyFile: options.topology,
    demandsFile: options.demands,
    budgetMs,
    seed: wholeNumber("--seed", options.seed, 0, 2 ** 32 - 1),
    maxSegments: wholeNumber("--max-segments", options.maxSegments, 1, 16),
    ...(options.maxMoved === undefined
      ? {}
      : { maxMoved: wholeNumber("--max-moved", options.maxMoved, 0, Number.MAX_SAFE_INTEGER) }),
  };
}

function wholeNumber(option: string, text: string, lowest: number, highest: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= lowest && value <= highest) return value;
  throw new Failure("CONFIG_INVALID", `${option} ${text} is not a whole number from ${lowest} to ${highest}`, {
    mend: `give ${option} a whole number`,
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

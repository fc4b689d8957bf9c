import { Command, InvalidArgumentError, Option } from "commander";
import type { ReliefReport } from "../../app/te-relieve.ts";
import { formatPercent } from "../../kernel/units.ts";
import { exitCode } from "../exit.ts";
import { globalsOf, wholeNumber } from "../options.ts";
import { print, printJson, table } from "../terminal.ts";

type RelieveOptions = { topology: string; demands: string; paths?: string; target: number; maxSegments: number };

/** `te relieve`: the fewest new policies that bring hot links under a target, with nothing else touched. */
export function relieveCommand(): Command {
  return new Command("relieve")
    .description(
      "few new policies that bring hot links under a target; exit 3 when nothing is hot, 5 when some stay so",
    )
    .requiredOption("--topology <file>", "REPETITA .graph file")
    .requiredOption("--demands <file>", "REPETITA .demands file")
    .option("--paths <file>", "policies there are, as te solve --json prints them: none of them is touched")
    .addOption(
      new Option("--target <percent>", "utilisation that no link should be over")
        .argParser(percent)
        .default(0.8, "80%"),
    )
    .option("--max-segments <number>", "segments of a new path at most; 3 takes longer", wholeNumber(2, 3), 2)
    .action(async (options: RelieveOptions, command: Command) => {
      const { relieveFiles } = await import("../../app/te-relieve.ts");
      const report = await relieveFiles(options);
      if (globalsOf(command).json) printJson(report);
      else print(describe(report));
      if (report.hot.length === 0) process.exitCode = exitCode.nothingToDo;
      else if (report.stillHot.length > 0) process.exitCode = exitCode.blocked;
    });
}

function percent(text: string): number {
  const value = /^(\d+\.?\d*)%$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (value > 0 && value <= 1000) return value / 100;
  throw new InvalidArgumentError("It must be a percentage, such as 80%.");
}

function describe({ hot, stillHot, paths, atLeast, maxUtilisation: { before, after } }: ReliefReport): string {
  if (hot.length === 0) return `no link is over the target; the fullest is at ${formatPercent(before)}`;
  const few = atLeast === null ? "no number of them is enough" : `no fewer than ${atLeast} can do it`;
  const lines = [
    `${hot.length} hot edges, the fullest at ${formatPercent(before)}; ${formatPercent(after)} with ${paths.length} new policies (${few})`,
  ];
  if (stillHot.length > 0) lines.push(`found no way to bring these under the target: edges ${stillHot.join(", ")}`);
  if (paths.length === 0) return lines.join("\n");
  const rows = paths.map(({ demand, nodes }) => [String(demand), nodes.join(" > ")]);
  return [...lines, "", table(["demand", "path"], rows)].join("\n");
}

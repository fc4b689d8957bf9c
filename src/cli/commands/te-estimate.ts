import { Command } from "commander";
import type { EstimateFiles, EstimateReport } from "../../app/te-estimate.ts";
import { systemClock } from "../../kernel/clock.ts";
import { formatPercent, formatRate } from "../../kernel/units.ts";
import { globalsOf } from "../options.ts";
import { plain, print, printJson, table } from "../terminal.ts";

/** Of the demands shown to a person; a program gets them all. */
const shown = 10;

export function estimateCommand(): Command {
  return new Command("estimate")
    .description("the traffic matrix that explains measured link loads; rates in kbit/s")
    .requiredOption("--topology <file>", "REPETITA graph")
    .requiredOption(
      "--link-loads <file>",
      "CSV edge,load: the edge's row number from 0 or its label; leave out what was not measured",
    )
    .option(
      "--known <file>",
      "REPETITA demands that were measured themselves (LSP or SR counters, flow data): held as they are",
    )
    .option(
      "--node-totals <file>",
      "CSV node,in,out: traffic that enters the network at the node, and that leaves it there",
    )
    .option("--output <file>", "write the matrix as REPETITA demands")
    .action(async (files: EstimateFiles, command: Command) => {
      const { estimateFromFiles } = await import("../../app/te-estimate.ts");
      const report = await estimateFromFiles(files, systemClock);
      if (globalsOf(command).json) printJson(report);
      else print(showReport(report, files.output));
    });
}

const rate = (kbits: number) => formatRate(kbits * 1e3);

function showReport({ demands, fit, elapsedMs }: EstimateReport, output: string | undefined): string {
  const total = demands.reduce((sum, { size }) => sum + size, 0);
  const largest = demands.toSorted((a, b) => b.size - a.size).slice(0, shown);
  const rows = largest.map(({ source, target, size }) => [String(source), String(target), rate(size)]);
  const { worstEdge, nodeTotalsResidual } = fit;
  return [
    `${demands.length} demands, ${rate(total)} together, in ${elapsedMs} ms${output === undefined ? "" : `; all of them in ${output}`}`,
    "",
    table(["source", "target", "size"], rows),
    ...(demands.length > shown ? [`… and ${demands.length - shown} smaller ones`] : []),
    "",
    `Link loads are met to ${share(fit.relativeResidual)}.`,
    ...(nodeTotalsResidual === undefined ? [] : [`Node totals are met to ${share(nodeTotalsResidual)}.`]),
    ...(worstEdge
      ? [
          `Furthest off: edge ${worstEdge.edge}${worstEdge.label === undefined ? "" : ` (${plain(worstEdge.label)})`}, measured ${rate(worstEdge.measured)}, fitted ${rate(worstEdge.fitted)}.`,
        ]
      : []),
    fit.note,
  ].join("\n");
}

/** Small shares are what is looked for here: three digits of them. */
const share = (value: number) => (value < 0.001 ? `${Number((value * 100).toPrecision(2))}%` : formatPercent(value));

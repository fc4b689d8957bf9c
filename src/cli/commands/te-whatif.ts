import { Command, InvalidArgumentError, Option } from "commander";
import type { WhatIfReport } from "../../app/te-whatif.ts";
import { formatPercent, formatRate } from "../../kernel/units.ts";
import { globalsOf, wholeNumber } from "../options.ts";
import { plain, print, printJson, table } from "../terminal.ts";

type WhatIfOptions = {
  topology: string;
  demands: string;
  paths?: string;
  failEach?: "link" | "node";
  removeEdge: number[];
  removeNode: number[];
  weight: Map<number, number>;
  capacity: Map<number, number>;
  scaleDemands?: number;
  addDemand: { source: number; target: number; size: number }[];
  top: number;
};

const id = wholeNumber(0, 2 ** 31 - 1);

/** `te whatif`: loads before and after a change, or under every single failure. */
export function whatIfCommand(): Command {
  const ids = (text: string, before: number[]) => [...before, id(text)];
  return new Command("whatif")
    .description("link loads after a change, or under every single failure on top of it")
    .requiredOption("--topology <file>", "REPETITA .graph file")
    .requiredOption("--demands <file>", "REPETITA .demands file")
    .option("--paths <file>", "segment-routing paths, as te solve --json prints them; all else goes by the IGP")
    .addOption(new Option("--fail-each <what>", "fail each alone: links in both directions").choices(["link", "node"]))
    .option("--remove-edge <edge>", "remove one direction of a link; repeatable, also the options below", ids, [])
    .option("--remove-node <node>", "remove a node and its demands", ids, [])
    .option("--weight <edge=weight>", "another IGP metric", perEdge(0), new Map())
    .option("--capacity <edge=kbit/s>", "another capacity", perEdge(Number.MIN_VALUE), new Map())
    .option("--add-demand <from,to=kbit/s>", "one more demand", addedDemand, [])
    .option("--scale-demands <factor>", "multiply every demand of the file", factor)
    .option("--top <count>", "rows of the table", wholeNumber(1, 1_000_000), 10)
    .action(async (options: WhatIfOptions, command: Command) => {
      const { answerWhatIf } = await import("../../app/te-whatif.ts");
      const { removeEdge, removeNode, weight, capacity, addDemand, top, ...rest } = options;
      const report = await answerWhatIf({
        ...rest,
        removedEdges: removeEdge,
        removedNodes: removeNode,
        weights: weight,
        capacities: capacity,
        addedDemands: addDemand,
      });
      if (globalsOf(command).json) printJson(report);
      else print(showReport(report, top));
    });
}

/** A plain decimal number of at least `least`; undefined when it is none. */
function decimal(text: string, least: number): number | undefined {
  const value = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) && value >= least ? value : undefined;
}

function perEdge(least: number) {
  return (text: string, before: Map<number, number>) => {
    const [, edge, number] = /^(\d+)=(.+)$/.exec(text) ?? [];
    const value = decimal(number ?? "", least);
    if (edge === undefined || value === undefined) {
      throw new InvalidArgumentError(
        `It must be an edge, =, and a number ${least === 0 ? "of 0 or more" : "above 0"}.`,
      );
    }
    return new Map(before).set(id(edge), value);
  };
}

function addedDemand(text: string, before: WhatIfOptions["addDemand"]): WhatIfOptions["addDemand"] {
  const [, from, to, number] = /^(\d+),(\d+)=(.+)$/.exec(text) ?? [];
  const size = decimal(number ?? "", 0);
  if (from === undefined || to === undefined || size === undefined || Number(from) === Number(to)) {
    throw new InvalidArgumentError("It must be two different nodes and a size, such as 3,7=50000.");
  }
  return [...before, { source: id(from), target: id(to), size }];
}

function factor(text: string): number {
  const value = decimal(text, 0);
  if (value === undefined) throw new InvalidArgumentError("It must be a number of 0 or more.");
  return value;
}

function showReport(report: WhatIfReport, top: number): string {
  const { before, after, failures, edges, elapsedMs } = report;
  const nameOf = new Map(edges.map(({ edge, name }) => [edge, plain(name)]));
  const on = (edge: number | null) => (edge === null ? "-" : `${nameOf.get(edge)} (${edge})`);
  const lines = [
    summary("before", before, on),
    ...(after ? [summary("after", after, on)] : []),
    ...(after && after.cutOff.length > 0 ? [`cut off: demands ${listed(after.cutOff, top)}`] : []),
    "",
  ];
  if (failures.length === 0) {
    const shown = edges
      .slice(0, top)
      .map(({ edge, name, load, utilisation }) => [
        String(edge),
        plain(name),
        formatPercent(utilisation.before),
        ...(after ? [formatPercent(utilisation.after)] : []),
        kbit(load.after),
      ]);
    lines.push(table(["EDGE", "FROM - TO", ...(after ? ["BEFORE", "AFTER"] : ["NOW"]), "LOAD"], shown));
    return lines.join("\n");
  }
  const shown = failures
    .slice(0, top)
    .map((one) => [
      one.failed.kind === "node" ? `node ${one.failed.node}` : one.failed.edges.join("+"),
      plain(one.failed.name),
      formatPercent(one.maxUtilisation),
      on(one.edge),
      `${one.overloaded} (${one.newlyOverloaded} new)`,
      one.disconnected.demands === 0 ? "-" : `${one.disconnected.demands}, ${kbit(one.disconnected.volume)}`,
      String(one.fallbacks),
    ]);
  const head = ["FAILED", "NAME", "MAX", "ON", "OVERLOADED", "CUT OFF", "FALLBACKS"];
  const count = (which: (one: WhatIfReport["failures"][number]) => boolean) => failures.filter(which).length;
  lines.push(
    table(head, shown),
    "",
    `${failures.length} failures in ${Math.round(elapsedMs)} ms: ${count((one) => one.newlyOverloaded > 0)} overload ` +
      `an edge that was not, ${count((one) => one.disconnected.demands > 0)} cut demands off`,
  );
  return lines.join("\n");
}

const kbit = (rate: number) => formatRate(rate * 1000);

function listed(rows: readonly number[], top: number): string {
  const more = rows.length - top;
  return `${rows.slice(0, top).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function summary(when: string, loads: WhatIfReport["before"], on: (edge: number | null) => string): string {
  const { maxUtilisation, edge, overloaded, disconnected, lost, fallbacks } = loads;
  const parts = [`${when}: ${formatPercent(maxUtilisation)} on ${on(edge)}`, `${overloaded} edges overloaded`];
  if (disconnected.demands > 0) parts.push(`${disconnected.demands} demands cut off (${kbit(disconnected.volume)})`);
  if (lost.demands > 0) parts.push(`${lost.demands} gone with their node (${kbit(lost.volume)})`);
  if (fallbacks > 0) parts.push(`${fallbacks} on their IGP path instead of their own`);
  return parts.join(", ");
}

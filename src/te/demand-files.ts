import { ok, type Result } from "../kernel/failure.ts";
import type { Demands, Graph } from "./graph.ts";
import { parseDemands } from "./repetita.ts";

/** Demands whose size is measured, of a REPETITA file. One of 0 is kept: that nothing goes there is known, too. */
export function parseKnownDemands(text: string, file: string, graph: Graph): Result<Demands> {
  const parsed = parseDemands(text, file, graph);
  if (!parsed.ok) return parsed;
  const lines = text.trim().split(/\r?\n/).slice(2);
  const none = lines
    .map((line, row) => ({ row, fields: line.trim().split(/\s+/).map(Number) }))
    .filter(({ fields: [, from, to, size] }) => size === 0 && from !== to);
  const { row, source, target, size } = parsed.value;
  return ok({
    row: Int32Array.from([...row, ...none.map((one) => one.row)]),
    source: Int32Array.from([...source, ...none.map(({ fields }) => fields[1] as number)]),
    target: Int32Array.from([...target, ...none.map(({ fields }) => fields[2] as number)]),
    size: Float64Array.from([...size, ...none.map(() => 0)]),
  });
}

/** A REPETITA file of demands in kbit/s. */
export function formatDemands(demands: readonly Readonly<{ source: number; target: number; size: number }>[]): string {
  const lines = demands.map(({ source, target, size }, row) => `demand_${row} ${source} ${target} ${size}`);
  return `${[`DEMANDS ${demands.length}`, "label src dest bw", ...lines].join("\n")}\n`;
}

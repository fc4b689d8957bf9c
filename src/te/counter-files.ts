import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import type { Graph } from "./graph.ts";
import { largest } from "./repetita.ts";

// Counters as CSV: a header line, then a line a measurement, in any order. What was not measured is left out. The first column
// is a row number of the graph file's section, from 0, or the label there (with commas in it, if it has any).

/**
 * Link loads: header `edge,load`. Returns kbit/s by edge, NaN where there is none.
 * Errors: CONFIG_INVALID, `file:line reason`.
 */
export function parseLinkLoads(text: string, file: string, graph: Graph): Result<Float64Array> {
  return reading(text, file, ["edge", "load"], (rows) => {
    const load = new Float64Array(graph.edges).fill(Number.NaN);
    const place = rows.placeOf("edge", graph.edges, graph.edgeNames);
    for (const row of rows) load[place(row)] = rows.rate(row, 1);
    return load;
  });
}

/**
 * Traffic that enters the network at a node (`in`: the node originates it) and leaves it there (`out`): header `node,in,out`.
 * Returns kbit/s by node, NaN where there is none. Errors: CONFIG_INVALID, `file:line reason`.
 */
export function parseNodeTotals(
  text: string,
  file: string,
  graph: Graph,
): Result<Readonly<{ originated: Float64Array; received: Float64Array }>> {
  return reading(text, file, ["node", "in", "out"], (rows) => {
    const originated = new Float64Array(graph.nodes).fill(Number.NaN);
    const received = originated.slice();
    const place = rows.placeOf("node", graph.nodes, graph.nodeNames);
    for (const row of rows) {
      const node = place(row);
      originated[node] = rows.rate(row, 1);
      received[node] = rows.rate(row, 2);
    }
    return { originated, received };
  });
}

function reading<T>(text: string, file: string, columns: readonly string[], read: (rows: Rows) => T): Result<T> {
  try {
    return ok(read(new Rows(text, file, columns)));
  } catch (error) {
    if (error instanceof Failure) return fail(error);
    throw error;
  }
}

type Row = Readonly<{ line: number; cells: readonly string[] }>;

class Rows {
  readonly #file: string;
  readonly #columns: readonly string[];
  readonly #rows: Row[] = [];

  constructor(text: string, file: string, columns: readonly string[]) {
    this.#file = file;
    this.#columns = columns;
    const [header = "", ...lines] = text.replace(/^\uFEFF/, "").split(/\r?\n/);
    if (cellsOf(header, columns.length).join() !== columns.join()) {
      this.#refuse(1, `missing header: ${columns.join()} expected`, `write ${columns.join()} in the first line`);
    }
    for (const [at, line] of lines.entries()) {
      if (line.trim() === "") continue;
      const cells = cellsOf(line, columns.length);
      if (cells.length !== columns.length) {
        this.#refuse(at + 2, `${cells.length} fields, not ${columns.length}`, `write ${columns.join()}`);
      }
      this.#rows.push({ line: at + 2, cells });
    }
    if (this.#rows.length === 0)
      this.#refuse(1, "nothing was measured", `add a line ${columns.join()} for each ${columns[0]}`);
  }

  [Symbol.iterator](): Iterator<Row> {
    return this.#rows[Symbol.iterator]();
  }

  /** Reads the first cell of a row: which edge or node it is, each once. */
  placeOf(what: string, count: number, labels: readonly string[] = []): (row: Row) => number {
    const labelled = new Map<string, number[]>();
    for (const [at, label] of labels.entries()) labelled.set(label, [...(labelled.get(label) ?? []), at]);
    const seen = new Map<number, number>();
    return ({ line, cells }) => {
      const name = cells[0] as string;
      const [at, other] = /^\d+$/.test(name) ? [Number(name)] : (labelled.get(name) ?? []);
      if (at === undefined || at >= count) {
        this.#refuse(line, `unknown ${what} ${name}`, `write its label, or its row number from 0 to ${count - 1}`);
      }
      if (other !== undefined) {
        this.#refuse(line, `label ${name} stands for ${what}s ${at} and ${other}`, "write the row number instead");
      }
      const before = seen.get(at);
      if (before !== undefined) {
        this.#refuse(line, `${what} ${name} for the second time, after line ${before}`, "keep one of the two lines");
      }
      seen.set(at, line);
      return at;
    };
  }

  rate({ line, cells }: Row, column: number): number {
    const [text, what] = [cells[column] as string, this.#columns[column] as string];
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (!Number.isFinite(value)) {
      const shown = text === "" ? "is empty" : `${text} is not a number`;
      this.#refuse(line, `${what} ${shown}`, "write kbit/s as a plain decimal number; leave out what was not measured");
    }
    if (value < 0) this.#refuse(line, `negative ${what} ${text}`, `give a ${what} of 0 or more, in kbit/s`);
    if (value > largest) this.#refuse(line, `${what} ${text} is too large`, `give a ${what} of ${largest} at most`);
    return value;
  }

  #refuse(line: number, reason: string, mend: string): never {
    throw new Failure("CONFIG_INVALID", `${this.#file}:${line} ${reason}`, { mend });
  }
}

/** Splits at the last commas, because labels may hold some; quotes around a cell are dropped (RFC 4180). */
function cellsOf(line: string, count: number): string[] {
  const parts = line.split(",");
  const first = parts.slice(0, Math.max(1, parts.length - count + 1)).join(",");
  return [first, ...parts.slice(Math.max(1, parts.length - count + 1))].map((cell) =>
    cell.trim().replace(/^"(.*)"$/, "$1"),
  );
}

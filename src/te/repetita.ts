import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import { buildGraph, type Demands, type Graph } from "./graph.ts";
import { ShortestPathTrees } from "./shortest-path-trees.ts";

// The text formats of REPETITA (Gay, Schaus, Vissicchio, "REPETITA: Repeatable Experiments for Performance Evaluation of
// Traffic-Engineering Algorithms", arXiv:1710.08665): sections of a count, a header line and one line an item; ids from 0.

/**
 * A `.graph` file: `NODES n`, `label x y` lines, `EDGES m`, `label src dest weight bw delay` lines; edges are directed.
 * Units: bw in kbit/s; weight and delay as they stand. Errors: CONFIG_INVALID, `file:line reason`.
 */
export function parseGraph(text: string, file: string): Result<Graph> {
  return parsing(() => {
    const lines = new Lines(text, file);
    const nodes = lines.section("NODES", "NODES <count>, then a line label x y for each node");
    const nodeNames = Array.from({ length: nodes }, () => lines.item("node", ["label", "x", "y"])[0] as string);
    const edges = lines.section(
      "EDGES",
      "as many nodes as the count says, EDGES <count>, then a line label src dest weight bw delay for each edge",
    );
    const [source, target] = [new Int32Array(edges), new Int32Array(edges)];
    const [weight, capacity, delay] = [new Float64Array(edges), new Float64Array(edges), new Float64Array(edges)];
    const edgeNames: string[] = [];
    for (let edge = 0; edge < edges; edge++) {
      const fields = lines.item("edge", ["label", "src", "dest", "weight", "bw", "delay"]);
      edgeNames.push(fields[0] as string);
      source[edge] = lines.node(fields[1] as string, nodes, "an edge from");
      target[edge] = lines.node(fields[2] as string, nodes, "an edge to");
      weight[edge] = lines.number(fields[3] as string, "weight");
      capacity[edge] = lines.number(fields[4] as string, "capacity");
      if ((capacity[edge] as number) < smallestCapacity) {
        const mend = `give the edge a capacity of ${smallestCapacity} or more, or leave the edge out`;
        lines.refuse(`capacity ${fields[4]} is too small`, mend);
      }
      delay[edge] = lines.number(fields[5] as string, "delay");
    }
    lines.end("edge");
    return buildGraph(nodes, { source, target, weight, capacity, delay }, { nodeNames, edgeNames });
  });
}

/**
 * A `.demands` file: `DEMANDS k`, `label src dest bw` lines, bw in kbit/s. A demand from a node to itself, or of size 0, is
 * left out; `row` keeps counting it. Errors: CONFIG_INVALID, `file:line reason`.
 */
export function parseDemands(text: string, file: string, graph: Graph): Result<Demands> {
  return parsing(() => {
    const lines = new Lines(text, file);
    const count = lines.section("DEMANDS", "DEMANDS <count>, then a line label src dest bw for each demand");
    const [row, source, target, size]: [number[], number[], number[], number[]] = [[], [], [], []];
    const trees = new ShortestPathTrees(graph);
    for (let demand = 0; demand < count; demand++) {
      const fields = lines.item("demand", ["label", "src", "dest", "bw"]);
      const from = lines.node(fields[1] as string, graph.nodes, "a demand from");
      const to = lines.node(fields[2] as string, graph.nodes, "a demand to");
      const amount = lines.number(fields[3] as string, "demand");
      if (from === to || amount === 0) continue;
      trees.build(to);
      if (trees.distance[to * graph.nodes + from] === Number.POSITIVE_INFINITY) {
        lines.refuse(
          `disconnected demand: no path from node ${from} to node ${to}`,
          "add the edge, or drop the demand",
        );
      }
      row.push(demand);
      source.push(from);
      target.push(to);
      size.push(amount);
    }
    lines.end("demand");
    return {
      row: Int32Array.from(row),
      source: Int32Array.from(source),
      target: Int32Array.from(target),
      size: Float64Array.from(size),
    };
  });
}

/** No link, metric or demand is larger, in whatever unit; sums of them stay numbers. */
export const largest = 1e15;
const smallestCapacity = 1e-6;

function parsing<T>(parse: () => T): Result<T> {
  try {
    return ok(parse());
  } catch (error) {
    if (error instanceof Failure) return fail(error);
    throw error;
  }
}

/** Reads forward; its Failures name the line that was read last. */
class Lines {
  readonly #lines: readonly string[];
  readonly #file: string;
  #read = 0;

  constructor(text: string, file: string) {
    this.#lines = text
      .replace(/^\ufeff/, "")
      .trimEnd()
      .split(/\r?\n/);
    this.#file = file;
  }

  /** The count in a section's first line; its header line is read too. */
  section(word: string, shape: string): number {
    while (this.#lines[this.#read]?.trim() === "") this.#read += 1;
    const first = this.#next();
    const match = /^(\S+)\s+(\d+)\s*$/.exec(first ?? "");
    if (!match || match[1] !== word) this.refuse(`missing header: ${word} and a count expected`, `write ${shape}`);
    const header = this.#next();
    if (!header?.trim().startsWith("label")) this.refuse("missing header: the line of column names", `write ${shape}`);
    const count = Number(match?.[2]);
    if (count > this.#lines.length) {
      this.refuse(`${word} ${count}: the file has fewer lines`, "correct the count, or add the missing lines");
    }
    return count;
  }

  item(what: string, columns: readonly string[]): string[] {
    const line = this.#next();
    if (line === undefined || line.trim() === "") {
      this.refuse(`fewer ${what}s than the count says`, "correct the count, or add the missing lines");
    }
    const fields = (line as string).trim().split(/\s+/);
    const article = what === "edge" ? "an" : "a";
    if (fields.length !== columns.length) {
      this.refuse(
        `${article} ${what} has ${fields.length} fields, not ${columns.length}`,
        `write ${columns.join(" ")}`,
      );
    }
    return fields;
  }

  node(text: string, nodes: number, what: string): number {
    if (!/^\d+$/.test(text) || Number(text) >= nodes) {
      this.refuse(`${what} unknown node ${text}`, `nodes are numbered 0 to ${nodes - 1}`);
    }
    return Number(text);
  }

  number(text: string, what: string): number {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (!Number.isFinite(value)) this.refuse(`${what} ${text} is not a number`, "write a plain decimal number");
    if (value < 0) this.refuse(`negative ${what} ${text}`, `give a ${what} of 0 or more`);
    if (value > largest) this.refuse(`${what} ${text} is too large`, `give a ${what} of ${largest} at most`);
    return value;
  }

  /** What follows the last item must be empty or another section. */
  end(what: string): void {
    const line = this.#next();
    if (line !== undefined && line.trim() !== "") {
      this.refuse(`more ${what}s than the count says`, "correct the count, or drop the lines after it");
    }
  }

  refuse(reason: string, mend: string): never {
    const line = Math.max(1, Math.min(this.#read, this.#lines.length));
    throw new Failure("CONFIG_INVALID", `${this.#file}:${line} ${reason}`, { mend });
  }

  #next(): string | undefined {
    const line = this.#lines[this.#read];
    this.#read += 1;
    return line;
  }
}

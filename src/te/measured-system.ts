import type { Ecmp } from "./ecmp.ts";
import type { Demands, Graph } from "./graph.ts";

/**
 * What counters and flow data say, in one unit of rate throughout; NaN where nothing was measured.
 * `load` by edge; `originated` and `received` by node: what enters the network there, and what leaves it there.
 * `known` are demands whose size is measured (SR or LSP counters, flow records): they are held.
 */
export type Measured = Readonly<{
  load: Float64Array;
  originated?: Float64Array;
  received?: Float64Array;
  known?: Demands;
}>;

/**
 * The equations that the unknown demands should meet: for each row r, the sum of `share * size` is `wanted[r]`.
 * A row is a measured edge, else a measured node total. Columns are the unknown pairs, by source and then
 * target; their entries are `row` and `share` in `[start[k], start[k + 1])`.
 */
export type MeasuredSystem = Readonly<{
  nodes: number;
  source: Int32Array;
  target: Int32Array;
  start: Int32Array;
  row: Int32Array;
  share: Float64Array;
  /** By row: its edge, or -1. */
  edgeOfRow: Int32Array;
  /** By node: the row of what it originates or receives, or -1. */
  rowOfOrigin: Int32Array;
  rowOfTarget: Int32Array;
  /** What was measured, and how much of it the known demands explain. */
  measured: Float64Array;
  explained: Float64Array;
  /** What is left for the unknown demands: never negative, even where the known ones exceed what was measured. */
  wanted: Float64Array;
  /** Pairs whose traffic crosses no measured edge or total. */
  unseen: number;
}>;

/**
 * Unknown is every pair of nodes that has a path, but those that are known and those that a counter at exactly 0 rules out:
 * nothing crosses an idle edge, and a node that originates (receives) nothing has no demand from (to) it.
 */
export function measuredSystem(graph: Graph, ecmp: Ecmp, observed: Measured): MeasuredSystem {
  const { nodes, edges } = graph;
  const { originated, received, known } = observed;
  const rows = new Rows();
  const rowOfEdge = rows.add(observed.load, true);
  const rowOfOrigin = rows.add(originated ?? new Float64Array(nodes).fill(Number.NaN), false);
  const rowOfTarget = rows.add(received ?? new Float64Array(nodes).fill(Number.NaN), false);
  const measured = Float64Array.from(rows.value);
  const explained = new Float64Array(measured.length);
  const held = new Uint8Array(nodes * nodes);
  for (let at = 0; at < (known?.size.length ?? 0); at++) {
    const [from, to, size] = [known?.source[at] as number, known?.target[at] as number, known?.size[at] as number];
    ecmp.build(to);
    const pair = from * nodes + to;
    held[pair] = 1;
    const explain = (row: number, share: number) => {
      if (row >= 0) explained[row] = (explained[row] as number) + share * size;
    };
    for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
      explain(rowOfEdge[ecmp.edge[k] as number] as number, ecmp.share[k] as number);
    }
    explain(rowOfOrigin[from] as number, 1);
    explain(rowOfTarget[to] as number, 1);
  }

  const idle = new Uint8Array(edges);
  for (let edge = 0; edge < edges; edge++) idle[edge] = Number(observed.load[edge] === 0);
  ecmp.buildAll();
  const crossesIdle = (pair: number) => {
    for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
      if (idle[ecmp.edge[k] as number]) return true;
    }
    return false;
  };
  const columns = new Columns(nodes, ecmp.used);
  for (let from = 0; from < nodes; from++) {
    if (originated?.[from] === 0) continue;
    for (let to = 0; to < nodes; to++) {
      const pair = from * nodes + to;
      if (from === to || held[pair] || received?.[to] === 0) continue;
      if (ecmp.distance[pair] === Number.POSITIVE_INFINITY || crossesIdle(pair)) continue;
      for (let k = ecmp.start[pair] as number; k < (ecmp.end[pair] as number); k++) {
        columns.entry(rowOfEdge[ecmp.edge[k] as number] as number, ecmp.share[k] as number);
      }
      columns.entry(rowOfOrigin[from] as number, 1);
      columns.entry(rowOfTarget[to] as number, 1);
      columns.close(from, to);
    }
  }
  const edgeOfRow = Int32Array.from(rows.edge);
  const wanted = measured.map((value, row) => Math.max(0, value - (explained[row] as number)));
  return { nodes, ...columns.trimmed(), edgeOfRow, rowOfOrigin, rowOfTarget, measured, explained, wanted };
}

/** Adds `share * size` of every column to its rows in `sum`, which is cleared first. */
export function addUp(system: MeasuredSystem, size: Float64Array, sum: Float64Array): Float64Array {
  const { start, row, share } = system;
  sum.fill(0);
  for (let column = 0; column < size.length; column++) {
    const amount = size[column] as number;
    const end = start[column + 1] as number;
    for (let k = start[column] as number; k < end; k++) {
      const at = row[k] as number;
      sum[at] = (sum[at] as number) + (share[k] as number) * amount;
    }
  }
  return sum;
}

/** The transpose of `addUp`: what each column collects of a value by row. */
export function collect(system: MeasuredSystem, byRow: Float64Array, byColumn: Float64Array): Float64Array {
  const { start, row, share } = system;
  for (let column = 0; column < byColumn.length; column++) {
    let sum = 0;
    const end = start[column + 1] as number;
    for (let k = start[column] as number; k < end; k++)
      sum += (share[k] as number) * (byRow[row[k] as number] as number);
    byColumn[column] = sum;
  }
  return byColumn;
}

/** Numbers the rows. */
class Rows {
  readonly value: number[] = [];
  readonly edge: number[] = [];

  /** The row of each value, -1 where it is not measured. */
  add(values: Float64Array, areEdges: boolean): Int32Array {
    return Int32Array.from(values, (value, at) => {
      if (Number.isNaN(value)) return -1;
      this.edge.push(areEdges ? at : -1);
      return this.value.push(value) - 1;
    });
  }
}

/** Grows the columns, entry by entry. */
class Columns {
  readonly #source: Int32Array;
  readonly #target: Int32Array;
  readonly #start: Int32Array;
  readonly #row: Int32Array;
  readonly #share: Float64Array;
  #columns = 0;
  #entries = 0;
  #unseen = 0;

  constructor(nodes: number, edgeEntries: number) {
    const most = nodes * nodes;
    this.#source = new Int32Array(most);
    this.#target = new Int32Array(most);
    this.#start = new Int32Array(most + 1);
    this.#row = new Int32Array(edgeEntries + 2 * most);
    this.#share = new Float64Array(edgeEntries + 2 * most);
  }

  /** Of the column that `close` ends; nothing for a row -1. */
  entry(row: number, share: number): void {
    if (row < 0) return;
    this.#row[this.#entries] = row;
    this.#share[this.#entries++] = share;
  }

  close(source: number, target: number): void {
    if (this.#start[this.#columns] === this.#entries) this.#unseen += 1;
    this.#source[this.#columns] = source;
    this.#target[this.#columns++] = target;
    this.#start[this.#columns] = this.#entries;
  }

  trimmed() {
    return {
      source: this.#source.slice(0, this.#columns),
      target: this.#target.slice(0, this.#columns),
      start: this.#start.slice(0, this.#columns + 1),
      row: this.#row.slice(0, this.#entries),
      share: this.#share.slice(0, this.#entries),
      unseen: this.#unseen,
    };
  }
}

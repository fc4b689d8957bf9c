import type { Selector } from "./promql.ts";

export type Point = Readonly<{ atMs: number; value: number }>;
export type StoredSeries = Readonly<{ labels: Readonly<Record<string, string>>; points: readonly Point[] }>;

/** Prometheus calls a series stale after this long without a sample. */
const lookbackMs = 300_000;
/** Half an hour at two samples a second. */
const pointsKept = 3_600;

/** The newest samples of each series; labels include `__name__`. */
export class SeriesHistory {
  readonly #series = new Map<string, { labels: Readonly<Record<string, string>>; points: Point[] }>();

  /** In order of time within a series. */
  add(labels: Readonly<Record<string, string>>, point: Point): void {
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const known = this.#series.get(key) ?? { labels, points: [] };
    this.#series.set(key, known);
    known.points.push(point);
    if (known.points.length > pointsKept) known.points.shift();
  }

  select(selector: Selector): StoredSeries[] {
    return [...this.#series.values()].filter(({ labels }) => selector(labels));
  }

  labelNames(): string[] {
    return [...new Set([...this.#series.values()].flatMap(({ labels }) => Object.keys(labels)))].sort();
  }
}

/** The newest point at or before `atMs` that is not stale yet. */
export function pointAt(series: StoredSeries, atMs: number): Point | undefined {
  const point = series.points.findLast((candidate) => candidate.atMs <= atMs);
  return point && atMs - point.atMs < lookbackMs ? point : undefined;
}

import type { SampleSink, SeriesId, SeriesTable, TargetStatus } from "../../src/model/sample.ts";

export type Heard =
  | Readonly<{ kind: "number"; series: string; value: number; sourceMs: number; receivedMs: number }>
  | Readonly<{ kind: "text"; series: string; value: string; sourceMs: number; receivedMs: number }>
  | Readonly<{ kind: "gone"; series: string }>
  | Readonly<{ kind: "target"; name: string; status: TargetStatus }>;

/** Keeps everything it hears, with series spelt out as `name{labels}`, and wakes whoever waits for some of it. */
export class RecordingSink implements SampleSink {
  readonly heard: Heard[] = [];
  readonly #table: SeriesTable;
  readonly #waiting = new Set<() => void>();

  constructor(table: SeriesTable) {
    this.#table = table;
  }

  number(series: SeriesId, value: number, sourceMs: number, receivedMs: number): void {
    this.#add({ kind: "number", series: this.#spell(series), value, sourceMs, receivedMs });
  }

  text(series: SeriesId, value: string, sourceMs: number, receivedMs: number): void {
    this.#add({ kind: "text", series: this.#spell(series), value, sourceMs, receivedMs });
  }

  gone(series: SeriesId): void {
    this.#add({ kind: "gone", series: this.#spell(series) });
  }

  target(name: string, status: TargetStatus): void {
    this.#add({ kind: "target", name, status });
  }

  /** Values by series, the last one heard. */
  values(): Record<string, number | string> {
    const values: Record<string, number | string> = {};
    for (const one of this.heard) {
      if (one.kind === "number" || one.kind === "text") values[one.series] = one.value;
    }
    return values;
  }

  gones(): string[] {
    return this.heard.flatMap((one) => (one.kind === "gone" ? [one.series] : []));
  }

  statuses(): TargetStatus[] {
    return this.heard.flatMap((one) => (one.kind === "target" ? [one.status] : []));
  }

  /** Resolves once the latest status has that state. */
  async state(state: TargetStatus["state"]): Promise<TargetStatus> {
    await this.until(() => this.statuses().at(-1)?.state === state);
    return this.statuses().at(-1) as TargetStatus;
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  #spell(id: SeriesId): string {
    const { name, labels } = this.#table.get(id);
    return `${name}${JSON.stringify(labels)}`;
  }

  #add(one: Heard): void {
    this.heard.push(one);
    for (const check of [...this.#waiting]) check();
  }
}

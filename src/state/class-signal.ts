import type { ClassSignal, Objective, ServiceClass } from "../model/service-class.ts";
import { mean } from "../te/service-level/histogram.ts";
import { ObjectiveWindow, silentIntervals } from "../te/service-level/objective-window.ts";
import { BucketReadings } from "./bucket-readings.ts";
import { SignalHistory } from "./signal-history.ts";

const historyMs = 3_600_000;
/** A class may have very many flows: of each, fewer samples are kept of short intervals. */
const leastPartIntervalMs = 10_000;

/**
 * One signal of a class: its history of an hour, and the windows of the objectives on it. A time that lies further back than
 * a source can be late means that its clock was set back: all is forgotten, and what comes is a beginning.
 */
export class ClassSignalFold {
  readonly signal: ClassSignal;
  readonly #objectives: readonly Objective[];
  readonly #intervalMs: number;
  readonly #buckets: BucketReadings;
  #history: SignalHistory;
  #windows: ReadonlyMap<Objective, ObjectiveWindow>;
  readonly #parts = new Map<string, SignalHistory>();
  #newestMs = Number.NaN;

  constructor(signal: ClassSignal, { objectives }: ServiceClass, intervalMs: number) {
    this.signal = signal;
    this.#objectives = objectives.filter((objective) => objective.signal === signal.name);
    this.#intervalMs = intervalMs;
    this.#buckets = new BucketReadings(intervalMs);
    this.#history = new SignalHistory(historyMs, intervalMs);
    this.#windows = this.#newWindows();
  }

  get history(): SignalHistory {
    return this.#history;
  }

  /** By the names of the flows or queues that the signal is the worst of: those that were ever seen. */
  get parts(): ReadonlyMap<string, SignalHistory> {
    return this.#parts;
  }

  /** Of the newest sample, a histogram's interval without observations included; NaN without any. */
  get newestMs(): number {
    return this.#newestMs;
  }

  window(objective: Objective): ObjectiveWindow | undefined {
    return this.#windows.get(objective);
  }

  /** Newest value that objectives are held against, of a histogram the percentile of the last interval with observations; undefined without any that is recent. */
  held(objective: Objective): number | undefined {
    const { atMs, values } = this.#windows.get(objective)?.newest(silentIntervals + 1) ?? {};
    return this.isRecent(atMs?.at(-1) ?? Number.NaN) ? values?.at(-1) : undefined;
  }

  /** Whether a value of that time is recent beside the newest sample, which may be an interval without observations. */
  isRecent(atMs: number): boolean {
    return this.#newestMs - atMs <= silentIntervals * this.#intervalMs;
  }

  isSilent(nowMs: number): boolean {
    return !(nowMs - this.#newestMs <= silentIntervals * this.#intervalMs);
  }

  /** Place of a bucket with that bound, of one process's counters or of a sum over several, for `bucket`. */
  bucketPlace(bound: number, of: "one" | "sum", series: string): number {
    return this.#buckets.place(bound, of, series);
  }

  /** Whether it changed what the signal says: the reading before is complete now. */
  bucket(place: number, count: number, atMs: number): boolean {
    const changed = this.#buckets.begins(atMs) && this.settle();
    this.#buckets.sample(place, count, atMs);
    return changed;
  }

  /** Takes in a complete reading of a histogram's buckets; whether there was one. */
  settle(): boolean {
    const taken = this.#buckets.take();
    if (!taken || !this.#isNew(taken.atMs)) return false;
    const { fromMs, atMs, observed } = taken;
    const value = mean(observed);
    if (value !== undefined) this.#history.add(atMs, value);
    for (const window of this.#windows.values()) window.addObservations(fromMs, atMs, observed);
    return true;
  }

  /** Whether it was taken: it is later than the newest by half an interval at least. */
  gauge(fromMs: number, atMs: number, value: number): boolean {
    if (atMs - this.#newestMs < this.#intervalMs / 2 && atMs > this.#newestMs) return false;
    if (!this.#isNew(atMs)) return false;
    this.#history.add(atMs, value);
    for (const window of this.#windows.values()) window.addGauge(fromMs, atMs, value);
    return true;
  }

  /** A sample of a flow or queue that the signal is the worst of. */
  part(name: string, atMs: number, value: number): void {
    const newestMs = this.#parts.get(name)?.newestMs ?? Number.NaN;
    if (atMs <= newestMs && newestMs - atMs <= silentIntervals * this.#intervalMs) return;
    if (!(atMs > newestMs))
      this.#parts.set(name, new SignalHistory(historyMs, Math.max(this.#intervalMs, leastPartIntervalMs)));
    this.#parts.get(name)?.add(atMs, value);
  }

  #isNew(atMs: number): boolean {
    if (this.#newestMs - atMs > silentIntervals * this.#intervalMs) {
      this.#history = new SignalHistory(historyMs, this.#intervalMs);
      this.#windows = this.#newWindows();
    } else if (atMs <= this.#newestMs) return false;
    this.#newestMs = atMs;
    return true;
  }

  #newWindows(): ReadonlyMap<Objective, ObjectiveWindow> {
    return new Map(this.#objectives.map((objective) => [objective, new ObjectiveWindow(objective, this.#intervalMs)]));
  }
}

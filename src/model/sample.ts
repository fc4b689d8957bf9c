import { assert } from "../kernel/assert.ts";

/** Dense index into a SeriesTable. */
export type SeriesId = number;

/**
 * What a stream of samples is about. For gNMI: `target` is the device, `name` the path without keys
 * (`"/interfaces/interface/state/counters/in-octets"`), labels are `"<element>.<key>"` (`{"interface.name": "eth1"}`).
 * For Prometheus: `target` is `"prometheus"`, `name` the configured query (`"prefixInbound"`, `"linkInbound"`,
 * `"linkOutbound"`, `"flowRate"`, `"flowLatency"`, `"queueRate"`, `"queueDrops"`, `"queueDepth"`), labels `link` and
 * `prefix`, or `flow`, or `link` and `class`. `"classSignal"` has the labels `class` and `signal`, and of a histogram's bucket `le`.
 * For probes of anycast sites: `target` is `"anycast <service>"`, `name` is `"site.unwell"` (0 or 1), `"site.latency"` (ms) or
 * `"site.reason"` (text), label `site`.
 */
export type Series = Readonly<{ target: string; name: string; labels: Readonly<Record<string, string>> }>;

/** Interns series, so that a sample in flight is a number and three more, and nothing per update outlives it. */
export class SeriesTable {
  readonly #byId: Series[] = [];
  readonly #ids = new Map<string, SeriesId>();
  readonly #limit: number;

  constructor(limit = 4_000_000) {
    this.#limit = limit;
  }

  intern(series: Series): SeriesId {
    const sorted = Object.entries(series.labels).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([series.target, series.name, sorted]);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    assert(this.#byId.length < this.#limit, `at most ${this.#limit} series`);
    const id = this.#byId.push({ ...series, labels: Object.fromEntries(sorted) }) - 1;
    this.#ids.set(key, id);
    return id;
  }

  get(id: SeriesId): Series {
    const series = this.#byId[id];
    assert(series, `series ${id} is interned`);
    return series;
  }

  get size(): number {
    return this.#byId.length;
  }
}

/**
 * `starting`: not yet heard. `synced`: the initial set is complete and samples flow. `silent`: connected, nothing for
 * longer than the source allows. `down`: no session; the source is backing off. `refused`: the target said never.
 */
export type TargetStatus = Readonly<{
  state: "starting" | "synced" | "silent" | "down" | "refused";
  reason?: string;
  /** What a person can do about it. */
  mend?: string;
}>;

/** Where sources put what they read. Called synchronously from the decode path: it must not wait or keep arguments alive. */
export interface SampleSink {
  /** 64-bit counters arrive as doubles: exact to 2^53, then within 2^-52, which a rate does not feel. */
  number(series: SeriesId, value: number, sourceMs: number, receivedMs: number): void;
  text(series: SeriesId, value: string, sourceMs: number, receivedMs: number): void;
  /** Deleted at the source, or absent from a complete resynchronisation. */
  gone(series: SeriesId, receivedMs: number): void;
  target(name: string, status: TargetStatus, atMs: number): void;
}

export interface TelemetrySource {
  start(sink: SampleSink): void;
  stop(): Promise<void>;
}

import type { ClassHealth } from "../model/class-health.ts";
import type { Network, ServedClass } from "../model/inventory.ts";
import { serviceClasses } from "../model/scope.ts";
import { type Measured, queueName, type SignalName, signalOf } from "../model/signal.ts";
import { silentIntervals } from "../te/service-level/objective-window.ts";
import { worseSide } from "../te/service-level/symptom.ts";
import type { ClassSignalFold } from "./class-signal.ts";
import { ClassState } from "./class-state.ts";

type Signals = ReadonlyMap<SignalName, ReadonlyMap<string, Measured>>;

export type ClassReadings = Readonly<{
  classes: ReadonlyMap<string, ClassHealth>;
  risk: ReadonlyMap<string, Measured>;
  stress: ReadonlyMap<string, Measured>;
}>;

/** A series of the target `prometheus`: a whole signal, or one bucket of it. */
type Place = Readonly<{ state: ClassState; signal: ClassSignalFold; bucket?: number }>;

/**
 * A signal that is the worst of others: of flows, all of which must be known, or of queues, all that ever were: not every
 * link's router tells of its queues, but one that has fallen silent may be the worst.
 */
type Derived = {
  readonly state: ClassState;
  readonly signal: ClassSignalFold;
  readonly from: SignalName;
  readonly names: readonly string[];
  readonly needsAll: boolean;
  readonly worst: "highest" | "lowest";
  /** By our clock. */
  sampledMs: number;
};

/** The rest of an interval by which a sample may come early. */
const mostOfInterval = 0.9;

/** Folds the signals of service classes into how the classes stand: no I/O, no clock, nothing allocated per sample. */
export class ClassFold {
  readonly #intervalMs: number;
  readonly #states: ReadonlyMap<string, ClassState>;
  readonly #derived: readonly Derived[];
  readonly #places: Place[] = [];
  #sampledMs = Number.NEGATIVE_INFINITY;
  #readings: ClassReadings = { classes: new Map(), risk: new Map(), stress: new Map() };

  constructor(network: Network) {
    this.#intervalMs = network.telemetry.intervalMs;
    const classes = serviceClasses(network);
    this.#states = new Map(classes.map((one) => [one.name, new ClassState(one, this.#intervalMs)]));
    this.#derived = classes.flatMap((one) => this.#derivedOf(one, network));
  }

  /** Of a series `classSignal` with labels `class`, `signal` and, of a histogram, `le` and what tells its series apart (see `AskedQuery`); undefined when no class has it. */
  place(labels: Readonly<Record<string, string>>): number | undefined {
    const state = this.#states.get(labels.class ?? "");
    const signal = state?.signals.get(labels.signal ?? "");
    if (!state || !signal) return undefined;
    if (!("histogram" in signal.signal.source)) return this.#places.push({ state, signal }) - 1;
    const bound = labels.le === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels.le || "none");
    if (Number.isNaN(bound)) return undefined;
    const bucket = signal.bucketPlace(
      bound * scale(signal),
      labels.series === undefined ? "sum" : "one",
      labels.series ?? labels.sum ?? "",
    );
    return this.#places.push({ state, signal, bucket }) - 1;
  }

  /** A sample of it, in the unit that queries answer in; a bucket's is its count. */
  number(place: number, value: number, sourceMs: number): void {
    const { state, signal, bucket } = this.#places[place] as Place;
    const changed =
      bucket === undefined
        ? signal.gauge(sourceMs, sourceMs, value * scale(signal))
        : signal.bucket(bucket, value, sourceMs);
    if (changed) state.sampled(signal.signal.name, signal.newestMs);
  }

  /**
   * Whether the values that class signals are made of are to be read before a sample that was received then changes them: once
   * an interval, by our clock, for routers' clocks may be hours apart.
   */
  isDue(receivedMs: number): boolean {
    if (this.#derived.length === 0 || this.#isEarly(receivedMs, this.#sampledMs)) return false;
    this.#sampledMs = receivedMs;
    return true;
  }

  #isEarly(nowMs: number, sampledMs: number): boolean {
    return Math.abs(nowMs - sampledMs) < mostOfInterval * this.#intervalMs;
  }

  /** Takes in the signals of flows and queues. */
  sample(nowMs: number, signals: Signals): void {
    for (const derived of this.#derived) this.#sample(derived, signals, nowMs);
  }

  /** How the classes stand, given the signals of links, flows and queues. The same objects while nothing has changed. */
  read(nowMs: number, signals: Signals): ClassReadings {
    this.sample(nowMs, signals);
    let changed = false;
    for (const state of this.#states.values()) if (state.refresh(nowMs)) changed = true;
    if (!changed) return this.#readings;
    const states = [...this.#states];
    const known = (of: (state: ClassState) => Measured | undefined) =>
      new Map(
        states.flatMap(([name, state]) => {
          const measured = of(state);
          return measured ? [[name, measured] as const] : [];
        }),
      );
    this.#readings = {
      classes: new Map(states.map(([name, state]) => [name, state.health])),
      risk: known((state) => state.risk),
      stress: known((state) => state.stress),
    };
    return this.#readings;
  }

  #sample(derived: Derived, signals: Signals, nowMs: number): void {
    const { state, signal, names, needsAll, worst } = derived;
    if (this.#isEarly(nowMs, derived.sampledMs)) return;
    const all = signals.get(derived.from);
    let [value, fromMs, toMs] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const name of names) {
      const measured = all?.get(name);
      if (!measured || nowMs - measured.toMs > silentIntervals * this.#intervalMs) {
        if (needsAll || signal.parts.has(name)) return;
        continue;
      }
      const isWorse = worst === "highest" ? measured.value > value : measured.value < value;
      if (Number.isNaN(value) || isWorse) value = measured.value;
      fromMs = Math.min(fromMs, measured.fromMs);
      toMs = Math.max(toMs, measured.toMs);
    }
    if (Number.isNaN(value) || toMs === signal.newestMs || !signal.gauge(fromMs, toMs, value)) return;
    derived.sampledMs = nowMs;
    for (const name of names) {
      const measured = all?.get(name);
      if (measured) signal.part(name, measured.toMs, measured.value);
    }
    state.sampled(signal.signal.name, toMs);
  }

  #derivedOf(one: ServedClass, { flows, links }: Network): Derived[] {
    const state = this.#states.get(one.name) as ClassState;
    return [...state.signals.values()].flatMap((signal): Derived[] => {
      const { source, name } = signal.signal;
      if (!("signal" in source)) return [];
      const about = signalOf(source.signal);
      if (about !== "flow" && about !== "queue") return [];
      const names =
        about === "flow"
          ? flows.filter((flow) => flow.class === one.name).map((flow) => flow.name)
          : links.filter(({ qos }) => qos).map((link) => queueName(link.name, one.name));
      const worst = worseSide(one.service, name) === "up" ? "highest" : "lowest";
      const sampledMs = Number.NEGATIVE_INFINITY;
      return [{ state, signal, from: source.signal, names, needsAll: about === "flow", worst, sampledMs }];
    });
  }
}

/** Queries answer in seconds. */
const scale = ({ signal }: ClassSignalFold): number => (signal.unit === "ms" ? 1000 : 1);

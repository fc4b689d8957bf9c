import {
  type ClassHealth,
  type ConditionReading,
  mostOverLimit,
  type ObjectiveReading,
} from "../model/class-health.ts";
import type { ServedClass } from "../model/inventory.ts";
import type { Measured } from "../model/signal.ts";
import {
  conditionRisk,
  objectiveRisk,
  readObjective,
  whyAtRisk,
  worstStress,
} from "../te/service-level/objective-reading.ts";
import { silentIntervals } from "../te/service-level/objective-window.ts";
import { ConditionFold } from "./class-condition.ts";
import { ClassSignalFold } from "./class-signal.ts";

/** One service class: its signals, and how it stands by them, worked out again only when that can have changed. */
export class ClassState {
  readonly #class: ServedClass;
  readonly #intervalMs: number;
  readonly signals: ReadonlyMap<string, ClassSignalFold>;
  readonly #conditions: readonly ConditionFold[];
  /** Signals that risk rests on. */
  readonly #judged: readonly ClassSignalFold[];
  #health: ClassHealth = { objectives: [], conditions: [], series: new Map(), why: "no data yet" };
  #risk: Measured | undefined;
  #stress: Measured | undefined;
  /** The readings are right from the one to the other, or until a sample comes. */
  #readMs = Number.POSITIVE_INFINITY;
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(one: ServedClass, intervalMs: number) {
    const { service } = one;
    this.#class = one;
    this.#intervalMs = intervalMs;
    this.signals = new Map(
      service.signals.map((signal) => [signal.name, new ClassSignalFold(signal, service, intervalMs)]),
    );
    this.#conditions = service.conditions.map(
      (condition) => new ConditionFold(condition, service, this.signals, intervalMs),
    );
    const judged = new Set([
      ...service.objectives.map(({ signal }) => signal),
      ...service.conditions.flatMap(({ all }) => all.map(({ signal }) => signal)),
    ]);
    this.#judged = [...this.signals.values()].filter(({ signal }) => judged.has(signal.name));
  }

  get health(): ClassHealth {
    return this.#health;
  }

  /** `class.risk`; undefined when it is not known. */
  get risk(): Measured | undefined {
    return this.#risk;
  }

  /** `class.stress`; undefined when it is not known. */
  get stress(): Measured | undefined {
    return this.#stress;
  }

  /** A sample of that signal and time was taken in. */
  sampled(signal: string, atMs: number): void {
    for (const condition of this.#conditions) condition.sampled(signal, atMs);
    this.#untilMs = Number.NEGATIVE_INFINITY;
  }

  /** Whether it had to work anything out. */
  refresh(nowMs: number): boolean {
    for (const signal of this.signals.values()) if (signal.settle()) this.sampled(signal.signal.name, signal.newestMs);
    if (nowMs >= this.#readMs && nowMs <= this.#untilMs) return false;
    const { objectives } = this.#class.service;
    const readings = objectives.map((objective) => {
      const signal = this.signals.get(objective.signal);
      const window = signal?.window(objective);
      return signal && window
        ? readObjective(objective, window, { unit: signal.signal.unit, intervalMs: this.#intervalMs, nowMs })
        : { objective: objective.text, burn: {}, unknown: `${objective.signal} is not a signal of the class` };
    });
    const conditions = this.#conditions.map((condition) => condition.read(nowMs));
    this.#judge(readings, conditions, nowMs);
    this.#readMs = nowMs;
    const silentMs = [...this.signals.values()].map(({ newestMs }) => newestMs + silentIntervals * this.#intervalMs);
    this.#untilMs = Math.min(...silentMs.filter((ms) => ms >= nowMs), Number.POSITIVE_INFINITY);
    return true;
  }

  #judge(readings: readonly ObjectiveReading[], conditions: readonly ConditionReading[], nowMs: number): void {
    const { objectives } = this.#class.service;
    const risks = [
      ...readings.map((reading, at) => {
        const forecastMs = objectives[at]?.forecastMs ?? 0;
        return { risk: objectiveRisk(reading, forecastMs), why: () => whyAtRisk(reading, forecastMs) };
      }),
      ...conditions.map((reading) => ({
        risk: conditionRisk(reading),
        why: () => `${reading.text}: for ${reading.heldMs / 1000} s of ${reading.forMs / 1000} s`,
      })),
    ];
    const worst = risks.reduce<(typeof risks)[number] | undefined>(
      (worst, one) => ((one.risk ?? -1) > (worst?.risk ?? -1) ? one : worst),
      undefined,
    );
    const unknown = [...readings, ...conditions].flatMap(({ unknown }) => (unknown === undefined ? [] : [unknown]));
    const isKnown = worst?.risk !== undefined && (worst.risk >= 1 || risks.every(({ risk }) => risk !== undefined));
    const newestMs = Math.max(...this.#judged.filter((one) => !one.isSilent(nowMs)).map((one) => one.newestMs));
    this.#risk = isKnown
      ? { value: Math.min(mostOverLimit, worst.risk ?? 0), fromMs: newestMs, toMs: newestMs }
      : undefined;
    const stress = worstStress(objectives.map((objective, at) => ({ objective, reading: readings[at] })));
    this.#stress = stress && { ...stress, value: Math.min(mostOverLimit, stress.value) };
    const derived = [...this.signals].filter(([, { parts }]) => parts.size > 0);
    this.#health = {
      objectives: readings,
      conditions,
      series: new Map([...this.signals].map(([name, { history }]) => [name, history.series()])),
      parts: new Map(
        derived.map(([name, { parts }]) => [
          name,
          new Map([...parts].map(([part, history]) => [part, history.series()])),
        ]),
      ),
      why: isKnown ? worst.why() : `not known: ${unknown.join("; ") || "nothing is asked of it"}`,
    };
  }
}

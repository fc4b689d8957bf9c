import type { ConditionReading } from "../model/class-health.ts";
import type { ClassCondition, CompositeCondition, ServiceClass } from "../model/service-class.ts";
import { baselineOf, isBeyond } from "../te/service-level/baseline.ts";
import { silentIntervals } from "../te/service-level/objective-window.ts";
import type { ClassSignalFold } from "./class-signal.ts";

/** What a part says now: undefined when it is not known, and then why. */
type Part = Readonly<{ holds: boolean } | { unknown: string }>;

/**
 * How long several conditions have all held, by the times of samples. One that is known not to hold ends it whatever the
 * others are; otherwise what is not known leaves the whole unknown: time that nobody knows of is not counted, and when there is
 * much of it the count begins anew.
 */
export class ConditionFold {
  readonly #condition: CompositeCondition;
  readonly #service: ServiceClass;
  readonly #signals: ReadonlyMap<string, ClassSignalFold>;
  /** By part: the sample since which it has held, NaN when it does not. Its baseline is what was before. */
  readonly #partSinceMs: Float64Array;
  #sinceMs = Number.NaN;
  #sampledMs = Number.NaN;
  /** The newest sample with which all held, and whether no other has come since. */
  #heldMs = Number.NaN;
  #isCounting = false;
  readonly #silentMs: number;

  constructor(
    condition: CompositeCondition,
    service: ServiceClass,
    signals: ReadonlyMap<string, ClassSignalFold>,
    intervalMs: number,
  ) {
    this.#silentMs = silentIntervals * intervalMs;
    this.#condition = condition;
    this.#service = service;
    this.#signals = signals;
    this.#partSinceMs = new Float64Array(condition.all.length).fill(Number.NaN);
  }

  /** After each new sample of the signal, which is what `nowMs` is the time of. */
  sampled(signal: string, nowMs: number): void {
    if (!this.#condition.all.some((part) => part.signal === signal)) return;
    const parts = this.#parts(nowMs);
    const isPaused = nowMs - this.#heldMs <= this.#silentMs && parts.every((part) => !("holds" in part) || part.holds);
    for (const [at, part] of parts.entries()) {
      const holds = "holds" in part && part.holds;
      if (holds && Number.isNaN(this.#partSinceMs[at])) this.#partSinceMs[at] = this.#newestOf(this.#condition.all[at]);
      else if (!holds && !isPaused) this.#partSinceMs[at] = Number.NaN;
    }
    const wasSilent = !(nowMs - this.#sampledMs <= this.#silentMs);
    this.#sampledMs = nowMs;
    if (!parts.every((part) => "holds" in part && part.holds)) {
      this.#isCounting = false;
      if (!isPaused) this.#sinceMs = Number.NaN;
      return;
    }
    if (wasSilent || !(this.#sinceMs <= nowMs)) this.#sinceMs = nowMs;
    else if (!this.#isCounting) this.#sinceMs += nowMs - this.#heldMs;
    this.#isCounting = true;
    this.#heldMs = nowMs;
  }

  read(nowMs: number): ConditionReading {
    const { all, forMs } = this.#condition;
    const text = all.map((part) => part.text).join(" and ");
    const parts = this.#parts(nowMs);
    const isOff = parts.some((part) => "holds" in part && !part.holds);
    const unknown = parts.flatMap((part) => ("unknown" in part ? [part.unknown] : []));
    if (!isOff && unknown.length > 0) {
      const isPaused = nowMs - this.#heldMs <= this.#silentMs;
      const heldMs = isPaused ? Math.max(0, this.#heldMs - this.#sinceMs) : 0;
      return { text, heldMs: Number.isNaN(heldMs) ? 0 : heldMs, forMs, unknown: unknown.join(", ") };
    }
    // Until the part that was sampled longest ago: after that it is not known to have held.
    const untilMs = Math.min(...all.map((part) => this.#newestOf(part)));
    const heldMs = isOff || Number.isNaN(this.#sinceMs) ? 0 : Math.max(0, untilMs - this.#sinceMs);
    return { text, heldMs, forMs };
  }

  #newestOf(part: ClassCondition | undefined): number {
    return (part && this.#signals.get(part.signal)?.newestMs) ?? Number.NaN;
  }

  #parts(nowMs: number): readonly Part[] {
    return this.#condition.all.map((part, at) => this.#part(part, this.#partSinceMs[at] as number, nowMs));
  }

  #part({ signal: name, comparator, threshold }: ClassCondition, sinceMs: number, nowMs: number): Part {
    const signal = this.#signals.get(name);
    if (!signal || signal.isSilent(nowMs)) return { unknown: `${name} has no data` };
    if (threshold === "objective") {
      const objective = this.#service.objectives.find((one) => one.signal === name);
      const value = objective && signal.held(objective);
      if (!objective || value === undefined) return { unknown: `${name} has no observations` };
      return { holds: comparator === "above" ? value > objective.threshold : value < objective.threshold };
    }
    const { newest, newestMs } = signal.history;
    // A histogram's last intervals may have had no observation.
    if (!signal.isRecent(newestMs)) return { unknown: `${name} has no observations` };
    if (threshold !== "baseline")
      return { holds: comparator === "above" ? newest > threshold.value : newest < threshold.value };
    const before = signal.history.valuesBefore(Number.isNaN(sinceMs) ? newestMs : sinceMs);
    const baseline = baselineOf(before, signal.signal.unit);
    if (!baseline) return { unknown: `${name} has no baseline yet` };
    return { holds: isBeyond(newest, baseline, comparator === "above" ? "up" : "down") };
  }
}

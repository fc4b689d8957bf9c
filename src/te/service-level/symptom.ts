import { formatMs, formatPercent, formatRate } from "../../kernel/units.ts";
import type { ClassHealth } from "../../model/class-health.ts";
import type { ClassSignal, ClassUnit, ServiceClass } from "../../model/service-class.ts";
import { conditionRisk, objectiveRisk } from "./objective-reading.ts";

/** What users feel of a class at risk, and how to say it. */
export type Symptom = Readonly<{ signal: ClassSignal; said: string }>;

/** The objective or condition most at risk, what is not known aside. Undefined when none has a service or path signal. */
export function symptomOf({ signals, objectives, conditions }: ServiceClass, health: ClassHealth): Symptom | undefined {
  const named = (name: string) => signals.find((signal) => signal.name === name);
  const ofObjectives = health.objectives.flatMap((reading) => {
    const objective = objectives.find(({ text }) => text === reading.objective);
    const signal = objective && named(objective.signal);
    if (!objective || !signal || signal.of === "compute") return [];
    const value = reading.recent?.value ?? reading.value;
    const figure = value === undefined ? "not known of late" : formatClassValue(signal.unit, value);
    const limit = formatClassValue(signal.unit, objective.threshold);
    const side = value === undefined ? "to be" : beyond(value, objective.threshold);
    const { breachInMs } = reading;
    const ahead =
      side === "under" && objective.comparator === "below" && breachInMs
        ? `, but will be over in ${formatSpan(breachInMs)} at this slope`
        : side === "over" && objective.comparator === "above" && breachInMs
          ? `, but will be under in ${formatSpan(breachInMs)} at this slope`
          : "";
    const said = `${percentileName(objective.text, signal.name)} is ${figure}, ${side} ${limit}${ahead}`;
    return [{ risk: objectiveRisk(reading, objective.forecastMs) ?? 0, signal, said }];
  });
  const ofConditions = health.conditions.flatMap((reading, at) => {
    const condition = conditions[at];
    if (!condition) return [];
    const involved = condition.all.flatMap(({ signal }) => named(signal) ?? []);
    const signal = involved.find((one) => one.of === "service") ?? involved.find((one) => one.of === "path");
    return signal ? [{ risk: conditionRisk(reading) ?? 0, signal, said: `${reading.text} hold` }] : [];
  });
  // Of equals the first as written.
  return [...ofObjectives, ...ofConditions].reduce<(Symptom & { risk: number }) | undefined>(
    (worst, one) => (one.risk > (worst?.risk ?? -1) ? one : worst),
    undefined,
  );
}

/** The side on which a signal is worse: as its objective has it, else its condition; else up. */
export function worseSide({ objectives, conditions }: ServiceClass, name: string): "up" | "down" {
  const objective = objectives.find(({ signal }) => signal === name);
  if (objective) return objective.comparator === "below" ? "up" : "down";
  const condition = conditions.flatMap(({ all }) => all).find(({ signal }) => signal === name);
  return condition?.comparator === "below" ? "down" : "up";
}

/** A value of a class's signal, for people. */
export function formatClassValue(unit: ClassUnit, value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "beyond the highest bucket";
  switch (unit) {
    case "ms":
      return formatMs(value);
    case "ratio":
      return formatPercent(value);
    case "rate":
      return formatRate(value);
    case "count":
      return `${Number(value.toPrecision(3))}`;
  }
}

/** 12_300 to "12.3 s", 300_000 to "5 min". */
const formatSpan = (ms: number) =>
  ms < 120_000 ? `${Number((ms / 1000).toPrecision(3))} s` : `${Math.round(ms / 60_000)} min`;

const beyond = (value: number, threshold: number) =>
  value > threshold ? "over" : value < threshold ? "under" : "right at";

/** `"first-token p95 below 500ms"` to `"first-token p95"`. */
const percentileName = (text: string, signal: string) => /^\S+ p[\d.]+/.exec(text)?.[0] ?? signal;

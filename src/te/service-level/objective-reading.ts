import { formatPercent } from "../../kernel/units.ts";

import type { ConditionReading, ObjectiveReading } from "../../model/class-health.ts";
import type { ClassUnit, Objective } from "../../model/service-class.ts";
import type { Measured } from "../../model/signal.ts";
import { crossesInMs } from "./forecast.ts";
import { type ObjectiveWindow, silentIntervals } from "./objective-window.ts";

/** A forecast looks back as far as it looks ahead, and this many intervals at least: a wave of that length is no trend. */
const leastLookBack = 15;

/** How the objective, on a signal of that unit, stands at its window's newest sample, as seen at `nowMs`. */
export function readObjective(
  objective: Objective,
  window: ObjectiveWindow,
  { unit, intervalMs, nowMs }: Readonly<{ unit: ClassUnit; intervalMs: number; nowMs: number }>,
): ObjectiveReading {
  const { text, burn } = objective;
  const nothing = (unknown: string): ObjectiveReading => ({ objective: text, burn: {}, unknown });
  if (Number.isNaN(window.newestMs)) return nothing(`${objective.signal} has no data yet`);
  if (nowMs - window.newestMs > silentIntervals * intervalMs)
    return nothing(`${objective.signal} has no data for ${Math.round((nowMs - window.newestMs) / 1000)} s`);
  const value = window.percentile();
  const recent = window.recent();
  const [fast, slow] = [window.burn(burn.fast.windowMs), window.burn(burn.slow.windowMs)];
  const breachInMs = inSight(objective, window, { unit, intervalMs });
  const isWhole = value !== undefined && recent && fast !== undefined && slow !== undefined;
  return {
    objective: text,
    ...(value === undefined ? {} : { value }),
    ...(recent ? { recent } : {}),
    burn: {
      ...(fast === undefined ? {} : { fast: fast / burn.fast.limit }),
      ...(slow === undefined ? {} : { slow: slow / burn.slow.limit }),
    },
    ...(breachInMs === undefined ? {} : { breachInMs }),
    ...(isWhole ? {} : { unknown: `${objective.signal} has too few observations` }),
  };
}

/**
 * When the line through the percentiles crosses the threshold or the window's budget is used up, whichever is first. Spikes burn
 * a budget under a line that never crosses: then the pace is that of the fast burn's windows, both of them, and once
 * the line has crossed, that of late.
 */
function inSight(
  { comparator, threshold, forecastMs, burn }: Objective,
  window: ObjectiveWindow,
  { unit, intervalMs }: Readonly<{ unit: ClassUnit; intervalMs: number }>,
): number | undefined {
  const points = window.newest(Math.max(leastLookBack, Math.ceil(forecastMs / intervalMs)));
  const crossedInMs = crossesInMs(points, {
    threshold,
    worse: comparator === "below" ? "up" : "down",
    course: unit === "ms" ? "queue" : "line",
  });
  const paceMs = crossedInMs === 0 ? window.recentMs : burn.fast.windowMs;
  const exhaustedInMs = window.exhaustedInMs(paceMs) ?? Number.POSITIVE_INFINITY;
  const soonestMs = Math.min(exhaustedInMs, crossedInMs || Number.POSITIVE_INFINITY);
  return soonestMs === Number.POSITIVE_INFINITY ? undefined : soonestMs;
}

/** 1 is at the limit; undefined when that is not known, and it is not known to be over. */
export function objectiveRisk({ burn, breachInMs, unknown }: ObjectiveReading, forecastMs: number): number | undefined {
  // Broken now is at the limit, however slowly it came to that.
  const ahead = breachInMs === undefined ? 0 : breachInMs === 0 ? 1 : forecastMs / breachInMs;
  const risk = Math.max(burn.fast ?? 0, burn.slow ?? 0, ahead);
  return risk < 1 && unknown !== undefined ? undefined : risk;
}

export function conditionRisk({ heldMs, forMs, unknown }: ConditionReading): number | undefined {
  // For 0 ms: at once.
  const risk = forMs > 0 ? heldMs / forMs : heldMs > 0 ? 1 : 0;
  return risk < 1 && unknown !== undefined ? undefined : risk;
}

/** The recent percentile as a share of what is allowed; undefined when it is not known. */
function objectiveStress({ recent }: ObjectiveReading, { comparator, threshold }: Objective): number | undefined {
  if (!recent) return undefined;
  if (comparator === "below") return recent.value / threshold;
  return recent.value > 0 ? threshold / recent.value : Number.POSITIVE_INFINITY;
}

/** The worst stress of several objectives, over the time that all of them are of. Undefined without any, or when one is not known. */
export function worstStress(
  of: readonly Readonly<{ objective: Objective; reading: ObjectiveReading | undefined }>[],
): Measured | undefined {
  let worst: Measured | undefined;
  for (const { objective, reading } of of) {
    const stress = reading && objectiveStress(reading, objective);
    if (stress === undefined || !reading?.recent) return undefined;
    const { fromMs, toMs } = reading.recent;
    worst = {
      value: Math.max(stress, worst?.value ?? 0),
      fromMs: Math.min(fromMs, worst?.fromMs ?? fromMs),
      toMs: Math.min(toMs, worst?.toMs ?? toMs),
    };
  }
  return worst;
}

/** What of an objective is nearest its limit, for people. */
export function whyAtRisk({ objective, burn, breachInMs }: ObjectiveReading, forecastMs: number): string {
  const [fast, slow] = [burn.fast ?? 0, burn.slow ?? 0];
  const [name, share] = fast >= slow ? ["fast", fast] : ["slow", slow];
  const burns = `burns at ${formatPercent(share)} of the ${name} limit`;
  if (breachInMs === 0) return share >= 1 ? `${objective}: is broken, and ${burns}` : `${objective}: is broken`;
  if (breachInMs !== undefined && forecastMs / breachInMs > share)
    return `${objective}: broken in ${Math.round(breachInMs / 1000)} s at this rate`;
  return `${objective}: ${burns}`;
}

import { Gauge, Registry } from "prom-client";
import type { ShedLevel } from "../model/shed.ts";

/**
 * Shape:  Prometheus text format 0.0.4, label values escaped; `{ contentType, text }`.
 * Units:  `pointsman_shed_level` 0 to 3, see `ShedDegree`; `pointsman_shed_until_seconds` in Unix time, absent where it is
 *         not known; `pointsman_shed_info` is 1, and its labels say why.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export async function shedMetrics(levels: readonly ShedLevel[]): Promise<{ contentType: string; text: string }> {
  // Made anew for each answer, so that what is no longer so leaves no series behind.
  const registry = new Registry();
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const level = gauge(
    "pointsman_shed_level",
    "What the class is asked for: 0 nothing, 1 to offer less, 2 it is held back, 3 it is held at its floor",
    ["class"],
  );
  const until = gauge("pointsman_shed_until_seconds", "Unix time at which the level may be over at the earliest", [
    "class",
  ]);
  const info = gauge("pointsman_shed_info", "Why the class has its level", ["class", "reason"]);
  for (const one of levels) {
    level.set({ class: one.class }, one.level);
    if (one.untilMs !== null) until.set({ class: one.class }, one.untilMs / 1000);
    info.set({ class: one.class, reason: one.reason }, 1);
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}

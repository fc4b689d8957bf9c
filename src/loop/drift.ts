import { type Change, onRouterStates } from "../model/change.ts";
import type { DeviceName } from "../model/inventory.ts";
import { undoings } from "./displacements.ts";
import { sectionOf } from "./section.ts";

/** What a section of a router's configuration must read, and by which change. */
export type Baseline = Readonly<{
  section: string;
  device: DeviceName;
  query: string;
  changeId: string;
  expected: string;
}>;

/**
 * Of every section that holds something of ours: the latest confirmed change on it. A section all of whose changes are undone holds
 * nothing of ours, whatever others make of it. `changes` newest first.
 */
export function baselines(changes: readonly Change[]): readonly Baseline[] {
  const undone = undoings(changes);
  const undoers = new Set(undone.values());
  const latest = new Map<string, Baseline>();
  const holding = new Set<string>();
  for (const { id, state, plan, decision } of changes) {
    if (state !== "confirmed") continue;
    for (const { device, query, expected } of plan.steps) {
      const section = sectionOf(device, decision.action);
      if (!latest.has(section)) latest.set(section, { section, device, query, changeId: id, expected });
      if (!undone.has(id) && !undoers.has(id)) holding.add(section);
    }
  }
  return [...latest.values()].filter(({ section }) => holding.has(section));
}

/** Undefined while a change is on the router, or may be: then it reads what it reads. Otherwise equal as long as none has been. */
export function historyOf(device: DeviceName, changes: readonly Change[]): string | undefined {
  const ours = changes.filter(({ plan }) => plan.steps.some((step) => step.device === device));
  if (ours.some(({ state }) => onRouterStates.includes(state))) return undefined;
  return ours.flatMap(({ id, times }) => (times.pushStartedMs === undefined ? [] : id)).join();
}

import { finalStates } from "../model/change.ts";
import type { GuardFinding } from "../model/decision.ts";
import type { FreezeWindow } from "../model/inventory.ts";
import type { Case } from "./case.ts";

export function killSwitch({ switches }: Case): GuardFinding {
  const { killed } = switches;
  const reason = killed ? `${killed.by} stopped all changes: ${killed.reason}` : "changes are not stopped";
  return { guard: "kill-switch", allow: killed === null, reason };
}

/** A window holds its first moment and not its last; only the start of a change is held to it. */
export function freezeWindow({ network, switches, nowMs }: Case): GuardFinding {
  const guard = "freeze-window";
  const { frozen } = switches;
  if (frozen && nowMs < frozen.untilMs) {
    const reason = `${frozen.by} froze changes until ${new Date(frozen.untilMs).toISOString()}: ${frozen.reason}`;
    return { guard, allow: false, reason };
  }
  const window = network.freezes.find((freeze) => isInside(freeze, nowMs));
  if (window) return { guard, allow: false, reason: `inside the freeze window "${window.reason}" (${span(window)})` };
  const count = network.freezes.length;
  return { guard, allow: true, reason: count === 0 ? "no freeze windows" : `outside all ${count} freeze windows` };
}

const minuteMs = 60_000;
const dayMs = 1440 * minuteMs;

function isInside(window: FreezeWindow, nowMs: number): boolean {
  if ("fromMs" in window) return window.fromMs <= nowMs && nowMs < window.toMs;
  const { dailyFromMinute: from, dailyToMinute: to } = window;
  const minute = (((nowMs % dayMs) + dayMs) % dayMs) / minuteMs;
  // Across midnight it is the two ends of the day; from a time to itself, all of it.
  return from < to ? from <= minute && minute < to : from <= minute || minute < to;
}

function span(window: FreezeWindow): string {
  if ("fromMs" in window) return `${new Date(window.fromMs).toISOString()} to ${new Date(window.toMs).toISOString()}`;
  const clock = (m: number) => `${String(Math.floor(m / 60)).padStart(2, "0")}:${String(m % 60).padStart(2, "0")}`;
  return `daily ${clock(window.dailyFromMinute)} to ${clock(window.dailyToMinute)} UTC`;
}

export function oneChangeInFlight({ changesInFlight }: Case): GuardFinding {
  const other = changesInFlight.find((change) => !finalStates.includes(change.state));
  const reason = other ? `${other.id} is ${other.state}: one change at a time` : "no other change is in flight";
  return { guard: "one-change-in-flight", allow: other === undefined, reason };
}

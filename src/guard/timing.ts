import { onRouterStates, waitingStates } from "../model/change.ts";
import type { GuardFinding } from "../model/decision.ts";
import type { FreezeWindow } from "../model/inventory.ts";
import type { GuardInput } from "./case.ts";

export function killSwitch({ switches }: Pick<GuardInput, "switches">): GuardFinding {
  const { killed } = switches;
  const reason = killed ? `${killed.by} stopped all changes: ${killed.reason}` : "changes are not stopped";
  return { guard: "kill-switch", allow: killed === null, reason };
}

/** A window holds its first moment and not its last; only the start of a change is held to it. */
export function freezeWindow({
  network,
  switches,
  nowMs,
}: Pick<GuardInput, "network" | "switches" | "nowMs">): GuardFinding {
  const guard = "freeze-window";
  const { frozen } = switches;
  if (frozen && nowMs < frozen.untilMs) {
    const reason = `${frozen.by} froze changes ${until(frozen.untilMs)}: ${frozen.reason}`;
    return { guard, allow: false, reason };
  }
  const window = network.freezes.find((freeze) => isInside(freeze, nowMs));
  if (window) return { guard, allow: false, reason: `inside the freeze window "${window.reason}" (${span(window)})` };
  const count = network.freezes.length;
  return { guard, allow: true, reason: count === 0 ? "no freeze windows" : `outside all ${count} freeze windows` };
}

/** The last moment that a `Date` can hold (ECMA-262 21.4.1.1): to format a later one throws. */
const lastMs = 8.64e15;

const until = (ms: number) => (ms <= lastMs ? `until ${new Date(ms).toISOString()}` : "for ever");

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

/**
 * What touches routers goes alone. Of proposals there may be several, but not two about one link or flow: the second to be
 * pushed would rest on what the first has changed. One of a policy that only observes is never pushed, and none holds
 * up a push: the first to be approved goes, and the others are then judged on what it left.
 */
export function oneChangeInFlight({ changesInFlight, decision, policy, phase }: GuardInput): GuardFinding {
  const guard = "one-change-in-flight";
  const { target } = decision.intent;
  const other = changesInFlight.find((change) => onRouterStates.includes(change.state));
  if (other) return { guard, allow: false, reason: `${other.id} is ${other.state}: one change at a time` };
  const rival = changesInFlight.find((change) => {
    return (
      waitingStates.includes(change.state) && change.mode !== "observe" && change.decision.intent.target === target
    );
  });
  if (rival && phase === "propose") {
    const reason = `${rival.id} about ${target} is ${rival.state}: one proposal for a ${kindOf(policy)} at a time`;
    return { guard, allow: false, reason };
  }
  return { guard, allow: true, reason: "no other change is in flight" };
}

/** What the policy decides about, one at a time. */
function kindOf({ scope }: GuardInput["policy"]): string {
  if ("links" in scope) return "link";
  if ("flows" in scope) return "flow";
  if ("class" in scope) return "class";
  return "anycast" in scope ? "site" : "drain";
}

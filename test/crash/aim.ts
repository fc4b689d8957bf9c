import type { Random } from "../../src/kernel/random.ts";
import type { ChangeState } from "../../src/model/change.ts";

/** States in which a change is under way. */
export const underWay = [
  "dry-run",
  "preparing",
  "committing",
  "verifying",
  "confirming",
  "rolling-back",
] as const satisfies readonly ChangeState[];
export type UnderWay = (typeof underWay)[number];

export const isUnderWay = (state: ChangeState): state is UnderWay => underWay.some((one) => one === state);

/**
 * When to kill, counted from the beginning of a change, or of a restart: so long after the process says that the change has
 * reached a state, after the routers were asked for so many operations, or after no more than a time.
 */
export type Aim =
  | Readonly<{ kind: "state"; state: UnderWay; delayMs: number }>
  | Readonly<{ kind: "operation"; count: number; delayMs: number }>
  | Readonly<{ kind: "time"; delayMs: number }>;

/** At least as long as each state lasts here, so that every point of it is hit, and the border to the next; short delays come more often. */
const lastsMs: Readonly<Record<UnderWay, number>> = {
  "dry-run": 60,
  preparing: 60,
  committing: 60,
  verifying: 700,
  confirming: 40,
  "rolling-back": 40,
};

/** `operations` is about how many a whole change takes. */
export function aimAtChange(random: Random, operations: number): Aim {
  const dice = random();
  if (dice < 0.6) return aimAtState(random, underWay);
  if (dice < 0.9) return aimAtOperation(random, operations);
  return { kind: "time", delayMs: Math.round(random() * 1_500) };
}

export function aimAtRecovery(random: Random, operations: number): Aim {
  if (random() < 0.5) return aimAtState(random, ["rolling-back", "rolling-back", "confirming"]);
  return aimAtOperation(random, operations / 4);
}

function aimAtState(random: Random, states: readonly UnderWay[]): Aim {
  const state = states[Math.floor(random() * states.length)] ?? "verifying";
  return { kind: "state", state, delayMs: Math.round(random() ** 2 * lastsMs[state]) };
}

function aimAtOperation(random: Random, most: number): Aim {
  return { kind: "operation", count: 1 + Math.floor(random() * most), delayMs: Math.round(random() * 5) };
}

import type { Fault } from "../lab/lab.ts";

export const scenarios = ["two-transits"] as const;
export const faults: readonly Fault[] = ["worse", "blind", "dead-router", "lying-commit"];

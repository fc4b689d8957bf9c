import type { Fault } from "../lab/lab.ts";

export { type ScenarioName, scenarioNames } from "../lab/scenarios/names.ts";
export const faults: readonly Fault[] = ["worse", "blind", "dead-router", "lying-commit"];

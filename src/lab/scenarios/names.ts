/** By themselves, for who lists them without starting a lab. */
export const scenarioNames = [
  "two-transits",
  "training-vs-inference",
  "maintenance-drain",
  "inference-latency",
  "gpu-throttling",
  "compute-bound",
  "spike-admission",
  "slow-burn",
  "stale-model",
] as const;
export type ScenarioName = (typeof scenarioNames)[number];

import { type BackboneScenario, bothWays, routers, type ScenarioService } from "../backbone-scenario.ts";
import type { Serving, Training } from "../service-load.ts";

export const gbit = 1e9;

const line = { capacity: 100 * gbit, metric: 10, qos: true } as const;

/** All that users and storage send to the machines of a pod meets on spine-pod; 3 ms from either end. */
export const pod: Pick<BackboneScenario, "as" | "nodes" | "links" | "classes"> = {
  as: 65000,
  nodes: routers("edge", "storage", "spine", "pod"),
  links: bothWays([
    { a: "edge", b: "spine", ...line, delayMs: 1 },
    { a: "storage", b: "spine", ...line, delayMs: 1 },
    { a: "spine", b: "pod", ...line, delayMs: 2 },
  ]),
  classes: [],
};

/** Long enough before anything happens to know what is usual. */
export const calmMs = 8_000;
export const suddenly = { peakAfterMs: calmMs, rampMs: 1_000 };

const burns = {
  window: "20s",
  fast: { window: "3s", burn: 6 },
  slow: { window: "10s", burn: 3 },
  forecast: "15s",
};
const budget = { changes: 4, per: "1m" };
const pathLatency = { name: "path-latency", of: "path", unit: "ms", signal: "path.latency.p99" };
const first = (of: string) => ({
  name: "first-token",
  of: "service",
  unit: "ms",
  histogram: `first_token_seconds_bucket{class="${of}"}`,
});
const waiting = (of: string) => ({
  name: "waiting",
  of: "compute",
  unit: "count",
  query: `requests_waiting{class="${of}"}`,
});

/** Chat: 60 to 120 ms to the first token, and four crossings of the network. */
export const serving: Serving = {
  requests: { base: 200, peak: 200 },
  capacity: { base: 400, peak: 400 },
  prefillMs: 60,
  spreadMs: 20,
  roundTrips: 4,
  mostWaiting: 500,
};

export const interactive = (machines: Serving = serving): ScenarioService => ({
  name: "interactive",
  description: "Chat. The first token and every token after it on time.",
  spec: {
    path: { prefers: "latency", maxDelay: "10ms", maxLoss: "0.1%" },
    ...{ dscp: 46, queue: "interactive", color: 100, priority: 0, floor: "10%", sheds: ["batch", "standard"], budget },
    signals: [first("interactive"), pathLatency, waiting("interactive")],
    objectives: [
      { objective: "first-token p95 below 250ms", ...burns },
      { objective: "path-latency p95 below 10ms", ...burns },
    ],
  },
  serving: machines,
});

export const standard: ScenarioService = {
  name: "standard",
  description: "Answers that nobody watches being written.",
  spec: {
    path: { prefers: "latency" },
    ...{ dscp: 26, queue: "standard", color: 200, priority: 2, floor: "10%", sheds: ["batch"], budget },
    signals: [pathLatency],
    objectives: [{ objective: "path-latency p95 below 100ms", ...burns }],
  },
};

export const batch: ScenarioService = {
  name: "batch",
  description: "Deferred: whatever is left.",
  spec: {
    path: { prefers: "remainder" },
    ...{ dscp: 8, queue: "batch", color: 300, priority: 4, floor: "10%", sheds: [], budget },
    signals: [],
    objectives: [],
  },
};

/** A step computes 150 ms, and waits for two crossings of the network. */
const steps: Training = { stepMs: 150, roundTrips: 2 };

export const training: ScenarioService = {
  name: "training",
  description: "All machines wait for the slowest exchange.",
  spec: {
    path: { prefers: "capacity", maxLoss: "0.1%" },
    ...{ dscp: 34, queue: "training", color: 400, priority: 1, floor: "10%", sheds: ["batch"], budget },
    signals: [
      { name: "gpu-utilisation", of: "service", unit: "ratio", query: 'gpu_utilisation_ratio{class="training"}' },
      pathLatency,
    ],
    objectives: [{ objective: "gpu-utilisation p90 above 50%", ...burns }],
    conditions: [{ all: ["gpu-utilisation below 70%", "path-latency above 10ms"], for: "3s" }],
  },
  training: steps,
};

/** To the pod; `base` and `peak` in Gbit/s. */
export function flow(of: ScenarioService, headend: string, base: number, peak = base) {
  const { name, spec } = of;
  return {
    ...{ name: `${name}-1`, class: name, headend, endpoint: "pod", color: spec.color },
    ...{ base: base * gbit, peak: peak * gbit },
  };
}

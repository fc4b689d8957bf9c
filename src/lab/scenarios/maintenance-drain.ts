import { type BackboneScenario, bothWays, routers } from "../backbone-scenario.ts";

const gbit = 1e9;
const edges = ["edge-1", "edge-2", "edge-3"];
/** The IGP prefers core-b, then core-a. */
const cores = [
  { core: "core-a", metric: 20, delayMs: 3 },
  { core: "core-b", metric: 10, delayMs: 2 },
  { core: "core-c", metric: 30, delayMs: 4 },
];

/** Three edges, each on three cores. All traffic goes by core-b, which is to be emptied; each of the others could carry all of it. */
export const maintenanceDrain: BackboneScenario = {
  as: 65000,
  nodes: routers(...edges, ...cores.map(({ core }) => core)),
  links: bothWays(
    edges.flatMap((edge) =>
      cores.map(({ core, metric, delayMs }) => ({ a: edge, b: core, capacity: 100 * gbit, metric, delayMs })),
    ),
  ),
  classes: [
    { name: "inference", prefers: "latency", maxDelay: "10ms", maxLoss: "0.1%" },
    { name: "training", prefers: "capacity" },
    { name: "batch", prefers: "remainder" },
  ],
  flows: [
    flow("training-1", "training", "edge-1", "edge-3", 200, 30),
    flow("inference-1", "inference", "edge-2", "edge-3", 100, 20),
    flow("batch-1", "batch", "edge-1", "edge-2", 300, 10),
    flow("inference-2", "inference", "edge-3", "edge-1", 100, 20),
  ],
  faulty: "edge-1",
  rebound: { flow: "training-1", rate: 95 * gbit },
};

/** `peak` in Gbit/s; before it next to nothing, so that there is nothing to drain yet. */
function flow(name: string, className: string, headend: string, endpoint: string, color: number, peak: number) {
  return { name, class: className, headend, endpoint, color, base: 0.1 * gbit, peak: peak * gbit };
}

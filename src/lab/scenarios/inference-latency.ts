import type { BackboneScenario } from "../backbone-scenario.ts";
import { batch, flow, gbit, interactive, pod, standard, suddenly } from "./pod.ts";

/** Batch floods the way to the pod: 120 Gbit/s for 100 Gbit/s, and interactive waits 50 ms behind it in a full buffer. */
export const inferenceLatency: BackboneScenario = {
  ...pod,
  services: [interactive(), standard, batch],
  flows: [flow(interactive(), "edge", 20), flow(standard, "edge", 15), flow(batch, "storage", 20, 85)],
  timing: suddenly,
  faulty: "spine",
  rebound: { flow: "interactive-1", rate: 130 * gbit },
};

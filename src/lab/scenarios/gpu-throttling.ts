import type { BackboneScenario } from "../backbone-scenario.ts";
import { batch, flow, gbit, interactive, pod, standard, suddenly, training } from "./pod.ts";

/**
 * Batch fills the way to the pod, 103 Gbit/s for 100 Gbit/s: training computes as before but waits for its exchanges, and
 * its machines stand still two fifths of the time. Its objective still holds; only together with the path is it the
 * network's fault.
 */
export const gpuThrottling: BackboneScenario = {
  ...pod,
  services: [training, interactive(), standard, batch],
  flows: [
    flow(training, "edge", 40),
    flow(interactive(), "edge", 10),
    flow(standard, "edge", 5),
    flow(batch, "storage", 15, 48),
  ],
  timing: suddenly,
  faulty: "spine",
  rebound: { flow: "training-1", rate: 150 * gbit },
};

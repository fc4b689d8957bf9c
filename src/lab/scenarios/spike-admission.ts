import type { BackboneScenario } from "../backbone-scenario.ts";
import { batch, flow, gbit, interactive, pod, standard, suddenly } from "./pod.ts";

/**
 * Interactive has a spike that would fit by itself: with standard and batch it is 125 Gbit/s for 100 Gbit/s. Batch at its
 * floor leaves 30 of its 35 Gbit/s to standard.
 */
export const spikeAdmission: BackboneScenario = {
  ...pod,
  services: [interactive(), standard, batch],
  flows: [flow(interactive(), "edge", 15, 60), flow(standard, "storage", 35), flow(batch, "storage", 30)],
  timing: suddenly,
  faulty: "spine",
  rebound: { flow: "interactive-1", rate: 130 * gbit },
};

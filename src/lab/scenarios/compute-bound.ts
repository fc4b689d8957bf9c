import type { BackboneScenario } from "../backbone-scenario.ts";
import { batch, flow, gbit, interactive, pod, serving, standard, suddenly } from "./pod.ts";

/** Most of the machines go: requests wait for the rest, and first tokens are late on a network that is as ever. */
const failing = interactive({ ...serving, capacity: { base: 400, peak: 150 } });

export const computeBound: BackboneScenario = {
  ...pod,
  services: [failing, standard, batch],
  flows: [flow(failing, "edge", 20), flow(standard, "edge", 15), flow(batch, "storage", 20)],
  timing: suddenly,
  faulty: "spine",
  rebound: { flow: "interactive-1", rate: 130 * gbit },
};

import type { BackboneScenario } from "../backbone-scenario.ts";
import { batch, calmMs, flow, gbit, interactive, pod, standard } from "./pod.ts";

/**
 * Batch adds connections: what is left of the line is theirs from the start of the rise, and the more there are, the more
 * of their windows stands in the buffer before everybody, up to 10 ms. Interactive is too late at 7 ms of that, some 20 s on.
 */
export const slowBurn: BackboneScenario = {
  ...pod,
  services: [interactive(), standard, batch],
  flows: [
    flow(interactive(), "edge", 30),
    flow(standard, "edge", 10),
    { ...flow(batch, "spine", 57, 90), windowMs: 20 },
  ],
  timing: { peakAfterMs: calmMs, rampMs: 30_000 },
  faulty: "spine",
  rebound: { flow: "interactive-1", rate: 130 * gbit },
};

import { type BackboneScenario, bothWays, routers } from "../backbone-scenario.ts";

const gbit = 1e9;
const line = { capacity: 100 * gbit };
const short = { ...line, metric: 10 };
const long = { ...line, delayMs: 5 };

/**
 * Two ways from west to east: 3 ms by north, which the IGP takes, and 15 ms by south. At its peak the training flow
 * overfills north-east, and inference waits in a full buffer; by south there is room for training, and too far for inference.
 */
export const trainingVsInference: BackboneScenario = {
  as: 65000,
  nodes: routers("west-1", "west-2", "north", "south-1", "south-2", "east"),
  links: bothWays([
    { a: "west-1", b: "north", ...short, delayMs: 1 },
    { a: "west-2", b: "north", ...short, delayMs: 1 },
    { a: "north", b: "east", ...short, delayMs: 2 },
    { a: "west-1", b: "west-2", ...line, metric: 5, delayMs: 1 },
    { a: "west-1", b: "south-1", ...long, metric: 30 },
    { a: "west-2", b: "south-1", ...long, metric: 30 },
    { a: "south-1", b: "south-2", ...long, metric: 20, background: 5 * gbit },
    { a: "south-2", b: "east", ...long, metric: 20 },
  ]),
  classes: [
    { name: "inference", prefers: "latency", maxDelay: "10ms", maxLoss: "0.1%" },
    { name: "training", prefers: "capacity" },
    { name: "batch", prefers: "remainder" },
  ],
  flows: [
    flow("inference-1", "inference", "west-1", 100, 30, 30),
    flow("training-1", "training", "west-2", 200, 5, 55),
    flow("batch-1", "batch", "west-2", 300, 20, 20),
  ],
  faulty: "west-2",
  rebound: { flow: "training-1", rate: 95 * gbit },
};

/** To east; `base` and `peak` in Gbit/s. */
function flow(name: string, className: string, headend: string, color: number, base: number, peak: number) {
  return { name, class: className, headend, endpoint: "east", color, base: base * gbit, peak: peak * gbit };
}

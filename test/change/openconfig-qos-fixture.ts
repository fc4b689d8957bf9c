import { bitsPerSecond, type Ratio } from "../../src/kernel/units.ts";
import type { Link, ServedClass } from "../../src/model/inventory.ts";

/** A service class that is told apart by its DSCP; what else there is to one does not reach a router. */
export const served = (name: string, dscp: number, queue = name): ServedClass => ({
  name,
  prefers: "latency",
  service: {
    ...{ dscp, queue, priority: 0, floor: 0.1 as Ratio, sheds: [], budget: { changes: 4, perMs: 3_600_000 } },
    ...{ fanOut: 1, signals: [], objectives: [], conditions: [] },
  },
});
export const interactive = served("interactive", 46);
export const batch = served("batch", 8, "scavenger");

/** A link of r1 whose queues are Pointsman's. */
export const qosLink = (name: string, interfaceName: string): Link => ({
  ...{ name, device: "r1", interface: interfaceName, role: "backbone", capacity: bitsPerSecond(1e9), qos: true },
});

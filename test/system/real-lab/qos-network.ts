import { join } from "node:path";
import { bitsPerSecond, ratio } from "../../../src/kernel/units.ts";
import type { ClassShare } from "../../../src/model/decision.ts";
import type { Device, Network, ServedClass } from "../../../src/model/inventory.ts";
import type { QosLab } from "./qos-lab.ts";
import { link } from "./qos-topology.ts";

/** The lab's inventory as the configuration's reader would give it, and a class more than the lab sends. */
export function qosNetwork(lab: QosLab): Network {
  return {
    as: 65_000,
    devices: [qosDevice(lab)],
    links: [
      {
        name: link.name,
        device: "r1",
        interface: link.interface,
        role: "peering",
        capacity: bitsPerSecond(link.mbit * 1e6),
        qos: true,
      },
    ],
    prefixes: [],
    classes: [served("interactive", 46, 0), served("standard", 26, 3), served("batch", 8, 7)],
    flows: [],
    anycast: [],
    telemetry: { intervalMs: 1_000 },
    freezes: [],
    shedWebhooks: [],
  };
}

export function qosDevice({ username, folder, router: { host, hostKey } }: QosLab): Device {
  const management = { host, port: 22, username, privateKey: { file: join(folder, "key") }, hostKey };
  return { name: "r1", platform: "linux-htb", management };
}

/** What a class of that inventory gets, in bit/s. */
export function shareOf(
  name: "interactive" | "standard" | "batch",
  guaranteed: number,
  ceiling = link.mbit * 1e6,
): ClassShare {
  const priority = { interactive: 0, standard: 3, batch: 7 }[name];
  const mark = { minBytes: 15_000, maxBytes: 45_000 };
  return { class: name, guaranteed: bitsPerSecond(guaranteed), ceiling: bitsPerSecond(ceiling), priority, mark };
}

const served = (name: string, dscp: number, priority: number): ServedClass => ({
  name,
  prefers: "latency",
  service: {
    dscp,
    queue: name,
    priority,
    floor: ratio(0.1),
    sheds: [],
    budget: { changes: 4, perMs: 3_600_000 },
    fanOut: 1,
    signals: [],
    objectives: [],
    conditions: [],
  },
});

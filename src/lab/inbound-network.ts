import { assert } from "../kernel/assert.ts";
import type { DeviceName } from "../model/inventory.ts";
import type { InboundScenario } from "./inbound-scenario.ts";
import { InboundTraffic } from "./inbound-traffic.ts";
import { type EmulatedNetwork, type InventoryPart, type LabMeasurement, lossRatio } from "./network.ts";
import { routerConfig } from "./router-config.ts";
import { announcements } from "./routing-policy.ts";
import type { TrafficStart } from "./traffic.ts";

export function inboundNetwork(scenario: InboundScenario, start: TrafficStart): EmulatedNetwork {
  const { links, demands } = scenario;
  const traffic = new InboundTraffic(start, {
    links,
    demands,
    announced: new Map(links.map(({ name, announced }) => [name, new Map(Object.entries(announced))])),
  });
  const originated = demands.map(({ prefix }) => prefix);
  const linkOf = (device: DeviceName) => {
    const link = links.find((each) => each.device === device);
    assert(link, `the scenario has a link at ${device}`);
    return link;
  };
  return {
    configurations: Object.fromEntries(links.map((link) => [link.device, routerConfig(link, scenario.as)])),
    configure(device, running, atMs) {
      const link = linkOf(device);
      traffic.set(link.name, announcements(running, link.exportPolicy, originated), atMs);
    },
    interfaces(device, atMs) {
      traffic.advance(atMs);
      const { name, interface: port, capacity } = linkOf(device);
      const common = { operStatus: "UP", lastClearMs: start.startMs } as const;
      return [{ name: port, capacity, ...common, ...traffic.counters(name) }];
    },
    readings(atMs) {
      traffic.advance(atMs);
      return links.flatMap(({ name: link }) => {
        const byPrefix = [...traffic.deliveredBits(link)];
        const total = byPrefix.reduce((sum, [, bits]) => sum + bits, 0);
        return [
          ...byPrefix.map(([prefix, bits]) => ({
            labels: { __name__: "flow_inbound_bits_per_second", link, prefix },
            bits,
          })),
          { labels: { __name__: "link_inbound_bits_per_second", link }, bits: total },
        ];
      });
    },
    measure(atMs) {
      traffic.advance(atMs);
      return measure(traffic, scenario, atMs);
    },
    rebound(atMs) {
      traffic.advance(atMs);
      traffic.reboundAfterChange(scenario.rebound.prefix, scenario.rebound.rate);
    },
    inventory: inventory(scenario),
    classDocuments: [],
    faulty: scenario.faulty,
  };
}

function measure(traffic: InboundTraffic, { links }: InboundScenario, atMs: number): LabMeasurement {
  const flows = traffic.flows();
  const measurement: LabMeasurement = {
    atMs,
    utilisation: Object.fromEntries(
      links.map(({ name, capacity }) => [name, (flows.get(name)?.delivered ?? 0) / capacity]),
    ),
    loss: {},
    costPerHour: traffic.costPerHour(),
    entry: {},
    latencyP99Ms: {},
    classes: {},
  };
  for (const [prefix, offered] of traffic.offered()) {
    let delivered = 0;
    let most = 0;
    for (const [link, flow] of flows) {
      const onLink = flow.offered.get(prefix) ?? 0;
      delivered += onLink * (1 - flow.lossShare);
      if (onLink > most) measurement.entry[prefix] = link;
      most = Math.max(most, onLink);
    }
    measurement.loss[prefix] = lossRatio(offered, delivered);
  }
  return measurement;
}

function inventory(scenario: InboundScenario): InventoryPart {
  return {
    as: scenario.as,
    devices: Object.fromEntries(scenario.links.map(({ device }) => [device, {}])),
    links: scenario.links.map((link) => ({
      name: link.name,
      device: link.device,
      interface: link.interface,
      role: "transit",
      capacity: `${link.capacity / 1e9} Gbit/s`,
      cost: { perMbitMonth: link.perMbitMonth, currency: scenario.currency },
      bgp: { neighbor: link.neighbor, exportPolicy: link.exportPolicy },
    })),
    prefixes: scenario.demands.map(({ prefix }) => prefix),
    queries: {
      prefixInbound: { query: "flow_inbound_bits_per_second", linkLabel: "link", prefixLabel: "prefix" },
    },
  };
}

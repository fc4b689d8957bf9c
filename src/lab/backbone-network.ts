import { parseXml } from "../kernel/xml.ts";
import { backboneConfig } from "./backbone-config.ts";
import type { BackboneScenario } from "./backbone-scenario.ts";
import { BackboneTraffic } from "./backbone-traffic.ts";
import { type EmulatedNetwork, type InventoryPart, lossRatio } from "./network.ts";
import { segmentRoutingRules } from "./policy-forwarding.ts";
import type { TrafficStart } from "./traffic.ts";

export function backboneNetwork(scenario: BackboneScenario, start: TrafficStart): EmulatedNetwork {
  const { links } = scenario;
  const devices = Object.keys(scenario.nodes);
  const initial = segmentRoutingRules(parseXml(`<config>${backboneConfig}</config>`));
  const traffic = new BackboneTraffic(start, scenario, new Map(devices.map((device) => [device, initial])));
  return {
    configurations: Object.fromEntries(devices.map((device) => [device, backboneConfig])),
    configure: (device, running, atMs) => traffic.set(device, segmentRoutingRules(running), atMs),
    interfaces(device, atMs) {
      traffic.advance(atMs);
      return links
        .filter((link) => link.device === device)
        .map((link) => {
          const opposite = links.find((each) => each.to === device && each.toInterface === link.interface);
          const out = traffic.totals(link.name);
          const received = opposite && traffic.totals(opposite.name);
          return {
            name: link.interface,
            operStatus: "UP",
            capacity: link.capacity,
            lastClearMs: start.startMs,
            inOctets: received?.octets ?? 0,
            outOctets: out.octets,
            inPkts: received?.pkts ?? 0,
            outPkts: out.pkts,
            // A full link's queue stands at its sender.
            inDiscards: 0,
            outDiscards: out.discards,
          };
        });
    },
    readings(atMs) {
      traffic.advance(atMs);
      const latency = traffic.latencyP99Ms();
      return scenario.flows.flatMap(({ name: flow }) => [
        { labels: { __name__: "flow_bits_per_second", flow }, bits: traffic.offeredBits(flow) },
        { labels: { __name__: "flow_latency_p99_seconds", flow }, value: (latency.get(flow) ?? 0) / 1000 },
      ]);
    },
    measure(atMs) {
      traffic.advance(atMs);
      const [flows, offered, arriving] = [traffic.flows(), traffic.offered(), traffic.arriving()];
      return {
        atMs,
        utilisation: Object.fromEntries(
          links.map(({ name, capacity }) => [name, (flows.get(name)?.delivered ?? 0) / capacity]),
        ),
        loss: Object.fromEntries(
          scenario.flows.map(({ name }) => [name, lossRatio(offered.get(name) ?? 0, arriving.get(name) ?? 0)]),
        ),
        costPerHour: 0,
        entry: {},
        latencyP99Ms: Object.fromEntries(traffic.latencyP99Ms()),
      };
    },
    rebound(atMs) {
      traffic.advance(atMs);
      traffic.reboundAfterChange(scenario.rebound.flow, scenario.rebound.rate);
    },
    inventory: inventory(scenario),
    faulty: scenario.faulty,
  };
}

function inventory(scenario: BackboneScenario): InventoryPart {
  return {
    as: scenario.as,
    devices: Object.fromEntries(
      Object.entries(scenario.nodes).map(([device, segmentRouting]) => [device, { segmentRouting }]),
    ),
    links: scenario.links.map((link) => ({
      name: link.name,
      device: link.device,
      interface: link.interface,
      role: "backbone",
      capacity: `${link.capacity / 1e9} Gbit/s`,
      backbone: { to: link.to, metric: link.metric, delay: `${link.delayMs}ms` },
    })),
    prefixes: [],
    classes: scenario.classes,
    flows: scenario.flows.map(({ name, class: className, headend, endpoint, color }) => ({
      ...{ name, class: className, headend, endpoint, color },
    })),
    queries: {
      flowRate: { query: "flow_bits_per_second", flowLabel: "flow" },
      flowLatency: { query: "flow_latency_p99_seconds", flowLabel: "flow" },
    },
  };
}

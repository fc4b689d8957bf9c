import { parseXml, type XmlElement } from "../kernel/xml.ts";
import type { DeviceName } from "../model/inventory.ts";
import { backboneConfig } from "./backbone-config.ts";
import type { BackboneScenario } from "./backbone-scenario.ts";
import { type BackboneFlow, BackboneTraffic, type RouterSetting } from "./backbone-traffic.ts";
import { type EmulatedNetwork, type InventoryPart, lossRatio, type Reading } from "./network.ts";
import { segmentRoutingRules } from "./policy-forwarding.ts";
import { interfaceQueues } from "./qos-config.ts";
import { queueCounters, queueReadings, serviceReadings } from "./service-readings.ts";
import type { TrafficStart } from "./traffic.ts";

/** The traffic of a scenario as its routers are first configured: their own way of forwarding, and no queues. */
export function backboneTraffic(scenario: BackboneScenario, start: TrafficStart): BackboneTraffic {
  const { services = [] } = scenario;
  const initial = parseXml(`<config>${backboneConfig}</config>`);
  const flows = scenario.flows.map((flow): BackboneFlow => {
    const service = services.find(({ name }) => name === flow.class);
    return { ...flow, ...(service && { service: service.name, dscp: service.spec.dscp }) };
  });
  const settings = Object.keys(scenario.nodes).map((device) => [device, settingOf(scenario, device, initial)] as const);
  return new BackboneTraffic(start, { ...scenario, flows, services }, new Map(settings));
}

function settingOf({ links }: BackboneScenario, device: DeviceName, running: XmlElement): RouterSetting {
  const queues = interfaceQueues(running);
  const own = links.filter((link) => link.device === device);
  return {
    rules: segmentRoutingRules(running),
    queues: new Map(own.map((link) => [link.name, queues.get(link.interface) ?? []])),
  };
}

export function backboneNetwork(scenario: BackboneScenario, start: TrafficStart): EmulatedNetwork {
  const { links, services = [] } = scenario;
  const devices = Object.keys(scenario.nodes);
  const traffic = backboneTraffic(scenario, start);
  return {
    configurations: Object.fromEntries(devices.map((device) => [device, backboneConfig])),
    configure: (device, running, atMs) => traffic.set(device, settingOf(scenario, device, running), atMs),
    interfaces(device, atMs) {
      traffic.advance(atMs);
      const flows = traffic.flows();
      return links
        .filter((link) => link.device === device)
        .map((link) => {
          const opposite = links.find((each) => each.to === device && each.toInterface === link.interface);
          const out = traffic.totals(link.name);
          const now = flows.get(link.name);
          const queues = now ? queueCounters(traffic, link, now) : [];
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
            ...(queues.length > 0 && { queues }),
          };
        });
    },
    readings(atMs) {
      traffic.advance(atMs);
      const latency = traffic.latencyP99Ms();
      const ofFlows = scenario.flows.flatMap(({ name: flow }): Reading[] => [
        { labels: { __name__: "flow_bits_per_second", flow }, bits: traffic.offeredBits(flow) },
        { labels: { __name__: "flow_latency_p99_seconds", flow }, value: (latency.get(flow) ?? 0) / 1000 },
      ]);
      if (services.length === 0) return ofFlows;
      const queued = links.filter(({ qos }) => qos).map(({ name }) => name);
      return [...ofFlows, ...queueReadings(traffic, services, queued), ...serviceReadings(traffic, services)];
    },
    measure(atMs) {
      traffic.advance(atMs);
      const [flowing, sending, arriving] = [traffic.flows(), traffic.sending(), traffic.arriving()];
      return {
        atMs,
        utilisation: Object.fromEntries(
          links.map(({ name, capacity }) => [name, (flowing.get(name)?.delivered ?? 0) / capacity]),
        ),
        loss: Object.fromEntries(
          scenario.flows.map(({ name }) => [name, lossRatio(sending.get(name) ?? 0, arriving.get(name) ?? 0)]),
        ),
        costPerHour: 0,
        entry: {},
        latencyP99Ms: Object.fromEntries(traffic.latencyP99Ms()),
        classes: Object.fromEntries(traffic.services()),
      };
    },
    rebound(atMs) {
      traffic.advance(atMs);
      traffic.reboundAfterChange(scenario.rebound.flow, scenario.rebound.rate);
    },
    inventory: inventory(scenario),
    classDocuments: services.map(({ name, description, spec }) => ({
      apiVersion: "pointsman/v1",
      kind: "TrafficClass",
      metadata: { name, description },
      spec,
    })),
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
      ...(link.qos && { qos: true }),
    })),
    prefixes: [],
    classes: scenario.classes,
    flows: scenario.flows.map(({ name, class: className, headend, endpoint, color }) => ({
      ...{ name, class: className, headend, endpoint, color },
    })),
    queries: {
      flowRate: { query: "flow_bits_per_second", flowLabel: "flow" },
      flowLatency: { query: "flow_latency_p99_seconds", flowLabel: "flow" },
      ...(scenario.services && {
        queueRate: { query: "queue_bits_per_second", linkLabel: "link", classLabel: "class" },
        queueDrops: { query: "queue_dropped_bits_per_second", linkLabel: "link", classLabel: "class" },
        queueDepth: { query: "queue_depth_bytes", linkLabel: "link", classLabel: "class" },
      }),
    },
  };
}

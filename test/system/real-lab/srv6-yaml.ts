import { flows, links, type NodeName, serviceSidOf, sidOf } from "./srv6-topology.ts";

export type SrRouterEntry = Readonly<{ name: NodeName; address: string; hostKey: string }>;

/** `pointsman.yaml` for the SRv6 lab; the key is a file beside it. */
export function srv6Yaml(routers: readonly SrRouterEntry[], prometheusUrl: string): string {
  // Interface counters carry device and instance; which link that is, only the inventory knows. One router's cables have one far end.
  const perLink = (counter: string) =>
    links
      .map(
        ({ name, device, interface: dev }) =>
          `label_replace(rate(${counter}{instance="${device}",device="${dev}"}[3s])*8,"link","${name}","","")`,
      )
      .join(" or ");
  const devices = routers.map(
    ({ name, address, hostKey }) => `
  - name: ${name}
    platform: linux-srv6
    management: { host: ${address}, port: 22, username: pointsman, privateKey: { file: key }, hostKey: "${hostKey}" }
    segmentRouting: { address: "${sidOf(name)}", sid: "${sidOf(name)}", serviceSid: "${serviceSidOf(name)}" }`,
  );
  const entries = links.map(
    ({ name, device, interface: dev, to, mbit, metric, delayMs }) => `
  - name: ${name}
    device: ${device}
    interface: ${dev}
    role: backbone
    capacity: ${mbit} Mbit/s
    backbone: { to: ${to}, metric: ${metric}, delay: ${delayMs}ms }`,
  );
  const steered = flows.map(
    ({ name, prefix, color }) =>
      `\n  - { name: ${name}, class: training, headend: r1, endpoint: r6, color: ${color}, prefix: "${prefix}" }`,
  );
  return `apiVersion: pointsman/v1
kind: Network
as: 65000
devices:${devices.join("")}
links:${entries.join("")}
prefixes: []
classes:
  - { name: training, prefers: capacity }
flows:${steered.join("")}
telemetry:
  interval: 1s
  prometheus:
    url: ${prometheusUrl}
    queries:
      linkInbound: { query: '${perLink("node_network_receive_bytes_total")}', linkLabel: link }
      linkOutbound: { query: '${perLink("node_network_transmit_bytes_total")}', linkLabel: link }
      flowRate: { query: "rate(pointsman_flow_bytes_total[3s])*8", flowLabel: flow }
policies: [policies/backbone-congestion.yaml]
`;
}

/** At the pace of a lab that is scraped once a second. */
export const backboneCongestion = `apiVersion: pointsman/v1
kind: Policy
metadata: { name: backbone-congestion, description: Move flows off a backbone link before it drops traffic. }
spec:
  mode: propose
  scope: { links: { role: backbone } }
  trigger: { signal: link.utilisation.out, above: 75%, clear: 55%, for: 3 of 5, every: 1s }
  decide: { action: segment-routing, target: 70%, maxSegments: 3 }
  guard: { maxDevices: 1, maxTrafficMoved: 100%, freshness: 5 intervals, coverage: 80%, surviveAnyLinkFailure: false }
  approve: { people: 1, expires: 5m, deletions: like-any-change }
  verify: { observe: 10s, require: ["link.utilisation.out below 75%"], forbid: [] }
  hold: 30s
`;

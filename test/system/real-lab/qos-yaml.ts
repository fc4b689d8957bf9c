import { classes, link } from "./qos-topology.ts";

/** `pointsman.yaml` for the lab of queues; the key is a file beside it. */
export function qosYaml(host: string, hostKey: string, prometheusUrl: string): string {
  const rate = (what: string) => `sum by (link, class) (rate(queue_${what}_bytes_total[3s])) * 8`;
  return `apiVersion: pointsman/v1
kind: Network
as: 65000
devices:
  - name: r1
    platform: linux-htb
    management: { host: ${host}, port: 22, username: pointsman, privateKey: { file: key }, hostKey: "${hostKey}" }
links:
  - name: ${link.name}
    device: r1
    interface: ${link.interface}
    role: peering
    capacity: ${link.mbit} Mbit/s
    qos: true
prefixes: []
telemetry:
  interval: 1s
  prometheus:
    url: ${prometheusUrl}
    queries:
      linkInbound: { query: "rate(link_rx_bytes_total[3s]) * 8", linkLabel: link }
      linkOutbound: { query: "rate(link_tx_bytes_total[3s]) * 8", linkLabel: link }
      queueRate: { query: "${rate("carried")}", linkLabel: link, classLabel: class }
      queueDrops: { query: "clamp_min(${rate("offered")} - ${rate("carried")}, 0)", linkLabel: link, classLabel: class }
      queueDepth: { query: "queue_depth_bytes", linkLabel: link, classLabel: class }
policies: [classes.yaml, policies/interactive-latency.yaml]
`;
}

const [interactive, batch] = classes;

/** Windows of seconds, for a lab that is scraped once a second. */
export const classesYaml = `apiVersion: pointsman/v1
kind: TrafficClass
metadata: { name: ${interactive.name}, description: Probes that stand for a chat. }
spec:
  path: { prefers: latency, maxDelay: 10ms }
  dscp: ${interactive.dscp}
  queue: ${interactive.name}
  priority: ${interactive.priority}
  floor: 10%
  sheds: [${batch.name}]
  budget: { changes: 4, per: 1h }
  signals:
    - { name: probe, of: service, unit: ms, histogram: "sum by (le) (probe_latency_seconds_bucket)" }
    - { name: path-latency, of: path, unit: ms, query: "histogram_quantile(0.99, sum by (le) (rate(probe_latency_seconds_bucket[3s])))" }
  objectives:
    - { objective: "probe p99 below 10ms", window: 60s, fast: { window: 12s, burn: 10 }, slow: { window: 36s, burn: 3 }, forecast: 10s }
---
apiVersion: pointsman/v1
kind: TrafficClass
metadata: { name: ${batch.name}, description: Everything else. }
spec:
  path: { prefers: remainder }
  dscp: ${batch.dscp}
  queue: ${batch.name}
  priority: ${batch.priority}
  floor: 10%
  sheds: []
  budget: { changes: 4, per: 1h }
  signals: []
  objectives: []
`;

export const interactiveLatency = `apiVersion: pointsman/v1
kind: Policy
metadata: { name: interactive-latency, description: Give the interactive class a queue of its own before its users wait. }
spec:
  mode: propose
  scope: { class: ${interactive.name} }
  trigger: { signal: class.risk, above: 100%, clear: 50%, for: 2 of 3, every: 1s }
  decide: { action: qos, target: 80%, maxInterfaces: 1 }
  guard: { maxDevices: 1, maxTrafficMoved: 100%, freshness: 5 intervals, coverage: 80%, surviveAnyLinkFailure: false }
  approve: { people: 1, expires: 5m, deletions: like-any-change }
  verify: { observe: 10s, require: ["class.stress below 100%"], forbid: [] }
  hold: 30s
`;

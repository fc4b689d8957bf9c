const management = `{ host: 127.0.0.1, port: 830, username: p, password: { env: PW }, hostKey: "SHA256:${"A".repeat(43)}" }`;

/** A backbone with queues, one router of each platform that has them and one that has not. */
export const classNetworkText = `apiVersion: pointsman/v1
kind: Network
as: 65000
devices:
  - name: west
    platform: openconfig
    management: ${management}
    gnmi: { host: 127.0.0.1, port: 9339, ca: ca.pem }
    segmentRouting: { address: 10.255.0.1, sid: 16001 }
  - name: east
    platform: linux-htb
    management: ${management}
    segmentRouting: { address: 10.255.0.2, sid: 16002 }
  - name: edge
    platform: frr
    management: ${management}
links:
  - name: west-east
    device: west
    interface: eth1
    role: backbone
    capacity: 10 Gbit/s
    backbone: { to: east, metric: 10, delay: 2ms }
    qos: true
  - name: east-west
    device: east
    interface: eth1
    role: backbone
    capacity: 10 Gbit/s
    backbone: { to: west, metric: 10, delay: 2ms }
    qos: true
  - name: out
    device: edge
    interface: eth1
    role: transit
    capacity: 10 Gbit/s
prefixes: []
classes:
  - { name: plain, prefers: remainder }
flows:
  - { name: chat-1, class: chat, headend: west, endpoint: east, color: 10 }
telemetry:
  interval: 10s
  prometheus:
    url: http://127.0.0.1:9090
    queries:
      linkInbound: { query: link_in, linkLabel: link }
      flowLatency: { query: flow_p99_seconds, flowLabel: flow }
      queueRate: { query: queue_bps, linkLabel: link, classLabel: class }
      queueDrops: { query: queue_dropped_bps, linkLabel: link, classLabel: class }
      queueDepth: { query: queue_bytes, linkLabel: link, classLabel: class }
      linkOutbound: { query: link_out, linkLabel: link }
shedWebhooks: [http://127.0.0.1:8080/shed]
policies: [classes.yaml, p.yaml]
`;

export const classText = `apiVersion: pointsman/v1
kind: TrafficClass
metadata: { name: chat, description: On time. }
spec:
  path: { prefers: latency, maxDelay: 10ms, maxLoss: 0.1% }
  dscp: 46
  queue: interactive
  color: 100
  priority: 0
  floor: 10%
  sheds: [batch]
  budget: { changes: 4, per: 1h }
  fanOut: 100
  signals:
    - { name: first-token, of: service, unit: ms, histogram: "sum by (le) (first_token_seconds_bucket)" }
    - { name: path-latency, of: path, unit: ms, signal: path.latency.p99 }
    - { name: drops, of: path, unit: rate, signal: queue.drops }
    - { name: waiting, of: compute, unit: count, query: waiting }
  objectives:
    - { objective: "first-token p95 below 500ms", window: 1h, fast: { window: 5m, burn: 10 }, slow: { window: 30m, burn: 3 }, forecast: 10m }
  conditions:
    - { all: ["waiting below 64", "path-latency above 10ms"], for: 5m }
    - { all: ["first-token above objective", "drops above baseline"], for: 1m }
`;

export const batchText = `apiVersion: pointsman/v1
kind: TrafficClass
metadata: { name: batch, description: It may wait. }
spec:
  path: { prefers: remainder }
  dscp: 8
  queue: batch
  priority: 7
  floor: 5%
  sheds: []
  budget: { changes: 4, per: 1h }
  signals: []
  objectives: []
`;

export const qosPolicyText = `apiVersion: pointsman/v1
kind: Policy
metadata: { name: chat-first, description: Chat first. }
spec:
  mode: propose
  scope: { class: chat }
  trigger: { signal: class.risk, above: 150%, clear: 50%, for: 2 of 3, every: 10s }
  decide: { action: qos, target: 80%, maxInterfaces: 2 }
  guard: { maxDevices: 2, maxTrafficMoved: 60%, freshness: 3 intervals, coverage: 80%, surviveAnyLinkFailure: false }
  approve: { people: 1, expires: 15m }
  verify: { observe: 60s, require: ["class.stress below 110%", "queue.drops below 1 Mbit/s"] }
  hold: 10m
`;

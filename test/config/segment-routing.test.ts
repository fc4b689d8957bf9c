import path from "node:path";
import { expect, test } from "vitest";
import { loadSettings } from "../../src/config/settings.ts";
import { edit, folderWith } from "./files.ts";

const management = `{ host: 127.0.0.1, port: 830, username: p, password: { env: PW }, hostKey: "SHA256:${"A".repeat(43)}" }`;
const networkText = `apiVersion: pointsman/v1
kind: Network
as: 65000
devices:
  - name: west
    platform: openconfig
    management: ${management}
    segmentRouting: { address: "fc00:0:1::1", sid: "fc00:0:1::1" }
  - name: mid
    platform: frr
    management: ${management}
    segmentRouting: { address: "fc00:0:2::1", sid: "fc00:0:2::1" }
  - name: east
    platform: linux-srv6
    management: ${management}
    segmentRouting: { address: "fc00:0:3::1", sid: "fc00:0:3::1", serviceSid: "fc00:0:3::d6" }
  - name: far
    platform: linux-srv6
    management: ${management}
    segmentRouting: { address: "fc00:0:4::1", sid: "fc00:0:4::1", serviceSid: "fc00:0:4::d6" }
links:
  - name: west-east
    device: west
    interface: eth1
    role: backbone
    capacity: 10 Gbit/s
    backbone: { to: east, metric: 10, delay: 2ms }
  - name: east-west
    device: east
    interface: eth1
    role: backbone
    capacity: 10 Gbit/s
    backbone: { to: west, metric: 10, delay: 2.5ms, loss: 0.1% }
prefixes: []
classes:
  - { name: inference, prefers: latency, maxDelay: 10ms, maxLoss: 0.1%, maxStretch: 1.5 }
  - { name: training, prefers: capacity }
flows:
  - { name: answers, class: inference, headend: west, endpoint: east, color: 10 }
  - { name: weights, class: training, headend: east, endpoint: far, color: 20, prefix: "2001:db8:1::/48" }
telemetry:
  interval: 10s
  prometheus:
    url: http://127.0.0.1:9090
    queries:
      flowRate: { query: flow_bps, flowLabel: flow }
      flowLatency: { query: flow_p99_seconds, flowLabel: flow }
      linkInbound: { query: link_in, linkLabel: link }
      linkOutbound: { query: link_out, linkLabel: link }
policies: [p.yaml]
`;
const policyText = `apiVersion: pointsman/v1
kind: Policy
metadata: { name: steer, description: Keep inference fast. }
spec:
  mode: propose
  scope: { flows: { class: inference } }
  trigger: { signal: path.latency.p99, above: 10ms, clear: 8ms, for: 3 of 5, every: 10s }
  decide: { action: segment-routing, target: 75%, maxSegments: 3 }
  guard: { maxDevices: 2, maxTrafficMoved: 90%, freshness: 3 intervals, coverage: 90%, surviveAnyLinkFailure: true }
  approve: { people: 1, expires: 15m }
  verify: { observe: 60s, require: ["path.latency.p99 below 10ms"], forbid: ["link.utilisation.out above 90%"] }
  hold: 10m
`;

async function load(network = networkText, policy = policyText) {
  const folder = await folderWith({ "pointsman.yaml": network, "p.yaml": policy });
  const loaded = await loadSettings(path.join(folder, "pointsman.yaml"));
  const problems = loaded.ok ? [] : loaded.problems.map(({ field, message, mend }) => `${field}: ${message}; ${mend}`);
  return { loaded, problems };
}

// Goal: what segment routing needs is read, in the units of the model.
test("node segments, backbone links, classes, flows and a policy for them", async () => {
  const { loaded } = await load();
  if (!loaded.ok) throw loaded.failure;
  const { network, policies } = loaded.value;
  expect(network.devices.map(({ segmentRouting }) => segmentRouting)).toEqual([
    { address: "fc00:0:1::1", sid: "fc00:0:1::1" },
    { address: "fc00:0:2::1", sid: "fc00:0:2::1" },
    { address: "fc00:0:3::1", sid: "fc00:0:3::1", serviceSid: "fc00:0:3::d6" },
    { address: "fc00:0:4::1", sid: "fc00:0:4::1", serviceSid: "fc00:0:4::d6" },
  ]);
  expect(network.links.map(({ backbone }) => backbone)).toEqual([
    { to: "east", metric: 10, delayMs: 2, loss: 0 },
    { to: "west", metric: 10, delayMs: 2.5, loss: 0.001 },
  ]);
  expect(network.classes).toEqual([
    { name: "inference", prefers: "latency", maxDelayMs: 10, maxLoss: 0.001, maxStretch: 1.5 },
    { name: "training", prefers: "capacity" },
  ]);
  expect(network.flows.map(({ name, color, prefix }) => [name, color, prefix])).toEqual([
    ["answers", 10, undefined],
    ["weights", 20, "2001:db8:1::/48"],
  ]);
  expect(policies[0]).toMatchObject({
    scope: { flows: { class: "inference" } },
    trigger: { signal: "path.latency.p99", above: 10, clear: 8 },
    decide: { action: "segment-routing", target: 0.75, maxSegments: 3 },
  });
});

// Goal: a mistake in the inventory is named by its field, with what to do about it.
test.each([
  [
    'sid: "fc00:0:2::1"',
    "sid: 15",
    'devices[1].segmentRouting.sid: 15 is neither an MPLS label nor an SRv6 SID; write a label from 16 to 1048575, or an IPv6 address such as "fc00:0:1::1"',
  ],
  [
    'sid: "fc00:0:2::1"',
    'sid: "fc00:0:1::1"',
    "devices[1].segmentRouting.sid: fc00:0:1::1 is already the sid of devices[0]; give each router its own",
  ],
  [
    'sid: "fc00:0:1::1" }',
    'sid: 16001, serviceSid: "fc00::1" }',
    "devices[0].segmentRouting: has a serviceSid beside an MPLS label; leave out serviceSid, or write an SRv6 SID as sid",
  ],
  [
    'sid: "fc00:0:2::1"',
    "sid: 16002",
    "devices[1].segmentRouting.sid: is not of the kind of devices[0]: a path cannot mix MPLS labels and SRv6 SIDs; give all routers SIDs of one kind",
  ],
  [
    'prefix: "2001:db8:1::/48"',
    "prefix: 10.0.0.0/24",
    'flows[1].prefix: is not IPv6, and a linux-srv6 headend steers nothing else; write for example "2001:db8:6::/64"',
  ],
  ["name: east-west", "name: mid", 'links[1].name: "mid" is the name of a device too; rename one'],
  [
    'sid: "fc00:0:3::1"',
    'sid: "fc00:0:03::1"',
    "devices[2].segmentRouting.sid: fc00:0:03::1 is not in canonical form; write fc00:0:3::1",
  ],
  ["to: east", "to: eest", 'links[0].backbone.to: there is no device "eest"; did you mean "east"?'],
  ["to: east", "to: west", "links[0].backbone.to: leads back to its own router; name the router at its far end"],
  [
    "    backbone: { to: east, metric: 10, delay: 2ms }\n",
    "",
    "links[0]: has no backbone, and segment-routing needs to know where it leads; add backbone: { to: <device>, metric: …, delay: … }",
  ],
  [
    "delay: 2ms",
    "delay: 2",
    "links[0].backbone.delay: 2 is not a duration with its unit (ms, s, m, h, d); write a duration with its unit (ms, s, m, h, d), for example 2ms",
  ],
  ["class: training", "class: trianing", 'flows[1].class: there is no class "trianing"; did you mean "training"?'],
  [
    "headend: west",
    "headend: mid",
    "flows[0].headend: mid is an frr router, which Pointsman cannot steer flows on; name an openconfig or linux-srv6 router",
  ],
  [
    "endpoint: east",
    "endpoint: west",
    "flows[0].endpoint: is the headend too: such a flow crosses no link; name the router where it leaves the backbone",
  ],
  [
    'color: 20, prefix: "2001:db8:1::/48"',
    "color: 20",
    'flows[1]: has no prefix, by which a linux-srv6 headend steers; add prefix: "2001:db8:6::/64"',
  ],
  ["name: weights", "name: west-east", 'flows[1].name: "west-east" is the name of a link or device too; rename one'],
  ["maxStretch: 1.5", "maxStretch: 0.5", "classes[0].maxStretch: is not a number of at least 1; write for example 1.5"],
  [
    "      flowRate: { query: flow_bps, flowLabel: flow }\n",
    "",
    'telemetry.prometheus.queries: has no flowRate, and policy "steer" needs the rate of each flow; add the flowRate query',
  ],
  [
    "      flowLatency: { query: flow_p99_seconds, flowLabel: flow }\n",
    "",
    'telemetry.prometheus.queries: has no flowLatency, and policy "steer" needs the latency of each flow; add the flowLatency query',
  ],
  [
    "      linkOutbound: { query: link_out, linkLabel: link }\n",
    "",
    'telemetry.prometheus.queries: has no linkOutbound, and policy "steer" decides by what links send on routers without gnmi; add the linkOutbound query',
  ],
])("%s → %s", async (from, to, problem) => {
  expect((await load(edit(networkText, from, to))).problems).toContain(problem);
});

// Goal: a policy whose parts do not fit each other is refused before it can do anything.
test.each([
  [
    "{ flows: { class: inference } }",
    "{ flows: { class: inference }, drain: mid }",
    "spec.scope: must say one thing; write one of links: { role: … }, flows: { class: … }, drain: <name>, class: <name> and anycast: <name>",
  ],
  [
    "{ flows: { class: inference } }",
    "{ links: { role: backbone } }",
    "spec.trigger.signal: path.latency.p99 is a signal of flows, and the scope is of links; watch link.utilisation.out",
  ],
  [
    "{ flows: { class: inference } }",
    "{ flows: { class: inferense } }",
    'flows: policy "steer" watches flows of class "inferense", and there are none; did you mean "inference"?',
  ],
  [
    "signal: path.latency.p99, above: 10ms, clear: 8ms",
    "signal: flow.rate, above: 1 Gbit/s, clear: 1 Mbit/s",
    "spec.trigger.signal: flow.rate is no reason to move anything; watch path.latency.p99 of the flows",
  ],
  ["above: 10ms", "above: 10%", "spec.trigger.above: path.latency.p99 is a time; write for example 10ms"],
  [
    "action: segment-routing",
    "action: segment-rooting",
    'spec.decide.action: "segment-rooting" is not known; did you mean "segment-routing"?',
  ],
  [
    "maxSegments: 3",
    "maxSegments: 4",
    "spec.decide.maxSegments: 4 is not a whole number from 1 to 3; write a whole number from 1 to 3, for example 3",
  ],
  [
    "maxSegments: 3",
    "maxPrepends: 3",
    "spec.decide.maxPrepends: is not a known field; known here: action, target, maxSegments",
  ],
  [
    "{ action: segment-routing, target: 75%, maxSegments: 3 }",
    "{ action: bgp-prepend, objective: cost, target: 75%, maxPrepends: 3 }",
    "spec.scope: is not of links, and bgp-prepend moves traffic between links; write links: { role: transit }",
  ],
])("policy: %s → %s", async (from, to, problem) => {
  expect((await load(networkText, edit(policyText, from, to))).problems).toContain(problem);
});

test.each([
  [
    "drain: mid",
    'links: policy "steer" drains "mid", which is no backbone link and no router with one; known here: west-east, west, east, east-west',
  ],
  [
    "drain: est",
    'links: policy "steer" drains "est", which is no backbone link and no router with one; did you mean "east"?',
  ],
])("%s", async (scope, problem) => {
  const drain = edit(policyText, "{ flows: { class: inference } }", `{ ${scope} }`);
  const watching = edit(
    drain,
    "signal: path.latency.p99, above: 10ms, clear: 8ms",
    "signal: link.utilisation.out, above: 2%, clear: 1%",
  );
  expect((await load(networkText, watching)).problems).toEqual([problem]);
});

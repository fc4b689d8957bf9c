import path from "node:path";
import { expect, test } from "vitest";
import { loadSettings } from "../../src/config/settings.ts";
import { edit, folderWith } from "./files.ts";

const management = `{ host: 127.0.0.1, port: 830, username: p, password: { env: PW }, hostKey: "SHA256:${"A".repeat(43)}" }`;
const device = (name: string, platform: string) =>
  `  - { name: ${name}, platform: ${platform}, management: ${management} }`;
const link = (name: string, on: string, bgp = "bgp: { neighbor: 192.0.2.1, exportPolicy: OUT }") =>
  `  - { name: ${name}, device: ${on}, interface: ${name}, role: transit, capacity: 1 Gbit/s${bgp && `, ${bgp}`} }`;
const networkText = `apiVersion: pointsman/v1
kind: Network
as: 65000
devices:
${device("edge-p", "frr")}
${device("edge-l", "openconfig")}
${device("core", "linux-srv6")}
links:
${link("transit-p", "edge-p")}
${link("transit-l", "edge-l")}
${link("plain", "edge-l", "")}
prefixes: [192.0.2.0/24, 198.51.100.0/24]
anycast:
  - name: chat
    prefix: 192.0.2.0/24
    minSites: 1
    registry: http://127.0.0.1:8000/models/chat
    golden: { prompt: "2 + 2?", answer: "4" }
    maxLatency: 500ms
    sites:
      - { name: paris, device: edge-p, links: [transit-p], probe: "http://127.0.0.1:8001/" }
      - { name: london, device: edge-l, links: [transit-l], probe: "https://127.0.0.1:8002/" }
telemetry:
  interval: 10s
  prometheus: { url: http://127.0.0.1:9090, queries: { linkInbound: { query: link_in, linkLabel: link } } }
policies: [p.yaml]
`;
const policyText = `apiVersion: pointsman/v1
kind: Policy
metadata: { name: drain, description: Take stale sites out. }
spec:
  mode: propose
  scope: { anycast: chat }
  trigger: { signal: site.unwell, above: 50%, clear: 40%, for: 3 of 5, every: 10s }
  decide: { action: anycast-drain, prepends: 3 }
  guard: { maxDevices: 1, maxTrafficMoved: 50%, freshness: 3 intervals, coverage: 80%, surviveAnyLinkFailure: false }
  approve: { people: 1, expires: 15m }
  verify: { observe: 60s, require: ["site.unwell below 50%"] }
  hold: 10m
`;

async function load(network = networkText, policy = policyText) {
  const folder = await folderWith({ "pointsman.yaml": network, "p.yaml": policy });
  const loaded = await loadSettings(path.join(folder, "pointsman.yaml"));
  const problems = loaded.ok ? [] : loaded.problems.map(({ field, message, mend }) => `${field}: ${message}; ${mend}`);
  return { loaded, problems };
}

// Goal: a service is read in the units of the model, and so is its policy.
test("an anycast service and its policy are read", async () => {
  const { loaded } = await load();
  if (!loaded.ok) throw loaded.failure;
  expect(loaded.value.network.anycast).toEqual([
    {
      name: "chat",
      prefix: "192.0.2.0/24",
      minSites: 1,
      registry: "http://127.0.0.1:8000/models/chat",
      golden: { prompt: "2 + 2?", answer: "4" },
      maxLatencyMs: 500,
      sites: [
        { name: "paris", device: "edge-p", links: ["transit-p"], probe: "http://127.0.0.1:8001/" },
        { name: "london", device: "edge-l", links: ["transit-l"], probe: "https://127.0.0.1:8002/" },
      ],
    },
  ]);
  expect(loaded.value.policies[0]).toMatchObject({
    scope: { anycast: "chat" },
    decide: { action: "anycast-drain", prepends: 3 },
    verify: { require: [{ signal: "site.unwell", comparator: "below", threshold: 0.5 }] },
  });
});

// Goal: what cannot work is refused before anything runs, each with what to write instead.
test.each([
  [
    "prefix: 192.0.2.0/24",
    "prefix: 203.0.113.0/24",
    "anycast[0].prefix: 203.0.113.0/24 is not on the allow-list; add it to prefixes, if Pointsman may withdraw it",
  ],
  [
    "minSites: 1",
    "minSites: 2",
    "anycast[0].minSites: is not below the number of sites (2): none could ever be drained; write at most 1, or add a site",
  ],
  [
    "minSites: 1",
    "minSites: 0",
    "anycast[0].minSites: 0 is not a whole number from 1 to 1000; write a whole number from 1 to 1000, for example 2",
  ],
  [
    "name: london",
    "name: paris",
    'anycast[0].sites[1].name: "paris" is the name of another site too; give each site a name of its own, whatever its service',
  ],
  [
    "name: london",
    "name: transit-l",
    'anycast[0].sites[1].name: "transit-l" is the name of a device, link, flow or class too; rename one',
  ],
  [
    "device: edge-p, links",
    "device: edge-pp, links",
    'anycast[0].sites[0].device: there is no device "edge-pp"; did you mean "edge-p"?',
  ],
  [
    "device: edge-p, links",
    "device: core, links",
    "anycast[0].sites[0].device: is a linux-srv6 router, whose BGP Pointsman does not edit; name an openconfig or frr router",
  ],
  [
    "links: [transit-l]",
    "links: [transit-p]",
    "anycast[0].sites[1].links[0]: transit-p is on edge-p; name a link of edge-l, or correct the site's device",
  ],
  [
    "links: [transit-l]",
    "links: [transit-l, transit-l]",
    "anycast[0].sites[1].links[1]: transit-l announces london already; give each site links of its own",
  ],
  [
    "links: [transit-l]",
    "links: [plain]",
    "anycast[0].sites[1].links[0]: plain has no bgp; add bgp: { neighbor: …, exportPolicy: … } to plain",
  ],
  [
    "links: [transit-l]",
    "links: [transit-ll]",
    'anycast[0].sites[1].links[0]: there is no link "transit-ll"; did you mean "transit-l"?',
  ],
  [
    "links: [transit-l]",
    "links: []",
    "anycast[0].sites[1].links: is empty: nothing would announce the site; name the links on which its device announces the prefix",
  ],
  [
    "http://127.0.0.1:8001/",
    "http://u:hunter2@127.0.0.1:8001/",
    "anycast[0].sites[0].probe: is not an http or https URL without credentials; write for example http://192.0.2.10:8080/health",
  ],
  [
    "http://127.0.0.1:8000/models/chat",
    "file:///etc/passwd",
    "anycast[0].registry: is not an http or https URL without credentials; write for example http://192.0.2.2/models/chat",
  ],
  [
    "maxLatency: 500ms",
    "maxLatency: 15s",
    'anycast[0].maxLatency: is so long that policy "drain" would find probes stale: a round may take twice that; write a shorter one, a longer telemetry.interval, or more intervals in the policy\'s guard.freshness',
  ],
  [
    "name: chat",
    "name: chet",
    'anycast: policy "drain" watches the anycast service "chat", which is not there; did you mean "chet"?',
  ],
])("%s → %s", async (from, to, problem) => {
  const { problems } = await load(edit(networkText, from, to));
  expect(problems).toContain(problem);
  expect(problems.join()).not.toContain("hunter2");
});

test.each([
  [
    "scope: { anycast: chat }",
    "scope: { links: { role: transit } }",
    "spec.scope: is not of anycast sites, and anycast-drain is for those; write anycast: <service>",
  ],
  [
    "{ action: anycast-drain, prepends: 3 }",
    "{ action: segment-routing, target: 75%, maxSegments: 3 }",
    "spec.scope: is not of links, flows or a drain, and segment-routing moves flows; write links: { role: backbone }, or action: qos for a class, anycast-drain for sites",
  ],
  [
    "prepends: 3",
    "prepends: 11",
    "spec.decide.prepends: 11 is not a whole number from 1 to 10; write a whole number from 1 to 10, for example 3",
  ],
  [
    "signal: site.unwell",
    "signal: link.utilisation.in",
    "spec.trigger.signal: link.utilisation.in is a signal of links, and the scope is of anycast sites; watch site.unwell",
  ],
  [
    "site.unwell below 50%",
    "link.utilisation.in below 85%",
    "spec.verify.require[0]: link.utilisation.in is of links, and the scope is of anycast sites; verify a signal of anycast sites",
  ],
])("policy: %s → %s", async (from, to, problem) => {
  expect((await load(networkText, edit(policyText, from, to))).problems).toContain(problem);
});

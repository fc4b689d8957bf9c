import { join } from "node:path";
import { type Requests, setVersion, startRequests, startServer } from "./anycast-services.ts";
import { type Machine, startExporter, startPrometheus, startSsh } from "./edge-services.ts";
import { eventually } from "./eventually.ts";
import { frrConfig, type Router, startRouter } from "./frr-router.ts";
import { buildLab, type LabFrame, prometheusAddress, prometheusUrl } from "./lab-frame.ts";
import { cable, type Namespace } from "./namespace.ts";

const prefix = "10.64.0.0/24";
const address = "10.64.0.1";

export type AnycastLab = Readonly<{
  /** Holds `pointsman.yaml` and its policy. */
  folder: string;
  sites: Readonly<Record<"paris" | "london", SiteRouter>>;
  /** The version that the registry asks for. */
  release(version: string): Promise<void>;
  /** What the client, which has asked for the service since the start, was answered. */
  requests: Requests;
  /** What the upstream knows of the prefix: AS path and communities, the best first. */
  paths(): Promise<readonly Readonly<{ path: string; communities: string }>[]>;
  stop(): Promise<void>;
}>;

type SiteRouter = Readonly<{ serve(version: string): Promise<void>; runningConfig(): Promise<string> }>;

const routers = {
  "edge-p": { ...edge("192.0.2.2", "192.0.2.1", 0) },
  "edge-l": { ...edge("198.51.100.2", "198.51.100.1", 1) },
  upstream: {
    as: 100,
    address: "192.0.2.1",
    neighbours: [
      { address: "192.0.2.2", as: 65000 },
      { address: "198.51.100.2", as: 65000 },
    ],
    networks: ["203.0.113.0/24"],
  },
} satisfies Record<string, Router>;

/** It announces the anycast prefix and one of its own: that one must stay as it is. */
function edge(own: string, neighbour: string, prepends: number) {
  const statements = [
    { prefix, prepends },
    { prefix: "10.65.0.0/24", prepends: 2 },
  ];
  return {
    as: 65000,
    address: own,
    neighbours: [{ address: neighbour, as: 100, exportPolicy: "TRANSIT-OUT" }],
    networks: [prefix, "10.65.0.0/24"],
    policies: { "TRANSIT-OUT": statements },
  };
}

/**
 * Two FRR routers of AS 65000 that announce one prefix to one upstream, a web server behind the same address on each, a registry, and
 * a client beyond the upstream that asks all the time. London has a prepend, so that Paris gets everything.
 */
export function startAnycastLab(): Promise<AnycastLab> {
  return buildLab(bringUp);
}

async function bringUp(frame: LabFrame): Promise<AnycastLab> {
  const [edgeP, edgeL, upstream, client] = await Promise.all(
    ["edge-p", "edge-l", "upstream", "client"].map((name) => frame.open(name)),
  );
  if (!edgeP || !edgeL || !upstream || !client) throw new Error("four namespaces were opened");
  const [{ management, machines }] = await Promise.all([
    frame.manage([edgeP, edgeL]),
    wire(edgeP, edgeL, upstream, client),
  ]);
  await Promise.all([
    startRouter(edgeP, frrConfig("edge-p", routers["edge-p"]), ["bgpd"]),
    startRouter(edgeL, frrConfig("edge-l", routers["edge-l"]), ["bgpd"]),
    startRouter(upstream, frrConfig("upstream", routers.upstream), ["bgpd"]),
    startPrometheus(management, prometheusAddress, machines),
  ]);
  const { login } = await frame.makeLogin();
  const hostKeys = await Promise.all(
    machines.map(async (machine) => {
      const [hostKey] = await Promise.all([startSsh(machine, login, "frr"), startExporter(machine, counter)]);
      return hostKey;
    }),
  );
  for (const namespace of [edgeP, edgeL, management]) await setVersion(namespace, "llama-7");
  const [p, l] = machines as [Machine, Machine];
  await Promise.all([
    startServer(edgeP, "paris", [`${address}:80`, `${p.address}:8080`]),
    startServer(edgeL, "london", [`${address}:80`, `${l.address}:8080`]),
    startServer(management, "registry", [`${prometheusAddress}:8080`]),
  ]);
  await frame.writeConfiguration(pointsmanYaml(machines, hostKeys), "stale-model", policy);

  const paths = () => pathsAt(upstream);
  await eventually("the upstream has both ways, Paris first", 30_000, async () => {
    const seen = (await paths()).map(({ path }) => path);
    return JSON.stringify(seen) === JSON.stringify(["65000", "65000 65000"]);
  });
  const site = (namespace: Namespace): SiteRouter => ({
    serve: (version) => setVersion(namespace, version),
    runningConfig: () => namespace.run(["vtysh", "-c", "show running-config"]),
  });
  return {
    folder: frame.folder,
    sites: { paris: site(edgeP), london: site(edgeL) },
    release: (version) => setVersion(management, version),
    requests: await startRequests(client, `http://${address}/`, join(frame.folder, "requests.log")),
    paths,
    stop: frame.stop,
  };
}

async function wire(edgeP: Namespace, edgeL: Namespace, upstream: Namespace, client: Namespace): Promise<void> {
  await Promise.all([
    cable(edgeP, "eth1", upstream, "eth1"),
    cable(edgeL, "eth1", upstream, "eth2"),
    cable(client, "eth1", upstream, "eth3"),
  ]);
  const site = (own: string) => `
    ip address add ${own}/30 dev eth1
    ip address add ${address}/24 dev lo
    ip address add 10.65.0.1/24 dev lo`;
  await Promise.all([
    edgeP.script(site("192.0.2.2")),
    edgeL.script(site("198.51.100.2")),
    upstream.script(`
      ip address add 192.0.2.1/30 dev eth1
      ip address add 198.51.100.1/30 dev eth2
      ip address add 203.0.113.1/24 dev eth3`),
    client.script(`
      ip address add 203.0.113.2/24 dev eth1
      ip route add default via 203.0.113.1`),
  ]);
}

const counter = {
  nft: `
    table inet pointsman {
      counter chat { packets 0 bytes 0 }
      chain inbound {
        type filter hook prerouting priority raw; policy accept;
        iifname "eth1" ip daddr ${prefix} counter name chat
      }
    }`,
  print: `nft list counters table inet pointsman | awk '
    BEGIN { print "# TYPE pointsman_prefix_bytes_total counter" }
    /bytes/ { printf "pointsman_prefix_bytes_total %s\\n", $4 }'`,
};

type Route = { aspath: { string: string }; bestpath?: { overall?: boolean }; community?: { string: string } };

async function pathsAt(upstream: Namespace) {
  const shown = await upstream.run(["vtysh", "-c", `show bgp ipv4 unicast ${prefix} json`]);
  const { paths = [] } = JSON.parse(shown) as { paths?: Route[] };
  return paths
    .toSorted((a, b) => Number(b.bestpath?.overall ?? false) - Number(a.bestpath?.overall ?? false))
    .map(({ aspath, community }) => ({ path: aspath.string, communities: community?.string ?? "" }));
}

function pointsmanYaml(machines: readonly Machine[], hostKeys: readonly string[]): string {
  const edges = [
    { name: "edge-p", link: "transit-p", site: "paris", neighbour: "192.0.2.1" },
    { name: "edge-l", link: "transit-l", site: "london", neighbour: "198.51.100.1" },
  ].map((one, index) => ({ ...one, host: machines[index]?.address, hostKey: hostKeys[index] }));
  const labelled = (rate: (name: string) => string) =>
    edges.map(({ name, link }) => `label_replace(${rate(name)}*8,"link","${link}","","")`).join(" or ");
  const received = labelled((name) => `rate(node_network_receive_bytes_total{instance="${name}",device="eth1"}[3s])`);
  const byPrefix = labelled((name) => `rate(pointsman_prefix_bytes_total{instance="${name}"}[3s])`);
  return `apiVersion: pointsman/v1
kind: Network
as: 65000
devices:${edges
    .map(
      ({ name, host, hostKey }) => `
  - name: ${name}
    platform: frr
    management: { host: ${host}, port: 22, username: pointsman, privateKey: { file: key }, hostKey: "${hostKey}" }`,
    )
    .join("")}
links:${edges
    .map(
      ({ name, link, neighbour }) => `
  - name: ${link}
    device: ${name}
    interface: eth1
    role: transit
    capacity: 1 Gbit/s
    bgp: { neighbor: ${neighbour}, exportPolicy: TRANSIT-OUT }`,
    )
    .join("")}
prefixes: [${prefix}]
anycast:
  - name: chat
    prefix: ${prefix}
    minSites: 1
    registry: http://${prometheusAddress}:8080/
    golden: { prompt: "What is 2 + 2?", answer: "4" }
    maxLatency: 1s
    sites:${edges
      .map(
        ({ name, link, site, host }) => `
      - { name: ${site}, device: ${name}, links: [${link}], probe: "http://${host}:8080/" }`,
      )
      .join("")}
telemetry:
  interval: 1s
  prometheus:
    url: ${prometheusUrl}
    queries:
      prefixInbound: { query: 'label_replace(${byPrefix},"prefix","${prefix}","","")', linkLabel: link, prefixLabel: prefix }
      linkInbound: { query: '${received}', linkLabel: link }
policies: [policies/stale-model.yaml]
`;
}

const policy = `apiVersion: pointsman/v1
kind: Policy
metadata: { name: stale-model, description: Take a site out of its service while it serves a stale model. }
spec:
  mode: propose
  scope: { anycast: chat }
  trigger: { signal: site.unwell, above: 50%, clear: 40%, for: 2 of 3, every: 1s }
  decide: { action: anycast-drain, prepends: 3 }
  guard: { maxDevices: 1, maxTrafficMoved: 100%, freshness: 5 intervals, coverage: 80%, surviveAnyLinkFailure: false }
  approve: { people: 1, expires: 5m, deletions: like-any-change }
  verify: { observe: 5s, require: ["site.unwell below 50%"] }
  hold: 5s
`;

export type EdgeEntry = Readonly<{ name: string; address: string; hostKey: string; link: string; neighbour: string }>;

/** `pointsman.yaml` for the real lab; the secrets are files beside it. */
export function pointsmanYaml(edges: readonly EdgeEntry[], prefixes: readonly string[], prometheusUrl: string): string {
  // Interface counters carry device and instance; which link that is, only the inventory knows.
  const perLink = (counter: string) =>
    edges
      .map(
        ({ name, link }) =>
          `label_replace(rate(${counter}{instance="${name}",device="eth1"}[3s])*8,"link","${link}","","")`,
      )
      .join(" or ");
  const devices = edges.map(
    ({ name, address, hostKey }) => `
  - name: ${name}
    platform: frr
    management: { host: ${address}, port: 22, username: pointsman, password: { file: password }, privateKey: { file: key }, hostKey: "${hostKey}" }`,
  );
  const links = edges.map(
    ({ name, link, neighbour }) => `
  - name: ${link}
    device: ${name}
    interface: eth1
    role: transit
    capacity: ${link === "transit-a" ? "10 Mbit/s" : "100 Mbit/s"}
    cost: { perMbitMonth: ${link === "transit-a" ? "0.20" : "0.50"}, currency: USD }
    bgp: { neighbor: ${neighbour}, exportPolicy: TRANSIT-OUT }`,
  );
  return `apiVersion: pointsman/v1
kind: Network
as: 65000
devices:${devices.join("")}
links:${links.join("")}
prefixes: [${prefixes.join(", ")}]
telemetry:
  interval: 1s
  prometheus:
    url: ${prometheusUrl}
    queries:
      prefixInbound: { query: "rate(pointsman_prefix_bytes_total[3s])*8", linkLabel: link, prefixLabel: prefix }
      linkInbound: { query: '${perLink("node_network_receive_bytes_total")}', linkLabel: link }
      linkOutbound: { query: '${perLink("node_network_transmit_bytes_total")}', linkLabel: link }
policies: [policies/transit-congestion.yaml]
`;
}

/** The scenario's policy at the pace of a lab that is scraped once a second. */
export const transitCongestion = `apiVersion: pointsman/v1
kind: Policy
metadata: { name: transit-congestion, description: Move inbound prefixes off a transit link before it drops traffic. }
spec:
  mode: propose
  scope: { links: { role: transit } }
  trigger: { signal: link.utilisation.in, above: 85%, clear: 65%, for: 3 of 5, every: 1s }
  decide: { action: bgp-prepend, objective: cost, maxPrepends: 3, target: 75% }
  guard: { maxDevices: 2, maxTrafficMoved: 30%, freshness: 5 intervals, coverage: 80%, surviveAnyLinkFailure: true }
  approve: { people: 1, expires: 5m }
  verify: { observe: 10s, require: ["link.utilisation.in below 85%"], forbid: [] }
  hold: 30s
`;

import { cable, type Namespace } from "./namespace.ts";

export const nodes = ["r1", "r2", "r3", "r4", "r5", "r6"] as const;
export type NodeName = (typeof nodes)[number];
export type SrMachines = Readonly<Record<NodeName | "h1" | "h6", Namespace>>;

type BackboneCable = Readonly<{ ends: readonly [SrEnd, SrEnd]; mbit: number; metric: number; delayMs: number }>;
type SrEnd = Readonly<{ node: NodeName; dev: string }>;

/** The short way r1-r2-r3-r6, which the IGP takes, and the long one r1-r4-r5-r6. */
export const backbone: readonly BackboneCable[] = [
  { ends: [end("r1", "eth1"), end("r2", "eth1")], mbit: 24, metric: 10, delayMs: 1 },
  { ends: [end("r2", "eth2"), end("r3", "eth1")], mbit: 24, metric: 10, delayMs: 1 },
  { ends: [end("r3", "eth2"), end("r6", "eth1")], mbit: 24, metric: 10, delayMs: 1 },
  { ends: [end("r1", "eth2"), end("r4", "eth1")], mbit: 100, metric: 20, delayMs: 3 },
  { ends: [end("r4", "eth2"), end("r5", "eth1")], mbit: 100, metric: 20, delayMs: 3 },
  { ends: [end("r5", "eth2"), end("r6", "eth2")], mbit: 100, metric: 20, delayMs: 3 },
];

/** One direction of a cable, as the inventory has it: `r1-r2` is what r1 sends towards r2. */
export const links = backbone.flatMap(({ ends: [a, b], ...rest }) => [
  { name: `${a.node}-${b.node}`, device: a.node, interface: a.dev, to: b.node, ...rest },
  { name: `${b.node}-${a.node}`, device: b.node, interface: b.dev, to: a.node, ...rest },
]);

/** The interface by which the IGP leaves `from` for `to`, once it has converged. No two ways cost the same here. */
export function igpInterface(from: NodeName, to: NodeName): string {
  const [best] = links
    .filter(({ device }) => device === from)
    .map((link) => ({ dev: link.interface, cost: link.metric + distance(link.to, to, [from]) }))
    .sort((a, b) => a.cost - b.cost);
  return best?.dev as string;
}

function distance(from: NodeName, to: NodeName, passed: readonly NodeName[]): number {
  if (from === to) return 0;
  const onwards = links.filter((link) => link.device === from && !passed.includes(link.to));
  return Math.min(...onwards.map((link) => link.metric + distance(link.to, to, [...passed, from])));
}

/** `address`: of the flow's receiver on h6. */
export const flows = [
  { name: "training-1", prefix: "2001:db8:6:1::/64", address: "2001:db8:6:1::1", color: 100 },
  { name: "training-2", prefix: "2001:db8:6:2::/64", address: "2001:db8:6:2::1", color: 200 },
] as const;
/** On h1. */
export const sender = "2001:db8:1::2";

export const locator = (node: NodeName) => `fc00:0:${node.slice(1)}::`;
export const sidOf = (node: NodeName) => `${locator(node)}1`;
export const serviceSidOf = (node: NodeName) => `${locator(node)}d6`;

function end(node: NodeName, dev: string): SrEnd {
  return { node, dev };
}

/**
 * Cables, addresses, SIDs and shapers. Backbone cables carry more than 1500 octets, so that what is encapsulated still fits, and have
 * link-local addresses only.
 */
export async function wireSrv6(machines: SrMachines): Promise<void> {
  await Promise.all(Object.values(machines).map((machine) => machine.script(beforeCabling)));
  await Promise.all([
    ...backbone.map(({ ends: [a, b] }) => cable(machines[a.node], a.dev, machines[b.node], b.dev)),
    cable(machines.h1, "eth1", machines.r1, "eth3"),
    cable(machines.h6, "eth1", machines.r6, "eth3"),
  ]);
  await Promise.all([
    ...nodes.map((node) => machines[node].script(forwarder(node))),
    machines.r1.run(["ip", "address", "add", "2001:db8:1::1/64", "dev", "eth3"]),
    machines.r6.run(["ip", "address", "add", "fd00:6::1/64", "dev", "eth3"]),
    machines.h1.script(`
      ip address add ${sender}/64 dev eth1
      ip route add default via 2001:db8:1::1`),
    machines.h6.script(`
      ip address add fd00:6::2/64 dev eth1
      ${flows.map(({ address }) => `ip address add ${address}/128 dev lo`).join("\n")}
      ip route add default via fd00:6::1`),
  ]);
}

// `default` is what new interfaces start with. Without the wait for duplicate addresses.
const beforeCabling = `
  for path in all default; do
    echo 1 > /proc/sys/net/ipv6/conf/$path/forwarding
    echo 1 > /proc/sys/net/ipv6/conf/$path/seg6_enabled
    echo 0 > /proc/sys/net/ipv6/conf/$path/accept_dad
  done`;

// SIDs go with their interface when that is taken down, so they are on the one that no test touches.
const forwarder = (node: NodeName) => `
  ${links
    .filter(({ device }) => device === node)
    .map(
      ({ interface: dev, mbit }) => `
  ip link set ${dev} mtu 2000
  tc qdisc add dev ${dev} root tbf rate ${mbit}mbit burst 32kb latency 50ms`,
    )
    .join("")}
  ip -6 route add ${sidOf(node)}/128 encap seg6local action End dev eth0
  ip -6 route add ${serviceSidOf(node)}/128 encap seg6local action End.DT6 table main dev eth0`;

/** OSPFv3 with a metric per link; the locator is a discard route that it announces. r6 announces the flows' prefixes as one. */
export function ospfConfig(node: NodeName): string {
  const interfaces = links.filter(({ device }) => device === node);
  const statics = [`ipv6 route ${locator(node)}/48 blackhole`];
  if (node === "r6") statics.push("ipv6 route 2001:db8:6::/48 fd00:6::2");
  return [
    "frr defaults traditional",
    `hostname ${node}`,
    ...statics,
    ...interfaces.flatMap(({ interface: dev, metric }) => [
      `interface ${dev}`,
      " ipv6 ospf6 area 0.0.0.0",
      ` ipv6 ospf6 cost ${metric}`,
      " ipv6 ospf6 network point-to-point",
      " ipv6 ospf6 hello-interval 1",
      " ipv6 ospf6 dead-interval 4",
      "exit",
    ]),
    "router ospf6",
    ` ospf6 router-id 10.255.0.${node.slice(1)}`,
    " timers throttle spf 0 50 500",
    " redistribute static",
    ...(node === "r1" ? [" redistribute connected"] : []),
    "exit",
    "",
  ].join("\n");
}

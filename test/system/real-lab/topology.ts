import type { Router } from "./frr-router.ts";
import { cable, type Namespace } from "./namespace.ts";

export const prefixes = ["10.0.0.0/24", "11.0.0.0/24", "12.0.0.0/24"];
/** The sender beyond the transits. */
export const client = "203.0.113.1";

export const routers = {
  "edge-a": {
    as: 65000,
    address: "192.0.2.2",
    neighbours: [{ address: "192.0.2.1", as: 100, exportPolicy: "TRANSIT-OUT" }],
    networks: ["10.0.0.0/24", "11.0.0.0/24"],
    policies: {
      "TRANSIT-OUT": [
        { prefix: "10.0.0.0/24", prepends: 0 },
        { prefix: "11.0.0.0/24", prepends: 0 },
      ],
    },
  },
  "edge-b": {
    as: 65000,
    address: "198.51.100.2",
    neighbours: [{ address: "198.51.100.1", as: 200, exportPolicy: "TRANSIT-OUT" }],
    networks: prefixes,
    policies: {
      "TRANSIT-OUT": [
        { prefix: "10.0.0.0/24", prepends: 2 },
        { prefix: "11.0.0.0/24", prepends: 2 },
        { prefix: "12.0.0.0/24", prepends: 0 },
      ],
    },
  },
  as100: {
    as: 100,
    address: "192.0.2.1",
    neighbours: [
      { address: "192.0.2.2", as: 65000 },
      { address: "100.64.1.2", as: 300 },
    ],
    networks: [],
  },
  as200: {
    as: 200,
    address: "198.51.100.1",
    neighbours: [
      { address: "198.51.100.2", as: 65000 },
      { address: "100.64.2.2", as: 300 },
    ],
    networks: [],
  },
  as300: {
    as: 300,
    address: client,
    // It is the transits' customer, and carries nothing between them.
    neighbours: [
      { address: "100.64.1.1", as: 100, exportPolicy: "OWN-OUT" },
      { address: "100.64.2.1", as: 200, exportPolicy: "OWN-OUT" },
    ],
    networks: ["203.0.113.0/24"],
    policies: { "OWN-OUT": [{ prefix: "203.0.113.0/24", prepends: 0 }] },
  },
} satisfies Record<string, Router>;

type Machines = Readonly<Record<"inside" | "edgeA" | "edgeB" | "as100" | "as200" | "as300", Namespace>>;

export async function wire({ inside, edgeA, edgeB, as100, as200, as300 }: Machines): Promise<void> {
  await Promise.all([
    cable(edgeA, "eth1", as100, "eth1"),
    cable(edgeB, "eth1", as200, "eth1"),
    cable(edgeA, "eth2", inside, "eth1"),
    cable(edgeB, "eth2", inside, "eth2"),
    cable(as100, "eth2", as300, "eth1"),
    cable(as200, "eth2", as300, "eth2"),
  ]);
  await Promise.all([
    edgeA.script(`
      ip address add 192.0.2.2/30 dev eth1
      ip address add 172.16.1.1/30 dev eth2
      for prefix in ${prefixes.join(" ")}; do ip route add $prefix via 172.16.1.2; done`),
    edgeB.script(`
      ip address add 198.51.100.2/30 dev eth1
      ip address add 172.16.2.1/30 dev eth2
      for prefix in ${prefixes.join(" ")}; do ip route add $prefix via 172.16.2.2; done`),
    // What goes out takes the larger transit.
    inside.script(`
      ip address add 172.16.1.2/30 dev eth1
      ip address add 172.16.2.2/30 dev eth2
      for prefix in ${prefixes.map((prefix) => prefix.replace(".0/24", ".1/24")).join(" ")}; do ip address add $prefix dev lo; done
      ip route add default via 172.16.2.1`),
    as100.script(`
      ip address add 192.0.2.1/30 dev eth1
      ip address add 100.64.1.1/30 dev eth2
      ${shape("10mbit", "16kb")}`),
    as200.script(`
      ip address add 198.51.100.1/30 dev eth1
      ip address add 100.64.2.1/30 dev eth2
      ${shape("100mbit", "128kb")}`),
    as300.script(`
      ip address add 100.64.1.2/30 dev eth1
      ip address add 100.64.2.2/30 dev eth2
      ip address add ${client}/24 dev lo`),
  ]);
}

/** The transit link's capacity, where the transit sends towards us: what does not fit is dropped there. */
const shape = (rate: string, burst: string) =>
  `tc qdisc add dev eth1 root tbf rate ${rate} burst ${burst} latency 50ms`;

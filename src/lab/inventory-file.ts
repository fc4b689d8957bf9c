import { stringify } from "yaml";
import type { Scenario } from "./scenarios/two-transits.ts";

export type RouterAccess = Readonly<{ device: string; netconfPort: number; gnmiPort: number; hostKey: string }>;

/** The text of pointsman.yaml for a controller that is to run against the lab; `password` and `ca.pem` stand beside it. */
export function inventoryFile(of: {
  scenario: Scenario;
  routers: readonly RouterAccess[];
  prometheusPort: number;
  username: string;
  intervalMs: number;
  policies: readonly string[];
}): string {
  const { scenario, username } = of;
  const password = { file: "password" };
  const inventory = {
    apiVersion: "pointsman/v1",
    kind: "Network",
    as: scenario.as,
    devices: of.routers.map(({ device, netconfPort, gnmiPort, hostKey }) => ({
      name: device,
      platform: "openconfig",
      management: { host: "127.0.0.1", port: netconfPort, username, password, hostKey },
      gnmi: { host: "127.0.0.1", port: gnmiPort, username, password, ca: "ca.pem", serverName: device },
    })),
    links: scenario.links.map((link) => ({
      name: link.name,
      device: link.device,
      interface: link.interface,
      role: "transit",
      capacity: `${link.capacity / 1e9} Gbit/s`,
      cost: { perMbitMonth: link.perMbitMonth, currency: scenario.currency },
      bgp: { neighbor: link.neighbor, exportPolicy: link.exportPolicy },
    })),
    prefixes: scenario.demands.map(({ prefix }) => prefix),
    telemetry: {
      interval: `${of.intervalMs}ms`,
      prometheus: {
        url: `http://127.0.0.1:${of.prometheusPort}`,
        queries: {
          prefixInbound: { query: "flow_inbound_bits_per_second", linkLabel: "link", prefixLabel: "prefix" },
        },
      },
    },
    policies: of.policies,
  };
  return stringify(inventory, { aliasDuplicateObjects: false });
}

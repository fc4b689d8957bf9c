import { stringify } from "yaml";
import type { ClassDocument, InventoryPart } from "./network.ts";

export type RouterAccess = Readonly<{ device: string; netconfPort: number; gnmiPort: number; hostKey: string }>;

/** The text of pointsman.yaml for a controller that is to run against the lab; `password` and `ca.pem` stand beside it. */
export function inventoryFile(of: {
  part: InventoryPart;
  routers: readonly RouterAccess[];
  prometheusPort: number;
  username: string;
  intervalMs: number;
  /** By name of the network's web servers. */
  webPorts: ReadonlyMap<string, number>;
  policies: readonly string[];
}): string {
  const { username } = of;
  const { as, devices, links, prefixes, queries, anycast, ...others } = of.part;
  const password = { file: "password" };
  const inventory = {
    apiVersion: "pointsman/v1",
    kind: "Network",
    as,
    devices: of.routers.map(({ device, netconfPort, gnmiPort, hostKey }) => ({
      name: device,
      platform: "openconfig",
      management: { host: "127.0.0.1", port: netconfPort, username, password, hostKey },
      gnmi: { host: "127.0.0.1", port: gnmiPort, username, password, ca: "ca.pem", serverName: device },
      ...devices[device],
    })),
    links,
    prefixes,
    ...others,
    ...(anycast && { anycast: anycast((name) => `http://127.0.0.1:${of.webPorts.get(name)}/`) }),
    telemetry: {
      interval: `${of.intervalMs}ms`,
      prometheus: { url: `http://127.0.0.1:${of.prometheusPort}`, queries },
    },
    policies: of.policies,
  };
  return stringify(inventory, { aliasDuplicateObjects: false });
}

/** The text of a file with the documents of service classes, which stands beside pointsman.yaml. */
export const classesFile = (documents: readonly ClassDocument[]): string =>
  documents.map((one) => stringify(one, { aliasDuplicateObjects: false })).join("---\n");

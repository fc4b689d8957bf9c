import { Failure } from "../kernel/failure.ts";
import type { Device, DeviceName, Network } from "../model/inventory.ts";

/**
 * The SIDs of a path, as routers write them: each node's segment, and of an SRv6 endpoint its service SID, at which the
 * packet is decapsulated. Throws Failure CHANGE_UNSUPPORTED for a node without one.
 */
export function sidsOf(network: Network, segments: readonly DeviceName[]): string[] {
  return segments.map((name, index) => {
    const node = network.devices.find((device) => device.name === name)?.segmentRouting;
    if (node) return String(index === segments.length - 1 ? (node.serviceSid ?? node.sid) : node.sid);
    throw new Failure("CHANGE_UNSUPPORTED", `${name} has no node segment that a path could name`, {
      mend: `add segmentRouting to ${name} in the inventory`,
    });
  });
}

/** The nodes that a router's SIDs name. Throws Failure CHANGE_UNSUPPORTED when one is nobody's. */
export function nodesOf(network: Network, headend: Device, sids: readonly string[]): DeviceName[] {
  return sids.map((sid) => {
    const node = network.devices.find(({ segmentRouting: own }) => [String(own?.sid), own?.serviceSid].includes(sid));
    if (node) return node.name;
    throw new Failure("CHANGE_UNSUPPORTED", `${headend.name} steers a flow by the SID ${sid}, which no device has`, {
      mend: "add the device's segmentRouting to the inventory, or remove that path from the router",
    });
  });
}

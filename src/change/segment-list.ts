import { Failure } from "../kernel/failure.ts";
import { parseAddress } from "../kernel/prefix.ts";
import type { DeviceName, Flow, Network, NodeSegment } from "../model/inventory.ts";

/**
 * The SIDs of a path, as routers write them: each node's segment, and of an SRv6 endpoint its service SID, at which the
 * packet is decapsulated. Throws Failure CHANGE_UNSUPPORTED for a node without one.
 */
export function sidsOf(network: Network, segments: readonly DeviceName[]): string[] {
  return segments.map((name, index) => {
    const node = network.devices.find((device) => device.name === name)?.segmentRouting;
    if (node) return String(index === segments.length - 1 ? lastSid(node) : node.sid);
    throw new Failure("CHANGE_UNSUPPORTED", `${name} has no node segment that a path could name`, {
      mend: `add segmentRouting to ${name} in the inventory`,
    });
  });
}

/** The nodes that the SIDs of one of the flow's paths name. Throws Failure CHANGE_UNSUPPORTED for a path that Pointsman would not make. */
export function nodesOf(network: Network, flow: Flow, sids: readonly string[]): DeviceName[] {
  const whose = (sid: string | undefined, of: (node: NodeSegment) => number | string) =>
    network.devices.find(({ segmentRouting: node }) => node && sid !== undefined && isSame(String(of(node)), sid))
      ?.name;
  const last = sids.at(-1);
  if (whose(last, lastSid) !== flow.endpoint) {
    throw new Failure(
      "CHANGE_UNSUPPORTED",
      `${flow.headend}: a path of flow ${flow.name} ends at ${last}, which is not where ${flow.endpoint} takes it`,
      { mend: `correct segmentRouting of ${flow.endpoint} in the inventory, or remove the path from ${flow.headend}` },
    );
  }
  const nodes = sids.slice(0, -1).map((sid) => {
    const node = whose(sid, ({ sid: own }) => own);
    if (node !== undefined) return node;
    throw new Failure(
      "CHANGE_UNSUPPORTED",
      `${flow.headend}: a path of flow ${flow.name} has an unknown segment ${sid}`,
      {
        mend: `give the router with this SID segmentRouting in the inventory, or remove the path from ${flow.headend}`,
      },
    );
  });
  return [...nodes, flow.endpoint];
}

const lastSid = ({ sid, serviceSid }: NodeSegment) => serviceSid ?? sid;

/** A label by its digits, an address whatever way it is written. */
function isSame(a: string, b: string): boolean {
  const [first, second] = [parseAddress(a), parseAddress(b)];
  return first && second ? first.family === second.family && first.bits === second.bits : a === b;
}

import type { Decision } from "../model/decision.ts";
import type { DeviceName } from "../model/inventory.ts";

/**
 * Names a part of a router's configuration such that changes of two parts never touch the same lines. Prepends and anycast sites are
 * both of export policies, and may read more or less of the same ones.
 */
export const sectionOf = (device: DeviceName, action: Decision["action"]) => `${configurationOf(action)} of ${device}`;

function configurationOf(action: Decision["action"]): string {
  switch (action) {
    case "bgp-prepend":
    case "anycast-drain":
      return "export policies";
    case "segment-routing":
      return "SR policies";
    case "qos":
      return "queues";
  }
}

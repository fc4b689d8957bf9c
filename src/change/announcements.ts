import { fail, ok, type Result } from "../kernel/failure.ts";
import type { Announcement } from "../model/decision.ts";
import type { Device, Network } from "../model/inventory.ts";
import { bgpLinks, type ExportPolicies, findStatement } from "./export-policy.ts";
import { FrrPolicies } from "./frr.ts";
import { readOpenconfig } from "./openconfig.ts";
import { parseAllowed } from "./prefix.ts";
import { noBgp } from "./query.ts";

/**
 * How each allow-listed prefix is announced on each of the device's links that have BGP; one that is not announced there has no
 * entry. `reading` is what the device gave for `queryFor`. CHANGE_UNSUPPORTED when a prefix is announced by a
 * statement that is not for it alone: its prepends could then not be changed, nor trusted.
 */
export function readAnnouncements(network: Network, device: Device, reading: string): Result<readonly Announcement[]> {
  const policies = readPolicies(network, device, reading);
  if (!policies.ok) return policies;
  const announcements: Announcement[] = [];
  for (const link of bgpLinks(network.links, device)) {
    for (const prefix of network.prefixes) {
      const found = findStatement(policies.value, link, prefix, parseAllowed(prefix));
      if (!found.ok) return found;
      if (found.value) {
        announcements.push({ prefix, link: link.name, device: device.name, prepends: found.value.prepends });
      }
    }
  }
  return ok(announcements);
}

export function readPolicies(network: Network, device: Device, reading: string): Result<ExportPolicies> {
  switch (device.platform) {
    case "openconfig":
      return readOpenconfig(network.as, device, reading);
    case "frr":
      return ok(new FrrPolicies(network.as, reading));
    case "linux-srv6":
    case "linux-htb":
      return fail(noBgp(device));
  }
}

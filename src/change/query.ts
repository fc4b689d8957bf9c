import { Failure } from "../kernel/failure.ts";
import { parseAllowed } from "../kernel/prefix.ts";
import type { Device, Network } from "../model/inventory.ts";
import { bgpLinks } from "./export-policy.ts";
import type { Templates } from "./templates.ts";

/**
 * What to read from a device for every link on it that has BGP: the export policies named and the prefix lists they may use.
 * Throws Failure CHANGE_UNSUPPORTED when a name cannot stand in the platform's query.
 */
export function queryFor(templates: Templates, network: Network, device: Device): string {
  const policies = [...new Set(bgpLinks(network.links, device).map((link) => link.bgp.exportPolicy))];
  switch (device.platform) {
    case "openconfig":
      return templates.render("openconfig/export-policy.query.xml.j2", { policies });
    case "frr": {
      // A list of the other family cannot match, and an edit of it by someone else should not get in our way.
      const families = new Set(network.prefixes.map((prefix) => (parseAllowed(prefix).family === 4 ? "ip" : "ipv6")));
      return templates.render("frr/export-policy.query.j2", { policies, families: [...families].sort() });
    }
    case "linux-srv6":
    case "linux-htb":
      throw noBgp(device);
  }
}

/** Only a link of the inventory that claims BGP on such a device leads here. */
export const noBgp = ({ name, platform }: Device) =>
  new Failure("CHANGE_UNSUPPORTED", `${name}: Pointsman does not edit BGP on ${platform} routers`, {
    mend: `take bgp off the links of ${name} in the inventory`,
  });

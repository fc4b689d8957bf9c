import { assert } from "../kernel/assert.ts";
import { fail, ok, type Result } from "../kernel/failure.ts";
import { formatPrefix, parseAllowed } from "../kernel/prefix.ts";
import type { Announcement } from "../model/decision.ts";
import type { Device, Network } from "../model/inventory.ts";
import type { Edited } from "./edited.ts";
import { announcedWithin, bgpLinks, type Edit, type ExportPolicies, findStatement } from "./export-policy.ts";
import { FrrPolicies } from "./frr.ts";
import { readOpenconfig } from "./openconfig.ts";
import { noBgp } from "./query.ts";
import type { Templates } from "./templates.ts";

/**
 * How each allow-listed prefix is announced on each of the device's links that have BGP, and what is announced inside one by a statement
 * that names it, listed or not; one that is not announced there has no entry. `reading` is what the device gave for `queryFor`. CHANGE_UNSUPPORTED when a prefix is announced by a
 * statement that is not for it alone: its prepends could then not be changed, nor trusted.
 */
export function readAnnouncements(network: Network, device: Device, reading: string): Result<readonly Announcement[]> {
  const policies = readPolicies(network, device, reading);
  if (!policies.ok) return policies;
  const announcements: Announcement[] = [];
  const listed = new Set(network.prefixes.map((prefix) => formatPrefix(parseAllowed(prefix))));
  for (const link of bgpLinks(network.links, device)) {
    for (const prefix of network.prefixes) {
      const found = findStatement(policies.value, link, prefix, parseAllowed(prefix));
      if (!found.ok) return found;
      if (found.value) {
        announcements.push({ prefix, link: link.name, device: device.name, prepends: found.value.prepends });
      }
    }
    const inside = network.prefixes.flatMap((prefix) => announcedWithin(policies.value, link, parseAllowed(prefix)));
    for (const prefix of new Set(inside.map(formatPrefix))) {
      // How it is announced changes nothing: what draws its traffic is its length.
      if (!listed.has(prefix)) announcements.push({ prefix, link: link.name, device: device.name, prepends: 0 });
    }
  }
  return ok(announcements);
}

/** All changes of one device's export policies as one edit; each is of a statement of its own. The first that cannot be made fails them all. */
export function editPolicies<Change>(
  templates: Templates,
  network: Network,
  device: Device,
  reading: string,
  changes: readonly Change[],
  editFor: (policies: ExportPolicies, change: Change) => Result<Edit>,
): Result<Edited> {
  const policies = readPolicies(network, device, reading);
  if (!policies.ok) return policies;
  const edits: Edit[] = [];
  for (const change of changes) {
    const edit = editFor(policies.value, change);
    if (!edit.ok) return edit;
    edits.push(edit.value);
  }
  const targets = new Set(edits.map(({ policy, statement }) => JSON.stringify([policy, statement])));
  assert(targets.size === edits.length, `a decision changes each prefix of a link once (${device.name})`);
  return ok(policies.value.edit(templates, edits));
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

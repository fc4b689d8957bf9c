import { assert } from "../kernel/assert.ts";
import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import type { PrependChange } from "../model/decision.ts";
import type { Device, Network } from "../model/inventory.ts";
import { readPolicies } from "./announcements.ts";
import type { Edited } from "./edited.ts";
import { bgpLinks, type Edit, type ExportPolicies, findStatement, unsupported } from "./export-policy.ts";
import { parseAllowed } from "./prefix.ts";
import type { Templates } from "./templates.ts";

/** No path on the Internet is this long, and FRR's command line ends soon after. */
const mostPrepends = 100;

/** DEVICE_CHANGED, CHANGE_UNSUPPORTED. */
export function editPrepends(
  templates: Templates,
  network: Network,
  device: Device,
  changes: readonly PrependChange[],
  reading: string,
): Result<Edited> {
  const policies = readPolicies(network, device, reading);
  if (!policies.ok) return policies;
  const edits: Edit[] = [];
  for (const change of changes) {
    const edit = editFor(network, device, policies.value, change);
    if (!edit.ok) return edit;
    edits.push(edit.value);
  }
  const targets = new Set(edits.map(({ policy, statement }) => JSON.stringify([policy, statement])));
  assert(targets.size === edits.length, `a decision changes each prefix of a link once (${device.name})`);
  return ok(policies.value.edit(templates, edits));
}

function editFor(network: Network, device: Device, policies: ExportPolicies, change: PrependChange): Result<Edit> {
  const { prefix, from, to } = change;
  const links = bgpLinks(network.links, device);
  const link = links.find((each) => each.name === change.link);
  assert(link, `link ${change.link} is on ${device.name} and has BGP`);
  assert(network.prefixes.includes(prefix), `${prefix} is on the allow-list`);
  assert(
    from !== to && Number.isInteger(to) && to >= 0,
    `${prefix} on ${link.name} changes to a count: ${from} to ${to}`,
  );
  if (to > mostPrepends) {
    return unsupported(`${to} prepends of ${prefix} on ${link.name} are too many`, `ask for at most ${mostPrepends}`);
  }
  const policy = link.bgp.exportPolicy;
  const other = links.find((each) => each !== link && each.bgp.exportPolicy === policy);
  if (other) {
    return unsupported(
      `${device.name}: links ${link.name} and ${other.name} share the export policy ${policy}, so one cannot change alone`,
      "give each link an export policy of its own",
    );
  }
  const block = parseAllowed(prefix);
  const found = findStatement(policies, link, prefix, block);
  if (!found.ok) return found;
  if (found.value?.prepends !== from) {
    const now = found.value ? `with ${found.value.prepends} prepends` : "not at all";
    return fail(
      new Failure("DEVICE_CHANGED", `${device.name} announces ${prefix} on ${link.name} ${now}, not with ${from}`, {
        retry: "later",
        mend: "someone else changed the export policy; the next evaluation starts from what is there now",
      }),
    );
  }
  return ok({ link, prefix: block, policy, statement: found.value.statement.id, to });
}

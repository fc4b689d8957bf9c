import { assert } from "../kernel/assert.ts";
import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import { parseAllowed } from "../kernel/prefix.ts";
import type { PrependChange } from "../model/decision.ts";
import type { Device, Network } from "../model/inventory.ts";
import { editPolicies } from "./announcements.ts";
import type { Edited } from "./edited.ts";
import {
  type Edit,
  type ExportPolicies,
  findStatement,
  linkAlone,
  mostPrepends,
  unsupported,
} from "./export-policy.ts";
import type { Templates } from "./templates.ts";

/** DEVICE_CHANGED, CHANGE_UNSUPPORTED. */
export function editPrepends(
  templates: Templates,
  network: Network,
  device: Device,
  changes: readonly PrependChange[],
  reading: string,
): Result<Edited> {
  return editPolicies(templates, network, device, reading, changes, (policies, change) =>
    editFor(network, device, policies, change),
  );
}

function editFor(network: Network, device: Device, policies: ExportPolicies, change: PrependChange): Result<Edit> {
  const { prefix, from, to } = change;
  assert(network.prefixes.includes(prefix), `${prefix} is on the allow-list`);
  assert(
    from !== to && Number.isInteger(to) && to >= 0,
    `${prefix} on ${change.link} changes to a count: ${from} to ${to}`,
  );
  if (to > mostPrepends) {
    return unsupported(`${to} prepends of ${prefix} on ${change.link} are too many`, `ask for at most ${mostPrepends}`);
  }
  const alone = linkAlone(network, device, change.link);
  if (!alone.ok) return alone;
  const link = alone.value;
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
  const { statement } = found.value;
  return ok({ link, prefix: block, policy: link.bgp.exportPolicy, statement: statement.id, to: { prepends: to } });
}

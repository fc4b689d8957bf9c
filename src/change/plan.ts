import { assert } from "../kernel/assert.ts";
import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import type { ChangePlan } from "../model/change.ts";
import type { Decision, PrependChange } from "../model/decision.ts";
import type { DeviceStep } from "../model/device.ts";
import type { Device, DeviceName, Network } from "../model/inventory.ts";
import { readPolicies } from "./announcements.ts";
import { bgpLinks, type Edit, type ExportPolicies, findStatement, unsupported } from "./export-policy.ts";
import { parseAllowed } from "./prefix.ts";
import type { Templates } from "./templates.ts";

/** What a device gave for a query. */
export type Reading = Readonly<{ query: string; text: string }>;

/** No path on the Internet is this long, and FRR's command line ends soon after. */
const mostPrepends = 100;

/**
 * One step per device, in the order in which the decision names them, with the way back. DEVICE_CHANGED when a router does not
 * announce what the decision was made from; CHANGE_UNSUPPORTED when its configuration has a shape that we will not edit.
 */
export function planChange(
  templates: Templates,
  network: Network,
  decision: Decision,
  readings: ReadonlyMap<DeviceName, Reading>,
): Result<ChangePlan> {
  const steps: DeviceStep[] = [];
  for (const name of new Set(decision.changes.map((change) => change.device))) {
    const device = network.devices.find((each) => each.name === name);
    const reading = readings.get(name);
    assert(device && reading, `device ${name} of the decision is in the inventory and was read`);
    const changes = decision.changes.filter((change) => change.device === name);
    const step = planStep(templates, network, device, changes, reading);
    if (!step.ok) return step;
    steps.push(step.value);
  }
  return ok({ steps });
}

function planStep(
  templates: Templates,
  network: Network,
  device: Device,
  changes: readonly PrependChange[],
  reading: Reading,
): Result<DeviceStep> {
  const policies = readPolicies(network, device, reading.text);
  if (!policies.ok) return policies;
  const edits: Edit[] = [];
  for (const change of changes) {
    const edit = editFor(network, device, policies.value, change);
    if (!edit.ok) return edit;
    edits.push(edit.value);
  }
  const targets = new Set(edits.map(({ policy, statement }) => JSON.stringify([policy, statement])));
  assert(targets.size === edits.length, `a decision changes each prefix of a link once (${device.name})`);
  try {
    const edited = policies.value.edit(templates, edits);
    const { query, text: basis } = reading;
    return ok({ device: device.name, platform: device.platform, query, basis, ...edited });
  } catch (error) {
    if (error instanceof Failure) return fail(error);
    throw error;
  }
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

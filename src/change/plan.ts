import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import type { ChangePlan } from "../model/change.ts";
import type { Decision } from "../model/decision.ts";
import type { DeviceStep } from "../model/device.ts";
import type { Device, DeviceName, Network } from "../model/inventory.ts";
import type { Edited } from "./edited.ts";
import { editPrepends } from "./plan-prepends.ts";
import { editQos } from "./qos.ts";
import { editSites } from "./sites.ts";
import { editSteering } from "./steering.ts";
import type { Templates } from "./templates.ts";

/** What a device gave for a query. */
export type Reading = Readonly<{ query: string; text: string }>;

/**
 * One step per device, in the order in which the decision names them, with the way back; from what each gave for the query
 * of the decision's action. DEVICE_CHANGED when a router does not have what the decision was made from; CHANGE_UNSUPPORTED
 * when its configuration has a shape that we will not edit.
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
    if (!device || !reading) {
      const mend = `put ${name} back into the inventory as it was, then try again`;
      return fail(new Failure("CONFIG_INVALID", `${name} has nothing to change in the inventory any more`, { mend }));
    }
    const { query, text: basis } = reading;
    try {
      const edited = editOne(templates, network, decision, device, basis);
      if (!edited.ok) return edited;
      steps.push({ device: name, platform: device.platform, query, basis, ...edited.value });
    } catch (error) {
      if (error instanceof Failure) return fail(error);
      throw error;
    }
  }
  return ok({ steps });
}

/** Throws Failure CHANGE_UNSUPPORTED too. */
function editOne(
  templates: Templates,
  network: Network,
  decision: Decision,
  device: Device,
  basis: string,
): Result<Edited> {
  const on = (change: { device: DeviceName }) => change.device === device.name;
  switch (decision.action) {
    case "bgp-prepend":
      return editPrepends(templates, network, device, decision.changes.filter(on), basis);
    case "segment-routing":
      return editSteering(templates, network, device, decision.changes.filter(on), basis);
    case "qos":
      return editQos(templates, network, device, decision.changes.filter(on), basis);
    case "anycast-drain":
      return editSites(templates, network, device, decision.changes.filter(on), basis);
  }
}

import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import { type SegmentRoutingChange, type Steering, samePaths } from "../model/decision.ts";
import type { Device, Network } from "../model/inventory.ts";
import type { Edited } from "./edited.ts";
import { editLinuxSteering, linuxQuery, readLinuxSteering } from "./linux-srv6.ts";
import { editOpenconfigSteering, openconfigSteeringQuery, readOpenconfigSteering } from "./openconfig-steering.ts";
import type { Templates } from "./templates.ts";

/** What to read from a headend for its SR policies. Throws Failure CHANGE_UNSUPPORTED where it cannot have any. */
export function steeringQuery(templates: Templates, network: Network, device: Device): string {
  switch (device.platform) {
    case "openconfig":
      return openconfigSteeringQuery(templates);
    case "linux-srv6":
      return linuxQuery(templates, network, device);
    case "frr":
    case "linux-htb":
      throw cannotSteer(device);
  }
}

/** The SR policy of every flow whose headend this is. `reading` is what the device gave for `steeringQuery`. CHANGE_UNSUPPORTED. */
export function readSteering(network: Network, device: Device, reading: string): Result<readonly Steering[]> {
  try {
    switch (device.platform) {
      case "openconfig":
        return ok(readOpenconfigSteering(network, device, reading));
      case "linux-srv6":
        return ok(readLinuxSteering(network, device, reading));
      case "frr":
      case "linux-htb":
        return fail(cannotSteer(device));
    }
  } catch (error) {
    if (error instanceof Failure) return fail(error);
    throw error;
  }
}

/** DEVICE_CHANGED when the headend has not what the decision was made from. Throws Failure CHANGE_UNSUPPORTED too. */
export function editSteering(
  templates: Templates,
  network: Network,
  device: Device,
  changes: readonly SegmentRoutingChange[],
  reading: string,
): Result<Edited> {
  const now = readSteering(network, device, reading);
  if (!now.ok) return now;
  for (const { flow, from } of changes) {
    const has = now.value.find((one) => one.flow === flow);
    if (!has) {
      const mend = `put ${flow} back into the inventory as it was, then try again`;
      return fail(
        new Failure("CONFIG_INVALID", `${flow} is no flow of ${device.name} in the inventory any more`, { mend }),
      );
    }
    if (samePaths(has.paths, from)) continue;
    const message = `${device.name} has another SR policy for ${flow} than the decision was made from`;
    const mend =
      "a later change or someone else did that: roll later changes back first, or let the next evaluation start from it";
    return fail(new Failure("DEVICE_CHANGED", message, { retry: "later", mend }));
  }
  switch (device.platform) {
    case "openconfig":
      return ok(editOpenconfigSteering(templates, network, device, reading, changes));
    case "linux-srv6":
      return ok(editLinuxSteering(templates, network, device, reading, changes));
    case "frr":
    case "linux-htb":
      return fail(cannotSteer(device));
  }
}

function cannotSteer(device: Device): Failure {
  return new Failure(
    "CHANGE_UNSUPPORTED",
    `${device.name}: Pointsman cannot steer flows on ${device.platform} routers`,
    {
      mend: "take it as headend off the flows in the inventory",
    },
  );
}

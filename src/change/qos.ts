import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import { type InterfaceQos, type QosChange, sameShares } from "../model/decision.ts";
import type { Device, Network } from "../model/inventory.ts";
import type { Edited } from "./edited.ts";
import { editHtb, htbQuery, readHtb } from "./linux-htb.ts";
import { editOpenconfigQos, openconfigQosQuery, readOpenconfigQos } from "./openconfig-qos.ts";
import type { Templates } from "./templates.ts";

/** What to read from a router for the queues of its links that have `qos`. Throws Failure CHANGE_UNSUPPORTED where it cannot have any. */
export function qosQuery(templates: Templates, network: Network, device: Device): string {
  switch (device.platform) {
    case "openconfig":
      return openconfigQosQuery(templates, network, device);
    case "linux-htb":
      return htbQuery(templates, network, device);
    case "frr":
    case "linux-srv6":
      throw noQueues(device);
  }
}

/** The queues of every link of this router that has `qos`. `reading` is what it gave for `qosQuery`. CHANGE_UNSUPPORTED. */
export function readQos(network: Network, device: Device, reading: string): Result<readonly InterfaceQos[]> {
  try {
    switch (device.platform) {
      case "openconfig":
        return ok(readOpenconfigQos(network, device, reading));
      case "linux-htb":
        return ok(readHtb(network, device, reading));
      case "frr":
      case "linux-srv6":
        return fail(noQueues(device));
    }
  } catch (error) {
    if (error instanceof Failure) return fail(error);
    throw error;
  }
}

/** DEVICE_CHANGED when the router has not what the decision was made from. Throws Failure CHANGE_UNSUPPORTED too. */
export function editQos(
  templates: Templates,
  network: Network,
  device: Device,
  changes: readonly QosChange[],
  reading: string,
): Result<Edited> {
  const now = readQos(network, device, reading);
  if (!now.ok) return now;
  for (const { link, from } of changes) {
    const has = now.value.find((one) => one.link === link);
    if (!has) {
      const mend = `put ${link} back into the inventory as it was, then try again`;
      const message = `${link} is no link of ${device.name} with qos in the inventory any more`;
      return fail(new Failure("CONFIG_INVALID", message, { mend }));
    }
    if (sameShares(has.shares, from)) continue;
    const message = `${device.name} has other queues on ${link} than the decision was made from`;
    const mend = "a later change or someone else did that: the next evaluation starts from what is there now";
    return fail(new Failure("DEVICE_CHANGED", message, { retry: "later", mend }));
  }
  switch (device.platform) {
    case "openconfig":
      return ok(editOpenconfigQos(templates, network, device, reading, changes));
    case "linux-htb":
      return ok(editHtb(templates, network, device, reading, changes));
    case "frr":
    case "linux-srv6":
      return fail(noQueues(device));
  }
}

function noQueues({ name, platform }: Device): Failure {
  return new Failure("CHANGE_UNSUPPORTED", `${name}: Pointsman sets no queues on ${platform} routers`, {
    mend: `take qos off the links of ${name} in the inventory`,
  });
}

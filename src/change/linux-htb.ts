import { Failure } from "../kernel/failure.ts";
import type { InterfaceQos, QosChange } from "../model/decision.ts";
import type { Device, Network } from "../model/inventory.ts";
import type { Edited } from "./edited.ts";
import type { Templates } from "./templates.ts";

export function htbQuery(_templates: Templates, _network: Network, _device: Device): string {
  throw new Failure("CHANGE_UNSUPPORTED", "not yet");
}

/** Throws Failure CHANGE_UNSUPPORTED for queues that Pointsman would not have made. */
export function readHtb(_network: Network, _device: Device, _reading: string): InterfaceQos[] {
  throw new Failure("CHANGE_UNSUPPORTED", "not yet");
}

export function editHtb(
  _templates: Templates,
  _network: Network,
  _device: Device,
  _reading: string,
  _changes: readonly QosChange[],
): Edited {
  throw new Failure("CHANGE_UNSUPPORTED", "not yet");
}

import { Failure, fail, type Result } from "../kernel/failure.ts";
import type { SiteAnnouncement } from "../model/anycast.ts";
import type { AnycastChange } from "../model/decision.ts";
import type { Device, Network } from "../model/inventory.ts";
import type { Edited } from "./edited.ts";
import type { Templates } from "./templates.ts";

/** What to read from a router for the anycast sites behind it. Throws Failure CHANGE_UNSUPPORTED. */
export function sitesQuery(_templates: Templates, _network: Network, _device: Device): string {
  throw new Failure("CHANGE_UNSUPPORTED", "not yet");
}

/** How each site behind this router is announced, link by link. CHANGE_UNSUPPORTED. */
export function readSites(_network: Network, _device: Device, _reading: string): Result<readonly SiteAnnouncement[]> {
  return fail(new Failure("CHANGE_UNSUPPORTED", "not yet"));
}

/** DEVICE_CHANGED, CHANGE_UNSUPPORTED. */
export function editSites(
  _templates: Templates,
  _network: Network,
  _device: Device,
  _changes: readonly AnycastChange[],
  _reading: string,
): Result<Edited> {
  return fail(new Failure("CHANGE_UNSUPPORTED", "not yet"));
}

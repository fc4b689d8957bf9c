import { readAnnouncements } from "../change/announcements.ts";
import type { Reading } from "../change/plan.ts";
import { queryFor } from "../change/query.ts";
import type { Templates } from "../change/templates.ts";
import { assert } from "../kernel/assert.ts";
import { attempt, type Failure, ok, type Result, unwrap } from "../kernel/failure.ts";
import type { Announcement } from "../model/decision.ts";
import type { DevicePort } from "../model/device.ts";
import type { Device, Network } from "../model/inventory.ts";

export type NetworkReading = Readonly<{
  announcements: readonly Announcement[];
  readings: ReadonlyMap<string, Reading>;
}>;

type Sources = Readonly<{ network: Network; devices: ReadonlyMap<string, DevicePort>; templates: Templates }>;

/** What the routers announce now, as they say themselves; one that cannot be read fails the whole. */
export async function readNetwork(
  sources: Sources,
  /** Told of every router asked, failed or not. */
  onRead: (device: string, failure: Failure | undefined) => void,
): Promise<Result<NetworkReading>> {
  const { devices, links } = sources.network;
  const concerned = devices.filter(({ name }) => links.some((link) => link.device === name && link.bgp));
  const all = await Promise.all(
    concerned.map(async (device) => {
      const read = await attempt(() => readRouter(sources, device));
      onRead(device.name, read.ok ? undefined : read.failure);
      return { device: device.name, read };
    }),
  );
  const announcements: Announcement[] = [];
  const readings = new Map<string, Reading>();
  for (const { device, read } of all) {
    if (!read.ok) return read;
    announcements.push(...read.value.announced);
    readings.set(device, read.value.reading);
  }
  return ok({ announcements, readings });
}

/** Throws Failure. */
async function readRouter({ network, devices, templates }: Sources, device: Device) {
  const port = devices.get(device.name);
  assert(port, `${device.name} has a driver`);
  const query = queryFor(templates, network, device);
  const text = unwrap(await port.read(query));
  return { announced: unwrap(readAnnouncements(network, device, text)), reading: { query, text } };
}

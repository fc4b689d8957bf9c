import { readAnnouncements } from "../change/announcements.ts";
import type { Reading } from "../change/plan.ts";
import { queryFor } from "../change/query.ts";
import type { Templates } from "../change/templates.ts";
import { type Failure, ok, type Result } from "../kernel/failure.ts";
import type { Announcement } from "../model/decision.ts";
import type { DevicePort } from "../model/device.ts";
import type { Link, Network } from "../model/inventory.ts";

export type NetworkReading = Readonly<{
  announcements: readonly Announcement[];
  readings: ReadonlyMap<string, Reading>;
}>;

/** What the routers of `links` announce now, as they say themselves; one that cannot be read fails the whole. */
export async function readNetwork(input: {
  network: Network;
  devices: ReadonlyMap<string, DevicePort>;
  templates: Templates;
  links: readonly Link[];
  /** Told of every router asked, failed or not. */
  onRead: (device: string, failure: Failure | undefined) => void;
}): Promise<Result<NetworkReading>> {
  const { network, devices, templates, links, onRead } = input;
  const concerned = network.devices.filter((device) => links.some((link) => link.device === device.name && link.bgp));
  const texts = await Promise.all(
    concerned.map(async (device) => {
      const query = queryFor(templates, network, device);
      const read = await devices.get(device.name)?.read(query);
      onRead(device.name, read && !read.ok ? read.failure : undefined);
      return { device, query, read };
    }),
  );
  const announcements: Announcement[] = [];
  const readings = new Map<string, Reading>();
  for (const { device, query, read } of texts) {
    if (!read) continue;
    if (!read.ok) return read;
    const announced = readAnnouncements(network, device, read.value);
    if (!announced.ok) return announced;
    announcements.push(...announced.value);
    readings.set(device.name, { query, text: read.value });
  }
  return ok({ announcements, readings });
}

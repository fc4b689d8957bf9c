import { readAnnouncements } from "../change/announcements.ts";
import type { Reading } from "../change/plan.ts";
import { queryFor } from "../change/query.ts";
import { readSteering, steeringQuery } from "../change/steering.ts";
import type { Templates } from "../change/templates.ts";
import { assert } from "../kernel/assert.ts";
import { attempt, type Failure, ok, type Result, unwrap } from "../kernel/failure.ts";
import type { Announcement, Decision, Steering } from "../model/decision.ts";
import type { DevicePort } from "../model/device.ts";
import type { Device, Network } from "../model/inventory.ts";

export type NetworkReading = Readonly<{
  announcements: readonly Announcement[];
  steering: readonly Steering[];
  /** What each device gave, by what it was asked for. */
  readings: Readonly<Record<Decision["action"], ReadonlyMap<string, Reading>>>;
}>;

type Sources = Readonly<{ network: Network; devices: ReadonlyMap<string, DevicePort>; templates: Templates }>;

/** What is asked of which routers: for one kind of decision, and of some only. */
export type Wanted = Readonly<{ action?: Decision["action"]; devices?: readonly string[] }>;

/** What the routers announce and steer now, as they say themselves; one that cannot be read fails the whole. */
export async function readNetwork(
  sources: Sources,
  { action, devices: only }: Wanted,
  /** Told of every router asked, failed or not. */
  onRead: (device: string, failure: Failure | undefined) => void,
): Promise<Result<NetworkReading>> {
  const { devices, links, flows } = sources.network;
  const isAsked = (name: string) => only?.includes(name) ?? true;
  const announces = ({ name }: Device) =>
    action !== "segment-routing" && isAsked(name) && links.some((link) => link.device === name && link.bgp);
  const steers = ({ name }: Device) =>
    action !== "bgp-prepend" && isAsked(name) && flows.some((flow) => flow.headend === name);
  const all = await Promise.all(
    devices
      .filter((device) => announces(device) || steers(device))
      .map(async (device) => {
        const read = await attempt(async () => ({
          announced: announces(device) ? await readBgp(sources, device) : undefined,
          steered: steers(device) ? await readSegmentRouting(sources, device) : undefined,
        }));
        onRead(device.name, read.ok ? undefined : read.failure);
        return { device: device.name, read };
      }),
  );
  const announcements: Announcement[] = [];
  const steering: Steering[] = [];
  const readings = { "bgp-prepend": new Map<string, Reading>(), "segment-routing": new Map<string, Reading>() };
  for (const { device, read } of all) {
    if (!read.ok) return read;
    const { announced, steered } = read.value;
    announcements.push(...(announced?.value ?? []));
    steering.push(...(steered?.value ?? []));
    if (announced) readings["bgp-prepend"].set(device, announced.reading);
    if (steered) readings["segment-routing"].set(device, steered.reading);
  }
  return ok({ announcements, steering, readings });
}

/** Throws Failure. */
async function readBgp(sources: Sources, device: Device) {
  const reading = await readDevice(sources, device, queryFor(sources.templates, sources.network, device));
  return { reading, value: unwrap(readAnnouncements(sources.network, device, reading.text)) };
}

/** Throws Failure. */
async function readSegmentRouting(sources: Sources, device: Device) {
  const reading = await readDevice(sources, device, steeringQuery(sources.templates, sources.network, device));
  return { reading, value: unwrap(readSteering(sources.network, device, reading.text)) };
}

/** Throws Failure. */
async function readDevice({ devices }: Sources, { name }: Device, query: string): Promise<Reading> {
  const port = devices.get(name);
  assert(port, `${name} has a driver`);
  return { query, text: unwrap(await port.read(query)) };
}

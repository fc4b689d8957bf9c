import { readAnnouncements } from "../change/announcements.ts";
import type { Reading } from "../change/plan.ts";
import { qosQuery, readQos } from "../change/qos.ts";
import { queryFor } from "../change/query.ts";
import { readSites, sitesQuery } from "../change/sites.ts";
import { readSteering, steeringQuery } from "../change/steering.ts";
import type { Templates } from "../change/templates.ts";
import { assert } from "../kernel/assert.ts";
import { attempt, ok, type Result, unwrap } from "../kernel/failure.ts";
import type { Decision, RouterFacts } from "../model/decision.ts";
import type { DevicePort } from "../model/device.ts";
import type { Device, Network } from "../model/inventory.ts";

export type NetworkReading = Readonly<{
  facts: RouterFacts;
  /** What each device gave, by what it was asked for. */
  readings: Readonly<Record<Decision["action"], ReadonlyMap<string, Reading>>>;
}>;

/** What a router gave for one kind of decision, and what that says. */
export type AspectReading = Readonly<{ aspect: Decision["action"]; reading: Reading; found: Partial<RouterFacts> }>;

type Sources = Readonly<{ network: Network; devices: ReadonlyMap<string, DevicePort>; templates: Templates }>;

/** What is asked of which routers: for one kind of decision, and of some only. */
export type Wanted = Readonly<{
  action?: Decision["action"];
  devices?: readonly string[];
  /** What is known of the others is left out when they cannot be read; all are required unless it is said. */
  required?: readonly string[];
}>;

/** What the routers have now, as they say themselves; one that is required and cannot be read fails the whole. */
export async function readNetwork(
  sources: Sources,
  { action, devices: only, required }: Wanted,
  /** Told of every router asked what it gave, or why it gave nothing. */
  onRead: (device: string, read: Result<readonly AspectReading[]>) => void,
): Promise<Result<NetworkReading>> {
  const wanted = aspects.filter((aspect) => action === undefined || aspect.action === action);
  const all = await Promise.all(
    sources.network.devices
      .filter(({ name }) => only?.includes(name) ?? true)
      .map((device) => ({ device, asked: wanted.filter((aspect) => aspect.isOn(sources.network, device)) }))
      .filter(({ asked }) => asked.length > 0)
      .map(async ({ device, asked }) => {
        const read = await attempt(async () => {
          const answers: AspectReading[] = [];
          for (const aspect of asked) answers.push(await readAspect(sources, device, aspect));
          return answers;
        });
        onRead(device.name, read);
        return { device: device.name, read };
      }),
  );
  const facts: Partial<RouterFacts>[] = [];
  const readings: Record<Decision["action"], Map<string, Reading>> = {
    "bgp-prepend": new Map(),
    "segment-routing": new Map(),
    qos: new Map(),
    "anycast-drain": new Map(),
  };
  for (const { device, read } of all) {
    if (!read.ok && (required?.includes(device) ?? true)) return read;
    if (!read.ok) continue;
    for (const { aspect, reading, found } of read.value) {
      readings[aspect].set(device, reading);
      facts.push(found);
    }
  }
  return ok({ facts: joined(facts), readings });
}

const joined = (all: readonly Partial<RouterFacts>[]): RouterFacts => ({
  announcements: all.flatMap(({ announcements = [] }) => announcements),
  steering: all.flatMap(({ steering = [] }) => steering),
  qos: all.flatMap(({ qos = [] }) => qos),
  sites: all.flatMap(({ sites = [] }) => sites),
});

/** One kind of thing that a router may have: on which, what is asked, and what the answer says. */
type Aspect = Readonly<{
  action: Decision["action"];
  isOn(network: Network, device: Device): boolean;
  query(templates: Templates, network: Network, device: Device): string;
  read(network: Network, device: Device, reading: string): Result<Partial<RouterFacts>>;
}>;

const named = <Kind extends keyof RouterFacts>(
  kind: Kind,
  read: Result<RouterFacts[Kind]>,
): Result<Partial<RouterFacts>> => (read.ok ? ok({ [kind]: read.value }) : read);

const aspects: readonly Aspect[] = [
  {
    action: "bgp-prepend",
    isOn: ({ links }, { name }) => links.some((link) => link.device === name && link.bgp),
    query: queryFor,
    read: (network, device, reading) => named("announcements", readAnnouncements(network, device, reading)),
  },
  {
    action: "segment-routing",
    isOn: ({ flows }, { name }) => flows.some((flow) => flow.headend === name),
    query: steeringQuery,
    read: (network, device, reading) => named("steering", readSteering(network, device, reading)),
  },
  {
    action: "qos",
    isOn: ({ links }, { name }) => links.some((link) => link.device === name && link.qos),
    query: qosQuery,
    read: (network, device, reading) => named("qos", readQos(network, device, reading)),
  },
  {
    action: "anycast-drain",
    isOn: ({ anycast }, { name }) => anycast.some(({ sites }) => sites.some((site) => site.device === name)),
    query: sitesQuery,
    read: (network, device, reading) => named("sites", readSites(network, device, reading)),
  },
];

/** Throws Failure. */
async function readAspect(sources: Sources, device: Device, { action, query, read }: Aspect): Promise<AspectReading> {
  const { templates, network } = sources;
  const reading = await readDevice(sources, device, query(templates, network, device));
  return { aspect: action, reading, found: unwrap(read(network, device, reading.text)) };
}

/** Throws Failure. */
async function readDevice({ devices }: Sources, { name }: Device, query: string): Promise<Reading> {
  const port = devices.get(name);
  assert(port, `${name} has a driver`);
  return { query, text: unwrap(await port.read(query)) };
}

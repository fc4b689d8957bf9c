import type { ClassHealth } from "../model/class-health.ts";
import { type ClassShare, type Demand, type InterfaceQos, type QosChange, sameShares } from "../model/decision.ts";
import type { Link, Network, ServedClass } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import { serviceClasses } from "../model/scope.ts";
import { queueName } from "../model/signal.ts";
import { classQueues, plainQueue, type QueueService } from "./queueing.ts";

/**
 * A class on an interface: bit/s that it offers (sent and dropped), and bytes that stand in the queue that it goes by. What no
 * class explains of the link's rate is the last class's, in whose queue it goes.
 */
export type ClassLoad = Readonly<{ one: ServedClass; offered: number; drops: number; depthBytes: number }>;

/** What one of our interfaces is asked to send, and the queues that it has for that: none is one plain queue. */
export type QosInterface = Readonly<{ link: Link; shares: readonly ClassShare[]; loads: readonly ClassLoad[] }>;

/** Routers count in kbit/s: what they read back is then what they were sent. */
export const up = (rate: number): number => Math.ceil(rate / 1000) * 1000;
export const down = (rate: number): number => Math.floor(rate / 1000) * 1000;

/** A class without a floor still gets something through. */
const leastFloor = 8_000;

/** Bit/s that a class is never held under on a line of this capacity. */
export const floorOf = ({ service }: ServedClass, capacity: number): number =>
  Math.min(down(capacity), Math.max(leastFloor, up(service.floor * capacity)));

/** Waits are for packets of 1500 bytes: no telemetry tells their size, and this errs on the long side. */
const packetBits = 12_000;

/**
 * The interfaces with `qos`, by the name of their link, or what is not known of them, which is never zero: every class's
 * rate, drops and depth, the link's own rate, and what the router has.
 */
export function qosInterfaces(
  network: Network,
  state: NetworkState,
  qos: readonly InterfaceQos[],
): Readonly<{ interfaces: readonly QosInterface[] }> | Readonly<{ unknown: readonly string[] }> {
  const classes = serviceClasses(network);
  const last = classes.reduce<ServedClass | undefined>(
    (found, one) => (found && found.service.priority > one.service.priority ? found : one),
    undefined,
  );
  const unknown: string[] = [];
  const known = (signal: "queue.rate" | "queue.drops" | "queue.depth", link: string, one: string): number => {
    const measured = state.signals.get(signal)?.get(queueName(link, one));
    if (!measured) unknown.push(`the ${signal} of ${one} on ${link}`);
    return measured?.value ?? Number.NaN;
  };
  const links = network.links.filter((link) => link.qos).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const interfaces = links.map((link): QosInterface => {
    const shares = qos.find((one) => one.link === link.name)?.shares;
    if (!shares) unknown.push(`what ${link.device} has for the queues of ${link.name}`);
    if (shares && !fitsLine(shares, link))
      unknown.push(`what the queues of ${link.name} do, which guarantee more than it has`);
    for (const share of shares ?? []) {
      if (!classes.some(({ name }) => name === share.class))
        unknown.push(`the traffic of ${share.class}, which has a queue on ${link.name} and is no class any more`);
    }
    const sent = state.signals.get("link.rate.out")?.get(link.name)?.value;
    if (sent === undefined) unknown.push(`the link.rate.out of ${link.name}`);
    const rates = classes.map((one) => known("queue.rate", link.name, one.name));
    const unexplained = Math.max(0, (sent ?? Number.NaN) - rates.reduce((sum, rate) => sum + rate, 0));
    const loads = classes.map((one, i): ClassLoad => {
      const drops = known("queue.drops", link.name, one.name);
      const offered = (rates[i] as number) + drops + (one === last ? unexplained : 0);
      return { one, offered, drops, depthBytes: known("queue.depth", link.name, one.name) };
    });
    return { link, shares: shares ?? [], loads };
  });
  return unknown.length > 0 ? { unknown } : { interfaces };
}

/**
 * What each class gets, in the order of `loads`, were these the interface's queues. A class without a queue of its own goes by
 * the last. Classes that fill their queues now would fill a plain one too, whatever is measured of them. `loads`: what they
 * would offer then, where that is another.
 */
export function servedBy(
  { link, shares: now, loads: measured }: QosInterface,
  shares: readonly ClassShare[],
  loads: readonly ClassLoad[] = measured,
): QueueService[] {
  const line = { capacity: link.capacity, packetBits };
  const offered = loads.map((load) => load.offered);
  if (shares.length === 0) {
    // All stand in the one queue, and each class's depth is that queue's.
    if (now.length === 0) return plainQueue(line, offered, Math.max(...loads.map(({ depthBytes }) => depthBytes)));
    const hungry = servedBy({ link, shares: now, loads: measured }, now).some(({ full }) => full);
    const plain = plainQueue(line, offered, Number.POSITIVE_INFINITY);
    return hungry ? plain.map((one) => ({ ...one, delayP99Ms: Number.POSITIVE_INFINITY, full: true })) : plain;
  }
  const placeOf = loads.map(({ one }) => {
    const own = shares.findIndex((share) => share.class === one.name);
    return own < 0 ? shares.length - 1 : own;
  });
  const queues = shares.map(({ guaranteed, ceiling, priority, mark }, place) => ({
    ...{ guaranteed, ceiling, priority, maxBytes: mark.maxBytes },
    offered: loads.reduce((sum, load, i) => sum + (placeOf[i] === place ? load.offered : 0), 0),
  }));
  const services = classQueues(line, queues);
  return loads.map((load, i) => {
    const [queue, service] = [queues[placeOf[i] as number], services[placeOf[i] as number] as QueueService];
    const part = queue && queue.offered > 0 ? load.offered / queue.offered : 0;
    return { ...service, carried: service.carried * part };
  });
}

/** Does it go before, or is it the class itself? */
export const isPremium = (one: ServedClass, other: ServedClass): boolean =>
  other.name === one.name || other.service.priority < one.service.priority;

/** A ceiling as high as the line (in whole kbit/s) keeps back nothing. */
export const isCapped = (ceiling: number, capacity: number): boolean => capacity - ceiling >= 1000;

/** Whether the model can say what comes of them: every queue is sure of something, and all of them of no more than the line. */
export const fitsLine = (shares: readonly ClassShare[], { capacity }: Link): boolean =>
  shares.every(({ guaranteed }) => guaranteed > 0) &&
  shares.reduce((sum, { guaranteed }) => sum + guaranteed, 0) <= capacity * (1 + 1e-9);

/** Bit/s that a class may have at most; without a queue of its own it goes by the last. */
export const ceilingOf = (shares: readonly ClassShare[], name: string, { capacity }: Link): number =>
  (shares.find((share) => share.class === name) ?? shares.at(-1))?.ceiling ?? capacity;

/** Bit/s of what an interface is offered that these queues hold back: by ceilings, or of what classes carry now. */
export function heldBack(iface: QosInterface, shares: readonly ClassShare[]): number {
  const after = servedBy(iface, shares);
  return iface.loads.reduce((sum, load, i) => {
    const lost = load.offered - load.drops - (after[i]?.carried ?? 0);
    return sum + Math.max(keptBack(iface, load, shares), lost);
  }, 0);
}

/** Of what is measured, so much is all of it: counters of rates and drops are not of one moment. */
export const allOfIt = 0.98;

/** The classes that would carry less than now, so served, and that `one` may not shed. */
export function robbed({ service }: ServedClass, { loads }: QosInterface, after: readonly QueueService[]): ClassLoad[] {
  return loads.filter((load, i) => {
    const now = load.offered - load.drops;
    return !service.sheds.includes(load.one.name) && (after[i]?.carried ?? 0) < now * allOfIt;
  });
}

/** Bit/s of a class that a queue's ceiling keeps back. */
function keptBack({ link }: QosInterface, { one, offered }: ClassLoad, shares: readonly ClassShare[]): number {
  const ceiling = shares.find((share) => share.class === one.name)?.ceiling ?? link.capacity;
  return isCapped(ceiling, link.capacity) ? Math.max(0, offered - ceiling) : 0;
}

/** Does it lose more of what it offers than rounding? */
export const loses = (lost: number, offered: number): boolean => lost > 1e-3 * offered;

/** What comes of going back to old queues: what bars it, who would stand in the way, or what `one` would wait, link by link. */
export type Return = Readonly<
  | { barred: string }
  | { overload: string }
  | {
      requeues: readonly Readonly<{ iface: QosInterface; shares: readonly ClassShare[] }>[];
      waits: readonly Readonly<{ before: number; after: number }>[];
    }
>;

/**
 * What would come of the queues from before `changes`. Who was held back by them offers at least what it did then, as it may
 * have been asked to send less, and comes back when it is let go.
 */
export function returnTo(
  one: ServedClass,
  interfaces: readonly QosInterface[],
  changes: readonly QosChange[],
  demands: readonly Demand[] = [],
): Return {
  const requeues: { iface: QosInterface; shares: readonly ClassShare[] }[] = [];
  const waits: { before: number; after: number }[] = [];
  for (const { link, device, from, to } of changes) {
    const iface = interfaces.find((other) => other.link.name === link);
    if (!iface) return { barred: `${link} is no link with qos in the inventory any more` };
    if (!sameShares(iface.shares, to)) return { barred: `${device} has other queues on ${link} now than it left` };
    const gone = from.find((share) => !iface.loads.some((load) => load.one.name === share.class));
    if (gone) return { barred: `${gone.class}, which had a queue on ${link}, is no class any more` };
    const wanted = iface.loads.map((load): ClassLoad => {
      const demand = demands.find((other) => other.link === link && other.class === load.one.name);
      return { ...load, offered: Math.max(load.offered, demand?.offered ?? 0) };
    });
    const [before, after] = [servedBy(iface, to), servedBy(iface, from, wanted)];
    for (const [i, load] of wanted.entries()) {
      const service = after[i] as QueueService;
      if (service.full) return { overload: `${load.one.name} would stand before a full queue on ${link}` };
      if (loses(load.offered - service.carried, load.offered))
        return { overload: `${load.one.name} would lose packets on ${link}` };
      if (load.one.name === one.name) waits.push({ before: before[i]?.delayP99Ms ?? 0, after: service.delayP99Ms });
    }
    requeues.push({ iface, shares: from });
  }
  return { requeues, waits };
}

/** A `path` signal of a class in ms, and what it must be below. */
export type PathLimit = Readonly<{ signal: string; nowMs: number; belowMs: number }>;

/**
 * What a class's objectives and conditions ask of the network's delay, each with what it is now; or the signals of which
 * that is not known. A threshold that is relative (baseline) is no limit.
 */
export function pathLimits(
  { service }: ServedClass,
  health: ClassHealth,
): Readonly<{ limits: readonly PathLimit[] }> | Readonly<{ unknown: readonly string[] }> {
  const limits: PathLimit[] = [];
  const unknown: string[] = [];
  for (const { name, of, unit } of service.signals) {
    if (of !== "path" || unit !== "ms") continue;
    const objectives = service.objectives.filter(({ signal, comparator }) => signal === name && comparator === "below");
    const conditions = service.conditions.flatMap(({ all }) =>
      all.flatMap(({ signal, comparator, threshold }) =>
        signal === name && comparator === "above" && typeof threshold !== "string" ? [threshold.value] : [],
      ),
    );
    const belowMs = Math.min(...objectives.map(({ threshold }) => threshold), ...conditions);
    if (belowMs === Number.POSITIVE_INFINITY) continue;
    const recent = health.objectives
      .filter(({ objective }) => objectives.some(({ text }) => text === objective))
      .flatMap((reading) => reading.recent?.value ?? []);
    const seen = [...recent, ...(health.series.get(name)?.values.slice(-1) ?? [])];
    if (seen.length === 0) unknown.push(`the present ${name}`);
    else limits.push({ signal: name, nowMs: Math.max(...seen), belowMs });
  }
  return unknown.length > 0 ? { unknown } : { limits };
}

/**
 * What a path's delay comes to when waits on interfaces change. Which of them the path that is measured crosses is not known:
 * so no less than the longest wait of any one, and what is measured less all that is gained. Infinite where a wait stays that is.
 */
export function delayAfter(
  { nowMs }: PathLimit,
  waits: readonly Readonly<{ before: number; after: number }>[],
): number {
  if (waits.some(({ after }) => after === Number.POSITIVE_INFINITY)) return Number.POSITIVE_INFINITY;
  const measured = Number.isFinite(nowMs) ? nowMs : waits.reduce((sum, { before }) => sum + before, 0);
  const gained = waits.reduce((sum, { before, after }) => sum + before - after, 0);
  return Math.max(0, measured - gained, ...waits.map(({ after }) => after));
}

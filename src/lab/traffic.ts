import { assert } from "../kernel/assert.ts";
import { seededRandom } from "../kernel/random.ts";
import type { LinkName, Prefix } from "../model/inventory.ts";
import { type Announcements, entryLink, type RemoteSource } from "./inbound-choice.ts";

/** Rates are bit/s, inbound. */
export type TrafficDemand = Readonly<{
  prefix: Prefix;
  base: number;
  peak: number;
  sources: readonly RemoteSource[];
}>;

export type TrafficLink = Readonly<{ name: LinkName; capacity: number; perMbitMonth: number }>;

/** Times after the start. The demands rise for `rampMs`, stay at their peak, and fall for `rampMs` from `peakAfterMs + peakForMs` on. */
export type TrafficTiming = Readonly<{ peakAfterMs: number; peakForMs: number; rampMs: number; reactionMs: number }>;

export type TrafficOptions = Readonly<{
  seed: number;
  startMs: number;
  links: readonly TrafficLink[];
  demands: readonly TrafficDemand[];
  timing: TrafficTiming;
  announced: ReadonlyMap<LinkName, Announcements>;
}>;

/** One link at one instant. What is delivered of a prefix is its offered rate less `lossShare`. */
export type LinkFlow = Readonly<{
  offered: ReadonlyMap<Prefix, number>;
  delivered: number;
  lossShare: number;
  queueDelayMs: number;
}>;

/** Since the start; whole octets and packets, as a router shows them. */
export type LinkCounters = Readonly<{
  inOctets: number;
  outOctets: number;
  inPkts: number;
  outPkts: number;
  inDiscards: number;
  outDiscards: number;
}>;

const tickMs = 100;
const noise = 0.01;
const packetBits = 8_000;
const bufferMs = 50;
/** Requests and acknowledgements that go out for what comes in. */
const outboundShare = 0.1;

/**
 * Inbound traffic of the emulated network. Offered load is constant within a tick and depends on the seed and the tick
 * only, so the counters are exact integrals and do not depend on when anyone looks. Has no clock: time is passed in.
 */
export class TrafficModel {
  readonly #options: TrafficOptions;
  readonly #announced: Map<LinkName, Announcements>;
  #pending: { atMs: number; link: LinkName; announcements: Announcements }[] = [];
  readonly #delivered = new Map<LinkName, Map<Prefix, number>>();
  readonly #dropped = new Map<LinkName, number>();
  #elapsedMs = 0;
  #rebound: { unless: string; prefix: Prefix; rate: number } | undefined;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#announced = new Map(options.announced);
    for (const link of options.links) this.#delivered.set(link.name, new Map());
  }

  /** Moves time on; a time already passed changes nothing (a wall clock may be set back). */
  advance(toMs: number): void {
    const target = toMs - this.#options.startMs;
    while (this.#elapsedMs < target) {
      const tickEnd = (Math.floor(this.#elapsedMs / tickMs) + 1) * tickMs;
      const until = Math.min(target, tickEnd, this.#pending[0]?.atMs ?? target);
      this.#integrate(until - this.#elapsedMs);
      this.#elapsedMs = until;
      this.#converge();
    }
  }

  /** `link` now announces this; remote networks act on it `reactionMs` later. */
  announce(link: LinkName, announcements: Announcements, atMs: number): void {
    this.advance(atMs);
    this.#pending.push({ atMs: this.#elapsedMs + this.#options.timing.reactionMs, link, announcements });
    this.#converge();
  }

  /**
   * From now on, while anything but what is announced at this moment is in effect, the senders of `prefix` offer `rate`:
   * they were held back by loss, and take the room that a change makes.
   */
  reboundAfterChange(prefix: Prefix, rate: number): void {
    this.#rebound = { unless: this.#announcedText(), prefix, rate };
  }

  flows(): ReadonlyMap<LinkName, LinkFlow> {
    const offered = new Map<LinkName, Map<Prefix, number>>();
    for (const link of this.#options.links) offered.set(link.name, new Map());
    for (const [index, demand] of this.#options.demands.entries()) {
      const rate = this.#offeredRate(demand, index);
      for (const source of demand.sources) {
        const entry = entryLink(source, demand.prefix, this.#announced);
        const onLink = entry === undefined ? undefined : offered.get(entry);
        onLink?.set(demand.prefix, (onLink.get(demand.prefix) ?? 0) + rate * source.share);
      }
    }
    return new Map(this.#options.links.map((link) => [link.name, linkFlow(link, offered.get(link.name) ?? new Map())]));
  }

  /** Offered bit/s by prefix, also where no link takes it. */
  offered(): ReadonlyMap<Prefix, number> {
    return new Map(
      this.#options.demands.map((demand, index) => [demand.prefix, this.#offeredRate(demand, index)] as const),
    );
  }

  counters(link: LinkName): LinkCounters {
    const bits = [...this.deliveredBits(link).values()].reduce((sum, value) => sum + value, 0);
    const outBits = bits * outboundShare;
    return {
      inOctets: Math.floor(bits / 8),
      outOctets: Math.floor(outBits / 8),
      inPkts: Math.floor(bits / packetBits),
      outPkts: Math.floor(outBits / packetBits),
      inDiscards: Math.floor((this.#dropped.get(link) ?? 0) / packetBits),
      outDiscards: 0,
    };
  }

  /** Bits delivered over `link` since the start, by prefix. */
  deliveredBits(link: LinkName): ReadonlyMap<Prefix, number> {
    const bits = this.#delivered.get(link);
    assert(bits, `the model has a link ${link}`);
    return bits;
  }

  /** Money per hour at the present rates: a month is billed as 730 hours. */
  costPerHour(): number {
    const flows = this.flows();
    return this.#options.links.reduce(
      (sum, link) => sum + (link.perMbitMonth / 730) * ((flows.get(link.name)?.delivered ?? 0) / 1e6),
      0,
    );
  }

  #integrate(spanMs: number): void {
    for (const [link, flow] of this.flows()) {
      const bits = this.#delivered.get(link);
      assert(bits, `the model has a link ${link}`);
      for (const [prefix, rate] of flow.offered) {
        const passed = rate * (1 - flow.lossShare);
        bits.set(prefix, (bits.get(prefix) ?? 0) + (passed * spanMs) / 1000);
        this.#dropped.set(link, (this.#dropped.get(link) ?? 0) + ((rate - passed) * spanMs) / 1000);
      }
    }
  }

  #converge(): void {
    const due = this.#pending.filter((change) => change.atMs <= this.#elapsedMs);
    for (const change of due) this.#announced.set(change.link, change.announcements);
    this.#pending = this.#pending.filter((change) => change.atMs > this.#elapsedMs);
  }

  #offeredRate(demand: TrafficDemand, index: number): number {
    const tick = Math.floor(this.#elapsedMs / tickMs);
    const uniform = seededRandom(
      Math.imul(this.#options.seed + 1, 0x9e3779b1) ^
        Math.imul(tick + 1, 0x85ebca6b) ^
        Math.imul(index + 1, 0xc2b2ae35),
    )();
    return this.#expectedRate(demand, tick * tickMs) * (1 + noise * (2 * uniform - 1));
  }

  #expectedRate(demand: TrafficDemand, elapsedMs: number): number {
    const rebound = this.#rebound;
    if (rebound?.prefix === demand.prefix && rebound.unless !== this.#announcedText()) return rebound.rate;
    const { peakAfterMs, peakForMs, rampMs } = this.#options.timing;
    const risen = (elapsedMs - peakAfterMs) / rampMs;
    const fallen = (elapsedMs - peakAfterMs - peakForMs) / rampMs;
    const height = clamp(risen) - clamp(fallen);
    return demand.base + (demand.peak - demand.base) * height;
  }

  #announcedText(): string {
    const sorted = (map: ReadonlyMap<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify(
      sorted(this.#announced).map(([link, announcements]) => [link, sorted(announcements as Announcements)]),
    );
  }
}

const clamp = (share: number) => Math.min(1, Math.max(0, share));

/** A full link drops from every prefix alike, and keeps its buffer full; below that, the waiting time of an M/M/1 queue. */
function linkFlow(link: TrafficLink, offered: ReadonlyMap<Prefix, number>): LinkFlow {
  const total = [...offered.values()].reduce((sum, rate) => sum + rate, 0);
  const delivered = Math.min(total, link.capacity);
  const load = total / link.capacity;
  const serviceMs = (packetBits / link.capacity) * 1000;
  return {
    offered,
    delivered,
    lossShare: total > link.capacity ? 1 - link.capacity / total : 0,
    queueDelayMs: load < 1 ? Math.min(bufferMs, (serviceMs * load) / (1 - load)) : bufferMs,
  };
}

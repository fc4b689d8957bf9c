import { assert } from "../kernel/assert.ts";
import { seededRandom } from "../kernel/random.ts";
import type { LinkName } from "../model/inventory.ts";

/** Something that offers traffic: an announced prefix, or a flow. Rates are bit/s. */
export type TrafficDemand = Readonly<{ name: string; base: number; peak: number }>;

export type TrafficLink = Readonly<{ name: LinkName; capacity: number }>;

/** Times after the start. The demands rise for `rampMs`, stay at their peak, and fall for `rampMs` from `peakAfterMs + peakForMs` on. */
export type TrafficTiming = Readonly<{ peakAfterMs: number; peakForMs: number; rampMs: number; reactionMs: number }>;

/** What the lab decides of a run, whatever the scenario. */
export type TrafficStart = Readonly<{ seed: number; startMs: number; timing: TrafficTiming }>;

/** One link at one instant. What is delivered of a demand is its offered rate less `lossShare`. */
export type LinkFlow = Readonly<{
  offered: ReadonlyMap<string, number>;
  delivered: number;
  lossShare: number;
  /** Mean and 99th percentile of the wait for the line. */
  queueDelayMs: number;
  queueP99Ms: number;
}>;

const tickMs = 100;
const noise = 0.01;
export const packetBits = 8_000;
const bufferMs = 50;

/**
 * Traffic of an emulated network: what it offers over time, what of it passes, and the settings that steer it, by link or
 * device. Offered load is constant within a tick and depends on the seed and the tick only, so what is counted are exact
 * integrals and does not depend on when anyone looks. Has no clock: time is passed in. A kind of network says in `flows`
 * what its settings lead to.
 */
export abstract class TrafficModel<Setting> {
  readonly #start: TrafficStart;
  readonly #demands: readonly TrafficDemand[];
  readonly #settings: Map<string, Setting>;
  #pending: { atMs: number; where: string; setting: Setting }[] = [];
  readonly #offered = new Map<string, number>();
  readonly #delivered = new Map<LinkName, Map<string, number>>();
  readonly #dropped = new Map<LinkName, number>();
  #elapsedMs = 0;
  #rebound: { unless: string; demand: string; rate: number } | undefined;

  constructor(
    start: TrafficStart,
    network: Readonly<{
      links: readonly TrafficLink[];
      demands: readonly TrafficDemand[];
      settings: ReadonlyMap<string, Setting>;
    }>,
  ) {
    this.#start = start;
    this.#demands = network.demands;
    this.#settings = new Map(network.settings);
    for (const link of network.links) this.#delivered.set(link.name, new Map());
  }

  /** Every link with what the settings in effect bring to it at this instant. */
  abstract flows(): ReadonlyMap<LinkName, LinkFlow>;

  /** Moves time on; a time already passed changes nothing (a wall clock may be set back). */
  advance(toMs: number): void {
    const target = toMs - this.#start.startMs;
    while (this.#elapsedMs < target) {
      const tickEnd = (Math.floor(this.#elapsedMs / tickMs) + 1) * tickMs;
      const until = Math.min(target, tickEnd, this.#pending[0]?.atMs ?? target);
      this.#integrate(until - this.#elapsedMs);
      this.#elapsedMs = until;
      this.#converge();
    }
  }

  /** `where` is now set to this; the network acts on it `reactionMs` later. */
  set(where: string, setting: Setting, atMs: number): void {
    this.advance(atMs);
    this.#pending.push({ atMs: this.#elapsedMs + this.#start.timing.reactionMs, where, setting });
    this.#converge();
  }

  /**
   * From now on, while any setting but those of this moment is in effect, `demand` offers `rate`: its senders were held
   * back, and take the room that a change makes.
   */
  reboundAfterChange(demand: string, rate: number): void {
    this.#rebound = { unless: this.#settingsText(), demand, rate };
  }

  /** Offered bit/s by demand, also where no link takes it. */
  offered(): ReadonlyMap<string, number> {
    return new Map(this.#demands.map((demand, index) => [demand.name, this.#offeredRate(demand, index)] as const));
  }

  /** Bits offered since the start. */
  offeredBits(demand: string): number {
    return this.#offered.get(demand) ?? 0;
  }

  /** Bits delivered over `link` since the start, by demand. */
  deliveredBits(link: LinkName): ReadonlyMap<string, number> {
    const bits = this.#delivered.get(link);
    assert(bits, `the model has a link ${link}`);
    return bits;
  }

  /** What `link` let pass and dropped since the start: whole octets and packets, as a router shows them. */
  totals(link: LinkName): Readonly<{ octets: number; pkts: number; discards: number }> {
    const bits = [...this.deliveredBits(link).values()].reduce((sum, value) => sum + value, 0);
    return {
      octets: Math.floor(bits / 8),
      pkts: Math.floor(bits / packetBits),
      discards: Math.floor((this.#dropped.get(link) ?? 0) / packetBits),
    };
  }

  /** In effect by now. */
  protected get settings(): ReadonlyMap<string, Setting> {
    return this.#settings;
  }

  #integrate(spanMs: number): void {
    const add = (sums: Map<string, number>, key: string, rate: number) =>
      sums.set(key, (sums.get(key) ?? 0) + (rate * spanMs) / 1000);
    for (const [demand, rate] of this.offered()) add(this.#offered, demand, rate);
    for (const [link, flow] of this.flows()) {
      const bits = this.#delivered.get(link);
      assert(bits, `the model has a link ${link}`);
      for (const [demand, rate] of flow.offered) {
        const passed = rate * (1 - flow.lossShare);
        add(bits, demand, passed);
        add(this.#dropped, link, rate - passed);
      }
    }
  }

  #converge(): void {
    const due = this.#pending.filter((change) => change.atMs <= this.#elapsedMs);
    for (const change of due) this.#settings.set(change.where, change.setting);
    this.#pending = this.#pending.filter((change) => change.atMs > this.#elapsedMs);
  }

  #offeredRate(demand: TrafficDemand, index: number): number {
    const tick = Math.floor(this.#elapsedMs / tickMs);
    const uniform = seededRandom(
      Math.imul(this.#start.seed + 1, 0x9e3779b1) ^ Math.imul(tick + 1, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35),
    )();
    return this.#expectedRate(demand, tick * tickMs) * (1 + noise * (2 * uniform - 1));
  }

  #expectedRate(demand: TrafficDemand, elapsedMs: number): number {
    const rebound = this.#rebound;
    if (rebound?.demand === demand.name && rebound.unless !== this.#settingsText()) return rebound.rate;
    const { peakAfterMs, peakForMs, rampMs } = this.#start.timing;
    const risen = (elapsedMs - peakAfterMs) / rampMs;
    const fallen = (elapsedMs - peakAfterMs - peakForMs) / rampMs;
    const height = clamp(risen) - clamp(fallen);
    return demand.base + (demand.peak - demand.base) * height;
  }

  #settingsText(): string {
    const sorted = (map: ReadonlyMap<unknown, unknown>) =>
      [...map].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
    return JSON.stringify(this.#settings, (_, value: unknown) => (value instanceof Map ? sorted(value) : value));
  }
}

const clamp = (share: number) => Math.min(1, Math.max(0, share));

/** A full link drops from every demand alike, and keeps its buffer full; below that, the waiting time of an M/M/1 queue. */
export function linkFlow(link: TrafficLink, offered: ReadonlyMap<string, number>): LinkFlow {
  const total = [...offered.values()].reduce((sum, rate) => sum + rate, 0);
  const delivered = Math.min(total, link.capacity);
  const load = total / link.capacity;
  const drainMs = ((packetBits / link.capacity) * 1000) / (1 - load);
  const wait = (ms: number) => (load < 1 ? Math.min(bufferMs, Math.max(0, ms)) : bufferMs);
  return {
    offered,
    delivered,
    lossShare: total > link.capacity ? 1 - link.capacity / total : 0,
    queueDelayMs: wait(load * drainMs),
    // P(wait > t) = load e^(-t / drain), which is 1% at this t.
    queueP99Ms: wait(Math.log(load / 0.01) * drainMs),
  };
}

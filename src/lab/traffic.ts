import { assert } from "../kernel/assert.ts";
import { seededRandom } from "../kernel/random.ts";
import type { LinkName } from "../model/inventory.ts";
import { type LinkFlow, packetBits } from "./line-queues.ts";

/** Something that offers traffic: an announced prefix, or a flow. Rates are bit/s. */
export type TrafficDemand = Readonly<{ name: string; base: number; peak: number }>;

export type TrafficLink = Readonly<{ name: LinkName; capacity: number }>;

/** Times after the start. The demands rise for `rampMs`, stay at their peak, and fall for `rampMs` from `peakAfterMs + peakForMs` on. */
export type TrafficTiming = Readonly<{ peakAfterMs: number; peakForMs: number; rampMs: number; reactionMs: number }>;

/** What the lab decides of a run, whatever the scenario. */
export type TrafficStart = Readonly<{ seed: number; startMs: number; timing: TrafficTiming }>;

export const tickMs = 100;
const noise = 0.01;

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
  readonly #dropped = new Map<LinkName, Map<string, number>>();
  #elapsedMs = 0;
  #moment = 0;
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
    for (const { name } of network.links) {
      this.#delivered.set(name, new Map());
      this.#dropped.set(name, new Map());
    }
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
      if (until === tickEnd) this.#moment++;
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
    this.#moment++;
  }

  /** Offered bit/s by demand, also where no link takes it. */
  offered(): ReadonlyMap<string, number> {
    return new Map(this.#demands.map((demand, index) => [demand.name, this.#offeredRate(demand, index)] as const));
  }

  /** What enters the network of it: less where senders hold back by themselves. */
  sending(): ReadonlyMap<string, number> {
    return this.offered();
  }

  /** Bits sent since the start. */
  offeredBits(demand: string): number {
    return this.#offered.get(demand) ?? 0;
  }

  /** Bits delivered over `link` since the start, by demand. */
  deliveredBits(link: LinkName): ReadonlyMap<string, number> {
    const bits = this.#delivered.get(link);
    assert(bits, `the model has a link ${link}`);
    return bits;
  }

  /** Bits dropped at `link` since the start, by demand. */
  droppedBits(link: LinkName): ReadonlyMap<string, number> {
    const bits = this.#dropped.get(link);
    assert(bits, `the model has a link ${link}`);
    return bits;
  }

  /** What `link` let pass and dropped since the start: whole octets and packets, as a router shows them. */
  totals(link: LinkName): Readonly<{ octets: number; pkts: number; discards: number }> {
    const sum = (bits: ReadonlyMap<string, number>) => [...bits.values()].reduce((total, value) => total + value, 0);
    const bits = sum(this.deliveredBits(link));
    return {
      octets: Math.floor(bits / 8),
      pkts: Math.floor(bits / packetBits),
      discards: Math.floor(sum(this.droppedBits(link)) / packetBits),
    };
  }

  /** In effect by now. */
  protected get settings(): ReadonlyMap<string, Setting> {
    return this.#settings;
  }

  /** Rises whenever rates may be others than before; as long as it stays, all of them stay. */
  protected get moment(): number {
    return this.#moment;
  }

  /** What else happens while all rates stay as they are, for `spanMs`; never over the end of a tick. */
  protected during(_spanMs: number): void {}

  #integrate(spanMs: number): void {
    const add = (sums: Map<string, number>, key: string, rate: number) =>
      sums.set(key, (sums.get(key) ?? 0) + (rate * spanMs) / 1000);
    for (const [demand, rate] of this.sending()) add(this.#offered, demand, rate);
    for (const [link, flow] of this.flows()) {
      const [bits, drops] = [this.#delivered.get(link), this.#dropped.get(link)];
      assert(bits && drops, `the model has a link ${link}`);
      for (const { offered, lossShare } of flow.queues.length > 0 ? flow.queues : [flow]) {
        for (const [demand, rate] of offered) {
          const passed = rate * (1 - lossShare);
          add(bits, demand, passed);
          add(drops, demand, rate - passed);
        }
      }
    }
    this.during(spanMs);
  }

  #converge(): void {
    const due = this.#pending.filter((change) => change.atMs <= this.#elapsedMs);
    for (const change of due) this.#settings.set(change.where, change.setting);
    if (due.length > 0) this.#moment++;
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

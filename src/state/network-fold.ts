import { bitsPerSecond } from "../kernel/units.ts";
import type { FlowName, Link, LinkName, Network } from "../model/inventory.ts";
import type { NetworkState, PrefixRate } from "../model/network-state.ts";
import type { RouteOriginSink, RouteOrigins } from "../model/route-origins.ts";
import type { SampleSink, Series, SeriesId, SeriesTable, TargetStatus } from "../model/sample.ts";
import type { Measured, SignalName } from "../model/signal.ts";
import { ClassFold } from "./class-fold.ts";
import { CounterRates } from "./counter-rates.ts";
import { QueueFold } from "./queue-fold.ts";
import { SiteSamples } from "./site-samples.ts";

/** What a series is to us; by SeriesId, so that a sample costs two array reads to place. */
const Role = {
  unseen: 0,
  other: 1,
  counter: 2,
  lastClear: 3,
  linkRate: 4,
  prefixRate: 5,
  unlistedRate: 6,
  flow: 7,
  classSignal: 8,
  queue: 9,
  site: 10,
} as const;

/** Of a uint64, which octets and nanoseconds are. Beyond it no rate, time or count is meant, and sums would no longer be finite. */
const largest = 2 ** 64;
const counters = "/interfaces/interface/state/counters/";
const inbound = 0;
const outbound = 1;
const rate = 0;
const latency = 1;

/**
 * Folds samples into `NetworkState`: no I/O, no clock, and nothing allocated per sample.
 *
 * A link's rates come from the octet counters of its interface where its device speaks gNMI, and from the queries
 * `linkInbound` and `linkOutbound` where it does not. What is not known is absent, never zero. `oper-status` changes
 * nothing here: a link that is down while its counters still count has the rates that they say.
 */
export class NetworkFold implements SampleSink, RouteOriginSink {
  readonly #table: SeriesTable;
  readonly #links: readonly Link[];
  readonly #prefixes: readonly string[];
  readonly #linkByName = new Map<LinkName, number>();
  readonly #linkByInterface = new Map<string, number>();
  readonly #prefixByName = new Map<string, number>();
  readonly #flows: readonly FlowName[];
  readonly #hasGnmi: readonly boolean[];

  #roles = new Uint8Array(1 << 10);
  #slots = new Int32Array(1 << 10);

  // Slot: link * 2 + direction.
  readonly #counterRates: CounterRates;
  readonly #queriedRates: Float64Array;
  readonly #queriedMs: Float64Array;
  // By link; NaN until first told.
  readonly #lastClears: Float64Array;
  // Slot: link * prefixes + prefix.
  readonly #prefixRates: Float64Array;
  readonly #prefixMs: Float64Array;
  // Slot: flow * 2 + rate or latency; bit/s and milliseconds.
  readonly #flowValues: Float64Array;
  readonly #flowMs: Float64Array;
  readonly #queues: QueueFold;
  // By slot, in the order they were first seen.
  readonly #unlisted: { prefix: string; link: LinkName; rate: number; measuredMs: number }[] = [];

  readonly #classes: ClassFold;
  readonly #sites: SiteSamples;
  readonly #targets = new Map<string, TargetStatus>();
  #routeOrigins: RouteOrigins | undefined;
  readonly #listeners = new Set<() => void>();
  #unknownSeries = 0;
  #refusedSamples = 0;

  constructor(network: Network, table: SeriesTable) {
    this.#table = table;
    this.#links = network.links;
    this.#prefixes = network.prefixes;
    this.#flows = network.flows.map(({ name }) => name);
    this.#classes = new ClassFold(network);
    const gnmiDevices = new Set(network.devices.filter(({ gnmi }) => gnmi).map(({ name }) => name));
    this.#hasGnmi = network.links.map(({ device }) => gnmiDevices.has(device));
    for (const [index, link] of network.links.entries()) {
      this.#linkByName.set(link.name, index);
      this.#linkByInterface.set(JSON.stringify([link.device, link.interface]), index);
    }
    for (const [index, prefix] of network.prefixes.entries()) this.#prefixByName.set(prefix, index);
    const unknown = (size: number) => new Float64Array(size).fill(Number.NaN);
    this.#counterRates = new CounterRates(network.links.length * 2, network.telemetry.intervalMs);
    this.#queriedRates = unknown(network.links.length * 2);
    this.#queriedMs = unknown(network.links.length * 2);
    this.#lastClears = unknown(network.links.length);
    this.#prefixRates = unknown(network.links.length * network.prefixes.length);
    this.#prefixMs = unknown(network.links.length * network.prefixes.length);
    this.#flowValues = unknown(network.flows.length * 2);
    this.#flowMs = unknown(network.flows.length * 2);
    this.#queues = new QueueFold(network);
    this.#sites = new SiteSamples(network.anycast);
  }

  /** Series that name a link or interface the inventory does not have. */
  get unknownSeries(): number {
    return this.#unknownSeries;
  }

  /** Samples that cannot be what they are said to be: a negative rate or counter, or one beyond 2^64. */
  get refusedSamples(): number {
    return this.#refusedSamples;
  }

  number(series: SeriesId, value: number, sourceMs: number, receivedMs: number = sourceMs): void {
    const role = this.#roleOf(series);
    if (role === Role.other) return;
    if (!(value >= 0 && value <= largest)) {
      this.#refusedSamples++;
      return;
    }
    if (this.#classes.isDue(receivedMs)) this.#classes.sample(receivedMs, new Map(this.#flowsAndQueues()));
    const slot = this.#slots[series] as number;
    switch (role) {
      case Role.counter:
        if (this.#counterRates.sample(slot, value, sourceMs)) this.#changed();
        return;
      case Role.lastClear: {
        const known = this.#lastClears[slot] as number;
        this.#lastClears[slot] = value;
        if (Number.isNaN(known) || known === value) return;
        // The value is when it was cleared, in ns; never taken for later than the sample that says so.
        this.#counterRates.forget(slot * 2 + inbound, Math.min(value / 1e6, sourceMs));
        this.#counterRates.forget(slot * 2 + outbound, Math.min(value / 1e6, sourceMs));
        this.#changed();
        return;
      }
      case Role.linkRate:
        if (sourceMs <= (this.#queriedMs[slot] as number)) return;
        this.#queriedRates[slot] = value;
        this.#queriedMs[slot] = sourceMs;
        this.#changed();
        return;
      case Role.prefixRate:
        if (sourceMs <= (this.#prefixMs[slot] as number)) return;
        this.#prefixRates[slot] = value;
        this.#prefixMs[slot] = sourceMs;
        this.#changed();
        return;
      case Role.flow:
        if (sourceMs <= (this.#flowMs[slot] as number)) return;
        // Prometheus speaks of seconds.
        this.#flowValues[slot] = slot % 2 === latency ? value * 1000 : value;
        this.#flowMs[slot] = sourceMs;
        this.#changed();
        return;
      case Role.classSignal:
        this.#classes.number(slot, value, sourceMs);
        this.#changed();
        return;
      case Role.queue:
        if (this.#queues.sample(slot, value, sourceMs)) this.#changed();
        return;
      case Role.site:
        if (this.#sites.number(slot, value, sourceMs)) this.#changed();
        return;
      case Role.unlistedRate: {
        const known = this.#unlisted[slot];
        if (!known || sourceMs <= known.measuredMs) return; // NaN, when gone, is not later than anything.
        known.rate = value;
        known.measuredMs = sourceMs;
      }
    }
  }

  /** Why a site is not well; nothing else that we read is text. */
  text(series: SeriesId, value: string): void {
    if (this.#roleOf(series) === Role.site) this.#sites.text(this.#slots[series] as number, value);
  }

  gone(series: SeriesId): void {
    const role = this.#roleOf(series);
    const slot = this.#slots[series] as number;
    if (role === Role.counter) this.#counterRates.forget(slot);
    else if (role === Role.linkRate) this.#queriedMs[slot] = Number.NaN;
    else if (role === Role.prefixRate) this.#prefixMs[slot] = Number.NaN;
    else if (role === Role.flow) this.#flowMs[slot] = Number.NaN;
    else if (role === Role.queue) this.#queues.gone(slot);
    else if (role === Role.unlistedRate) Object.assign(this.#unlisted[slot] ?? {}, { measuredMs: Number.NaN });
    else return; // A `last-clear` that is gone and comes back changed was still a clear.
    this.#changed();
  }

  target(name: string, status: TargetStatus): void {
    this.#targets.set(name, status);
    this.#changed();
  }

  routeOrigins(known: RouteOrigins | undefined): void {
    this.#routeOrigins = known;
    this.#changed();
  }

  /** Calls `listener` after each change of what a snapshot would say; from inside the decode path, so it must only take note. Returns what ends it. */
  onUpdate(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  snapshot(nowMs: number): NetworkState {
    const utilisationIn = new Map<LinkName, Measured>();
    const utilisationOut = new Map<LinkName, Measured>();
    const rateIn = new Map<LinkName, Measured>();
    const rateOut = new Map<LinkName, Measured>();
    for (const [index, link] of this.#links.entries()) {
      const [received, sent] = [this.#rate(index, inbound), this.#rate(index, outbound)];
      if (received) {
        rateIn.set(link.name, received);
        utilisationIn.set(link.name, { ...received, value: received.value / link.capacity });
      }
      if (sent) {
        rateOut.set(link.name, sent);
        utilisationOut.set(link.name, { ...sent, value: sent.value / link.capacity });
      }
    }
    const signals = new Map<SignalName, ReadonlyMap<string, Measured>>([
      ["link.utilisation.in", utilisationIn],
      ["link.utilisation.out", utilisationOut],
      ["link.rate.in", rateIn],
      ["link.rate.out", rateOut],
      ...this.#flowsAndQueues(),
      ["site.unwell", this.#sites.unwell()],
    ]);
    const { classes, risk, stress } = this.#classes.read(nowMs, signals);
    return {
      atMs: nowMs,
      signals: signals.set("class.risk", risk).set("class.stress", stress),
      prefixes: this.#prefixRatesKnown(),
      targets: new Map(this.#targets),
      classes,
      sites: this.#sites.health(),
      ...(this.#routeOrigins ? { routeOrigins: this.#routeOrigins } : {}),
    };
  }

  /** Rates by `link` of prefixes that the inventory does not list, heaviest first: to be named, and never moved. */
  unlisted(link: LinkName, sinceMs: number): readonly PrefixRate[] {
    return this.#unlisted
      .filter((known) => known.link === link && known.rate > 0 && known.measuredMs >= sinceMs)
      .sort((a, b) => b.rate - a.rate)
      .map((known) => ({ ...known, rate: bitsPerSecond(known.rate) }));
  }

  #rate(link: number, direction: typeof inbound | typeof outbound): Measured | undefined {
    const slot = link * 2 + direction;
    if (this.#hasGnmi[link]) return this.#counterRates.rate(slot);
    const atMs = this.#queriedMs[slot] as number;
    if (Number.isNaN(atMs)) return undefined;
    // The query averages over a window of its own (`rate(…[1m])`), which only its author knows. Both ends are therefore
    // the sample's time, and a verification that needs samples from after a change must wait that window out as well.
    return { value: this.#queriedRates[slot] as number, fromMs: atMs, toMs: atMs };
  }

  #flowsAndQueues(): readonly (readonly [SignalName, ReadonlyMap<string, Measured>])[] {
    return [
      ["flow.rate", this.#flowsKnown(rate)],
      ["path.latency.p99", this.#flowsKnown(latency)],
      ...this.#queues.signals(),
    ];
  }

  #flowsKnown(what: typeof rate | typeof latency): Map<FlowName, Measured> {
    const known = new Map<FlowName, Measured>();
    for (const [index, flow] of this.#flows.entries()) {
      const atMs = this.#flowMs[index * 2 + what] as number;
      // As with a queried link rate: the query averages over a window of its own.
      if (!Number.isNaN(atMs))
        known.set(flow, { value: this.#flowValues[index * 2 + what] as number, fromMs: atMs, toMs: atMs });
    }
    return known;
  }

  #prefixRatesKnown(): readonly PrefixRate[] {
    const known: PrefixRate[] = [];
    for (const [slot, measuredMs] of this.#prefixMs.entries()) {
      const link = this.#links[Math.floor(slot / this.#prefixes.length)];
      const prefix = this.#prefixes[slot % this.#prefixes.length];
      if (Number.isNaN(measuredMs) || !link || prefix === undefined) continue;
      known.push({ prefix, link: link.name, rate: bitsPerSecond(this.#prefixRates[slot] as number), measuredMs });
    }
    return known;
  }

  #roleOf(series: SeriesId): number {
    const known = series < this.#roles.length ? (this.#roles[series] as number) : Role.unseen;
    if (known !== Role.unseen) return known;
    if (series >= this.#roles.length) this.#grow(series);
    const { role, slot } = this.#place(this.#table.get(series));
    this.#roles[series] = role;
    this.#slots[series] = slot;
    return role;
  }

  /** Once per series. */
  #place(series: Series): { role: number; slot: number } {
    const { target, name, labels } = series;
    const other = { role: Role.other, slot: 0 };
    const unknown = () => {
      this.#unknownSeries++;
      return other;
    };
    if (name.startsWith(counters)) {
      const link = this.#linkByInterface.get(JSON.stringify([target, labels["interface.name"]]));
      if (link === undefined) return unknown();
      const leaf = name.slice(counters.length);
      if (leaf === "in-octets") return { role: Role.counter, slot: link * 2 + inbound };
      if (leaf === "out-octets") return { role: Role.counter, slot: link * 2 + outbound };
      return leaf === "last-clear" ? { role: Role.lastClear, slot: link } : other;
    }
    const queue = this.#queues.place(series);
    if (queue !== undefined) {
      if (queue === "unknown") return unknown();
      return queue === "other" ? other : { role: Role.queue, slot: queue };
    }
    const site = this.#sites.place(series);
    if (site !== undefined) return { role: Role.site, slot: site };
    if (target !== "prometheus") return other;
    if (name === "flowRate" || name === "flowLatency") {
      const flow = this.#flows.indexOf(labels.flow ?? "");
      return flow < 0 ? unknown() : { role: Role.flow, slot: flow * 2 + (name === "flowRate" ? rate : latency) };
    }
    if (name === "classSignal") {
      const place = this.#classes.place(labels);
      return place === undefined ? unknown() : { role: Role.classSignal, slot: place };
    }
    const link = this.#linkByName.get(labels.link ?? "");
    if (link === undefined) return unknown();
    if (name === "linkInbound") return { role: Role.linkRate, slot: link * 2 + inbound };
    if (name === "linkOutbound") return { role: Role.linkRate, slot: link * 2 + outbound };
    if (name !== "prefixInbound") return other;
    const prefix = this.#prefixByName.get(labels.prefix ?? "");
    if (prefix !== undefined) return { role: Role.prefixRate, slot: link * this.#prefixes.length + prefix };
    const unlisted = { prefix: labels.prefix ?? "", link: labels.link ?? "", rate: 0, measuredMs: 0 };
    return { role: Role.unlistedRate, slot: this.#unlisted.push(unlisted) - 1 };
  }

  #grow(series: SeriesId): void {
    const size = Math.max(series + 1, this.#roles.length * 2);
    const roles = new Uint8Array(size);
    const slots = new Int32Array(size);
    roles.set(this.#roles);
    slots.set(this.#slots);
    this.#roles = roles;
    this.#slots = slots;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

import type { Network } from "../model/inventory.ts";
import type { Series } from "../model/sample.ts";
import { serviceClasses } from "../model/scope.ts";
import { type Measured, queueName, type SignalName } from "../model/signal.ts";
import { CounterRates } from "./counter-rates.ts";

const rate = 0;
const drops = 1;
const depth = 2;
const signals = ["queue.rate", "queue.drops", "queue.depth"] as const satisfies readonly SignalName[];
const queries = ["queueRate", "queueDrops", "queueDepth"] as const;

/** openconfig-qos-interfaces.yang; octets since the queue was made, octets dropped, and bytes. */
const leaves = "/qos/interfaces/interface/output/queues/queue/state/";
const leafNames = ["transmit-octets", "dropped-octets", "max-queue-len"];

/**
 * Folds samples of queues into `queue.rate`, `queue.drops` (bit/s) and `queue.depth` (bytes), of every service class on
 * every link with `qos`. Each comes from its query where the inventory has one, else from the router's gNMI.
 */
export class QueueFold {
  readonly #names: readonly string[];
  /** By link and class, and by device, interface and the class's queue. */
  readonly #byClass = new Map<string, number>();
  readonly #byQueue = new Map<string, number>();
  readonly #links: ReadonlySet<string>;
  readonly #classes: ReadonlySet<string>;
  readonly #interfaces: ReadonlySet<string>;
  /** By signal: whether a query measures it. */
  readonly #queried: readonly boolean[];
  // Slot: signal * queues + queue.
  readonly #values: Float64Array;
  readonly #measuredMs: Float64Array;
  // The same of rate and drops.
  readonly #counters: CounterRates;

  constructor(network: Network) {
    const { links, classes, telemetry } = network;
    const names: string[] = [];
    for (const link of links.filter(({ qos }) => qos)) {
      for (const { name, service } of serviceClasses(network)) {
        const queue = names.push(queueName(link.name, name)) - 1;
        this.#byClass.set(JSON.stringify([link.name, name]), queue);
        this.#byQueue.set(JSON.stringify([link.device, link.interface, service.queue]), queue);
      }
    }
    this.#names = names;
    this.#links = new Set(links.map(({ name }) => name));
    this.#classes = new Set(classes.map(({ name }) => name));
    this.#interfaces = new Set(links.map((link) => JSON.stringify([link.device, link.interface])));
    this.#queried = queries.map((query) => telemetry.prometheus?.queries[query] !== undefined);
    this.#values = new Float64Array(names.length * signals.length);
    this.#measuredMs = new Float64Array(names.length * signals.length).fill(Number.NaN);
    this.#counters = new CounterRates(names.length * 2, telemetry.intervalMs);
  }

  /**
   * The slot of a series; `other` when nothing here needs it, `unknown` when it names a link, interface or class that the
   * inventory does not have, and undefined when it is not about queues.
   */
  place({ target, name, labels }: Series): number | "other" | "unknown" | undefined {
    if (name.startsWith(leaves)) {
      const signal = leafNames.indexOf(name.slice(leaves.length));
      if (signal < 0 || this.#queried[signal]) return "other";
      const at = [target, labels["interface.interface-id"]];
      const queue = this.#byQueue.get(JSON.stringify([...at, labels["queue.name"]]));
      if (queue !== undefined)
        return (signal === depth ? 0 : this.#values.length) + signal * this.#names.length + queue;
      // A router has queues of its own beside those of the classes.
      return this.#interfaces.has(JSON.stringify(at)) ? "other" : "unknown";
    }
    const signal = (queries as readonly string[]).indexOf(name);
    if (target !== "prometheus" || signal < 0) return undefined;
    const { link = "", class: of = "" } = labels;
    const queue = this.#byClass.get(JSON.stringify([link, of]));
    if (queue !== undefined) return signal * this.#names.length + queue;
    return this.#links.has(link) && this.#classes.has(of) ? "other" : "unknown";
  }

  /** Whether the sample changed what `signals` says. */
  sample(slot: number, value: number, sourceMs: number): boolean {
    const counter = slot - this.#values.length;
    if (counter >= 0) return this.#counters.sample(counter, value, sourceMs);
    if (sourceMs <= (this.#measuredMs[slot] as number)) return false;
    this.#values[slot] = value;
    this.#measuredMs[slot] = sourceMs;
    return true;
  }

  gone(slot: number): void {
    const counter = slot - this.#values.length;
    if (counter >= 0) this.#counters.forget(counter);
    else this.#measuredMs[slot] = Number.NaN;
  }

  /** Every signal of queues with what is known of it; none at all where no queue is. */
  signals(): readonly (readonly [SignalName, ReadonlyMap<string, Measured>])[] {
    if (this.#names.length === 0) return [];
    return signals.map((name, signal) => {
      const known = new Map<string, Measured>();
      for (const [queue, of] of this.#names.entries()) {
        const measured = this.#measured(signal, queue);
        if (measured) known.set(of, measured);
      }
      return [name, known] as const;
    });
  }

  #measured(signal: number, queue: number): Measured | undefined {
    const slot = signal * this.#names.length + queue;
    if (!this.#queried[signal] && (signal === rate || signal === drops)) return this.#counters.rate(slot);
    const atMs = this.#measuredMs[slot] as number;
    // As with a queried link rate: the query averages over a window of its own.
    return Number.isNaN(atMs) ? undefined : { value: this.#values[slot] as number, fromMs: atMs, toMs: atMs };
  }
}

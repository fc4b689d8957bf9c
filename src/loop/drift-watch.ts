import type { Clock } from "../kernel/clock.ts";
import { unifiedDiff } from "../kernel/diff.ts";
import type { Drift } from "../model/drift.ts";
import type { Network } from "../model/inventory.ts";
import type { Journal } from "../model/journal.ts";
import { historyOf, isListed, lastLeft, type Standing, sectionOf, standingValues } from "./drift.ts";
import type { Ledger } from "./ledger.ts";
import type { AspectReading } from "./read-network.ts";
import type { Troubles } from "./troubles.ts";
import { isThere, nameOf } from "./values.ts";

type Deps = Readonly<{ network: Network; ledger: Ledger; journal: Journal; clock: Clock; troubles: Troubles }>;

/** Compares what is read of routers with what confirmed changes set there. It tells, and touches nothing. */
export class DriftWatch {
  readonly #deps: Deps;
  /** By section. */
  readonly #found = new Map<string, Drift>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  all(): readonly Drift[] {
    return [...this.#found.values()];
  }

  /** What stands on a router and is read no more, as it has left the inventory. */
  unwatched(): readonly string[] {
    const { network, ledger } = this.#deps;
    return standingValues(ledger.all())
      .filter(({ value }) => !isListed(value, network))
      .map(({ value, changeId }) => `${nameOf(value)} (${value.device}), as ${changeId} set it`);
  }

  /** To be called before routers are read; the returned function takes what one of them gave. */
  begin(): (device: string, readings: readonly AspectReading[]) => Promise<void> {
    const before = this.#deps.ledger.all();
    return async (device, readings) => {
      const now = this.#deps.ledger.all();
      const history = historyOf(device, now);
      // A change came or went while it was read: the next reading tells.
      if (history === undefined || history !== historyOf(device, before)) return;
      const ours = standingValues(now).filter(({ value }) => {
        return value.device === device && isListed(value, this.#deps.network);
      });
      const sections = new Set(ours.map(({ value }) => sectionOf(device, value.action)));
      for (const drift of this.all())
        if (drift.device === device && !sections.has(drift.section)) await this.#gone(drift);
      for (const reading of readings) await this.#compare(device, reading, ours);
    };
  }

  async #compare(device: string, { aspect, reading, found }: AspectReading, ours: readonly Standing[]): Promise<void> {
    const section = sectionOf(device, aspect);
    const known = this.#found.get(section);
    const edited = ours.filter(({ value }) => value.action === aspect && !isThere(value, found));
    const [last] = edited;
    if (!last) {
      if (known) await this.#gone(known);
      return;
    }
    const { changeId } = last;
    const values = edited.map(({ value }) => nameOf(value));
    const left = lastLeft(this.#deps.ledger.all(), device, reading.query);
    // What is read now may be asked for otherwise than it was then: nothing to compare the text with.
    const names = { before: `as ${left?.changeId} left it`, after: "now" };
    const diff = left ? unifiedDiff(device, left.expected, reading.text, names) : "";
    const isKnown = known?.changeId === changeId && known.values.join() === values.join();
    if (isKnown && known.diff === diff) return;
    const sinceMs = isKnown ? known.sinceMs : this.#deps.clock.now();
    const drift = { section, device, changeId, sinceMs, values, diff };
    this.#found.set(section, drift);
    this.#deps.troubles.drift(drift);
    await this.#journal("drift.found", drift);
  }

  async #gone(drift: Drift): Promise<void> {
    this.#found.delete(drift.section);
    this.#deps.troubles.driftGone(drift);
    await this.#journal("drift.gone", drift);
  }

  #journal(event: string, { device, section, changeId, values, diff }: Drift): Promise<void> {
    const body = { section, changeId, values, diff };
    return this.#deps.journal.append({ event, actor: "pointsman", subject: device, body });
  }
}

import { z } from "zod";
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

const found = "drift.found";
const gone = "drift.gone";
/** As journaled with either. */
const Body = z.object({
  section: z.string(),
  changeId: z.string(),
  sinceMs: z.number(),
  values: z.array(z.string()),
  diff: z.string(),
});

/** Compares what is read of routers with what confirmed changes set there. It tells, and touches nothing. */
export class DriftWatch {
  readonly #deps: Deps;
  /** By section. */
  readonly #found = new Map<string, Drift>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Goes on from what a predecessor told. */
  async start(): Promise<void> {
    const { network, journal, troubles } = this.#deps;
    for (const { name: device } of network.devices) {
      for (const { event, body } of await journal.entries(device)) {
        const read = event === found || event === gone ? Body.safeParse(body) : undefined;
        if (!read?.success) continue;
        if (event === found) this.#found.set(read.data.section, { device, ...read.data });
        else this.#found.delete(read.data.section);
      }
    }
    for (const drift of this.all()) troubles.driftTold(drift);
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

  async #compare(
    device: string,
    { aspect, reading, found: facts }: AspectReading,
    ours: readonly Standing[],
  ): Promise<void> {
    const section = sectionOf(device, aspect);
    const known = this.#found.get(section);
    const edited = ours.filter(({ value }) => value.action === aspect && !isThere(value, facts));
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
    await this.#journal(found, drift);
  }

  async #gone(drift: Drift): Promise<void> {
    // Another reading may have seen it go as well.
    if (!this.#found.delete(drift.section)) return;
    this.#deps.troubles.driftGone(drift);
    await this.#journal(gone, drift);
  }

  #journal(event: string, { device, ...body }: Drift): Promise<void> {
    return this.#deps.journal.append({ event, actor: "pointsman", subject: device, body });
  }
}

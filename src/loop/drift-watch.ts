import type { Reading } from "../change/plan.ts";
import type { Clock } from "../kernel/clock.ts";
import { unifiedDiff } from "../kernel/diff.ts";
import type { Drift } from "../model/drift.ts";
import type { Journal } from "../model/journal.ts";
import { type Baseline, baselines, historyOf } from "./drift.ts";
import type { Ledger } from "./ledger.ts";
import type { Troubles } from "./troubles.ts";

type Deps = Readonly<{ ledger: Ledger; journal: Journal; clock: Clock; troubles: Troubles }>;
type Found = Readonly<{ drift: Drift; text: string }>;

/** Compares what is read of routers with what confirmed changes left there. It tells, and touches nothing. */
export class DriftWatch {
  readonly #deps: Deps;
  /** By section. */
  readonly #found = new Map<string, Found>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  all(): readonly Drift[] {
    return [...this.#found.values()].map(({ drift }) => drift);
  }

  /** To be called before routers are read; the returned function takes what one of them gave. */
  begin(): (device: string, readings: readonly Reading[]) => Promise<void> {
    const before = this.#deps.ledger.all();
    return async (device, readings) => {
      const now = this.#deps.ledger.all();
      const history = historyOf(device, now);
      // A change came or went while it was read: the next reading tells.
      if (history === undefined || history !== historyOf(device, before)) return;
      const ours = baselines(now).filter((baseline) => baseline.device === device);
      for (const { drift } of [...this.#found.values()]) {
        if (drift.device === device && !ours.some(({ section }) => section === drift.section)) await this.#gone(drift);
      }
      for (const baseline of ours) {
        const read = readings.find(({ query }) => query === baseline.query);
        if (read) await this.#compare(baseline, read.text);
      }
    };
  }

  async #compare(baseline: Baseline, text: string): Promise<void> {
    const { section, device, changeId, expected } = baseline;
    const known = this.#found.get(section);
    const isKnown = known?.drift.changeId === changeId;
    if (text === expected) {
      if (known) await this.#gone(known.drift);
      return;
    }
    if (isKnown && known.text === text) return;
    const sinceMs = isKnown ? known.drift.sinceMs : this.#deps.clock.now();
    const diff = unifiedDiff(device, expected, text, { before: `as ${changeId} left it`, after: "now" });
    const drift = { section, device, changeId, sinceMs, diff };
    this.#found.set(section, { drift, text });
    this.#deps.troubles.drift(drift);
    await this.#journal("drift.found", drift);
  }

  async #gone(drift: Drift): Promise<void> {
    this.#found.delete(drift.section);
    this.#deps.troubles.driftGone(drift);
    await this.#journal("drift.gone", drift);
  }

  #journal(event: string, { device, section, changeId, diff }: Drift): Promise<void> {
    return this.#deps.journal.append({ event, actor: "pointsman", subject: device, body: { section, changeId, diff } });
  }
}

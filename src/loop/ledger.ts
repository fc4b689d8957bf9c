import { assert } from "../kernel/assert.ts";
import type { Clock } from "../kernel/clock.ts";
import { Turns } from "../kernel/turns.ts";
import { type Change, type ChangeState, type ChangeTimes, finalStates } from "../model/change.ts";
import type { Journal } from "../model/journal.ts";
import { type LifecycleEvent, nextState } from "./lifecycle.ts";
import { stoppedBy } from "./stopped.ts";

/** What a transition may add to a change; `times` are merged. */
export type Patch = Partial<
  Pick<Change, "mode" | "lowered" | "diffs" | "guards" | "approvals" | "verdict" | "stop" | "outcome">
> & {
  times?: Partial<ChangeTimes>;
};

const isOver = (state: ChangeState) => finalStates.includes(state);

/** The changes, in memory as they are on disk: every transition is journaled before anyone sees it. */
export class Ledger {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #changes = new Map<string, Change>();
  /** A transition starts from where the one before it ended. */
  readonly #turns = new Turns();
  readonly #listeners = new Set<(change: Change) => void>();

  constructor(journal: Journal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  async load(): Promise<void> {
    for (const change of (await this.#journal.changes()).toReversed()) this.#changes.set(change.id, change);
  }

  get(id: string): Change | undefined {
    return this.#changes.get(id);
  }

  /** Newest first. */
  all(): readonly Change[] {
    return [...this.#changes.values()].reverse();
  }

  open(): readonly Change[] {
    return this.all().filter((change) => !isOver(change.state));
  }

  /** Calls back after every transition; the returned function ends that. */
  onTransition(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async add(change: Change): Promise<void> {
    assert(!this.#changes.has(change.id), `change ${change.id} is new`);
    const actor = change.origin.kind === "operator" ? change.origin.by : "pointsman";
    await this.#write(change, actor, { reason: change.decision.reason, origin: change.origin });
  }

  /** Takes the change through one lifecycle event; the same change comes back when the event means nothing in its state. */
  advance(id: string, event: LifecycleEvent, actor = "pointsman", patch: Patch = {}): Promise<Change> {
    return this.#turns.take(() => this.#advance(id, event, actor, patch));
  }

  async #advance(id: string, event: LifecycleEvent, actor: string, patch: Patch): Promise<Change> {
    const change = this.#changes.get(id);
    assert(change, `change ${id} exists`);
    // Asked for while the routers were being told to keep it: a yes of theirs does not overtake it.
    if (change.stop && change.state === "confirming" && event === "done")
      return this.#advance(id, "aborted", actor, { ...patch, outcome: stoppedBy(change.stop).toJSON() });
    const state = nextState(change.state, event);
    if (state === change.state && event !== "recovered") return change;
    const atMs = this.#clock.now();
    const reached = [...(change.times.reached ?? []), { state, atMs }];
    const ended = isOver(state) ? { endedMs: atMs } : {};
    const next: Change = { ...change, ...patch, state, times: { ...change.times, ...patch.times, ...ended, reached } };
    await this.#write(next, actor, { event, from: change.state, ...(patch.outcome ? { outcome: patch.outcome } : {}) });
    return next;
  }

  /**
   * Adds to a change without moving it: an approval that is not yet the last one needed, a request to stop it. The same change
   * comes back when it is over by then.
   */
  amend(id: string, event: string, actor: string, patch: Patch): Promise<Change> {
    return this.#turns.take(() => this.#amend(id, event, actor, patch));
  }

  async #amend(id: string, event: string, actor: string, patch: Patch): Promise<Change> {
    const change = this.#changes.get(id);
    assert(change, `change ${id} exists`);
    if (isOver(change.state)) return change;
    const next: Change = { ...change, ...patch, times: { ...change.times, ...patch.times } };
    const body = patch.stop ? { reason: patch.stop.reason } : {};
    await this.#journal.append({ event: `change.${event}`, actor, subject: id, body }, { change: next });
    this.#changes.set(id, next);
    return next;
  }

  async #write(change: Change, actor: string, body: unknown): Promise<void> {
    await this.#journal.append({ event: `change.${change.state}`, actor, subject: change.id, body }, { change });
    this.#changes.set(change.id, change);
    for (const listener of this.#listeners) listener(change);
  }
}

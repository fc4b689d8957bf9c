import type { Clock } from "../../src/kernel/clock.ts";

type Timer = Readonly<{ atMs: number; task: () => void }>;

/** Time that only moves when told to. Tasks run in order of their due time, and of setting when that is equal. */
export class SimulatedClock implements Clock {
  #nowMs: number;
  readonly #timers = new Set<Timer>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, task: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), task };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Moves on by `ms`, running what falls due on the way, including what those tasks set. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while (this.step(untilMs));
  }

  /** Runs the one task that is due next, if it is due by then; otherwise moves on to `untilMs` and says so. */
  step(untilMs: number): boolean {
    const timer = this.#next(untilMs);
    this.#nowMs = timer ? timer.atMs : untilMs;
    if (!timer) return false;
    this.#timers.delete(timer);
    timer.task();
    return true;
  }

  #next(untilMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs <= untilMs && (!next || timer.atMs < next.atMs)) next = timer;
    }
    return next;
  }
}

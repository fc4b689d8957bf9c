import type { Clock } from "../kernel/clock.ts";

/** Turns "a sample came in", many thousand times a second, into "look now", a few times a second. */
export class TelemetrySignal {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #waiting = new Set<() => void>();
  /** Counts samples, so that one that comes while nobody waits is not missed. */
  #version = 0;
  #announced = false;

  /** `patienceMs`: how long to wait for a sample before looking all the same, for the absence of samples is news too. */
  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  /** Cheap enough for every sample: those of one burst are announced once. */
  raise(): void {
    this.#version += 1;
    if (this.#announced || this.#waiting.size === 0) return;
    this.#announced = true;
    this.#clock.after(0, () => {
      this.#announced = false;
      for (const wake of [...this.#waiting]) wake();
    });
  }

  /** Resolves at the next burst of samples, when patience ends, or when `signal` aborts. */
  next(signal: AbortSignal): Promise<void> {
    return this.#until(this.#patienceMs, signal, true);
  }

  /** Calls `look` when there is something new, never twice within `spacingMs`, and when patience ends. Returns what ends it. */
  pace(spacingMs: number, look: () => Promise<void>): () => void {
    const ended = new AbortController();
    const turn = async () => {
      let seen = this.#version;
      while (!ended.signal.aborted) {
        if (this.#version === seen) await this.next(ended.signal);
        if (ended.signal.aborted) return;
        seen = this.#version;
        await look();
        await this.#until(spacingMs, ended.signal, false);
      }
    };
    void turn(); // `look` reports its own failures.
    return () => ended.abort();
  }

  #until(delayMs: number, signal: AbortSignal, wakeable: boolean): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        cancel();
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#clock.after(delayMs, done);
      if (wakeable) this.#waiting.add(done);
      signal.addEventListener("abort", done, { once: true });
    });
  }
}

import { SimulatedClock } from "../support/simulated-clock.ts";

/** Tells which timers are set, so that a test can wait for one before it moves time on. */
export class WatchedClock extends SimulatedClock {
  /** Every delay asked for, in order. */
  readonly delays: number[] = [];
  readonly #pending: number[] = [];
  #onSet = () => {};

  override after(delayMs: number, task: () => void): () => void {
    this.delays.push(delayMs);
    this.#pending.push(delayMs);
    const cancel = super.after(delayMs, () => {
      this.#drop(delayMs);
      task();
    });
    this.#onSet();
    return () => {
      this.#drop(delayMs);
      cancel();
    };
  }

  /** Resolves once a timer of that delay is pending. */
  pending(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onSet = () => {
        if (this.#pending.includes(delayMs)) resolve();
      };
      this.#onSet();
    });
  }

  #drop(delayMs: number): void {
    const at = this.#pending.indexOf(delayMs);
    if (at >= 0) this.#pending.splice(at, 1);
  }
}

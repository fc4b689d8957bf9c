import type { Clock } from "../../src/kernel/clock.ts";
import { Failure, fail, ok, type Result } from "../../src/kernel/failure.ts";
import type { Random } from "../../src/kernel/random.ts";
import type { DevicePort, DeviceStep, Trial } from "../../src/model/device.ts";

/** How often an operation fails: before it did anything, or after it did all of it (the answer is lost). */
export type Weather = { lost: number; answerLost: number };

type Pending = Readonly<{ token: string; back: string; cancel: () => void }>;

/** A router in memory with the promises of DevicePort and the failures of real ones. */
export class MemoryRouter implements DevicePort {
  readonly device: string;
  running: string;
  pending: Pending | null = null;
  onCommit: (step: DeviceStep, trial: Trial) => void = () => undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #weather: Weather;
  #prepared: DeviceStep | null = null;

  constructor(device: string, running: string, clock: Clock, random: Random, weather: Weather) {
    this.device = device;
    this.running = running;
    this.#clock = clock;
    this.#random = random;
    this.#weather = weather;
  }

  read(): Promise<Result<string>> {
    return this.#attempt(() => ok(this.running));
  }

  prepare(step: DeviceStep): Promise<Result<string>> {
    return this.#attempt(() => {
      if (this.running !== step.basis) return fail(new Failure("DEVICE_CHANGED", `${this.device} changed`));
      this.#prepared = step;
      return ok(`diff of ${this.device}`);
    });
  }

  async discard(): Promise<Result<void>> {
    this.#prepared = null;
    return ok(undefined);
  }

  commitOnTrial(step: DeviceStep, trial: Trial): Promise<Result<void>> {
    return this.#attempt(() => {
      if (this.#prepared !== step) return fail(new Failure("DEVICE_REFUSED", "nothing is prepared"));
      this.onCommit(step, trial);
      const back = this.running;
      const cancel = this.#clock.after(trial.timeoutMs, () => {
        this.running = back;
        this.pending = null;
      });
      this.pending = { token: trial.token, back, cancel };
      this.running = step.expected;
      this.#prepared = null;
      return ok(undefined);
    });
  }

  confirm(step: DeviceStep, trial: Trial): Promise<Result<void>> {
    return this.#attempt(() => {
      this.#endTrial(trial.token);
      if (this.running === step.expected) return ok(undefined);
      return fail(new Failure("TRIAL_EXPIRED", `${this.device} went back by itself`));
    });
  }

  undo(step: DeviceStep, trial: Trial): Promise<Result<void>> {
    return this.#attempt(() => {
      this.#endTrial(trial.token);
      if (this.running === step.expected) this.running = step.basis;
      if (this.running === step.basis) return ok(undefined);
      return fail(new Failure("DEVICE_CHANGED", `${this.device} was changed by someone else`));
    });
  }

  async close(): Promise<void> {
    this.#prepared = null;
  }

  #endTrial(token: string): void {
    if (this.pending?.token !== token) return;
    this.pending.cancel();
    this.pending = null;
  }

  async #attempt<T>(work: () => Result<T>): Promise<Result<T>> {
    const luck = this.#random();
    if (luck < this.#weather.lost) return fail(new Failure("DEVICE_UNREACHABLE", `${this.device} does not answer`));
    const result = work();
    if (luck < this.#weather.lost + this.#weather.answerLost) {
      return fail(new Failure("DEVICE_TIMEOUT", `${this.device} did not answer in time`));
    }
    return result;
  }
}

import type { Clock } from "../../src/kernel/clock.ts";
import { Failure, fail, ok, type Result } from "../../src/kernel/failure.ts";
import type { DevicePort, DeviceStep, Trial } from "../../src/model/device.ts";
import type { Platform } from "../../src/model/inventory.ts";

/**
 * How a router holds a trial. `persistent`: NETCONF confirmed commit with a persist token. `session-bound`: without one; it goes
 * back as soon as the session is gone. `dead-man`: a timer on a router with a shell, where lines are sent one by one.
 */
export type Shape = "persistent" | "session-bound" | "dead-man";

export const platformOf = (shape: Shape): Platform => (shape === "dead-man" ? "frr" : "openconfig");

/** A router in memory that holds trials as its shape does, and can be cut off. */
export class TrialRouter implements DevicePort {
  readonly device: string;
  readonly shape: Shape;
  running: string;
  pending: Readonly<{ token: string; back: string; cancel: () => void }> | null = null;
  reachable = true;
  /** It reboots into what it had before the trial just as it is told to confirm. */
  rebootsAtConfirm = false;
  /** What it was told to do, in order. */
  readonly told: string[] = [];
  readonly #clock: Clock;
  readonly #confirmed = new Set<string>();
  #prepared: DeviceStep | null = null;

  constructor(device: string, shape: Shape, running: string, clock: Clock) {
    this.device = device;
    this.shape = shape;
    this.running = running;
    this.#clock = clock;
  }

  get locked(): boolean {
    return this.#prepared !== null;
  }

  async read(): Promise<Result<string>> {
    return this.reachable ? ok(this.running) : this.#cutOff();
  }

  async prepare(step: DeviceStep): Promise<Result<string>> {
    if (!this.reachable) return this.#cutOff();
    if (this.running !== step.basis) return fail(new Failure("DEVICE_CHANGED", `${this.device} changed`));
    this.#prepared = step;
    return ok(`diff of ${this.device}`);
  }

  async discard(): Promise<Result<void>> {
    this.#prepared = null;
    return ok(undefined);
  }

  async commitOnTrial(step: DeviceStep, trial: Trial): Promise<Result<void>> {
    if (!this.reachable) return this.#cutOff();
    if (this.#prepared !== step) return fail(new Failure("DEVICE_REFUSED", "nothing is prepared"));
    this.#arm(trial);
    this.running = step.expected;
    this.#prepared = null;
    return ok(undefined);
  }

  /** Whoever sends the lines of a change one by one can die after any of them; the timer was armed before the first. */
  commitHalf(step: DeviceStep, trial: Trial): void {
    this.#arm(trial);
    this.running = halfOf(step);
    this.#prepared = null;
  }

  async confirm(step: DeviceStep, trial: Trial): Promise<Result<void>> {
    if (!this.reachable) return this.#cutOff();
    this.told.push("confirm");
    if (this.rebootsAtConfirm) this.#goBack();
    if (this.running !== step.expected) return fail(new Failure("TRIAL_EXPIRED", `${this.device} went back by itself`));
    if (this.pending?.token === trial.token) this.#confirmed.add(trial.token);
    else if (this.shape === "dead-man" && !this.#confirmed.has(trial.token)) {
      return fail(new Failure("DEVICE_PROTOCOL", `${this.device} knows no trial ${trial.token}`));
    }
    this.#endTrial();
    return ok(undefined);
  }

  async undo(step: DeviceStep): Promise<Result<void>> {
    if (!this.reachable) return this.#cutOff();
    this.told.push("undo");
    const half = this.shape === "dead-man" && this.pending !== null && this.running === halfOf(step);
    if (this.running !== step.basis && this.running !== step.expected && !half) {
      return fail(new Failure("DEVICE_CHANGED", `${this.device} was changed by someone else`));
    }
    this.#endTrial();
    this.running = step.basis;
    return ok(undefined);
  }

  async close(): Promise<void> {
    this.sessionLost();
  }

  /** Its controller is dead: what lived with the session goes. */
  sessionLost(): void {
    this.#prepared = null;
    if (this.shape === "session-bound" && this.pending) this.#goBack();
  }

  #arm({ token, timeoutMs }: Trial): void {
    const back = this.running;
    this.pending = { token, back, cancel: this.#clock.after(timeoutMs, () => this.#goBack()) };
  }

  #goBack(): void {
    if (this.pending) this.running = this.pending.back;
    this.#endTrial();
  }

  #endTrial(): void {
    this.pending?.cancel();
    this.pending = null;
  }

  #cutOff(): { ok: false; failure: Failure } {
    return fail(new Failure("DEVICE_UNREACHABLE", `${this.device} does not answer`));
  }
}

/** The first of a change's two lines. */
const halfOf = ({ basis, expected }: DeviceStep) => `${expected.split("\n")[0]}\n${basis.split("\n")[1]}\n`;

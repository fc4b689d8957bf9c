import { sleep } from "../../src/kernel/clock.ts";
import { Failure, type FailureCode, fail, ok, type Result } from "../../src/kernel/failure.ts";
import type { Random } from "../../src/kernel/random.ts";
import type { DevicePort, DeviceStep, Trial } from "../../src/model/device.ts";
import { type ForeignEdit, faultyTimers, type Life, type RouterParts, type SimulatedRouter } from "./router.ts";
import { network } from "./world.ts";

const timeoutMs = 10_000;

/** What is on trial: `back` is what the router's own timer puts there again, if it then still reads `there`. */
type OnTrial = Readonly<{ token: string; back: string; there: string; cancel: () => void }>;
type Prepared = Readonly<{ step: DeviceStep; life: Life }>;

/**
 * A router without confirmed commit, in memory: a dead-man timer on it leads back. It keeps the promises of `DevicePort` for
 * a driver over a shell, with the failures of real ones. Its configuration is FRR's lines, and all that a reading shows.
 */
export class DeadManRouter implements SimulatedRouter {
  readonly device: string;
  readonly #parts: RouterParts;
  readonly #timers: RouterParts["clock"];
  readonly #latency: () => number;
  readonly #startup: string;
  #running: string;
  #trial: OnTrial | null = null;
  #prepared: Prepared | null = null;
  #lockedUntilMs = 0;
  #downUntilMs = 0;

  constructor(device: string, config: string, random: Random, parts: RouterParts) {
    this.device = device;
    this.#parts = parts;
    this.#timers = faultyTimers(parts, device);
    this.#latency = () => 20 + random() * 200;
    this.#startup = config;
    this.#running = config;
  }

  get onTrial(): string | null {
    return this.#trial?.token ?? null;
  }

  driver(life: Life): DevicePort {
    return {
      device: this.device,
      read: () => this.#attempt(life, "read", () => ok(this.#running)),
      prepare: (step) => this.#attempt(life, "prepare", () => this.#prepare(step, life)),
      discard: async () => {
        this.#release(life);
        return ok(undefined);
      },
      commitOnTrial: (step, trial) => this.#attempt(life, "commit", () => this.#commit(step, trial, life)),
      confirm: (step, trial) => this.#attempt(life, "confirm", () => this.#confirm(step, trial)),
      undo: (step, trial) => this.#attempt(life, "undo", () => this.#undo(step, trial)),
      close: async () => this.#release(life),
    };
  }

  forget(life: Life): void {
    this.#release(life);
  }

  reading(): string {
    return this.#running;
  }

  announced(): ReadonlyMap<string, number> {
    const prefixOf = new Map<string, string>();
    for (const [, list = "", prefix = ""] of this.#running.matchAll(/^ip prefix-list (\S+) seq \d+ permit (\S+)$/gm)) {
      prefixOf.set(list, prefix);
    }
    const announced = new Map<string, number>();
    for (const [, list = "", body = ""] of this.#running.matchAll(entryPattern)) {
      const prefix = prefixOf.get(list);
      if (prefix !== undefined) announced.set(prefix, [...body.matchAll(/ \d+/g)].length);
    }
    return announced;
  }

  write(edit: ForeignEdit): boolean {
    if (this.#isLocked()) return false;
    this.#become(edit.kind === "addition" ? withAddition(this.#running, edit.name) : withPrepends(this.#running, edit));
    return true;
  }

  mend(text: string): void {
    this.#become(text);
  }

  reboot(into: "running" | "startup"): void {
    this.#downUntilMs = this.#parts.clock.now() + 5_000 + this.#latency() * 50;
    this.#prepared = null;
    const trial = this.#trial;
    if (trial) this.#goBack(trial);
    if (into === "startup") this.#become(this.#startup);
  }

  lock(forMs: number): void {
    if (!this.#prepared) this.#lockedUntilMs = this.#parts.clock.now() + forMs;
  }

  #prepare(step: DeviceStep, life: Life): Result<string> {
    if (this.#isLocked()) return this.#fail("DEVICE_LOCKED", "is locked");
    if (this.#running !== step.basis) return this.#fail("DEVICE_CHANGED", "was changed by someone else");
    this.#prepared = { step, life };
    this.#parts.watch.locking(this.device);
    return ok(`diff of ${this.device}`);
  }

  #commit(step: DeviceStep, trial: Trial, life: Life): Result<void> {
    const { clock, faults, trace, watch } = this.#parts;
    if (this.#prepared?.step !== step || this.#prepared.life !== life) {
      return this.#fail("DEVICE_UNREACHABLE", "holds nothing that is prepared");
    }
    this.#prepared = null;
    if (faults.hits("lying-commit")) {
      trace.add(this.device, "answers ok to a commit, and applies nothing");
      return this.#fail("DEVICE_NOT_APPLIED", "answered ok, but running is something else");
    }
    const back = this.#running;
    const cancel = this.#timers.after(trial.timeoutMs, () => {
      if (this.#trial === onTrial) this.#goBack(onTrial);
    });
    const onTrial: OnTrial = { token: trial.token, back, there: step.expected, cancel };
    this.#trial = onTrial;
    this.#become(step.expected);
    watch.trialBegun(this.device, trial.token, back);
    trace.add(this.device, `on trial until ${clock.now() + trial.timeoutMs}`);
    return ok(undefined);
  }

  #confirm(step: DeviceStep, trial: Trial): Result<void> {
    if (this.#running === step.basis) return this.#fail("TRIAL_EXPIRED", "went back by itself");
    if (this.#running !== step.expected) return this.#fail("DEVICE_CHANGED", "was changed by someone else");
    this.#endTrial(trial, () => this.#parts.watch.trialConfirmed(this.device, trial.token, this.#running));
    return ok(undefined);
  }

  #undo(step: DeviceStep, trial: Trial): Result<void> {
    const before = this.#running;
    if (before !== step.expected && before !== step.basis) {
      return this.#fail("DEVICE_CHANGED", "was changed by someone else");
    }
    let wasOnTrial = false;
    this.#endTrial(trial, () => {
      wasOnTrial = true;
    });
    this.#become(step.basis);
    if (wasOnTrial) this.#parts.watch.trialReverted(this.device, trial.token, "asked", before, before);
    else if (before !== step.basis) this.#parts.watch.committed(this.device, before);
    return ok(undefined);
  }

  #endTrial({ token }: Trial, ended: () => void): void {
    if (this.#trial?.token !== token) return;
    this.#trial.cancel();
    this.#trial = null;
    ended();
  }

  #goBack(trial: OnTrial): void {
    trial.cancel();
    this.#trial = null;
    const before = this.#running;
    // The dead man only puts back what is still there as it was left.
    if (before === trial.there) this.#become(trial.back);
    this.#parts.watch.trialReverted(this.device, trial.token, "by itself", before, before);
  }

  #become(text: string): void {
    if (this.#running === text) return;
    this.#running = text;
    this.#parts.watch.changed(this.device);
  }

  #isLocked(): boolean {
    return this.#prepared !== null || this.#parts.clock.now() < this.#lockedUntilMs;
  }

  #release(life: Life): void {
    if (this.#prepared?.life === life) this.#prepared = null;
  }

  /** One command over a session: it may be lost on its way there, or its answer on the way back. */
  async #attempt<T>(life: Life, name: string, work: () => Result<T>): Promise<Result<T>> {
    const { clock, faults, trace } = this.#parts;
    await sleep(life.clock, this.#latency());
    if (!life.alive) return new Promise(() => undefined);
    const lost = (code: FailureCode, how: string): Result<T> => {
      trace.add(this.device, `${how} ${name}`);
      this.#release(life);
      return this.#fail(code, how);
    };
    if (clock.now() < this.#downUntilMs) return lost("DEVICE_UNREACHABLE", "cannot be connected to for");
    if (faults.hits("session-dropped")) return lost("DEVICE_UNREACHABLE", "connection lost before");
    const unanswered = faults.hits("rpc-unanswered");
    const heard = !unanswered || faults.random("rpc-unanswered") < 0.5;
    if (heard) trace.add(this.device, name);
    const result = heard ? work() : undefined;
    if (unanswered || !result) {
      await sleep(life.clock, timeoutMs);
      return lost("DEVICE_TIMEOUT", "no answer to");
    }
    if (faults.hits("reply-lost")) return lost("DEVICE_TIMEOUT", "connection lost after");
    return result;
  }

  #fail(code: FailureCode, what: string): Result<never> {
    return fail(new Failure(code, `${this.device} ${what}`));
  }
}

/** A statement, by the name of its list and with the line that prepends, if it has one. */
const entryPattern =
  /^route-map \S+ permit \d+\n match ip address prefix-list (\S+)\n(?: set as-path prepend((?: \d+)+)\n)?/gm;

const withAddition = (text: string, name: string) => `ip prefix-list ${name} seq 5 permit 198.18.0.0/24\n${text}`;

function withPrepends(text: string, { prefix, to }: { prefix: string; to: number }): string {
  const list = [...text.matchAll(/^ip prefix-list (\S+) seq \d+ permit (\S+)$/gm)].find(
    (one) => one[2] === prefix,
  )?.[1];
  return text.replace(entryPattern, (entry, name: string) => {
    if (name !== list) return entry;
    const head = entry.split("\n").slice(0, 2).join("\n");
    return `${head}\n set as-path prepend ${Array(to).fill(network.as).join(" ")}\n`;
  });
}

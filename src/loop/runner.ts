import { assert } from "../kernel/assert.ts";
import { type Clock, sleep } from "../kernel/clock.ts";
import { Failure, type FailureCode, fail, ok, type Result } from "../kernel/failure.ts";
import { type Change, finalStates } from "../model/change.ts";
import type { GuardFinding, Verdict } from "../model/decision.ts";
import type { DevicePort, DeviceStep } from "../model/device.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { Ledger, Patch } from "./ledger.ts";
import type { LifecycleEvent } from "./lifecycle.ts";

export type RunnerDeps = Readonly<{
  ledger: Ledger;
  devices: ReadonlyMap<string, DevicePort>;
  clock: Clock;
  state: () => NetworkState;
  guards: (change: Change) => readonly GuardFinding[];
  verify: (change: Change, before: NetworkState, now: NetworkState) => Verdict | null;
  /** Resolves at the next telemetry, or when `signal` aborts. */
  nextTelemetry: (signal: AbortSignal) => Promise<void>;
}>;

type Outcome = Readonly<{ event: LifecycleEvent; patch?: Patch }>;

/** A router that cannot be reached now may answer later; anything else will not change by asking again. */
const passing: readonly FailureCode[] = ["DEVICE_UNREACHABLE", "DEVICE_TIMEOUT", "DEVICE_LOCKED", "DEVICE_PROTOCOL"];
const retryMs = 1_000;
/** After a trial's own timer, how long a router may take to come back before a person is called. */
const graceMs = 60_000;

const failed = ({ code, message, mend }: Failure): Outcome => ({
  event: "failed",
  patch: { outcome: { code, message, ...(mend === undefined ? {} : { mend }) } },
});

/** Takes one change at a time through the routers: each lifecycle state has its effect here, in the order they happen. */
export class Runner {
  readonly #deps: RunnerDeps;
  readonly #aborts = new Map<string, AbortController>();
  readonly #before = new Map<string, NetworkState>();
  #turn: Promise<void> = Promise.resolve();

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
  }

  /** Runs the change until it waits for a person or is over. Changes take turns: one is on the routers at a time. */
  run(id: string): Promise<void> {
    const mine = this.#turn.then(() => this.#run(id));
    this.#turn = mine.catch(() => undefined); // The caller of this change hears of it; the next change still gets its turn.
    return mine;
  }

  /** Stops a change under way at the next safe point: before the push it is dropped, after it is taken back. */
  abort(id: string, by: string, reason: string): void {
    this.#abortOf(id).abort(new Failure("APPROVAL_REFUSED", `stopped by ${by}: ${reason}`));
  }

  #abortOf(id: string): AbortController {
    const known = this.#aborts.get(id) ?? new AbortController();
    this.#aborts.set(id, known);
    return known;
  }

  async #run(id: string): Promise<void> {
    for (;;) {
      const change = this.#deps.ledger.get(id);
      assert(change, `change ${id} exists`);
      const outcome = await this.#effect(change);
      if (outcome === null) break;
      const { state } = await this.#deps.ledger.advance(id, outcome.event, "pointsman", outcome.patch);
      assert(state !== change.state, `${outcome.event} leads out of ${change.state}`);
      if (finalStates.includes(state)) break;
    }
    if (this.#deps.ledger.get(id)?.state !== "awaiting-approval") {
      this.#aborts.delete(id);
      this.#before.delete(id);
    }
  }

  #effect(change: Change): Promise<Outcome | null> {
    switch (change.state) {
      case "dry-run":
        return this.#dryRun(change);
      case "preparing":
        return this.#prepare(change);
      case "committing":
        return this.#commit(change);
      case "verifying":
        return this.#verify(change);
      case "confirming":
        return this.#confirm(change);
      case "rolling-back":
        return this.#rollBack(change);
      case "proposed":
      case "awaiting-approval":
      case "confirmed":
      case "rejected":
      case "expired":
      case "aborted":
      case "rolled-back":
      case "stuck":
        return Promise.resolve(null);
    }
  }

  async #dryRun(change: Change): Promise<Outcome> {
    const prepared = await this.#onEach(change, (port, step) => port.prepare(step));
    await this.#onEach(change, (port) => port.discard());
    if (!prepared.ok) return failed(prepared.failure);
    const diffs = Object.fromEntries(
      change.plan.steps.map((step, index) => [step.device, prepared.value[index] ?? ""]),
    );
    return {
      event: change.mode === "auto" || change.origin.kind === "operator" ? "passed-unattended" : "passed",
      patch: { diffs, times: { dryRunMs: this.#deps.clock.now() } },
    };
  }

  async #prepare(change: Change): Promise<Outcome> {
    const stopped = this.#stopped(change);
    if (stopped) return { event: "aborted", patch: { outcome: stopped.toJSON() } };
    const guards = this.#deps.guards(change);
    const no = guards.find((finding) => !finding.allow);
    if (no) {
      const failure = new Failure("GUARD_DENIED", `guard ${no.guard}: ${no.reason}`);
      return { event: "failed", patch: { guards, outcome: failure.toJSON() } };
    }
    const pushStartedMs = this.#deps.clock.now();
    const prepared = await this.#onEach(change, (port, step) => port.prepare(step));
    if (!prepared.ok) {
      await this.#onEach(change, (port) => port.discard());
      return failed(prepared.failure);
    }
    return { event: "prepared", patch: { guards, times: { pushStartedMs } } };
  }

  async #commit(change: Change): Promise<Outcome> {
    const stopped = this.#stopped(change);
    if (stopped) return { event: "aborted", patch: { outcome: stopped.toJSON() } };
    this.#before.set(change.id, this.#deps.state());
    const committed = await this.#onEach(change, (port, step) => port.commitOnTrial(step, change.trial));
    if (!committed.ok) return failed(committed.failure);
    return { event: "committed", patch: { times: { committedMs: this.#deps.clock.now() } } };
  }

  async #verify(change: Change): Promise<Outcome> {
    const { signal } = this.#abortOf(change.id);
    const before = this.#before.get(change.id);
    assert(before, "a change is verified by the run that pushed it");
    for (;;) {
      const stopped = this.#stopped(change);
      if (stopped) return { event: "aborted", patch: { outcome: stopped.toJSON() } };
      const verdict = this.#deps.verify(change, before, this.#deps.state());
      if (verdict?.outcome === "better") {
        return { event: "better", patch: { verdict, times: { verifiedMs: this.#deps.clock.now() } } };
      }
      if (verdict) return { event: "failed", patch: { verdict, outcome: unhelpful(verdict) } };
      await this.#deps.nextTelemetry(signal);
    }
  }

  async #confirm(change: Change): Promise<Outcome> {
    // The router's timer runs on: past it there is nothing left to confirm.
    const deadlineMs = (change.times.committedMs ?? change.createdMs) + change.trial.timeoutMs;
    const confirmed = await this.#onEach(change, (port, step) =>
      this.#persistently(deadlineMs, () => port.confirm(step, change.trial)),
    );
    return confirmed.ok ? { event: "done" } : failed(confirmed.failure);
  }

  async #rollBack(change: Change): Promise<Outcome> {
    const deadlineMs = this.#deps.clock.now() + change.trial.timeoutMs + graceMs;
    const undone = await this.#onEach(change, (port, step) =>
      this.#persistently(deadlineMs, () => port.undo(step, change.trial)),
    );
    return undone.ok ? { event: "done" } : failed(undone.failure);
  }

  #stopped(change: Change): Failure | undefined {
    const { signal } = this.#abortOf(change.id);
    return signal.aborted ? (signal.reason as Failure) : undefined;
  }

  /** All devices at once, all to their end; the first failure in plan order stands for the whole. */
  async #onEach<T>(
    change: Change,
    work: (port: DevicePort, step: DeviceStep) => Promise<Result<T>>,
  ): Promise<Result<readonly T[]>> {
    const results = await Promise.all(
      change.plan.steps.map((step) => {
        const port = this.#deps.devices.get(step.device);
        return port ? work(port, step) : missing(step.device);
      }),
    );
    const values: T[] = [];
    for (const result of results) {
      if (!result.ok) return result;
      values.push(result.value);
    }
    return ok(values);
  }

  async #persistently<T>(deadlineMs: number, work: () => Promise<Result<T>>): Promise<Result<T>> {
    for (;;) {
      const result = await work();
      if (result.ok || !passing.includes(result.failure.code) || this.#deps.clock.now() >= deadlineMs) return result;
      await sleep(this.#deps.clock, retryMs);
    }
  }
}

async function missing(device: string): Promise<Result<never>> {
  return fail(
    new Failure("CONFIG_INVALID", `device ${device} is no longer in the inventory`, {
      mend: `put ${device} back into the inventory, then roll the change back`,
    }),
  );
}

function unhelpful(verdict: Verdict): NonNullable<Change["outcome"]> {
  if (verdict.outcome === "silent")
    return { code: "VERIFY_SILENT", message: "no fresh telemetry after the push; silence counts as failure" };
  const broken = verdict.findings.filter((finding) => !finding.held).map((finding) => finding.text);
  return { code: "VERIFY_WORSE", message: `the network did not get better: ${broken.join("; ")}` };
}

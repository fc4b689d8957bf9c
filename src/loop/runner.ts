import { denied } from "../guard/guard.ts";
import { assert } from "../kernel/assert.ts";
import { type Clock, type Deadline, deadline, sleep } from "../kernel/clock.ts";
import { Failure, type FailureCode, fail, ok, type Result } from "../kernel/failure.ts";
import { Turns } from "../kernel/turns.ts";
import { type Change, type ChangeState, finalStates } from "../model/change.ts";
import type { GuardFinding, Verdict } from "../model/decision.ts";
import type { DevicePort, DeviceStep } from "../model/device.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { Policy } from "../model/policy.ts";
import type { EarnedMode } from "../policy/autonomy.ts";
import { confirmationOrder, standing } from "./confirmation.ts";
import type { Ledger, Patch } from "./ledger.ts";
import { type LifecycleEvent, nextState } from "./lifecycle.ts";
import { stoppedBy } from "./stopped.ts";

export type RunnerDeps = Readonly<{
  ledger: Ledger;
  devices: ReadonlyMap<string, DevicePort>;
  clock: Clock;
  state: () => NetworkState;
  /** Every guard's finding now; a failure when the routers cannot be read. */
  guards: (change: Change) => Promise<Result<readonly GuardFinding[]>>;
  /** The mode that a policy has earned by now. */
  earned: (policy: Policy) => EarnedMode;
  verify: (change: Change, before: NetworkState, now: NetworkState) => Verdict | null;
  /** Resolves at the next telemetry, or when `signal` aborts. */
  nextTelemetry: (signal: AbortSignal) => Promise<void>;
}>;

type Outcome = Readonly<{ event: LifecycleEvent; patch?: Patch }>;
type Work<T> = (port: DevicePort, step: DeviceStep) => Promise<Result<T>>;

/** Asking again does not change these. Anything else may pass: a login can fail because of the very change that is being undone. */
const settled: readonly FailureCode[] = [
  "DEVICE_CHANGED",
  "DEVICE_NOT_APPLIED",
  "DEVICE_UNSUPPORTED",
  "TRIAL_EXPIRED",
  "CONFIG_INVALID",
];
/** The end of the controller leaves these as they are. */
const unhurried: readonly ChangeState[] = ["confirming", "awaiting-approval"];
const retryMs = 1_000;
/** How long before the routers' timers run out nothing more is confirmed: one might be kept while another goes back. */
const marginMs = 5_000;
/** After a trial's own timer, how long a router may take to come back before a person is called. */
const graceMs = 60_000;

const failed = (failure: Failure): Outcome => ({ event: "failed", patch: { outcome: failure.toJSON() } });

/** Takes one change at a time through the routers: each lifecycle state has its effect here, in the order they happen. */
export class Runner {
  readonly #deps: RunnerDeps;
  readonly #aborts = new Map<string, AbortController>();
  readonly #before = new Map<string, NetworkState>();
  readonly #trials = new Map<string, Deadline>();
  /** One change is on the routers at a time. */
  readonly #turns = new Turns();
  /** Why nothing more is begun, once the controller ends. */
  #ending: Failure | undefined;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
  }

  /** Runs the change until it waits for a person or is over. */
  run(id: string): Promise<void> {
    return this.#turns.take(() => this.#run(id));
  }

  /** Stops a change under way at the next safe point: before the push it is dropped, after it is taken back. */
  abort(id: string, by: string, reason: string): void {
    this.#abortOf(id).abort(stoppedBy({ by, reason }));
  }

  /** Stops what is under way as `abort` does, and whatever would start after this; a change whose verdict is in is still confirmed. */
  end(by: string, reason: string): void {
    this.#ending = stoppedBy({ by, reason });
    for (const { id, state } of this.#deps.ledger.open()) if (!unhurried.includes(state)) this.abort(id, by, reason);
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
      const stopped = this.#stopped(change);
      const outcome: Outcome | null = stopped
        ? { event: "aborted", patch: { outcome: stopped.toJSON() } }
        : await this.#effect(change);
      if (outcome === null) break;
      const { state } = await this.#deps.ledger.advance(id, outcome.event, "pointsman", outcome.patch);
      assert(state !== change.state, `${outcome.event} leads out of ${change.state}`);
      if (finalStates.includes(state)) break;
    }
    if (this.#deps.ledger.get(id)?.state !== "awaiting-approval") {
      this.#aborts.delete(id);
      this.#before.delete(id);
      this.#trials.get(id)?.cancel();
      this.#trials.delete(id);
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
    const prepared = await this.#onEach(change.plan.steps, (port, step) => port.prepare(step));
    await this.#onEach(change.plan.steps, (port) => port.discard());
    if (!prepared.ok) return failed(prepared.failure);
    const diffs = Object.fromEntries(
      change.plan.steps.map((step, index) => [step.device, prepared.value[index] ?? ""]),
    );
    const lowered = this.#lowered(change);
    return {
      event: isUnattended({ ...change, ...lowered }) ? "passed-unattended" : "passed",
      patch: { ...lowered, diffs, times: { dryRunMs: this.#deps.clock.now() } },
    };
  }

  /** A change waits its turn: what came before it may have cost its policy `auto` since it was proposed. */
  #lowered({ origin, mode, policy }: Change): Pick<Patch, "mode" | "lowered"> {
    if (origin.kind === "operator" || mode !== "auto") return {};
    const now = this.#deps.earned(policy);
    return now.lowered === undefined ? {} : { mode: now.mode, lowered: now.lowered };
  }

  async #prepare(change: Change): Promise<Outcome> {
    const judged = await this.#deps.guards(change);
    if (!judged.ok) return failed(judged.failure);
    const guards = judged.value;
    const no = stale(guards) ?? denied(guards);
    if (no) {
      const code = no === stale(guards) ? "DEVICE_CHANGED" : "GUARD_DENIED";
      const failure = new Failure(code, `guard ${no.guard}: ${no.reason}`, deniedUndo(change));
      return { event: "failed", patch: { guards, outcome: failure.toJSON() } };
    }
    const pushStartedMs = this.#deps.clock.now();
    const prepared = await this.#onEach(change.plan.steps, (port, step) => port.prepare(step));
    if (!prepared.ok) {
      await this.#onEach(change.plan.steps, (port) => port.discard());
      return failed(prepared.failure);
    }
    return { event: "prepared", patch: { guards, times: { pushStartedMs } } };
  }

  async #commit(change: Change): Promise<Outcome> {
    this.#before.set(change.id, this.#deps.state());
    const trialMs = this.#deps.clock.now();
    this.#trialOf(change);
    const committed = await this.#onEach(change.plan.steps, (port, step) => port.commitOnTrial(step, change.trial));
    if (!committed.ok) return failed(committed.failure);
    return { event: "committed", patch: { times: { trialMs, committedMs: this.#deps.clock.now() } } };
  }

  async #verify(change: Change): Promise<Outcome> {
    const { signal } = this.#abortOf(change.id);
    const before = this.#before.get(change.id);
    assert(before, "a change is verified by the run that pushed it");
    const { passed } = this.#trialOf(change);
    for (;;) {
      const stopped = this.#stopped(change);
      if (stopped) return { event: "aborted", patch: { outcome: stopped.toJSON() } };
      if (passed())
        return failed(new Failure("TRIAL_EXPIRED", "no verdict came before the routers' own timers ran out"));
      const verdict = this.#deps.verify(change, before, this.#deps.state());
      if (verdict) {
        const judged = { verdict, times: { verifiedMs: this.#deps.clock.now() } };
        if (verdict.outcome === "better") return { event: "better", patch: judged };
        return { event: "failed", patch: { ...judged, outcome: unhelpful(verdict) } };
      }
      await this.#deps.nextTelemetry(signal);
    }
  }

  async #confirm(change: Change): Promise<Outcome> {
    const { passed } = this.#trialOf(change);
    const { steps } = change.plan;
    const stands: Work<void> = async (port, step) => {
      const read = await port.read(step.query);
      return read.ok ? standing(step, read.value) : read;
    };
    const confirms: Work<void> = (port, step) => port.confirm(step, change.trial);
    const waves = [[stands, steps] as const, ...confirmationOrder(steps).map((wave) => [confirms, wave] as const)];
    for (const [work, wave] of waves) {
      const done = await this.#onAllOrStop(change, wave, passed, work);
      const stopped = this.#stopped(change);
      if (stopped) return { event: "aborted", patch: { outcome: stopped.toJSON() } };
      if (!done.ok) return failed(done.failure);
    }
    return { event: "done" };
  }

  /** The first that fails for good ends the trying on the others: what they have by then is undone with the rest. */
  async #onAllOrStop(
    change: Change,
    steps: readonly DeviceStep[],
    passed: Deadline["passed"],
    work: Work<void>,
  ): Promise<Result<unknown>> {
    const first = new AbortController();
    const signal = AbortSignal.any([this.#abortOf(change.id).signal, first.signal]);
    const done = await this.#onEach(steps, async (port, step) => {
      const result = await this.#persistently(passed, () => work(port, step), signal);
      if (!result.ok) first.abort(result.failure);
      return result;
    });
    return first.signal.aborted ? fail(first.signal.reason as Failure) : done;
  }

  async #rollBack(change: Change): Promise<Outcome> {
    await this.#onEach(change.plan.steps, (port) => port.discard());
    const { passed, cancel } = deadline(this.#deps.clock, change.trial.timeoutMs + graceMs);
    const undone = await this.#onEach(change.plan.steps, (port, step) =>
      this.#persistently(passed, () => port.undo(step, change.trial)),
    );
    cancel();
    return undone.ok ? { event: "done" } : stuck(change, undone.failure);
  }

  /** When to let go of a trial, a while before the routers do. How old a predecessor's is, only the wall clock tells. */
  #trialOf({ id, trial: { timeoutMs }, times }: Change): Deadline {
    const { clock } = this.#deps;
    const nowMs = clock.now();
    const sinceMs = nowMs - (times.trialMs ?? times.committedMs ?? nowMs);
    const known = this.#trials.get(id) ?? deadline(clock, timeoutMs - Math.max(0, sinceMs) - marginMs);
    this.#trials.set(id, known);
    return known;
  }

  /** Why it shall stop; nothing stops the way back. */
  #stopped(change: Change): Failure | undefined {
    if (nextState(change.state, "aborted") === change.state) return undefined;
    const stop = this.#deps.ledger.get(change.id)?.stop;
    if (stop) return stoppedBy(stop);
    const signal = this.#aborts.get(change.id)?.signal;
    if (signal?.aborted) return signal.reason as Failure;
    return unhurried.includes(change.state) ? undefined : this.#ending;
  }

  /** All devices at once, all to their end; the first failure in plan order stands for the whole. */
  async #onEach<T>(steps: readonly DeviceStep[], work: Work<T>): Promise<Result<readonly T[]>> {
    const results = await Promise.all(
      steps.map((step) => {
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

  async #persistently<T>(
    passed: Deadline["passed"],
    work: () => Promise<Result<T>>,
    signal?: AbortSignal,
  ): Promise<Result<T>> {
    for (;;) {
      const result = await work();
      if (result.ok || settled.includes(result.failure.code)) return result;
      if (passed() || signal?.aborted) return result;
      await sleep(this.#deps.clock, retryMs, signal);
    }
  }
}

/** What it was decided on is there no more: whatever else is wrong with it then, it is to be decided anew. */
const stale = (findings: readonly GuardFinding[]) =>
  findings.find(({ guard, allow }) => guard === "unchanged-basis" && !allow);

/** A person has to see to it, and is told how it goes on. */
function stuck({ id }: Change, failure: Failure): Outcome {
  // With our commit pending, what someone else has committed on top of it is the router's to drop.
  const timer =
    failure.code === "DEVICE_CHANGED"
      ? " If the trial is still pending there, the router's own timer ends it and takes that edit with it: save it first."
      : "";
  const first = failure.mend?.replace(/\.$/, "") ?? "See what keeps the router from going back";
  const mend = `${first}.${timer} Then: pointsman rollback ${id}. If that cannot end it: put it right by hand, then pointsman settle ${id}`;
  return { event: "failed", patch: { outcome: { ...failure.toJSON(), mend } } };
}

/** What a person can do about a rollback that a guard denies; a policy decides anew by itself. */
function deniedUndo({ origin }: Change): { mend?: string } {
  if (origin.kind === "policy") return {};
  const { undoes } = origin;
  const mend = `take back what was changed elsewhere since (pointsman proposals --all), and see that every router can be read (pointsman status); then pointsman rollback ${undoes}`;
  return { mend };
}

/** Nobody is waited for: it is a person's own request, or `auto` may do it alone. */
function isUnattended({ mode, origin, needs }: Pick<Change, "mode" | "origin" | "needs">): boolean {
  if (origin.kind === "operator") return true;
  return mode === "auto" && (needs === undefined || needs.reasons.length === 0);
}

async function missing(device: string): Promise<Result<never>> {
  return fail(
    new Failure("CONFIG_INVALID", `device ${device} is no longer in the inventory`, {
      mend: `put ${device} back into the inventory`,
    }),
  );
}

function unhelpful(verdict: Verdict): NonNullable<Change["outcome"]> {
  if (verdict.outcome === "silent")
    return { code: "VERIFY_SILENT", message: "no fresh telemetry after the push; silence counts as failure" };
  const broken = verdict.findings.filter((finding) => !finding.held).map((finding) => finding.text);
  return { code: "VERIFY_WORSE", message: `the network did not get better: ${broken.join("; ")}` };
}

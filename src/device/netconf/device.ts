import { assert } from "../../kernel/assert.ts";
import type { Clock } from "../../kernel/clock.ts";
import { changesBetween, threeWayDiff, unifiedDiff } from "../../kernel/diff.ts";
import { attempt, Failure, type FailureCode, type Result } from "../../kernel/failure.ts";
import type { DevicePort, DeviceStep, Trial } from "../../model/device.ts";
import type { Device, DeviceName, ResolveSecret } from "../../model/inventory.ts";
import { openSsh } from "../ssh-session.ts";
import {
  cancelCommit,
  commit,
  commitConfirmed,
  confirmCommit,
  type Datastore,
  discardChanges,
  editConfig,
  getConfig,
  lock,
  unlock,
  validate,
} from "./operations.ts";
import { type NetconfSession, openNetconf } from "./session.ts";

export type NetconfDeviceOptions = {
  device: Device;
  resolveSecret: ResolveSecret;
  clock: Clock;
  /** For the hello and for every RPC. A router that validates a large configuration may take its time. */
  rpcTimeoutMs?: number;
  /** How a connection to the router is opened, when it is not over a socket. */
  connect?: typeof openSsh;
};

/**
 * A router changed over NETCONF: candidate, validate, and confirmed commit (RFC 6241 8.3, 8.4, 8.6), which reverts by itself; with a
 * `persist` token where the router has it, so that a trial outlives the session and the controller. Where it has not, the trial
 * ends with our session, and only that can confirm it. A router without these is DEVICE_UNSUPPORTED.
 */
export function netconfDevice(options: NetconfDeviceOptions): DevicePort {
  return new NetconfDevice(options);
}

/** Only 1.1 has the persist token (RFC 6241 8.4.1). */
const persistentCommit = "confirmed-commit:1.1";
const confirmedCommit = "confirmed-commit:1.0";

/** Nobody knows whether the router did what it was last told. */
const unknown: readonly FailureCode[] = ["DEVICE_UNREACHABLE", "DEVICE_TIMEOUT"];

class NetconfDevice implements DevicePort {
  readonly device: DeviceName;
  readonly #options: NetconfDeviceOptions;
  #session: NetconfSession | undefined;
  #opening: Promise<NetconfSession> | undefined;
  /**
   * What our session has locked. Prepared: both datastores, so that nobody can slip in before the commit. On trial: the
   * candidate only, which keeps out all who commit. A lock on running is given back as soon as the trial has begun: while it
   * is held, yuma123 netconfd 2.13 answers cancel-commit with ok and lets the timer run out, and reverts nothing either way;
   * a router must be free to go back. A controller that dies loses its session, and the router drops the locks with it.
   */
  #locks: Datastore[] = [];
  /** The session that a trial without a persist token lives and dies with. */
  #trialSession: NetconfSession | undefined;

  constructor(options: NetconfDeviceOptions) {
    this.device = options.device.name;
    this.#options = options;
  }

  read(query: string): Promise<Result<string>> {
    return attempt(() => this.#withSession(["DEVICE_UNREACHABLE"], (session) => getConfig(session, "running", query)));
  }

  prepare(step: DeviceStep): Promise<Result<string>> {
    assert(step.device === this.device, `a step for ${step.device} went to ${this.device}`);
    return attempt(() => this.#withSession(["DEVICE_UNREACHABLE"], (session) => this.#prepare(session, step)));
  }

  async #prepare(session: NetconfSession, step: DeviceStep): Promise<string> {
    this.#requireTransactions(session);
    try {
      await this.#lock(session, ["running", "candidate"]);
      return await this.#edit(session, step.query, step.basis, step.expected, step.forward.config);
    } catch (error) {
      await this.#release(session);
      throw error;
    }
  }

  discard(): Promise<Result<void>> {
    return attempt(async () => {
      if (this.#session) await this.#release(this.#session);
    });
  }

  commitOnTrial(step: DeviceStep, trial: Trial): Promise<Result<void>> {
    return attempt(async () => {
      const session = this.#session;
      if (!session?.open || !this.#locks.includes("running")) {
        throw new Failure(
          "DEVICE_UNREACHABLE",
          `${this.device}: the session that held the prepared change is gone; nothing was committed`,
          { retry: "later", mend: `Check the management network to ${this.device}, and propose the change again.` },
        );
      }
      try {
        await this.#beginTrial(session, trial);
      } catch (error) {
        await this.#release(session);
        throw error;
      }
      const readBack = await attempt(() => getConfig(session, "running", step.query));
      await this.#unlockRunning(session);
      if (!readBack.ok) throw readBack.failure;
      const running = readBack.value;
      if (running === step.expected) return;
      // A server that lies may still have started its timer.
      const cancelled = await attempt(() => this.#cancelTrial(session, trial));
      await this.#release(session);
      const after = cancelled.ok ? "" : `; and cancelling the trial failed: ${cancelled.failure.message}`;
      throw this.#notApplied(step.expected, running, after);
    });
  }

  confirm(step: DeviceStep, trial: Trial): Promise<Result<void>> {
    return attempt(() => this.#withSession(unknown, (session) => this.#confirm(session, step, trial)));
  }

  async #confirm(session: NetconfSession, step: DeviceStep, trial: Trial): Promise<void> {
    try {
      if (!this.#locks.includes("candidate")) await this.#secureCandidate(session);
      this.#requireOnTrial(step, await getConfig(session, "running", step.query));
      await this.#confirmTrial(session, trial);
      this.#requireOnTrial(step, await getConfig(session, "running", step.query));
    } finally {
      await this.#release(session);
    }
  }

  undo(step: DeviceStep, trial: Trial): Promise<Result<void>> {
    return attempt(async () => {
      await this.#withSession(unknown, (session) => this.#endTrial(session, step, trial));
      await this.#withSession(unknown, (session) => this.#takeBack(session, step));
    });
  }

  async #endTrial(session: NetconfSession, step: DeviceStep, trial: Trial): Promise<void> {
    try {
      // Looked at first: cancelling would take back what another writer has added since, too.
      this.#requireOurs(step, await getConfig(session, "running", step.query));
      // Also when running is at `basis`: a commit that we lost sight of may have started its timer.
      const cancelled = await attempt(() => this.#cancelTrial(session, trial));
      // Refused, mostly as there is nothing to cancel, in every server's own words: what is running tells.
      if (!cancelled.ok && cancelled.failure.code !== "DEVICE_REFUSED") throw cancelled.failure;
    } finally {
      await this.#release(session);
    }
  }

  async #takeBack(session: NetconfSession, step: DeviceStep): Promise<void> {
    try {
      const running = await getConfig(session, "running", step.query);
      this.#requireOurs(step, running);
      if (running === step.basis) return;
      this.#requireTransactions(session);
      await this.#lock(session, ["running", "candidate"]);
      await this.#edit(session, step.query, step.expected, step.basis, step.inverse.config);
      await commit(session);
      const after = await getConfig(session, "running", step.query);
      if (after !== step.basis) throw this.#notApplied(step.basis, after);
    } finally {
      await this.#release(session);
    }
  }

  async #beginTrial(session: NetconfSession, { token, timeoutMs }: Trial): Promise<void> {
    const persistent = session.has(persistentCommit);
    if (!persistent) this.#trialSession = session;
    await commitConfirmed(session, persistent ? token : undefined, timeoutMs);
  }

  async #confirmTrial(session: NetconfSession, { token }: Trial): Promise<void> {
    if (session.has(persistentCommit)) {
      // No such trial, yet running is as expected: it is confirmed already.
      await confirmCommit(session, token);
    } else if (this.#trialSession === session) {
      await commit(session);
      this.#trialSession = undefined;
    } else {
      // The trial's session is gone, and running still as expected: confirmed already, or the router has yet to notice and go back.
      // It grants no lock on running while that is pending (RFC 6241 7.5).
      await this.#lock(session, ["running"]);
    }
  }

  /** Without a token there is no cancel-commit either: the end of the trial's session is what cancels it (RFC 4741 8.4.1). */
  async #cancelTrial(session: NetconfSession, { token }: Trial): Promise<void> {
    if (session.has(persistentCommit)) await cancelCommit(session, token);
    else if (this.#trialSession === session) await session.close();
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#locks = [];
    await session?.close();
  }

  /** Under lock: edits and validates a candidate that leads from `before` to `after`. The value is its diff to running. */
  async #edit(session: NetconfSession, query: string, before: string, after: string, config: string): Promise<string> {
    await discardChanges(session);
    const running = await getConfig(session, "running", query);
    if (running !== before) throw this.#changed(before, running);
    await editConfig(session, config);
    await validate(session);
    const candidate = await getConfig(session, "candidate", query);
    if (candidate !== after) {
      throw new Failure(
        "DEVICE_REFUSED",
        `${this.device} took the edit, but would read something else (- planned, + its candidate):\n${changesBetween(after, candidate)}`,
        { mend: "Compare the device template with what this router supports." },
      );
    }
    return unifiedDiff(this.device, running, candidate);
  }

  /**
   * Runs `work` on the session there is, or on a new one. Once more on a new one if the session died with one of `retryOn`:
   * only for work that asks for the router's state before it acts, and so can be repeated.
   */
  async #withSession<T>(retryOn: readonly FailureCode[], work: (session: NetconfSession) => Promise<T>): Promise<T> {
    const session = await this.#liveSession();
    try {
      return await work(session);
    } catch (error) {
      if (session.open || !(error instanceof Failure && retryOn.includes(error.code))) throw error;
      return await work(await this.#liveSession());
    }
  }

  async #liveSession(): Promise<NetconfSession> {
    if (this.#session?.open) return this.#session;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<NetconfSession> {
    this.#locks = []; // They went with the session that held them.
    const { device, resolveSecret, clock, rpcTimeoutMs = 30_000, connect = openSsh } = this.#options;
    const ssh = await connect({ name: device.name, management: device.management, resolveSecret });
    this.#session = await openNetconf({ device: device.name, ssh, clock, rpcTimeoutMs });
    return this.#session;
  }

  async #lock(session: NetconfSession, targets: readonly Datastore[]): Promise<void> {
    for (const target of targets) {
      if (this.#locks.includes(target)) continue;
      await lock(session, target);
      this.#locks.push(target);
    }
  }

  /** On a new session: a confirming commit commits the candidate too, with whatever somebody has left in it. */
  async #secureCandidate(session: NetconfSession): Promise<void> {
    const locked = await attempt(() => this.#lock(session, ["candidate"]));
    if (locked.ok) return await discardChanges(session);
    if (locked.failure.code !== "DEVICE_LOCKED") throw locked.failure;
    // Some servers grant no lock at all while a confirmed commit is pending. Then at least nobody's edit may be in there.
    const [running, candidate] = [await getConfig(session, "running"), await getConfig(session, "candidate")];
    if (candidate !== running) throw locked.failure;
  }

  async #unlockRunning(session: NetconfSession): Promise<void> {
    this.#locks = this.#locks.filter((target) => target !== "running");
    try {
      await unlock(session, "running");
    } catch (error) {
      session.abandon("the session was ended to release its lock on running");
      throw error;
    }
  }

  /** Leaves no edit and no lock of ours behind: if the router will not have it, by ending the session, which does the same. */
  async #release(session: NetconfSession): Promise<void> {
    const locks = this.#locks.splice(0).reverse();
    if (!session.open || locks.length === 0) return;
    const released = await attempt(async () => {
      if (locks.includes("candidate")) await discardChanges(session);
      for (const target of locks) await unlock(session, target);
    });
    if (!released.ok) session.abandon(`the session was ended to release its locks: ${released.failure.message}`);
  }

  #requireTransactions(session: NetconfSession): void {
    const missing = [
      session.has("candidate:1.0") ? "" : ":candidate",
      session.has(persistentCommit) || session.has(confirmedCommit) ? "" : ":confirmed-commit",
      session.has("validate:1.0") || session.has("validate:1.1") ? "" : ":validate",
    ].filter((capability) => capability !== "");
    if (missing.length === 0) return;
    throw new Failure(
      "DEVICE_UNSUPPORTED",
      `${this.device} lacks ${missing.join(", ")}: a change could not be tried safely`,
      {
        mend: `Switch candidate configuration and confirmed commit on, or use a release of ${this.device}'s software that has them.`,
      },
    );
  }

  #requireOnTrial(step: DeviceStep, running: string): void {
    if (running === step.expected) return;
    if (running !== step.basis) throw this.#changed(step.expected, running);
    throw new Failure("TRIAL_EXPIRED", `${this.device}: the trial ran out, and the router went back by itself`, {
      mend: "Propose the change again; give it a longer trial if confirming came too late.",
    });
  }

  #requireOurs({ basis, expected }: DeviceStep, running: string): void {
    if (running === basis || running === expected) return;
    throw new Failure(
      "DEVICE_CHANGED",
      `${this.device}: someone else changed what the change made of it:\n${threeWayDiff(this.device, basis, expected, running)}`,
      { mend: `See who changed ${this.device} and why. Nothing of it was overwritten.` },
    );
  }

  #changed(planned: string, running: string): Failure {
    return new Failure(
      "DEVICE_CHANGED",
      `${this.device}: someone else changed the running configuration (- planned, + running):\n${changesBetween(planned, running)}`,
      { mend: `See who changed ${this.device} and why. Nothing of it was overwritten.` },
    );
  }

  #notApplied(planned: string, running: string, after = ""): Failure {
    return new Failure(
      "DEVICE_NOT_APPLIED",
      `${this.device} answered ok, but running is something else (- planned, + running):\n${changesBetween(planned, running)}${after}`,
      { mend: `Check ${this.device}'s software for a defect in commit; do not change it automatically until then.` },
    );
  }
}

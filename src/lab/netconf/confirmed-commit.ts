import type { Clock } from "../../kernel/clock.ts";
import type { XmlElement } from "../../kernel/xml.ts";
import type { Datastore } from "./datastore.ts";
import { RpcError } from "./rpc-error.ts";

/** Node's timers fire at once when asked for more than 2^31 ms; confirm-timeout allows 136 years. */
const longestTimerMs = 86_400_000;

type Pending = { readonly backup: XmlElement; session: number; persist: string | undefined; cancelTimer: () => void };

/** `persist` outlives the session and names the commit to whoever is to confirm or cancel it. */
export type TrialRequest = Readonly<{ timeoutMs: number; persist: string | undefined }>;

/** Commits, and the one confirmed commit that may be pending (RFC 6241 section 8.4). */
export class ConfirmedCommit {
  readonly #datastore: Datastore;
  readonly #clock: Clock;
  #pending: Pending | undefined;

  constructor(datastore: Datastore, clock: Clock) {
    this.#datastore = datastore;
    this.#clock = clock;
  }

  /** The session that put the pending commit on trial, 0 if it is gone; undefined when none is pending. */
  get owner(): number | undefined {
    return this.#pending?.session;
  }

  /**
   * Commits the candidate: for good, or on trial when `trial` says so. While one is pending this confirms or extends it; an
   * extension starts the timer anew and keeps the first backup, and is persistent only if it says so itself.
   */
  commit(session: number, persistId: string | undefined, trial: TrialRequest | undefined): void {
    this.#authorise(session, persistId);
    const backup = this.#pending?.backup ?? this.#datastore.running;
    this.#datastore.commit();
    this.#pending?.cancelTimer();
    this.#pending = undefined;
    if (!trial) return;
    this.#pending = { backup, session, persist: trial.persist, cancelTimer: () => {} };
    this.#arm(this.#pending, trial.timeoutMs);
  }

  cancel(session: number, persistId: string | undefined): void {
    this.#authorise(session, persistId);
    if (!this.#pending) throw new RpcError("protocol", "operation-failed", "there is no confirmed commit to cancel");
    this.#revert(this.#pending);
  }

  /** Without `persist` a trial does not outlive its session. */
  sessionEnded(session: number): void {
    if (this.#pending?.session !== session) return;
    if (this.#pending.persist === undefined) this.#revert(this.#pending);
    else this.#pending.session = 0;
  }

  /** The router is switched off: nothing fires any more. */
  stop(): void {
    this.#pending?.cancelTimer();
    this.#pending = undefined;
  }

  #authorise(session: number, persistId: string | undefined): void {
    const pending = this.#pending;
    if (persistId !== undefined && pending?.persist !== persistId) {
      throw new RpcError("protocol", "invalid-value", "no confirmed commit is pending under this persist-id", {
        info: { "bad-element": "persist-id" },
      });
    }
    if (!pending || persistId !== undefined) return;
    if (pending.persist !== undefined) {
      throw new RpcError("protocol", "in-use", "a persistent confirmed commit is pending: its persist-id is needed");
    }
    if (pending.session !== session) {
      throw new RpcError("protocol", "in-use", `a confirmed commit of session ${pending.session} is pending`);
    }
  }

  #arm(pending: Pending, leftMs: number): void {
    const sliceMs = Math.min(leftMs, longestTimerMs);
    pending.cancelTimer = this.#clock.after(sliceMs, () => {
      if (sliceMs < leftMs) this.#arm(pending, leftMs - sliceMs);
      else this.#revert(pending);
    });
  }

  #revert(pending: Pending): void {
    pending.cancelTimer();
    this.#pending = undefined;
    this.#datastore.restore(pending.backup);
  }
}

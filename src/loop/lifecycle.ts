import { createMachine, transition } from "xstate";
import type { ChangeState } from "../model/change.ts";

/**
 * What can happen to a change. `recovered` is the first thing a restarted controller tells a change that was under way:
 * nothing that may have reached a running configuration is carried on without a verdict, so it goes back, unless the
 * verdict was in already.
 */
export type LifecycleEvent =
  | "begun"
  | "passed"
  | "passed-unattended"
  | "approved"
  | "prepared"
  | "committed"
  | "better"
  | "done"
  | "failed"
  | "rejected"
  | "expired"
  /** The runner stops it, at a point where that is safe. */
  | "aborted"
  /** Nobody is working on it, and nobody shall. */
  | "withdrawn"
  | "recovered"
  | "retried"
  /** A person has put right by hand what could not be undone. */
  | "settled";

/** Forwards to confirmed, or back; there is no third way. Stepped by `nextState` only, and journaled before each state's effect. */
const lifecycle = createMachine({
  types: {} as { events: { type: LifecycleEvent } },
  initial: "proposed",
  states: {
    proposed: {
      on: { begun: "dry-run", rejected: "rejected", expired: "expired", withdrawn: "aborted", recovered: "aborted" },
    },
    "dry-run": {
      on: {
        passed: "awaiting-approval",
        "passed-unattended": "preparing",
        failed: "aborted",
        aborted: "aborted",
        recovered: "aborted",
      },
    },
    "awaiting-approval": {
      on: {
        approved: "preparing",
        rejected: "rejected",
        expired: "expired",
        aborted: "aborted",
        withdrawn: "aborted",
      },
    },
    preparing: { on: { prepared: "committing", failed: "aborted", aborted: "aborted", recovered: "aborted" } },
    committing: {
      on: { committed: "verifying", failed: "rolling-back", aborted: "rolling-back", recovered: "rolling-back" },
    },
    verifying: {
      on: { better: "confirming", failed: "rolling-back", aborted: "rolling-back", recovered: "rolling-back" },
    },
    confirming: { on: { done: "confirmed", failed: "rolling-back", aborted: "rolling-back", recovered: "confirming" } },
    "rolling-back": { on: { done: "rolled-back", failed: "stuck", recovered: "rolling-back" } },
    stuck: { on: { retried: "rolling-back", settled: "rolled-back" } },
    confirmed: { type: "final" },
    rejected: { type: "final" },
    expired: { type: "final" },
    aborted: { type: "final" },
    "rolled-back": { type: "final" },
  },
});

/** The state after `event`; the same state when the event means nothing there. */
export function nextState(state: ChangeState, event: LifecycleEvent): ChangeState {
  const [next] = transition(lifecycle, lifecycle.resolveState({ value: state, context: {} }), { type: event });
  return next.value as ChangeState;
}

import fc from "fast-check";
import { expect, test } from "vitest";
import { type LifecycleEvent, nextState } from "../../src/loop/lifecycle.ts";
import { type ChangeState, changeStates, finalStates } from "../../src/model/change.ts";

const events: readonly LifecycleEvent[] = [
  "begun",
  "passed",
  "passed-unattended",
  "approved",
  "prepared",
  "committed",
  "better",
  "done",
  "failed",
  "rejected",
  "expired",
  "aborted",
  "withdrawn",
  "recovered",
  "retried",
  "settled",
];

// Goal: the happy path and every way back, as a person would read them.
test.each<[LifecycleEvent[], ChangeState]>([
  [["begun", "passed", "approved", "prepared", "committed", "better", "done"], "confirmed"],
  [["begun", "passed-unattended", "prepared", "committed", "better", "done"], "confirmed"],
  [["begun", "failed"], "aborted"],
  [["begun", "passed", "rejected"], "rejected"],
  [["begun", "passed", "expired"], "expired"],
  [["begun", "passed", "approved", "failed"], "aborted"],
  [["begun", "passed", "approved", "prepared", "failed", "done"], "rolled-back"],
  [["begun", "passed", "approved", "prepared", "committed", "failed", "done"], "rolled-back"],
  [["begun", "passed", "approved", "prepared", "committed", "better", "failed", "failed"], "stuck"],
  [["begun", "passed", "approved", "prepared", "committed", "failed", "failed", "retried", "done"], "rolled-back"],
  [["begun", "passed", "recovered"], "awaiting-approval"],
  [["begun", "passed", "approved", "recovered"], "aborted"],
  [["begun", "passed", "approved", "prepared", "recovered"], "rolling-back"],
  [["begun", "passed", "approved", "prepared", "committed", "recovered"], "rolling-back"],
  [["begun", "passed", "approved", "prepared", "committed", "better", "recovered"], "confirming"],
])("%j leads to %s", (path, end) => {
  expect(path.reduce(nextState, "proposed" as ChangeState)).toBe(end);
});

// Goal: whatever happens, nothing is confirmed that was not pushed and judged better, and what was pushed never just vanishes.
test("no path confirms without a verdict, or forgets a push", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events), { maxLength: 40 }), (path) => {
      let state: ChangeState = "proposed";
      let pushed = false;
      let judged = false;
      for (const event of path) {
        const next = nextState(state, event);
        expect(changeStates).toContain(next);
        if (next !== state && next === "committing") pushed = true;
        if (state === "verifying" && next === "confirming") judged = event === "better";
        if (next === "confirmed") expect(pushed && judged).toBe(true);
        const forgotten: ChangeState[] = ["aborted", "rejected", "expired", "awaiting-approval", "proposed"];
        if (pushed) expect(forgotten).not.toContain(next);
        state = next;
      }
    }),
    { numRuns: 2_000 },
  );
});

// Goal: over is over; a stuck change can be tried again, or be settled by hand, and nothing else.
test("final states stay", () => {
  const exits = (state: ChangeState) => events.filter((event) => nextState(state, event) !== state);
  for (const state of finalStates) expect(exits(state)).toEqual([]);
  expect(exits("stuck")).toEqual(["retried", "settled"]);
});

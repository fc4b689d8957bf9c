import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Result, unwrap } from "../../src/kernel/failure.ts";
import type { DevicePort } from "../../src/model/device.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { type LabRouter, startLabRouter } from "./lab-router.ts";

const trial = { token: "c7-1", timeoutMs: 30_000 };
const codeOf = (result: Result<unknown>) => (result.ok ? "ok" : result.failure.code);

let router: LabRouter;
let port: DevicePort;
afterEach(() => router.stop());

const onTrial = async () => {
  unwrap(await port.prepare(router.step));
  unwrap(await port.commitOnTrial(router.step, trial));
};

/** Does `work` while the router's answer to `operation` gets lost, and the time to wait for it passes once it is performed. */
async function losing<T>(operation: string, clock: SimulatedClock, work: () => Promise<T>): Promise<T> {
  const performed = router.performed(operation);
  router.server.faults.loseReplyTo = operation;
  const working = work();
  await performed;
  clock.advance(5_000);
  return working;
}

// What is the same whether the router knows a trial by a token (confirmed-commit 1.1) or by its session (1.0).
describe.each(["1.1", "1.0"] as const)("confirmed-commit %s", (version) => {
  let portClock: SimulatedClock;
  beforeEach(async () => {
    router = await startLabRouter("edge-a", version);
    portClock = new SimulatedClock();
    port = router.connect(portClock);
  });

  // Goal: from dry run to confirmed; then neither the timer nor the end of the session takes it back.
  test("confirmed is for good", async () => {
    await onTrial();
    expect(router.prepends()).toBe(3);
    unwrap(await port.confirm(router.step, trial));
    router.clock.advance(60_000);
    unwrap(await port.confirm(router.step, trial)); // idempotent
    await port.close();
    await router.requireUnlocked();
    expect(router.prepends()).toBe(3);
    unwrap(await router.connect().confirm(router.step, trial)); // by whomever
  });

  // Goal: the answer to the commit is lost after it took effect: that is no failure of the router but ignorance; read back and taken back.
  test("commit on trial without an answer", async () => {
    unwrap(await port.prepare(router.step));
    expect(codeOf(await losing("commit", portClock, () => port.commitOnTrial(router.step, trial)))).toBe(
      "DEVICE_TIMEOUT",
    );
    unwrap(await port.undo(router.step, trial));
    expect(router.prepends()).toBe(1);
    router.clock.advance(60_000);
    expect(router.prepends()).toBe(1);
    await router.requireUnlocked();
  });

  // Goal: the answer to the confirmation is lost after it took effect: read back on a new session, it is found confirmed.
  test("confirmation without an answer", async () => {
    await onTrial();
    expect(codeOf(await losing("commit", portClock, () => port.confirm(router.step, trial)))).toBe("ok");
    router.clock.advance(60_000);
    expect(router.prepends()).toBe(3);
    await router.requireUnlocked();
  });

  // Goal: the answer to the commit of an undo is lost after it took effect: read back, there is nothing left to undo.
  test("undo of a confirmed change without an answer", async () => {
    await onTrial();
    unwrap(await port.confirm(router.step, trial));
    await port.close();
    expect(codeOf(await losing("commit", portClock, () => port.undo(router.step, trial)))).toBe("ok");
    expect(router.prepends()).toBe(1);
    await router.requireUnlocked();
  });

  // Goal: on trial and after it, undo leads back; the router's own timer is faster and it is told.
  test.each(["undone on trial", "undone when confirmed", "timed out"])("%s", async (how) => {
    await onTrial();
    if (how === "undone when confirmed") unwrap(await port.confirm(router.step, trial));
    if (how === "timed out") {
      router.clock.advance(30_000);
      expect(codeOf(await port.confirm(router.step, trial))).toBe("TRIAL_EXPIRED");
    }
    unwrap(await port.undo(router.step, trial));
    unwrap(await port.undo(router.step, trial));
    router.clock.advance(60_000);
    expect(router.prepends()).toBe(1);
    await router.requireUnlocked();
  });

  // Goal: a commit that is answered with ok and applies nothing is found out, and leaves nothing behind.
  test("lying commit", async () => {
    unwrap(await port.prepare(router.step));
    router.server.faults.lieOnCommit = true;
    expect(codeOf(await port.commitOnTrial(router.step, trial))).toBe("DEVICE_NOT_APPLIED");
    unwrap(await port.undo(router.step, trial));
    await router.requireUnlocked();
  });

  // Goal: an edit by someone else after the confirmation is not overwritten.
  test("undo after another writer", async () => {
    await onTrial();
    unwrap(await port.confirm(router.step, trial));
    await router.edit(5);
    expect(codeOf(await port.undo(router.step, trial))).toBe("DEVICE_CHANGED");
    expect(router.prepends()).toBe(5);
    await router.requireUnlocked();
  });
});

describe("a trial without a token", () => {
  beforeEach(async () => {
    router = await startLabRouter("edge-a", "1.0");
    port = router.connect();
  });

  // Goal: it ends with its session; the next controller finds that the router went back, and leaves it so.
  test("session lost", async () => {
    await onTrial();
    await port.close();
    const next = router.connect();
    expect(codeOf(await next.confirm(router.step, trial))).toBe("TRIAL_EXPIRED");
    unwrap(await next.undo(router.step, trial));
    expect(router.prepends()).toBe(1);
    await router.requireUnlocked();
  });

  // Goal: what cancels it is the end of its session, by which the router goes back as a whole; no edit of ours is needed.
  test("cancelled", async () => {
    await onTrial();
    let edited = false;
    void router.performed("edit-config").then(() => {
      edited = true;
    });
    unwrap(await port.undo(router.step, trial));
    expect(router.prepends()).toBe(1);
    expect(edited).toBe(false);
  });

  // Goal: while the router has not noticed that the session is dead, nothing is taken for confirmed, and nothing is edited: it
  // goes back by itself. Method: the first session lives on while another controller asks.
  test("session not known to be lost", async () => {
    await onTrial();
    const next = router.connect();
    expect(codeOf(await next.confirm(router.step, trial))).toBe("DEVICE_LOCKED");
    expect(codeOf(await next.undo(router.step, trial))).toBe("DEVICE_LOCKED");
    expect(router.prepends()).toBe(3);
    router.clock.advance(30_000);
    expect(codeOf(await next.confirm(router.step, trial))).toBe("TRIAL_EXPIRED");
    unwrap(await next.undo(router.step, trial));
    expect(router.prepends()).toBe(1);
  });
});

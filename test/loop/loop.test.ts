import { afterEach, expect, test } from "vitest";
import { announcedBy } from "./simulated-network.ts";
import { Simulation } from "./simulation.ts";

let simulation: Simulation;
afterEach(() => simulation.end());

const mbit = 1e6;
const peak = () => simulation.telemetry.offered.set("11.0.0.0/24", 900 * mbit);
const calm = () => simulation.telemetry.offered.set("11.0.0.0/24", 300 * mbit);
const stateOf = (id: string) => simulation.changes.find((change) => change.id === id)?.state;
const prepends = () => announcedBy(simulation.routers).get("11.0.0.0/24 transit-a");
const proposed = async () => {
  await simulation.until(() => simulation.changes.some((change) => change.state === "awaiting-approval"), 120_000);
  const found = simulation.changes.find((change) => change.state === "awaiting-approval");
  if (!found) throw new Error("nothing is proposed");
  return found;
};

// Goal: the main job, end to end: nothing while calm, the heavy prefix moves at the peak, and goes home once it stayed over.
test("moves the heavy prefix, and gives it back after the peak has stayed over", async () => {
  simulation = await Simulation.start(1);
  await simulation.run(60_000);
  expect(simulation.changes).toEqual([]);
  peak();
  const change = await proposed();
  expect(change.decision.changes).toEqual([
    { action: "bgp-prepend", device: "edge-a", link: "transit-a", prefix: "11.0.0.0/24", from: 0, to: 3 },
  ]);
  await simulation.run(60_000);
  expect(prepends(), "nothing moves without approval").toBe(0);
  expect((await simulation.controller.approve(change.id, "ann")).ok).toBe(true);
  await simulation.until(() => stateOf(change.id) === "confirmed", 60_000);
  expect(prepends()).toBe(3);

  await simulation.run(600_000);
  expect(simulation.changes.length, "no give-back during the peak").toBe(1);
  calm();
  const back = await proposed();
  expect(back.decision.intent.kind).toBe("give-back");
  expect(simulation.clock.now() - change.createdMs).toBeGreaterThan(60_000);
  await simulation.controller.approve(back.id, "ann");
  await simulation.until(() => stateOf(back.id) === "confirmed", 60_000);
  expect(prepends()).toBe(0);
  await simulation.run(300_000);
  expect(simulation.changes.length, "and then it is quiet").toBe(2);
  simulation.checkQuiet();
});

// Goal: the same without a person, in auto mode.
test("auto mode confirms by itself", async () => {
  simulation = await Simulation.start(2, { mode: "auto" });
  peak();
  await simulation.until(() => simulation.changes.some((change) => change.state === "confirmed"), 60_000);
  expect(prepends()).toBe(3);
  simulation.checkQuiet();
});

// Goal: observe mode proposes and never touches a router.
test("observe mode changes nothing", async () => {
  simulation = await Simulation.start(3, { mode: "observe" });
  peak();
  await simulation.until(() => simulation.changes.length > 0, 60_000);
  const [change] = simulation.changes;
  expect(change?.state).toBe("proposed");
  expect(await simulation.controller.approve(change?.id ?? "", "ann")).toMatchObject({ ok: false });
  await simulation.until(() => stateOf(change?.id ?? "") === "expired", 1_000_000);
  expect(prepends()).toBe(0);
});

// Goal: a change that does not help is taken back, and the same is not tried again before the hold has passed.
test("rolls back what makes it worse", async () => {
  simulation = await Simulation.start(4);
  peak();
  const change = await proposed();
  for (const router of simulation.routers) {
    const before = router.onCommit;
    router.onCommit = (step, trial) => {
      before(step, trial);
      simulation.telemetry.offered.set("10.0.0.0/24", 1_500 * mbit);
    };
  }
  const texts = simulation.routers.map((router) => router.running);
  await simulation.controller.approve(change.id, "ann");
  await simulation.until(() => stateOf(change.id) === "rolled-back", 60_000);
  expect(simulation.routers.map((router) => router.running)).toEqual(texts);
  expect(simulation.changes.find((one) => one.id === change.id)?.outcome?.code).toBe("VERIFY_WORSE");
  await simulation.run(50_000);
  expect(simulation.changes.length).toBe(1);
});

// Goal: telemetry that stops before the threshold is crossed yields no proposal, and is visible as blind.
test("blind before the peak: no proposal", async () => {
  simulation = await Simulation.start(5);
  await simulation.run(10_000);
  simulation.telemetry.silent = true;
  peak();
  await simulation.run(120_000);
  expect(simulation.changes).toEqual([]);
  const { policies } = await simulation.controller.status();
  expect(policies.map((one) => one.state)).toEqual(["blind", "blind"]);
});

// Goal: telemetry that stops during a trial counts as failure.
test("silence during a trial rolls back", async () => {
  simulation = await Simulation.start(6);
  peak();
  const change = await proposed();
  await simulation.controller.approve(change.id, "ann");
  await simulation.until(() => stateOf(change.id) === "verifying", 10_000);
  simulation.telemetry.silent = true;
  await simulation.until(() => stateOf(change.id) === "rolled-back", 60_000);
  expect(prepends()).toBe(0);
});

// Goal: each refusal an operator can run into says so and changes nothing.
test("approved twice, rejected, expired, unknown", async () => {
  simulation = await Simulation.start(7, { approve: { people: 2, expiresMs: 60_000 } });
  peak();
  const change = await proposed();
  const { controller } = simulation;
  expect(await controller.approve("c99", "ann")).toMatchObject({ ok: false, failure: { code: "NOT_FOUND" } });
  expect(await controller.approve(change.id, "ann")).toMatchObject({ ok: true, value: { state: "awaiting-approval" } });
  expect(await controller.approve(change.id, "ann")).toMatchObject({
    ok: false,
    failure: { code: "APPROVAL_REFUSED", message: expect.stringContaining("ann approved") },
  });
  await simulation.run(70_000);
  expect(stateOf(change.id)).toBe("expired");
  expect(await controller.approve(change.id, "bob")).toMatchObject({
    ok: false,
    failure: { code: "APPROVAL_REFUSED" },
  });
  expect(await controller.reject(change.id, "bob", "late")).toMatchObject({ ok: false });
  expect(await controller.rollback(change.id, "bob", "late")).toMatchObject({ ok: false });
  expect(prepends()).toBe(0);
});

// Goal: two people at the same moment: one approval counts, and the change is made once.
test("two approvals at once", async () => {
  simulation = await Simulation.start(8);
  peak();
  const change = await proposed();
  const answers = await Promise.all([
    simulation.controller.approve(change.id, "ann"),
    simulation.controller.approve(change.id, "bob"),
  ]);
  expect(answers.filter((answer) => answer.ok).length).toBe(1);
  await simulation.until(() => stateOf(change.id) === "confirmed", 60_000);
  simulation.checkQuiet();
});

// Goal: a confirmed change is taken back on request, also while telemetry is silent, and the policy then holds.
test("an operator takes a confirmed change back", async () => {
  simulation = await Simulation.start(9);
  peak();
  const change = await proposed();
  await simulation.controller.approve(change.id, "ann");
  await simulation.until(() => stateOf(change.id) === "confirmed", 60_000);
  simulation.telemetry.silent = true;
  await simulation.run(30_000);
  const undo = await simulation.controller.rollback(change.id, "ann", "second thoughts");
  expect(undo).toMatchObject({ ok: true, value: { origin: { kind: "operator", undoes: change.id } } });
  await simulation.until(
    () => prepends() === 0 && simulation.changes.every((one) => one.state === "confirmed"),
    60_000,
  );
  expect(await simulation.controller.rollback(change.id, "ann", "again")).toMatchObject({ ok: false });
  simulation.telemetry.silent = false;
  await simulation.run(50_000);
  expect(simulation.changes.length, "held after an operator's rollback").toBe(2);
  simulation.checkQuiet();
});

// Goal: freeze stops new changes, kill takes back what is on trial, resume ends both; all survive a restart.
test("freeze, kill and resume", async () => {
  simulation = await Simulation.start(10);
  await simulation.controller.freeze("ann", simulation.clock.now() + 60_000, "holiday");
  peak();
  await simulation.run(50_000);
  expect(simulation.changes).toEqual([]);
  const change = await proposed();
  await simulation.controller.approve(change.id, "ann");
  await simulation.until(() => stateOf(change.id) === "verifying", 10_000);
  await simulation.controller.kill("ann", "smoke");
  await simulation.until(() => stateOf(change.id) === "rolled-back", 30_000);
  expect(prepends()).toBe(0);
  await simulation.crash();
  await simulation.boot();
  await simulation.run(120_000);
  expect(simulation.changes.length).toBe(1);
  expect((await simulation.controller.status()).switches.killed).toMatchObject({ by: "ann" });
  await simulation.controller.resume("ann");
  await proposed();
});

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

const onTrial = async () => {
  peak();
  const change = await proposed();
  await simulation.controller.approve(change.id, "ann");
  await simulation.until(() => stateOf(change.id) === "verifying", 10_000);
  return change;
};
const confirmed = async () => {
  const change = await onTrial();
  await simulation.until(() => stateOf(change.id) === "confirmed", 60_000);
  return change;
};

// Goal: Ctrl-C during a trial takes it back at once instead of waiting for a verdict that cannot come.
test("stopping takes a trial back", async () => {
  simulation = await Simulation.start(11);
  const change = await onTrial();
  await simulation.stop();
  expect(stateOf(change.id)).toBe("rolled-back");
  expect(prepends()).toBe(0);
});

// Goal: a kill is never lost to a freeze or an approval at the same moment.
test("kill beside freeze", async () => {
  simulation = await Simulation.start(12);
  const { controller, clock } = simulation;
  await Promise.all([controller.kill("ann", "smoke"), controller.freeze("bob", clock.now() + 60_000, "holiday")]);
  expect((await controller.status()).switches).toMatchObject({ killed: { by: "ann" }, frozen: { by: "bob" } });
});

// Goal: a rollback or a kill that comes while the change is being confirmed still takes it back.
test.each(["rollback", "kill"])("%s while confirming", async (how) => {
  simulation = await Simulation.start(13);
  const change = await onTrial();
  simulation.weather.lost = 1;
  await simulation.until(() => stateOf(change.id) === "confirming", 30_000);
  if (how === "kill") await simulation.controller.kill("ann", "smoke");
  else expect(await simulation.controller.rollback(change.id, "ann", "smoke")).toMatchObject({ ok: true });
  await simulation.run(2_000);
  simulation.weather.lost = 0;
  await simulation.until(() => stateOf(change.id) === "rolled-back", 30_000);
  expect(prepends()).toBe(0);
});

// Goal: the natural order in an emergency: kill, then take back what was confirmed.
test("rollback after a kill", async () => {
  simulation = await Simulation.start(14);
  const change = await confirmed();
  await simulation.controller.kill("ann", "smoke");
  expect(await simulation.controller.rollback(change.id, "ann", "smoke")).toMatchObject({ ok: true });
  await simulation.until(() => prepends() === 0, 30_000);
  await simulation.run(5_000);
  simulation.checkQuiet();
});

/** Another writer's edit in the section that changes depend on. */
const withTheirs = (text: string) =>
  text.replace(
    "<prefix-sets>\n",
    (sets) => `${sets}      <prefix-set>\n        <name>theirs</name>\n      </prefix-set>\n`,
  );

// Goal: a confirmed change can be taken back after something else in the same section has changed, which stays.
test("rollback beside another writer's change", async () => {
  simulation = await Simulation.start(15);
  const change = await confirmed();
  const [router] = simulation.routers;
  if (!router) throw new Error("the scenario has routers");
  const sets = "<prefix-sets>\n";
  router.running = router.running.replace(
    sets,
    `${sets}      <prefix-set>\n        <name>theirs</name>\n      </prefix-set>\n`,
  );
  expect(router.running).toContain("theirs");
  expect(await simulation.controller.rollback(change.id, "ann", "smoke")).toMatchObject({ ok: true });
  await simulation.until(() => prepends() === 0, 30_000);
  expect(router.running).toContain("theirs");
});

// Goal: a change that could be neither kept nor undone stays in sight and blocks, until a person has had it undone.
test("stuck stays open, and blocks", async () => {
  simulation = await Simulation.start(16, { mode: "auto" });
  peak();
  await simulation.until(() => simulation.changes.some((change) => change.state === "verifying"), 60_000);
  const [change] = simulation.changes;
  const [router] = simulation.routers;
  if (!change || !router) throw new Error("something is on trial");
  router.running = withTheirs(router.running);
  simulation.telemetry.silent = true;
  await simulation.until(() => stateOf(change.id) === "stuck", 600_000);
  simulation.telemetry.silent = false;
  await simulation.run(300_000);
  expect(simulation.changes.length, "nothing is built on it").toBe(1);
  expect((await simulation.controller.status()).open.map(({ id }) => id)).toEqual([change.id]);
});

// Goal: traffic whose give-back was itself taken back is offered again.
test("a give-back taken back is offered again", async () => {
  simulation = await Simulation.start(17);
  const change = await confirmed();
  calm();
  const back = await proposed();
  await simulation.controller.approve(back.id, "ann");
  await simulation.until(() => stateOf(back.id) === "confirmed", 60_000);
  await simulation.controller.rollback(back.id, "ann", "not yet");
  await simulation.until(() => prepends() === 3, 30_000);
  const again = await proposed();
  expect(again.decision.intent).toMatchObject({ kind: "give-back", changeId: change.id });
  expect(await simulation.controller.change(change.id), "it stands again").not.toHaveProperty("value.undoneBy");
  expect(await simulation.controller.rollback(change.id, "ann", "now")).toMatchObject({ ok: true });
  await simulation.until(() => prepends() === 0, 30_000);
});

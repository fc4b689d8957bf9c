import { afterEach, expect, test } from "vitest";
import type { Change } from "../../src/model/change.ts";
import { announcedBy } from "./simulated-network.ts";
import { Simulation } from "./simulation.ts";

// Someone else edits the routers: before a change, during it, and after.

let simulation: Simulation;
afterEach(() => simulation.end());

const peak = () => simulation.telemetry.offered.set("11.0.0.0/24", 900e6);
const find = (id: string) => simulation.changes.find((change) => change.id === id);
const prepends = () => announcedBy(simulation.routers).get("11.0.0.0/24 transit-a");
const routerOf = (device: string) => {
  const router = simulation.routers.find((one) => one.device === device);
  if (!router) throw new Error(`there is no ${device}`);
  return router;
};
const proposed = async (): Promise<Change> => {
  const waiting = () => simulation.changes.find((change) => change.state === "awaiting-approval");
  await simulation.until(() => waiting() !== undefined, 120_000);
  return waiting() as Change;
};
const confirmed = async (): Promise<Change> => {
  peak();
  const { id } = await proposed();
  await simulation.controller.approve(id, "ann");
  await simulation.until(() => find(id)?.state === "confirmed", 60_000);
  return find(id) as Change;
};

/** In the section that changes depend on, and none of their values. */
function editBeside(): void {
  const router = routerOf("edge-a");
  const theirs = "<prefix-sets>\n      <prefix-set>\n        <name>theirs</name>\n      </prefix-set>\n";
  router.running = router.running.replace("<prefix-sets>\n", theirs);
}

/** The very value that the change is about. */
function editPrepends(times: number): void {
  const router = routerOf("edge-a");
  const at = router.running.indexOf("set-as-path-prepend");
  expect(at, "there is a prepend").toBeGreaterThan(0);
  router.running = router.running.replace(/<repeat-n>\d+<\/repeat-n>/, `<repeat-n>${times}</repeat-n>`);
}

// Goal: an edit between the plan and the push makes the plan stale: nothing of it is pushed, and the policy plans anew from what is
// there now, before any hold has passed; what it then makes keeps theirs.
test("edited before the push", async () => {
  simulation = await Simulation.start(31);
  peak();
  const { id, policy } = await proposed();
  editBeside();
  await simulation.controller.approve(id, "ann");
  await simulation.until(() => find(id)?.state === "aborted", 10_000);
  expect(find(id)?.outcome?.code).toBe("DEVICE_CHANGED");
  const atMs = simulation.clock.now();
  const again = await proposed();
  expect(simulation.clock.now() - atMs).toBeLessThan(policy.holdMs / 2);
  expect(again.plan.steps[0]?.basis).toContain("theirs");
  await simulation.controller.approve(again.id, "ann");
  await simulation.until(() => find(again.id)?.state === "confirmed", 60_000);
  expect(routerOf("edge-a").running).toContain("theirs");
});

// Goal: an edit during the trial ends it: nothing is confirmed and nothing of theirs overwritten; a person is called, and told
// what the difference is and how to go on. Once it is seen to, the same change can be ended.
test("edited during the trial", async () => {
  simulation = await Simulation.start(32);
  peak();
  const { id } = await proposed();
  await simulation.controller.approve(id, "ann");
  await simulation.until(() => find(id)?.state === "verifying", 10_000);
  editBeside();
  await simulation.until(() => find(id)?.state === "stuck", 60_000);
  const { running } = routerOf("edge-a");
  expect(running).toContain("theirs");
  expect(find(id)?.verdict?.outcome, "they are found out at the confirmation").toBe("better");
  expect(find(id)?.outcome).toMatchObject({ code: "DEVICE_CHANGED", mend: expect.stringContaining("rollback c1") });
  routerOf("edge-a").running = find(id)?.plan.steps[0]?.basis ?? "";
  expect(await simulation.controller.rollback(id, "ann", "seen to")).toMatchObject({ ok: true });
  await simulation.until(() => find(id)?.state === "rolled-back", 10_000);
});

// Goal: what no rollback can end, a person who has put it right ends by their word, under their name; then work goes on.
test("edited during the trial, and put right by hand", async () => {
  simulation = await Simulation.start(38);
  peak();
  const { id } = await proposed();
  expect(await simulation.controller.settle(id, "ann", "why not")).toMatchObject({
    ok: false,
    failure: { code: "APPROVAL_REFUSED" },
  });
  await simulation.controller.approve(id, "ann");
  await simulation.until(() => find(id)?.state === "verifying", 10_000);
  editBeside();
  await simulation.until(() => find(id)?.state === "stuck", 60_000);
  editPrepends(2);
  await simulation.controller.rollback(id, "ann", "again");
  await simulation.run(30_000);
  expect(find(id)?.state, "neither the one nor the other").toBe("stuck");
  await simulation.crash();
  await simulation.boot();
  expect(told(), "the next controller calls a person too").toEqual([`change ${id}: DEVICE_CHANGED`]);
  expect(await simulation.controller.settle(id, "ann", "two is right")).toMatchObject({ ok: true });
  expect(told().slice(1)).toEqual([`change ${id}: well`]);
  expect(find(id)).toMatchObject({
    state: "rolled-back",
    outcome: { message: expect.stringMatching(/^ann has seen to it: two is right\. It was stuck: ./) },
  });
  const explained = await simulation.controller.explain(id);
  expect(explained.ok && explained.value.history.at(-1)).toMatchObject({ actor: "ann", body: { event: "settled" } });
  expect((await proposed()).id, "nothing is blocked").not.toBe(id);
});

// Goal: what is stuck on other routers does not lock a person out of these.
test.each([
  ["elsewhere", "confirmed"],
  ["edge-a", "aborted"],
])("a rollback while another change is stuck on %s", async (device, end) => {
  simulation = await Simulation.start(39);
  const { id, ...made } = await confirmed();
  const steps = made.plan.steps.map((step) => ({ ...step, device }));
  const other: Change = { ...made, id: "c99", state: "stuck", plan: { steps } };
  const entry = { event: "change.stuck", actor: "pointsman", subject: other.id, body: {} };
  await simulation.journal.append(entry, { change: other });
  await simulation.crash();
  await simulation.boot();
  const asked = await simulation.controller.rollback(id, "ann", "smoke");
  const undo = asked.ok ? asked.value.id : "";
  await simulation.until(() => find(undo)?.state === end, 60_000);
  expect(prepends()).toBe(end === "confirmed" ? 0 : 3);
});

const told = () => simulation.troubles.map(({ where, failure }) => `${where}: ${failure?.code ?? "well"}`);
const journaled = async (subject: string) => {
  const explained = await simulation.controller.explain(subject);
  return explained.ok ? explained.value.history.map(({ event }) => event) : [];
};

// Goal: an edit of what a confirmed change left is found within a minute or so, shown while it lasts, told once when it appears and
// once when it is gone, journaled, and left alone.
test("edited after the confirmation", async () => {
  simulation = await Simulation.start(33);
  const { id } = await confirmed();
  await simulation.run(130_000);
  expect((await simulation.controller.status()).drift).toEqual([]);
  const { running } = routerOf("edge-a");
  editPrepends(2);
  await simulation.run(130_000);
  const edited = routerOf("edge-a").running;
  expect(edited).toContain("<repeat-n>2</repeat-n>");
  const { drift } = await simulation.controller.status();
  expect(drift).toMatchObject([{ device: "edge-a", changeId: id, values: ["prepends of 11.0.0.0/24 on transit-a"] }]);
  expect(drift[0]?.diff).toMatch(/^- +<repeat-n>3<[\s\S]*^\+ +<repeat-n>2</m);
  expect(told()).toEqual(["export policies of edge-a: DEVICE_CHANGED"]);
  routerOf("edge-a").running = running;
  await simulation.run(130_000);
  expect((await simulation.controller.status()).drift).toEqual([]);
  expect(told().slice(1)).toEqual(["export policies of edge-a: well"]);
  expect(await journaled("edge-a")).toEqual(["drift.found", "drift.gone"]);
});

// Goal: a restart neither calls anybody again for drift that was told, nor forgets to say when it is gone.
test("drift over a restart", async () => {
  simulation = await Simulation.start(39);
  await confirmed();
  const { running } = routerOf("edge-a");
  editPrepends(2);
  await simulation.run(70_000);
  const { drift } = await simulation.controller.status();
  expect(drift.length).toBe(1);
  await simulation.crash();
  await simulation.boot();
  expect((await simulation.controller.status()).drift).toEqual(drift);
  await simulation.run(70_000);
  expect((await simulation.controller.status()).drift).toEqual(drift);
  expect(told()).toEqual(["export policies of edge-a: DEVICE_CHANGED"]);
  await simulation.crash();
  routerOf("edge-a").running = running;
  await simulation.boot();
  await simulation.run(70_000);
  expect((await simulation.controller.status()).drift).toEqual([]);
  expect(told().slice(1)).toEqual(["export policies of edge-a: well"]);
  expect(await journaled("edge-a")).toEqual(["drift.found", "drift.gone"]);
  await simulation.crash();
  await simulation.boot();
  expect((await simulation.controller.status()).drift).toEqual([]);
});

// Goal: what pointsman itself has changed since is no drift, nor what stands where all of its changes are undone; trials neither.
test("no drift of our own making", async () => {
  simulation = await Simulation.start(34);
  const { id } = await confirmed();
  await simulation.run(70_000);
  await simulation.controller.rollback(id, "ann", "second thoughts");
  await simulation.until(() => prepends() === 0, 30_000);
  await simulation.run(70_000);
  editBeside();
  await simulation.run(130_000);
  expect(told()).toEqual([]);
});

// Goal: what others do beside our values is theirs: it is no drift, and nobody is called.
test("an edit beside what a change left", async () => {
  simulation = await Simulation.start(38);
  await confirmed();
  editBeside();
  await simulation.run(130_000);
  expect((await simulation.controller.status()).drift).toEqual([]);
  expect(told()).toEqual([]);
});

// Goal: drift ends where a later change of ours has taken the edit into account.
test("drift that a later change was planned from", async () => {
  simulation = await Simulation.start(35);
  const { id } = await confirmed();
  editBeside();
  editPrepends(2);
  await simulation.run(70_000);
  expect((await simulation.controller.status()).drift).toMatchObject([{ changeId: id }]);
  simulation.telemetry.offered.set("11.0.0.0/24", 300e6);
  const back = await proposed();
  await simulation.controller.approve(back.id, "ann");
  await simulation.until(() => find(back.id)?.state === "confirmed", 60_000);
  await simulation.run(70_000);
  expect((await simulation.controller.status()).drift).toEqual([]);
  expect(routerOf("edge-a").running).toContain("theirs");
});

// Goal: a rollback that would overwrite somebody's later edit of the same value is refused, with what it was, what the change made of
// it and what it is now, and touches nothing; put back, it goes through.
test("rollback over a later edit", async () => {
  simulation = await Simulation.start(36);
  const { id } = await confirmed();
  const { running } = routerOf("edge-a");
  editPrepends(2);
  const edited = routerOf("edge-a").running;
  const refused = await simulation.controller.rollback(id, "ann", "smoke");
  if (refused.ok) throw new Error("it is refused");
  expect(refused.failure).toMatchObject({ code: "DEVICE_CHANGED", mend: expect.stringContaining(`rollback ${id}`) });
  const [, change = "", since = ""] = refused.failure.message.split("--- edge-a");
  expect(change).toMatch(/^\+ +<repeat-n>3</m);
  expect(since).toMatch(/^- +<repeat-n>3<[\s\S]*^\+ +<repeat-n>2</m);
  await simulation.run(10_000);
  expect(routerOf("edge-a").running).toBe(edited);
  expect(simulation.changes.length).toBe(1);
  routerOf("edge-a").running = running;
  expect(await simulation.controller.rollback(id, "ann", "smoke")).toMatchObject({ ok: true });
  await simulation.until(() => prepends() === 0, 30_000);
});

// Goal: what someone has put back by hand already is not to be undone; the rollback is only recorded, and ends what the change did.
test("rollback of what is back by hand", async () => {
  simulation = await Simulation.start(37);
  const change = await confirmed();
  routerOf("edge-a").running = change.plan.steps[0]?.basis ?? "";
  const undo = await simulation.controller.rollback(change.id, "ann", "smoke");
  expect(undo).toMatchObject({ ok: true, value: { plan: { steps: [] } } });
  await simulation.until(() => simulation.changes[0]?.state === "confirmed", 30_000);
  expect(await simulation.controller.change(change.id)).toMatchObject({
    value: { undoneBy: simulation.changes[0]?.id },
  });
});

import { afterEach, expect, test } from "vitest";
import { Failure } from "../../src/kernel/failure.ts";
import { Ledger } from "../../src/loop/ledger.ts";
import type { Change } from "../../src/model/change.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { MemoryJournal } from "./memory-journal.ts";
import { announcedBy } from "./simulated-network.ts";
import { Simulation } from "./simulation.ts";

// What people ask for at an awkward moment.

let simulation: Simulation;
afterEach(() => simulation.end());

const offer = (mbit: number) => simulation.telemetry.offered.set("11.0.0.0/24", mbit * 1e6);
const change = (id: string) => simulation.changes.find((one) => one.id === id);
const prepends = () => announcedBy(simulation.routers).get("11.0.0.0/24 transit-a");
const proposed = async () => {
  await simulation.until(() => simulation.changes.some(({ state }) => state === "awaiting-approval"), 120_000);
  return simulation.changes.find(({ state }) => state === "awaiting-approval")?.id ?? "";
};
const approvedTo = async (state: string) => {
  offer(900);
  const id = await proposed();
  await simulation.controller.approve(id, "ann");
  await simulation.until(() => change(id)?.state === state, 60_000);
  return id;
};

// Goal: an approval that only waits for its turn does not deny what is under way, least of all a way back.
test("an approval beside a rollback", async () => {
  simulation = await Simulation.start(21);
  const id = await approvedTo("confirmed");
  offer(300);
  const back = await proposed();
  const undo = await simulation.controller.rollback(id, "ann", "smoke");
  expect(await simulation.controller.approve(back, "bob")).toMatchObject({ ok: true });
  const undoId = undo.ok ? undo.value.id : "";
  await simulation.until(() => change(undoId)?.state === "confirmed" && change(back)?.state === "aborted", 60_000);
  expect(prepends()).toBe(0);
  simulation.checkQuiet();
});

// Goal: "not now" is not "no": a proposal approved in a freeze still waits when the freeze is over.
test("an approval in a freeze", async () => {
  simulation = await Simulation.start(22);
  offer(900);
  const id = await proposed();
  await simulation.controller.freeze("ann", simulation.clock.now() + 10_000, "holiday");
  expect(await simulation.controller.approve(id, "bob")).toMatchObject({
    ok: false,
    failure: { code: "GUARD_DENIED", message: expect.stringContaining("ann froze changes") },
  });
  expect(change(id)).toMatchObject({ state: "awaiting-approval", approvals: [] });
  await simulation.run(11_000);
  expect(await simulation.controller.approve(id, "bob")).toMatchObject({ ok: true });
  await simulation.until(() => change(id)?.state === "confirmed", 60_000);
});

// Goal: nothing reaches a router once the controller stops, whoever asked for it a moment before.
test("an approval beside the stop", async () => {
  simulation = await Simulation.start(23);
  offer(900);
  const id = await proposed();
  await Promise.all([simulation.controller.approve(id, "ann"), simulation.stop()]);
  expect(change(id)).toMatchObject({ state: "aborted", outcome: { code: "STOPPED" } });
  expect(prepends()).toBe(0);
  expect(await simulation.controller.approve(id, "ann")).toMatchObject({ ok: false, failure: { code: "STOPPED" } });
});

// Goal: a rollback that arrives while the routers are being told to keep the change is not lost to their yes.
test("a rollback beside the confirmation", async () => {
  simulation = await Simulation.start(24);
  offer(900);
  const id = await proposed();
  for (const router of simulation.routers) {
    const confirm = router.confirm.bind(router);
    router.confirm = async (step, trial) => {
      await simulation.controller.rollback(id, "bob", "smoke");
      return confirm(step, trial);
    };
  }
  await simulation.controller.approve(id, "ann");
  await simulation.until(() => change(id)?.state === "rolled-back", 60_000);
  expect(prepends()).toBe(0);
  simulation.checkQuiet();
});

// Goal: nor to a confirmation that is being journaled: it is then the rollback of a confirmed change.
test("a rollback beside the confirmation's entry", async () => {
  simulation = await Simulation.start(28);
  offer(900);
  const id = await proposed();
  const { journal, controller } = simulation;
  const append = journal.append.bind(journal);
  let asked: ReturnType<typeof controller.rollback> | undefined;
  journal.append = async (entry, writes) => {
    if (entry.event === "change.confirmed" && entry.subject === id) {
      asked ??= controller.rollback(id, "bob", "smoke");
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    }
    return append(entry, writes);
  };
  await controller.approve(id, "ann");
  await simulation.until(() => asked !== undefined, 60_000);
  await simulation.run(30_000);
  expect(await asked).toMatchObject({ ok: true, value: { origin: { undoes: id } } });
  expect(prepends()).toBe(0);
  simulation.checkQuiet();
});

// Goal: what a person, or a kill, wants stopped is not confirmed by the next controller either. Method: it dies while the routers
// are asked to keep the change: with the wish in the journal, and where a kill was written down and no more.
test.each(["rollback", "kill", "kill cut short"] as const)("a restart amid the confirmation: %s", async (how) => {
  simulation = await Simulation.start(29);
  const { controller, journal } = simulation;
  for (const router of simulation.routers) router.confirm = () => new Promise(() => undefined);
  const append = journal.append.bind(journal);
  if (how === "kill cut short") {
    journal.append = (entry, writes) =>
      entry.event === "change.kill-asked" ? new Promise(() => undefined) : append(entry, writes);
  }
  const id = await approvedTo("confirming");
  if (how === "rollback") await controller.rollback(id, "bob", "smoke");
  else void controller.kill("bob", "smoke");
  await simulation.run(5_000);
  expect(change(id)?.state).toBe("confirming");
  await simulation.crash();
  for (const router of simulation.routers) Reflect.deleteProperty(router, "confirm");
  await simulation.boot();
  await simulation.until(() => change(id)?.state === "rolled-back", 60_000);
  expect(change(id)?.outcome?.message).toBe("stopped by bob: smoke");
  expect(prepends()).toBe(0);
});

// Goal: a wish that is in the journal comes before a yes that is not.
test("a stop between the routers' yes and its entry", async () => {
  const ledger = new Ledger(new MemoryJournal(), new SimulatedClock());
  await ledger.add({ id: "c1", state: "confirming", origin: { kind: "policy" }, decision: {}, times: {} } as Change);
  const stop = ledger.amend("c1", "rollback-asked", "bob", { stop: { by: "bob", reason: "smoke" } });
  const done = ledger.advance("c1", "done");
  expect(await stop).toMatchObject({ state: "confirming" });
  expect(await done).toMatchObject({ state: "rolling-back", outcome: { code: "STOPPED" } });
});

// Goal: a restart does not hide why a change was being taken back.
test("a restart amid a rollback", async () => {
  simulation = await Simulation.start(25);
  const id = await approvedTo("verifying");
  simulation.weather.lost = 1;
  await simulation.controller.rollback(id, "bob", "smoke");
  await simulation.until(() => change(id)?.state === "rolling-back", 10_000);
  await simulation.crash();
  simulation.weather.lost = 0;
  await simulation.boot();
  await simulation.until(() => change(id)?.state === "rolled-back", 60_000);
  expect(change(id)?.outcome?.message).toBe("stopped by bob: smoke");
});

// Goal: a router that breaks while all is calm is told, once, and told again when it is well.
test("trouble in calm", async () => {
  simulation = await Simulation.start(26);
  await simulation.run(30_000);
  simulation.weather.lost = 1;
  await simulation.run(130_000);
  simulation.weather.lost = 0;
  await simulation.run(70_000);
  const told = simulation.troubles.map(({ where, failure }) => `${where} ${failure?.code ?? "well"}`).sort();
  expect(told).toEqual(
    simulation.routers.flatMap(({ device }) => [`router ${device} DEVICE_UNREACHABLE`, `router ${device} well`]).sort(),
  );
});

test("a resume with nothing to end", async () => {
  simulation = await Simulation.start(27);
  expect(await simulation.controller.resume("ann")).toMatchObject({ ok: false, failure: { code: "NOTHING_TO_DO" } });
});

/** As for an operator, who may end what they themselves have stopped. */
const notMine = (other: string) => new Failure("FORBIDDEN", `${other} has stopped it`);
const switches = async () => (await simulation.controller.status()).switches;

// Goal: nobody makes another's stop their own and then ends it: by stopping again, longer, or for a time that is over.
test("what somebody else has stopped", async () => {
  simulation = await Simulation.start(28);
  const { controller, clock } = simulation;
  const forbidden = { ok: false, failure: { code: "FORBIDDEN" } };
  for (const [first, second] of [
    ["root", "ann"],
    ["ann", "root"],
  ] as const) {
    await controller.kill(first, "smoke");
    await controller.kill(second, "more smoke");
    expect(await controller.resume("ann", notMine), `${first}, then ${second}`).toMatchObject(forbidden);
    expect((await switches()).killed).toEqual({ by: first, reason: "smoke", also: [second] });
    expect(await controller.resume("root", () => undefined)).toMatchObject({ ok: true });
  }

  const [soon, later] = [clock.now() + 60_000, clock.now() + 90_000];
  await controller.freeze("root", soon, "holiday");
  expect(await controller.freeze("ann", clock.now(), "over")).toMatchObject({
    ok: false,
    failure: { code: "CONFIG_INVALID", message: expect.stringContaining("is over") },
  });
  expect(await controller.freeze("ann", soon - 1, "shorter")).toMatchObject({
    ok: false,
    failure: { code: "NOTHING_TO_DO", message: expect.stringContaining("root has frozen changes until") },
  });
  expect((await switches()).frozen).toEqual({ by: "root", untilMs: soon, reason: "holiday" });
  expect(await controller.freeze("ann", later, "longer")).toMatchObject({ ok: true });
  expect((await switches()).frozen).toEqual({ by: "root", untilMs: later, reason: "holiday", also: ["ann"] });
  expect(await controller.resume("ann", notMine)).toMatchObject(forbidden);
  await simulation.run(91_000);
  expect(await controller.freeze("ann", later + 60_000, "mine"), "the other is over").toMatchObject({ ok: true });
  expect(await controller.freeze("ann", later + 30_000, "shorter, and mine")).toMatchObject({ ok: true });
  expect(await controller.resume("ann", notMine)).toMatchObject({ ok: true });
});

// Goal: who may end or take back what is judged on what is so when it is done, not on what was so when it was asked.
test("a resume beside another's kill", async () => {
  simulation = await Simulation.start(29);
  const { controller } = simulation;
  await controller.kill("ann", "smoke");
  const [, resumed] = await Promise.all([controller.kill("root", "fire"), controller.resume("ann", notMine)]);
  expect(resumed).toMatchObject({ ok: false, failure: { code: "FORBIDDEN", message: "root has stopped it" } });
  expect((await switches()).killed).not.toBeNull();
});

// Goal: nor does who may only take back a trial take back what is confirmed meanwhile.
test("a rollback of what is confirmed as it is asked for", async () => {
  simulation = await Simulation.start(30);
  const id = await approvedTo("verifying");
  const { journal, controller } = simulation;
  const append = journal.append.bind(journal);
  const mayUndo = () => new Failure("FORBIDDEN", "not you");
  let asked: ReturnType<typeof controller.rollback> | undefined;
  journal.append = async (entry, writes) => {
    if (entry.event === "change.confirmed" && entry.subject === id) {
      asked ??= controller.rollback(id, "ann", "smoke", mayUndo);
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    }
    return append(entry, writes);
  };
  await simulation.until(() => asked !== undefined, 60_000);
  await simulation.run(5_000);
  expect(await asked).toMatchObject({ ok: false, failure: { code: "FORBIDDEN" } });
  expect(prepends()).toBe(3);
  expect(await controller.rollback(id, "bob", "smoke", () => undefined)).toMatchObject({ ok: true });
});

// Goal: what people ask for while a restarted controller has not begun yet: a stop counts at once, on top of what was switched before; all else waits.
test("before the start", async () => {
  simulation = await Simulation.start(31);
  const id = await approvedTo("verifying");
  const untilMs = simulation.clock.now() + 600_000;
  await simulation.controller.freeze("ann", untilMs, "holiday");
  await simulation.crash();
  let asked: Promise<unknown> = Promise.resolve();
  await simulation.boot(async (controller) => {
    expect(await controller.kill("root", "smoke")).toMatchObject({ ok: true });
    asked = controller.rollback(id, "bob", "smoke");
    expect(await Promise.race([asked, Promise.resolve("waits")])).toBe("waits");
    expect(change(id)?.state, "nothing has begun").toBe("verifying");
  });
  expect(await asked, "it is on its way back").toMatchObject({ ok: false, failure: { code: "APPROVAL_REFUSED" } });
  expect(await switches()).toMatchObject({ killed: { by: "root" }, frozen: { by: "ann", untilMs } });
  await simulation.until(() => change(id)?.state === "rolled-back", 60_000);
  expect(prepends()).toBe(0);
});

test("a proposal that is killed before the start", async () => {
  simulation = await Simulation.start(32);
  offer(900);
  const id = await proposed();
  await simulation.crash();
  await simulation.boot(async (controller) => void (await controller.kill("root", "smoke")));
  expect(change(id)?.state).toBe("aborted");
  await simulation.controller.resume("root");
  expect(await proposed(), "the policy has heard of it").not.toBe(id);
});

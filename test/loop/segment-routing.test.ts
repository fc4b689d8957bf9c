import { afterEach, expect, test } from "vitest";
import { Failure, fail } from "../../src/kernel/failure.ts";
import { type BackboneTelemetry, backbone, backboneWorld, steeredBy } from "./simulated-backbone.ts";
import { intervalMs } from "./simulated-network.ts";
import { Simulation } from "./simulation.ts";

const runs = Number(process.env.SIMULATIONS ?? 3);
const firstSeed = Number(process.env.SEED ?? 1);

let simulation: Simulation<BackboneTelemetry>;
afterEach(() => simulation.end());

const newest = () => simulation.changes[0];
const peak = backboneWorld({ afterMs: 10_000, forMs: 120_000 });

// Goal: a link too full leads to a proposal; approved, the flow runs elsewhere; the peak over, it comes back to the IGP.
test("relieved, and given back", async () => {
  simulation = await Simulation.of(peak, 1);
  await simulation.until(() => newest()?.state === "awaiting-approval");
  expect(newest()).toMatchObject({
    decision: { action: "segment-routing", intent: { kind: "relieve", target: "north-east" } },
  });
  const before = steeredBy(simulation.routers);
  expect(Object.values(before).flat(), "a proposal changes nothing").toEqual([]);
  await simulation.controller.approve("c1", "ann");
  await simulation.until(() => newest()?.state === "confirmed");
  const [moved] = newest()?.decision.changes ?? [];
  expect(moved?.action === "segment-routing" && steeredBy(simulation.routers)[moved.flow]).toHaveLength(1);
  expect(
    newest()?.verdict?.findings.filter(({ text }) => text.includes("that new paths bring")).length,
  ).toBeGreaterThan(0);

  await simulation.until(() => newest()?.id === "c2" && newest()?.state === "awaiting-approval");
  expect(newest()?.decision.intent).toMatchObject({ kind: "give-back", changeId: "c1" });
  await simulation.controller.approve("c2", "ann");
  await simulation.until(() => newest()?.state === "confirmed");
  expect(steeredBy(simulation.routers)).toEqual(before);
  simulation.checkQuiet();
});

// Goal: a person takes a confirmed path back; the headend reads as before, to the byte.
test("rolled back", async () => {
  simulation = await Simulation.of(peak, 2, { mode: "auto" });
  const texts = simulation.routers.map(({ running }) => running);
  await simulation.until(() => newest()?.state === "confirmed");
  expect(simulation.routers.map(({ running }) => running)).not.toEqual(texts);
  await simulation.controller.rollback("c1", "ann", "not today");
  await simulation.until(() => newest()?.id === "c2" && newest()?.state === "confirmed");
  expect(simulation.routers.map(({ running }) => running)).toEqual(texts);
});

// Goal: telemetry that stops after the push takes the path back.
test("silence after the push", async () => {
  simulation = await Simulation.of(peak, 3, { mode: "auto" });
  await simulation.until(() => newest()?.state === "verifying");
  simulation.telemetry.silent = true;
  await simulation.until(() => newest()?.state === "rolled-back");
  expect(newest()?.outcome?.code).toBe("VERIFY_SILENT");
  expect(Object.values(steeredBy(simulation.routers)).flat()).toEqual([]);
});

// Goal: a path that somebody configures between decision and push is seen, and stays.
test("another writer", async () => {
  simulation = await Simulation.of(peak, 4);
  await simulation.until(() => newest()?.state === "awaiting-approval");
  const [step] = newest()?.plan.steps ?? [];
  const router = simulation.routers.find(({ device }) => device === step?.device) ?? expect.fail();
  const theirs = (step?.expected ?? "").replace("<srte-preference>100<", "<srte-preference>150<");
  expect(theirs).not.toBe(step?.expected);
  router.running = theirs;
  await simulation.controller.approve("c1", "ann");
  await simulation.until(() => newest()?.state === "aborted");
  expect(router.running).toBe(theirs);
});

// Goal: the router that a change blacked out, or any other, does not stand in the way of taking that change back.
test("rolled back while another headend cannot be reached", async () => {
  simulation = await Simulation.of(peak, 5, { mode: "auto" });
  await simulation.until(() => newest()?.state === "confirmed");
  const touched = newest()?.plan.steps.map(({ device }) => device) ?? [];
  for (const router of simulation.routers) {
    if (touched.includes(router.device)) continue;
    router.read = async () => fail(new Failure("DEVICE_UNREACHABLE", `${router.device} is dark`));
  }
  expect(await simulation.controller.rollback("c1", "ann", "it is dark over there")).toMatchObject({ ok: true });
  await simulation.until(() => newest()?.id === "c2" && newest()?.state === "confirmed");
  expect(Object.values(steeredBy(simulation.routers)).flat()).toEqual([]);
});

// Goal: the flow that was moved, and every link that got or lost traffic by it, say why.
test("explained by flow and by link", async () => {
  simulation = await Simulation.of(peak, 6, { mode: "auto" });
  await simulation.until(() => newest()?.state === "confirmed");
  for (const subject of ["training-1", "west-2-north", "south-1-south-2", "north-east"]) {
    const explained = await simulation.controller.explain(subject);
    expect(explained).toMatchObject({ ok: true, value: { subject, outcome: "c1 confirmed" } });
  }
  expect(await simulation.controller.explain("batch-1")).toMatchObject({
    ok: true,
    value: { outcome: "no decision since the start" },
  });
});

// Goal: training that shares links with inference is led apart, whatever the load: seen on what the headends read, before and after.
test("classes isolated", async () => {
  simulation = await Simulation.of(backboneWorld({ afterMs: 900_000, forMs: 1_000 }), 7, {
    mode: "auto",
    scope: { flows: { class: "training" } },
    trigger: { signal: "path.shared", above: 0.05, clear: 0.01, for: { count: 3, of: 5 }, everyMs: intervalMs },
    verify: {
      observeMs: 5_000,
      require: [{ text: "path.shared below 5%", signal: "path.shared", comparator: "below", threshold: 0.05 }],
      forbid: [],
    },
  });
  await simulation.until(() => newest()?.state === "confirmed");
  expect(newest()?.decision.intent).toMatchObject({ kind: "relieve", target: "training-1", signal: "path.shared" });
  expect(newest()?.decision.intent.evidence.map(({ value }) => value)).toEqual([0.5, 0.5, 0.5]);
  expect(newest()?.verdict?.findings.map(({ text }) => text)).toContain(
    "training-1: path.shared is lower: 50% before, 0% now",
  );
  expect(steeredBy(simulation.routers)["training-1"]).toEqual(["100: south-1 > east"]);
});

// Goal: a path that a rollback puts up again is looked at like any other: it may lead nowhere by now.
test("a give-back rolled back while telemetry is silent", async () => {
  simulation = await Simulation.of(peak, 8, { mode: "auto" });
  await simulation.until(() => newest()?.id === "c2" && newest()?.state === "confirmed");
  simulation.telemetry.silent = true;
  await simulation.controller.rollback("c2", "ann", "after all");
  await simulation.until(() => newest()?.id === "c3" && newest()?.state === "rolled-back");
  expect(newest()?.outcome?.code).toBe("VERIFY_SILENT");
  expect(Object.values(steeredBy(simulation.routers)).flat()).toEqual([]);
});

// Goal: whatever routers, telemetry, people and crashes do, every headend ends as the confirmed changes say, and all is journaled
// before it is pushed; SEED=n SIMULATIONS=1 replays one.
test.each(Array.from({ length: runs }, (_, index) => firstSeed + index))("seed %i", async (seed) => {
  simulation = await Simulation.of(backboneWorld({ afterMs: 20_000, forMs: 150_000 }), seed, {
    mode: seed % 2 === 0 ? "auto" : "propose",
  });
  const { random, weather, telemetry } = simulation;
  const chance = (share: number) => random() < share;
  for (let step = 0; step < 250; step++) {
    if (chance(0.03)) telemetry.silent = !telemetry.silent;
    if (chance(0.05)) Object.assign(weather, chance(0.5) ? { lost: 0, answerLost: 0 } : { lost: 0.2, answerLost: 0.2 });
    if (simulation.dead && chance(0.3)) await simulation.boot();
    else if (!simulation.dead && chance(0.02)) await simulation.crash();
    await simulation.run(intervalMs);
    if (simulation.dead) continue;
    for (const { id, state } of simulation.changes) {
      const { controller } = simulation;
      if (state === "awaiting-approval" && chance(0.3)) await controller.approve(id, "ann");
      if (state === "verifying" && chance(0.05)) await controller.rollback(id, "bob", "back");
      if (state === "confirmed" && chance(0.01)) await controller.rollback(id, "bob", "after all");
      if (state === "stuck" && chance(0.2)) await controller.rollback(id, "ann", "again");
    }
  }
  Object.assign(weather, { lost: 0, answerLost: 0 });
  telemetry.silent = false;
  if (simulation.dead) await simulation.boot();
  await simulation.run(400_000);
  for (const { id, state } of simulation.changes) {
    if (state === "stuck") await simulation.controller.rollback(id, "ann", "mended");
    if (state === "awaiting-approval") await simulation.controller.reject(id, "ann", "the end");
  }
  await simulation.run(60_000);
  simulation.checkQuiet();
  const paths = Object.values(steeredBy(simulation.routers));
  expect(paths.every((candidates) => candidates.length <= 2)).toBe(true);
  expect(paths).toHaveLength(backbone.flows.length);
});

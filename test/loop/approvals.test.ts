import { afterEach, expect, test } from "vitest";
import { type BackboneTelemetry, backboneWorld, steeredBy } from "./simulated-backbone.ts";
import { Simulation, type World } from "./simulation.ts";

let simulation: Simulation<BackboneTelemetry>;
afterEach(() => simulation.end());

const peak = backboneWorld({ afterMs: 10_000, forMs: 120_000 });
const newest = () => simulation.changes[0];
const waits = () => simulation.until(() => newest()?.state === "awaiting-approval");

// Goal: an unattended policy deletes nothing alone, though it steers alone: two people are waited for, with the reason, over a restart,
// and one twice is not two.
test("a deletion in auto mode waits for two people", async () => {
  simulation = await Simulation.of(peak, 1, { mode: "auto", approve: { people: 1, expiresMs: 900_000 } });
  await simulation.until(() => newest()?.state === "confirmed");
  expect(newest()).toMatchObject({ id: "c1", approvals: [], needs: { people: 1, reasons: [] } });
  await waits();
  const change = newest();
  expect(change?.decision.intent).toMatchObject({ kind: "give-back", changeId: "c1" });
  expect(change?.needs).toEqual({ people: 2, reasons: [expect.stringMatching(/^it deletes the SR policy of \S+$/)] });
  const before = steeredBy(simulation.routers);
  const approve = (by: string) => simulation.controller.approve("c2", by);
  expect(await approve("ann")).toMatchObject({ ok: true, value: { state: "awaiting-approval" } });
  expect(await approve("ann")).toMatchObject({ ok: false, failure: { code: "APPROVAL_REFUSED" } });
  expect(await approve(" ＡNN"), "the same person").toMatchObject({ failure: { code: "APPROVAL_REFUSED" } });
  await simulation.run(5_000);
  await simulation.crash();
  await simulation.boot();
  expect(newest()).toMatchObject({ state: "awaiting-approval", needs: { people: 2 }, approvals: [{ by: "ann" }] });
  // Whoever holds the state folder may be ann.
  expect(await approve("local-admin")).toMatchObject({ ok: false, failure: { code: "FORBIDDEN" } });
  expect(await approve("ann"), "after a restart").toMatchObject({ ok: false, failure: { code: "APPROVAL_REFUSED" } });
  expect(steeredBy(simulation.routers)).toEqual(before);
  expect(await approve("bob")).toMatchObject({ ok: true, value: { state: "preparing" } });
  await simulation.until(() => newest()?.state === "confirmed");
  expect(Object.values(steeredBy(simulation.routers)).flat()).toEqual([]);
  expect(newest()?.approvals.map(({ by }) => by)).toEqual(["ann", "bob"]);
  simulation.checkQuiet();
});

// Goal: who wrote the policy may reject its change, take it back, but not let it through, where the policy says so; others may.
test("the author does not approve", async () => {
  const world: World<BackboneTelemetry> = { ...peak, policy: { ...peak.policy, author: "ann" } };
  simulation = await Simulation.of(world, 3, { approve: { people: 1, expiresMs: 900_000, notAuthor: true } });
  await waits();
  expect(await simulation.controller.approve("c1", "ann")).toMatchObject({
    ok: false,
    failure: { code: "FORBIDDEN", message: expect.stringContaining("ann wrote the policy") },
  });
  expect(await simulation.controller.approve("c1", "Ann")).toMatchObject({ ok: false, failure: { code: "FORBIDDEN" } });
  expect(await simulation.controller.approve("c1", "local-admin")).toMatchObject({
    ok: false,
    failure: { code: "FORBIDDEN", message: expect.stringContaining("not by the author") },
  });
  expect(newest()).toMatchObject({ state: "awaiting-approval", approvals: [] });
  expect(await simulation.controller.approve("c1", "bob")).toMatchObject({ ok: true, value: { state: "preparing" } });
});

test("whoever holds the state folder approves what one person may", async () => {
  simulation = await Simulation.of(peak, 4, { approve: { people: 1, expiresMs: 900_000 } });
  await waits();
  expect(await simulation.controller.approve("c1", "local-admin")).toMatchObject({
    ok: true,
    value: { state: "preparing" },
  });
});

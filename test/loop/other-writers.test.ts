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

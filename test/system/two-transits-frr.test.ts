import { afterAll, beforeAll, expect, test } from "vitest";
import { unwrap } from "../../src/kernel/failure.ts";
import { eventually } from "./real-lab/eventually.ts";
import { type RealLab, startRealLab } from "./real-lab/real-lab.ts";
import { type LabController, startOnLab } from "./real-lab/running-controller.ts";

let lab: RealLab;
let running: LabController;

beforeAll(async () => {
  lab = await startRealLab();
  running = await startOnLab(lab.folder);
});
afterAll(async () => {
  await running?.stop();
  await lab?.stop();
});

const runningConfig = async () =>
  (await Promise.all(Object.values(lab.edges).map((edge) => edge.run(["vtysh", "-c", "show running-config"])))).join(
    "\n",
  );

// Goal: on real FRR routers, with real sshd, Prometheus and TCP: a measured overload leads to a proposal, approval moves the
// real inbound traffic from A to B, and rollback brings it back with the configuration byte for byte as it was.
test("inbound TCP moves from A to B after approval, and back on rollback", async () => {
  const before = await runningConfig();
  const stops = [await lab.traffic("12.0.0.0/24", 50)];
  stops.push(await lab.traffic("11.0.0.0/24", 9), await lab.traffic("10.0.0.0/24", 1));
  try {
    const proposal = await running.proposal();
    expect(proposal.decision.changes).toEqual([
      { action: "bgp-prepend", device: "edge-a", link: "transit-a", prefix: "11.0.0.0/24", from: 0, to: 3 },
    ]);
    expect(proposal.diffs["edge-a"]).toContain("+ set as-path prepend 65000 65000 65000");
    expect(await runningConfig(), "a dry run changes nothing").toBe(before);
    const fullMbit = await lab.inboundMbit("transit-a");
    console.log(JSON.stringify({ measured: "before approval", transitAMbit: fullMbit }));
    expect(fullMbit, "A is full").toBeGreaterThan(8);

    unwrap(await running.controller.approve(proposal.id, "ann"));
    await running.inState(proposal.id, "confirmed");
    const [onA, onB] = await Promise.all([lab.inboundMbit("transit-a", 2_000), lab.inboundMbit("transit-b", 2_000)]);
    console.log(JSON.stringify({ measured: "after approval", transitAMbit: onA, transitBMbit: onB }));
    expect(onA, "only the light prefix is left on A").toBeLessThan(3);
    expect(onB, "the heavy one enters by B, beside 12.0.0.0/24").toBeGreaterThan(56);
    expect((await lab.asPaths("11.0.0.0/24"))[0]).toContain("200");

    const undo = unwrap(await running.controller.rollback(proposal.id, "ann", "test"));
    await running.inState(undo.id, "confirmed");
    await eventually("the heavy prefix is back on A", 30_000, async () => {
      const [a, b] = await Promise.all([lab.inboundMbit("transit-a"), lab.inboundMbit("transit-b")]);
      if (a <= 7 || b >= 54) return false;
      console.log(JSON.stringify({ measured: "after rollback", transitAMbit: a, transitBMbit: b }));
      return true;
    });
    expect(await runningConfig()).toBe(before);
  } finally {
    await Promise.all(stops.map((stop) => stop()));
  }
});

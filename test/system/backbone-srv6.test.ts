import { afterAll, beforeAll, expect, test } from "vitest";
import { unwrap } from "../../src/kernel/failure.ts";
import { eventually } from "./real-lab/eventually.ts";
import { type LabController, startOnLab } from "./real-lab/running-controller.ts";
import { type Srv6Lab, startSrv6Lab } from "./real-lab/srv6-lab.ts";

let lab: Srv6Lab;
let running: LabController;

beforeAll(async () => {
  lab = await startSrv6Lab();
  running = await startOnLab(lab.folder);
});
afterAll(async () => {
  await running?.stop();
  await lab?.stop();
});

/** More than that of some 2,000 segments a second would be a storm. */
const fewRetransmissions = 20;
const ourRoutes = () => lab.routers.r1.run(["ip", "-6", "route", "show", "table", "main", "proto", "200"]);

async function carried(overMs: number): Promise<{ short: number; long: number }> {
  const [short, long] = await Promise.all([lab.outboundMbit("r1-r2", overMs), lab.outboundMbit("r1-r4", overMs)]);
  return { short, long };
}

// Goal: on six real Linux routers with SRv6, OSPFv3, sshd and Prometheus: a measured overload leads to a proposal; approval moves a
// live TCP stream to the disjoint path, rollback brings it back, and it hardly notices. The kernel's counters say so.
test("a live TCP flow moves to the other path after approval, and back on rollback", async () => {
  const stream = await lab.traffic(20, "training-1");
  try {
    const proposal = await running.proposal();
    expect(proposal.decision.changes).toEqual([
      {
        action: "segment-routing",
        device: "r1",
        color: expect.any(Number),
        endpoint: "r6",
        flow: "training-1",
        from: [],
        to: [{ preference: 100, segments: expect.arrayContaining(["r6"]) }],
      },
    ]);
    expect(proposal.decision.predicted.flows[0]).toMatchObject({
      before: { links: ["r1-r2", "r2-r3", "r3-r6"] },
      after: { links: ["r1-r4", "r4-r5", "r5-r6"] },
    });
    expect(proposal.diffs.r1).toContain("+2001:db8:6:1::/64 metric 19 segs");
    expect(await ourRoutes(), "a dry run changes nothing").toBe("");
    const [before, sentAgain] = [await carried(1_000), await stream.retransmissions()];
    console.log(JSON.stringify({ measured: "before approval", ...before }));
    expect(before.short, "the short path is over its trigger").toBeGreaterThan(18);
    expect(before.long).toBeLessThan(1);

    unwrap(await running.controller.approve(proposal.id, "ann"));
    await running.inState(proposal.id, "confirmed");
    const after = await carried(2_000);
    const moved = (await stream.retransmissions()) - sentAgain;
    console.log(JSON.stringify({ measured: "after approval", ...after, retransmissions: moved }));
    expect(after.short).toBeLessThan(1);
    expect(after.long).toBeGreaterThan(18);
    expect(moved).toBeLessThan(fewRetransmissions);

    const undo = unwrap(await running.controller.rollback(proposal.id, "ann", "test"));
    await running.inState(undo.id, "confirmed");
    await eventually("the flow is back on the short path", 30_000, async () => {
      const back = await carried(1_000);
      if (back.short < 18 || back.long > 1) return false;
      const returned = (await stream.retransmissions()) - sentAgain - moved;
      console.log(JSON.stringify({ measured: "after rollback", ...back, retransmissions: returned }));
      expect(returned).toBeLessThan(fewRetransmissions);
      return true;
    });
    expect(await ourRoutes()).toBe("");
  } finally {
    await stream.stop();
  }
});

import { afterEach, beforeEach, expect, test } from "vitest";
import { assert } from "../../src/kernel/assert.ts";
import { unwrap } from "../../src/kernel/failure.ts";
import type { Change } from "../../src/model/change.ts";
import type { Running } from "./real-lab/namespace.ts";
import { type QosLab, startQosLab } from "./real-lab/qos-lab.ts";
import { link } from "./real-lab/qos-topology.ts";
import { type LabController, startOnLab } from "./real-lab/running-controller.ts";

// Goal: the whole way, from what users feel to queues on a real router and back: Prometheus measures the histogram of marked probes, a flood
// makes them late, the network is found to blame, a person approves, probes are on time again, and a rollback leaves nothing behind.
// Method: a real controller over real SSH on a router with 10 Mbit/s; what is seen of it comes from Prometheus, `tc` and `nft`, not from the controller.

let lab: QosLab;
let running: LabController;
const started: Running[] = [];

beforeEach(async () => {
  lab = await startQosLab();
  started.push(lab);
  running = await startOnLab(lab.folder);
  started.push(running);
});
afterEach(async () => {
  for (const one of started.splice(0).reverse()) await one.stop();
});

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** What a signal was like has to be known before it can be said that it is worse: eight samples and some more, one a second. */
const calmMs = 15_000;
/** What is measured covers this span. */
const overS = 5;

/** All that the change could touch, without the numbers that count packets. */
const router = async () => {
  const on = `dev ${link.interface}`;
  const asked = ["tc qdisc show", `tc class show ${on}`, `tc filter show ${on}`, "nft -s list ruleset"];
  return Promise.all(asked.map((command) => lab.router.run(command.split(" "))));
};

/** The last seconds by Prometheus: 99th percentile of the probes' way in ms, share of them lost, and what batch got through in bit/s. */
async function measured(): Promise<{ p99Ms: number; loss: number; batch: number }> {
  const [p99, loss, carried] = await Promise.all([
    lab.byClass(`histogram_quantile(0.99, sum by (le) (rate(probe_latency_seconds_bucket[${overS}s])))`),
    lab.byClass(`1 - rate(probe_latency_seconds_count[${overS}s]) / rate(probe_sent_total[${overS}s])`),
    lab.byClass(`rate(queue_carried_bytes_total[${overS}s]) * 8`),
  ]);
  const of = (answer: Readonly<Record<string, number>>, name: string) => answer[name] ?? Number.NaN;
  return { p99Ms: of(p99, "") * 1_000, loss: of(loss, ""), batch: of(carried, "batch") };
}

/** How much batch is asked to offer less. */
const shed = async () => (await running.controller.shed()).find((level) => level.class === "batch")?.level;

/** What the model says of the probes' class on the line. */
function predicted({ decision }: Change) {
  const queue = decision.predicted.queues?.find((one) => one.class === "interactive" && one.link === link.name);
  assert(queue, "the change is for the probes' class");
  return { offered: queue.offered, beforeMs: queue.before.delayP99Ms, afterMs: queue.after.delayP99Ms };
}

test.each([
  ["a flood of 15 Mbit/s", () => lab.flood(15), { tooMuch: true }],
  // They offer what they get, and a little more: whether that is too much for the line depends on the moment.
  ["four TCP streams", () => lab.background(4), { tooMuch: false }],
])(
  "%s makes probes late; after approval they are on time, and a rollback leaves nothing behind",
  async (name, start, { tooMuch }) => {
    const plain = await router();
    await pass(calmMs);
    started.push(await start());
    const proposal = await running.proposal();
    expect(proposal.decision).toMatchObject({
      action: "qos",
      attribution: { verdict: "network", symptom: "probe" },
      changes: [{ device: "r1", link: link.name, from: [] }],
    });
    expect(await router(), "a dry run changes nothing").toEqual(plain);
    if (tooMuch) expect(await shed(), "batch hears of what is proposed").toBe(1);
    await pass(overS * 1_000);
    const before = await measured();

    unwrap(await running.controller.approve(proposal.id, "ann"));
    const confirmed = await running.inState(proposal.id, "confirmed");
    expect(confirmed.verdict).toMatchObject({ outcome: "better" });
    assert(confirmed.times.committedMs !== undefined, "what is confirmed was committed");
    expect(Date.now() - confirmed.times.committedMs).toBeGreaterThan((overS + 1) * 1_000);
    const [after, probed, queued] = [await measured(), await lab.probed(4_000), await router()];
    console.log(JSON.stringify({ measured: name, predicted: predicted(proposal), before, after, probed }));
    console.log(proposal.decision.reason);

    expect(queued[0]).toContain("htb");
    expect(queued[1]).toContain("class htb");
    expect(before.p99Ms).toBeGreaterThan(40);
    expect(after.p99Ms).toBeLessThan(5);
    expect([after.loss, probed.loss]).toEqual([0, 0]);
    expect(after.batch, "the rest of the line is batch's").toBeGreaterThan(7e6);
    if (tooMuch) expect(await shed(), "batch hears that it is held back").toBe(2);

    const undo = unwrap(await running.controller.rollback(proposal.id, "ann", "test"));
    await running.inState(undo.id, "confirmed");
    expect(await shed()).toBe(0);
    expect(await router()).toEqual(plain);
  },
);

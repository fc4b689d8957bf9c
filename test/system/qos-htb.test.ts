import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { editHtb, htbQuery } from "../../src/change/linux-htb.ts";
import { linuxHtbDevice } from "../../src/device/linux-htb/linux-htb-device.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { unwrap } from "../../src/kernel/failure.ts";
import type { DevicePort, DeviceStep, Trial } from "../../src/model/device.ts";
import { templates } from "../change/fixtures.ts";
import { eventually } from "./real-lab/eventually.ts";
import type { Running } from "./real-lab/namespace.ts";
import { type QosLab, startQosLab } from "./real-lab/qos-lab.ts";
import { qosDevice, qosNetwork, shareOf } from "./real-lab/qos-network.ts";

// Goal: what queues do for marked traffic on a real, full line, and what the change itself does to it. Method: 100 probes a second of 1250
// octets and DSCP 46 over a line of 10 Mbit/s, measured one way, beside a flood or TCP streams, before and after a step made by hand.

const shares = [shareOf("interactive", 3e6), shareOf("batch", 7e6)];

let lab: QosLab;
let device: DevicePort;
let plain: string;
let load: Running | undefined;

const queues = () => lab.router.run(["sh", "-c", "tc qdisc show dev eth2; tc class show dev eth2; nft list tables"]);

/** Offered and carried bit/s by class, and the bytes that stand in its queue, as Prometheus has them. */
async function rates() {
  const perSecond = (what: string) => lab.byClass(`rate(queue_${what}_bytes_total[3s]) * 8`);
  const [offered, carried] = [await perSecond("offered"), await perSecond("carried")];
  return { offered, carried, depth: await lab.byClass("queue_depth_bytes") };
}

async function planned(): Promise<DeviceStep> {
  const [network, router] = [qosNetwork(lab), qosDevice(lab)];
  const query = htbQuery(templates, network, router);
  const basis = unwrap(await device.read(query));
  const change = { action: "qos", device: "r1", link: "r1-h2", from: [], to: shares } as const;
  const edited = editHtb(templates, network, router, basis, [change]);
  return { device: "r1", platform: "linux-htb", query, basis, ...edited };
}

/** Puts the queues there and keeps them; `commitMs` is how long the trial took to be in place. */
async function applied(step: DeviceStep, trial: Trial): Promise<number> {
  unwrap(await device.prepare(step));
  const since = performance.now();
  unwrap(await device.commitOnTrial(step, trial));
  const commitMs = performance.now() - since;
  unwrap(await device.confirm(step, trial));
  return commitMs;
}

/** For as long as `rate` windows last, everything is as it will be. */
const settled = (ms = 3_500) => new Promise((resolve) => setTimeout(resolve, ms));

beforeAll(async () => {
  const since = performance.now();
  lab = await startQosLab();
  console.log(JSON.stringify({ measured: "start of the lab", ms: Math.round(performance.now() - since) }));
  device = linuxHtbDevice({
    device: qosDevice(lab),
    resolveSecret: async (ref) => ("file" in ref ? (await readFile(ref.file, "utf8")).trimEnd() : ""),
    clock: systemClock,
  });
  plain = await queues();
});
afterAll(async () => {
  await device?.close();
  await lab?.stop();
});
afterEach(async () => {
  await load?.stop();
  load = undefined;
  await eventually(
    "the queue is empty",
    10_000,
    async () => ((await lab.byClass("queue_depth_bytes")).batch ?? 1) < 2_000,
  );
});

test.each([
  ["a flood of 15 Mbit/s", () => lab.flood(15), { lossInPlain: true }],
  ["four TCP streams", () => lab.background(4), { lossInPlain: false }],
])(
  "beside %s, marked traffic waits tens of ms in the plain queue, and under 5 ms without loss in its own",
  async (name, start, { lossInPlain }) => {
    load = await start();
    await settled();
    const before = { ...(await lab.probed(4_000)), ...(await rates()) };
    const [step, trial] = [await planned(), { token: randomUUID(), timeoutMs: 60_000 }];
    const commitMs = await applied(step, trial);
    await settled();
    const after = { ...(await lab.probed(4_000)), ...(await rates()) };
    console.log(JSON.stringify({ measured: name, shares, commitMs: Math.round(commitMs), before, after }));

    expect(before.p99Ms).toBeGreaterThan(40);
    if (lossInPlain) expect(before.loss).toBeGreaterThan(0.1);
    expect(after.p99Ms).toBeLessThanOrEqual(5);
    expect(after.loss).toBeLessThan(0.005);
    expect(after.carried.batch, "the rest of the line is batch's").toBeGreaterThan(8e6);

    unwrap(await device.undo(step, trial));
    expect(await queues()).toBe(plain);
  },
);

test("the switch itself, there and back, loses nothing of a line that is not full", async () => {
  load = await lab.flood(6);
  await settled();
  const quiet = await lab.probed(3_000);
  const [step, trial] = [await planned(), { token: randomUUID(), timeoutMs: 60_000 }];
  const watching = lab.probed(8_000);
  await applied(step, trial);
  unwrap(await device.undo(step, trial));
  const across = await watching;
  console.log(JSON.stringify({ measured: "the switch, there and back", quiet, across }));
  expect(await queues()).toBe(plain);
  // A packet or two may stand in the queue that is taken away.
  expect(across.loss * across.sent).toBeLessThanOrEqual(2);
  expect(across.p99Ms).toBeLessThanOrEqual(10);
});

test("the lab's configuration asks Prometheus for what it has, by link and class", async () => {
  const yaml = await readFile(`${lab.folder}/pointsman.yaml`, "utf8");
  const queries = [...yaml.matchAll(/(queue\w+): \{ query: "([^"]+)"/g)].map(
    ([, name = "", query = ""]) => [name, query] as const,
  );
  expect(queries.map(([name]) => name)).toEqual(["queueRate", "queueDrops", "queueDepth"]);
  load = await lab.flood(15);
  await settled();
  const answers: Record<string, Readonly<Record<string, number>>> = Object.fromEntries(
    await Promise.all(queries.map(async ([name, query]) => [name, await lab.byClass(query ?? "")] as const)),
  );
  console.log(JSON.stringify({ measured: "the configuration's queries", answers }));
  for (const values of Object.values(answers)) expect(Object.keys(values).sort()).toEqual(["batch", "interactive"]);
  expect(answers.queueDrops?.batch).toBeGreaterThan(4e6);
  expect(answers.queueRate?.batch).toBeGreaterThan(8e6);
  const p99 = "histogram_quantile(0.99, sum by (le) (rate(probe_latency_seconds_bucket[3s])))";
  expect((await lab.byClass(p99))[""]).toBeGreaterThan(0.04);
});

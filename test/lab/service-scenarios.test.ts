import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { backboneTraffic } from "../../src/lab/backbone-network.ts";
import type { BackboneScenario } from "../../src/lab/backbone-scenario.ts";
import type { BackboneTraffic } from "../../src/lab/backbone-traffic.ts";
import type { ClassMeasurement } from "../../src/lab/network.ts";
import type { ConfiguredQueue } from "../../src/lab/qos-config.ts";
import { computeBound } from "../../src/lab/scenarios/compute-bound.ts";
import { gpuThrottling } from "../../src/lab/scenarios/gpu-throttling.ts";
import { inferenceLatency } from "../../src/lab/scenarios/inference-latency.ts";
import type { ScenarioName } from "../../src/lab/scenarios/names.ts";
import { slowBurn } from "../../src/lab/scenarios/slow-burn.ts";
import { spikeAdmission } from "../../src/lab/scenarios/spike-admission.ts";
import { LabUnderTest } from "./lab-fixture.ts";

const gbit = 1e9;
const capacity = 100 * gbit;
const shared = "spine-pod";
const calmMs = 7_900;
const all = { inferenceLatency, gpuThrottling, computeBound, spikeAdmission, slowBurn };

/** A scenario's traffic by itself, from time 0; queues take effect at once. */
class Run {
  readonly traffic: BackboneTraffic;
  readonly #scenario: BackboneScenario;

  constructor(scenario: BackboneScenario, seed = 1) {
    this.#scenario = scenario;
    const timing = { peakForMs: 600_000, reactionMs: 0, peakAfterMs: 0, rampMs: 0, ...scenario.timing };
    this.traffic = backboneTraffic(scenario, { seed, startMs: 0, timing });
  }

  at(ms: number): Readonly<Record<string, ClassMeasurement>> {
    this.traffic.advance(ms);
    return Object.fromEntries(this.traffic.services());
  }

  /** Queues of the shared link, by class: what it is sure of and may have, in Gbit/s. Buffers are 10 ms at the sure rate. */
  queues(ms: number, shares: Readonly<Record<string, { sure: number; most?: number }>>): void {
    const queues = (this.#scenario.services ?? []).map(({ name, spec }): ConfiguredQueue => {
      const { sure, most = capacity / gbit } = shares[name] ?? { sure: 10 };
      return {
        ...{ queue: spec.queue, dscps: [spec.dscp], sequence: spec.priority, cir: sure * gbit, pir: most * gbit },
        ...{ ecnMinBytes: (sure * gbit) / 8 / 1000, maxBytes: (sure * gbit) / 8 / 100 },
      };
    });
    this.traffic.set("spine", { rules: [], queues: new Map([[shared, queues]]) }, ms);
  }
}

const of = (classes: Readonly<Record<string, ClassMeasurement>>, name: string): ClassMeasurement => {
  const found = classes[name];
  if (!found) throw new Error(`no class ${name}`);
  return found;
};

// Goal: in every scenario all objectives hold with room to spare before anything happens, so that what is usual can be known.
test.each(Object.entries(all))("%s: all is well in the calm", (_, scenario) => {
  const run = new Run(scenario);
  for (let ms = 500; ms <= calmMs; ms += 500) {
    const classes = run.at(ms);
    for (const { latencyP99Ms, loss, firstTokenP95Ms, gpuUtilisation, requestsWaiting } of Object.values(classes)) {
      expect(latencyP99Ms).toBeLessThan(3.1);
      expect(loss).toBe(0);
      expect(firstTokenP95Ms ?? 0).toBeLessThan(140);
      expect(gpuUtilisation ?? 1).toBeGreaterThan(0.95);
      expect(requestsWaiting ?? 0).toBe(0);
    }
  }
});

test("inference-latency: the flood costs interactive 50 ms; by queues it is under 10 ms, and batch still flows", () => {
  const run = new Run(inferenceLatency);
  const before = of(run.at(12_000), "interactive");
  expect(before.latencyP99Ms).toBeGreaterThan(50);
  expect(before.firstTokenP95Ms).toBeGreaterThan(250);
  run.queues(12_000, { interactive: { sure: 24 }, standard: { sure: 18 }, batch: { sure: 10 } });
  const after = run.at(14_000);
  expect(of(after, "interactive").latencyP99Ms).toBeLessThan(4);
  expect(of(after, "interactive").firstTokenP95Ms).toBeLessThan(140);
  expect(of(after, "interactive").loss).toBe(0);
  expect(of(after, "standard").loss).toBe(0);
  expect(of(after, "batch").carried).toBeGreaterThan(60 * gbit);
});

test("gpu-throttling: the condition holds and the objective too; by queues the machines compute again", () => {
  const run = new Run(gpuThrottling);
  for (let ms = 9_500; ms <= 15_000; ms += 500) {
    const { gpuUtilisation, latencyP99Ms } = of(run.at(ms), "training");
    expect(latencyP99Ms).toBeGreaterThan(10);
    expect(gpuUtilisation).toBeLessThan(0.7);
    expect(gpuUtilisation).toBeGreaterThan(0.5);
  }
  run.queues(15_000, { training: { sure: 48 }, interactive: { sure: 12 }, batch: { sure: 10 } });
  const after = run.at(16_000);
  expect(of(after, "training").gpuUtilisation).toBeGreaterThan(0.9);
  expect(of(after, "batch").carried).toBeGreaterThan(43 * gbit);
});

test("compute-bound: first tokens are late because requests wait, and the network is as ever", () => {
  const run = new Run(computeBound);
  const calm = of(run.at(calmMs), "interactive");
  const waiting: number[] = [];
  for (let ms = 9_500; ms <= 14_000; ms += 500) {
    const now = of(run.at(ms), "interactive");
    expect(now.latencyP99Ms).toBeCloseTo(calm.latencyP99Ms, 2);
    expect(now.loss).toBe(0);
    waiting.push(now.requestsWaiting ?? 0);
    if (ms >= 10_500) expect(now.firstTokenP95Ms).toBeGreaterThan(250);
  }
  expect(waiting).toEqual(waiting.toSorted((a, b) => a - b));
  expect(waiting.at(-1)).toBeGreaterThan(150);
  // Queues would change nothing.
  const before = of(run.at(14_000), "interactive");
  run.queues(14_000, { interactive: { sure: 24 } });
  expect(of(run.at(14_100), "interactive").firstTokenP95Ms).toBeGreaterThan(before.firstTokenP95Ms ?? 0);
});

test("spike-admission: batch is held to its floor, then standard to what is left; interactive is on time", () => {
  const run = new Run(spikeAdmission);
  const before = of(run.at(12_000), "interactive");
  expect(before.latencyP99Ms).toBeGreaterThan(50);
  expect(before.carried).toBeLessThan(55 * gbit);
  run.queues(12_000, { interactive: { sure: 70 }, standard: { sure: 20 }, batch: { sure: 10, most: 10 } });
  const after = run.at(14_000);
  expect(of(after, "interactive").latencyP99Ms).toBeLessThan(4);
  expect(of(after, "interactive").firstTokenP95Ms).toBeLessThan(140);
  expect(of(after, "interactive").carried / gbit).toBeCloseTo(60, -1);
  expect(of(after, "interactive").loss).toBe(0);
  expect(of(after, "batch").carried / gbit).toBeCloseTo(10, 6);
  expect(of(after, "standard").carried).toBeGreaterThan(28 * gbit);
  expect(of(after, "standard").carried).toBeLessThan(32 * gbit);
});

// Goal: a straight line through what was measured so far tells in time when the objective will be broken, and nearly when.
test("slow-burn: latency rises steadily and is broken without queues; with them it never is", () => {
  const [without, helped] = [new Run(slowBurn), new Run(slowBurn)];
  const series: [number, number][] = [];
  for (let ms = 8_500; ms <= 38_000; ms += 500) series.push([ms, of(without.at(ms), "interactive").latencyP99Ms]);
  const brokenMs = series.find(([, latency]) => latency > 10)?.[0] ?? Number.POSITIVE_INFINITY;
  expect(brokenMs).toBeGreaterThan(26_000);
  expect(brokenMs).toBeLessThan(34_000);
  const seen = series.filter(([ms]) => ms >= 11_000 && ms <= 18_000);
  const mean = (index: 0 | 1) => seen.reduce((sum, point) => sum + point[index], 0) / seen.length;
  const [meanMs, meanLatency] = [mean(0), mean(1)];
  const slope =
    seen.reduce((sum, [ms, latency]) => sum + (ms - meanMs) * (latency - meanLatency), 0) /
    seen.reduce((sum, [ms]) => sum + (ms - meanMs) ** 2, 0);
  const foreseenMs = meanMs + (10 - meanLatency) / slope;
  expect(foreseenMs - 18_000).toBeLessThan(15_000);
  expect(Math.abs(foreseenMs - brokenMs)).toBeLessThan(3_000);

  expect(of(helped.at(18_000), "interactive").latencyP99Ms).toBeLessThan(7);
  expect(of(helped.at(18_000), "batch").loss).toBe(0);
  helped.queues(18_000, { interactive: { sure: 36 }, standard: { sure: 12 }, batch: { sure: 10 } });
  for (let ms = 18_500; ms <= 60_000; ms += 500) {
    const classes = helped.at(ms);
    expect(of(classes, "interactive").latencyP99Ms).toBeLessThan(4);
    expect(of(classes, "batch").carried).toBeGreaterThan(58 * gbit);
  }
});

// Goal: the fault `worse` breaks an objective of the class that the change is for, whatever its queue.
test.each([
  ["inference-latency", inferenceLatency, "interactive"],
  ["spike-admission", spikeAdmission, "interactive"],
  ["slow-burn", slowBurn, "interactive"],
  ["gpu-throttling", gpuThrottling, "training"],
] as const)("worse in %s: the rebound is more than a queue can help with", (_, scenario, protectedClass) => {
  const run = new Run(scenario);
  run.at(20_000);
  run.traffic.reboundAfterChange(scenario.rebound.flow, scenario.rebound.rate);
  expect(of(run.at(21_000), protectedClass).loss).toBeLessThan(0.25);
  run.queues(21_000, { [protectedClass]: { sure: 60 } });
  const { firstTokenP95Ms, gpuUtilisation } = of(run.at(22_000), protectedClass);
  expect((firstTokenP95Ms ?? 0) > 250 || (gpuUtilisation ?? 1) < 0.5).toBe(true);
});

test("a run is its seed's, however often it is looked at", () => {
  const [often, seldom, other] = [new Run(computeBound, 7), new Run(computeBound, 7), new Run(computeBound, 8)];
  for (let ms = 0; ms <= 11_000; ms += 37) often.traffic.advance(ms);
  const counts = [often, seldom, other].map((run) => {
    run.traffic.advance(11_000);
    return [...(run.traffic.load("interactive")?.buckets() ?? [])];
  });
  for (const [index, [le, count]] of (counts[0] ?? []).entries()) {
    expect(counts[1]?.[index]).toEqual([le, expect.closeTo(count, 6)]);
  }
  expect(counts[0]).not.toEqual(counts[2]);
});

describe("the lab", () => {
  let under: LabUnderTest;
  afterEach(() => under.stop());
  const start = async (name: ScenarioName) => {
    under = await LabUnderTest.start(name);
    return under;
  };
  const valuesBy = async (query: string, ...labels: string[]) =>
    Object.fromEntries(
      (await under.prometheus(query)).map((series) => [
        labels.map((label) => series.labels[label]).join("/"),
        series.value,
      ]),
    );

  test("Prometheus shows what is true of queues, requests and machines", async () => {
    const { lab, clock } = await start("inference-latency");
    clock.advance(10_000);
    const before = await valuesBy('first_token_seconds_bucket{class="interactive"}', "le");
    clock.advance(5_000);
    const { classes } = lab.measure();
    const [sent, dropped, depth] = [
      await valuesBy(`queue_bits_per_second{link="${shared}"}`, "class"),
      await valuesBy(`queue_dropped_bits_per_second{link="${shared}"}`, "class"),
      await valuesBy(`queue_depth_bytes{link="${shared}"}`, "class"),
    ];
    const sum = (values: Record<string, number>) => Object.values(values).reduce((all, value) => all + value, 0);
    expect(Object.keys(sent)).toEqual(["interactive", "standard", "batch"]);
    expect(sum(sent) / capacity).toBeCloseTo(1, 6);
    expect(sum(dropped) / gbit).toBeCloseTo(20, -1);
    expect((sent.batch ?? 0) / gbit).toBeCloseTo((classes.batch?.carried ?? 0) / gbit, -1);
    // 50 ms of the whole line, which is everybody's.
    expect(Object.keys(depth)).toEqual(["interactive", "standard", "batch"]);
    for (const bytes of Object.values(depth)) expect((bytes * 8) / capacity).toBeCloseTo(0.05, 6);
    expect(await valuesBy('queue_dropped_bits_per_second{link="edge-spine"}', "class")).toEqual({
      ...{ interactive: 0, standard: 0, batch: 0 },
    });

    const after = await valuesBy('first_token_seconds_bucket{class="interactive"}', "le");
    const bound = (le: string) => (le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le));
    const gained = Object.entries(after)
      .map(([le, count]) => ({ seconds: bound(le), count: count - (before[le] ?? 0) }))
      .sort((x, y) => x.seconds - y.seconds);
    const counts = gained.map(({ count }) => count);
    expect(counts).toEqual(counts.toSorted((x, y) => x - y));
    const all = counts.at(-1) ?? 0;
    expect(gained.at(-1)?.seconds).toBe(Number.POSITIVE_INFINITY);
    expect(all / 1000).toBeCloseTo(1, 1);
    const p95Ms = (gained.find(({ count }) => count >= 0.95 * all)?.seconds ?? 0) * 1000;
    expect(p95Ms).toBeGreaterThanOrEqual(classes.interactive?.firstTokenP95Ms ?? 0);
    expect(p95Ms).toBeLessThan(1_000);
    expect(gained.find(({ seconds }) => seconds === 0.25)?.count).toBeLessThan(0.05 * all);
    expect(await valuesBy("requests_waiting", "class")).toEqual({ interactive: 0 });
    expect((await valuesBy("stream_interruptions_total", "class")).interactive).toBeGreaterThan(0);
    expect(classes.interactive?.firstTokenP95Ms).toBeGreaterThan(250);
  });

  test("utilisation of machines is a gauge of classes that train", async () => {
    const { lab, clock } = await start("gpu-throttling");
    clock.advance(12_000);
    expect(await valuesBy("gpu_utilisation_ratio", "class")).toEqual({
      training: expect.closeTo(lab.measure().classes.training?.gpuUtilisation ?? 0, 6),
    });
    expect(lab.peaked()).toBe(true);
  });

  test("pointsman.yaml has queues and their queries, and the classes stand in a file of their own", async () => {
    await start("slow-burn");
    under.clock.advance(37_900);
    expect(under.lab.peaked()).toBe(false);
    under.clock.advance(100);
    expect(under.lab.peaked()).toBe(true);
    const { links, telemetry, policies, ...others } = (await under.inventory()) as unknown as {
      links: { name: string; qos?: boolean }[];
      telemetry: { prometheus: { queries: Record<string, unknown> } };
      policies: string[];
      classes: object[];
    };
    expect(others.classes).toEqual([]);
    expect(links.filter(({ qos }) => qos).map(({ name }) => name)).toEqual(["edge-spine", "storage-spine", shared]);
    expect(telemetry.prometheus.queries).toMatchObject({
      queueRate: { query: "queue_bits_per_second", linkLabel: "link", classLabel: "class" },
      queueDrops: { query: "queue_dropped_bits_per_second", linkLabel: "link", classLabel: "class" },
      queueDepth: { query: "queue_depth_bytes", linkLabel: "link", classLabel: "class" },
    });
    const [classes = "", policy = ""] = policies;
    const documents = parseAllDocuments(await readFile(classes, "utf8")).map((one) => one.toJS() as object);
    expect(documents).toMatchObject(
      ["interactive", "standard", "batch"].map((name) => ({
        ...{ apiVersion: "pointsman/v1", kind: "TrafficClass", metadata: { name }, spec: { queue: name } },
      })),
    );
    expect(documents[0]).toMatchObject({
      spec: {
        ...{ path: { prefers: "latency", maxDelay: "10ms", maxLoss: "0.1%" }, dscp: 46, priority: 0, floor: "10%" },
        sheds: ["batch", "standard"],
        signals: [
          { name: "first-token", of: "service", histogram: 'first_token_seconds_bucket{class="interactive"}' },
          { name: "path-latency", of: "path", signal: "path.latency.p99" },
          { name: "waiting", of: "compute", query: 'requests_waiting{class="interactive"}' },
        ],
      },
    });
    expect(parse(await readFile(policy, "utf8"))).toMatchObject({
      metadata: { name: "slow-burn" },
      spec: { scope: { class: "interactive" }, trigger: { signal: "class.risk" }, decide: { action: "qos" } },
    });
  });
});

import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../src/kernel/random.ts";
import type { Ratio } from "../../../src/kernel/units.ts";
import type { ClassHealth, SignalSeries } from "../../../src/model/class-health.ts";
import type { ServedClass } from "../../../src/model/inventory.ts";
import type { ClassSignal, Objective } from "../../../src/model/service-class.ts";
import { attribute } from "../../../src/te/service-level/attribution.ts";

const signals: readonly ClassSignal[] = [
  { name: "first-token", of: "service", unit: "ms", source: { query: "ttft" } },
  { name: "path-latency", of: "path", unit: "ms", source: { signal: "path.latency.p99" } },
  { name: "waiting", of: "compute", unit: "count", source: { query: "waiting" } },
];
const objectiveOn = (signal: string, threshold: number): Objective => ({
  text: `${signal} p95 below ${threshold}ms`,
  signal,
  percentile: 0.95 as Ratio,
  comparator: "below",
  threshold,
  windowMs: 60_000,
  burn: { fast: { windowMs: 10_000, limit: 10 }, slow: { windowMs: 30_000, limit: 3 } },
  forecastMs: 60_000,
});
const served = (objective = objectiveOn("first-token", 500), of = signals): ServedClass => ({
  name: "chat",
  prefers: "latency",
  service: {
    dscp: 46,
    queue: "chat",
    priority: 0,
    floor: 0.1 as Ratio,
    sheds: [],
    budget: { changes: 1, perMs: 1 },
    fanOut: 1,
    signals: of,
    objectives: [objective],
    conditions: [],
  },
});

const seed = 3;
/** 40 samples a second apart with noise; from the 25th on something else. */
function health(
  values: Readonly<Record<string, (at: number) => number>>,
  objective = objectiveOn("first-token", 500),
): ClassHealth {
  const random = seededRandom(seed);
  const series = (value: (at: number) => number): SignalSeries => ({
    atMs: Float64Array.from({ length: 40 }, (_, at) => 1e12 + at * 1000),
    values: Float64Array.from({ length: 40 }, (_, at) => value(at) * (1 + 0.05 * (random() - 0.5))),
  });
  return {
    objectives: [
      { objective: objective.text, value: 700, recent: { value: 900, fromMs: 0, toMs: 1 }, burn: { fast: 2, slow: 1 } },
    ],
    conditions: [],
    series: new Map(Object.entries(values).map(([name, value]) => [name, series(value)])),
    why: "",
  };
}
const step =
  (before: number, after: number, from = 25) =>
  (at: number) =>
    at < from ? before : after;
const still = (value: number) => () => value;

describe("a class at risk", () => {
  test("is the network's when the path rose with it and compute did not", () => {
    const found = attribute(
      served(),
      health({ "first-token": step(200, 900), "path-latency": step(3, 40), waiting: still(12) }),
    );
    expect(found).toMatchObject({ verdict: "network", symptom: "first-token" });
    expect(found.reason).toMatch(
      /^first-token p95 is 900 ms, over 500 ms, and first-token rises with path-latency \(correlation [01]\.\d\d\): [23](\.\d+)? ms before, (39|40|41)(\.\d)? ms now$/,
    );
    expect(found.evidence.map(({ signal, of, raised }) => [signal, of, raised])).toEqual([
      ["path-latency", "path", true],
      ["waiting", "compute", false],
    ]);
  });

  test("is compute's when compute rose with it ahead, and the path is clean", () => {
    const found = attribute(
      served(),
      health({ "first-token": step(200, 900), "path-latency": still(3), waiting: step(12, 64, 23) }),
    );
    expect(found.verdict).toBe("compute");
    expect(found.reason).toMatch(
      /^first-token p95 is 900 ms, over 500 ms, and first-token rises with waiting \(correlation (0\.9\d|1\.00), 2 s ahead\): 12(\.\d)? before, 6\d(\.\d)? now; the path is clean: path-latency [23](\.\d+)? ms, as before$/,
    );
    expect(found.evidence.find(({ signal }) => signal === "waiting")).toMatchObject({ lagMs: 2000, raised: true });
  });

  test.each<[string, Record<string, (at: number) => number>, string]>([
    ["both rose", { "path-latency": step(3, 40), waiting: step(12, 64) }, ", but as much with waiting"],
    ["neither rose", { "path-latency": still(3), waiting: still(12) }, "nothing measured"],
    ["the path has no data", { waiting: step(12, 64) }, "of path-latency there is no data"],
    [
      "the path rose long after, and compute with it",
      { "path-latency": step(3, 40, 34), waiting: step(12, 64) },
      "the path is not clean",
    ],
    ["compute only follows", { "path-latency": still(3), waiting: step(12, 64, 31) }, "nothing measured"],
  ])("is unclear when %s", (_, values, reason) => {
    const found = attribute(served(), health({ "first-token": step(200, 900), ...values }));
    expect(found.verdict).toBe("unclear");
    expect(found.reason).toContain(reason);
  });

  test("is unclear when it began before there was anything to compare with", () => {
    const values = { "path-latency": step(3, 40, 4), waiting: still(12) };
    const found = attribute(served(), health({ "first-token": step(200, 900, 4), ...values }));
    expect(found).toMatchObject({ verdict: "unclear", symptom: "first-token" });
    expect(found.reason).toContain("when it began is not seen");
  });

  test("is unclear without a path signal, and without data of what users feel", () => {
    const [service, , compute] = signals as [ClassSignal, ClassSignal, ClassSignal];
    const noPath = served(objectiveOn("first-token", 500), [service, compute]);
    const values = { "first-token": step(200, 900), waiting: step(12, 64) };
    expect(attribute(noPath, health(values))).toMatchObject({ verdict: "unclear" });
    expect(attribute(served(), health({ waiting: step(12, 64) })).reason).toContain("there is no data of first-token");
  });

  test("whose symptom is a path signal is the network's, unless compute leads it", () => {
    const objective = objectiveOn("path-latency", 10);
    const values = { "first-token": still(200), "path-latency": step(3, 40) };
    const alongside = attribute(served(objective), health({ ...values, waiting: step(12, 64) }, objective));
    expect(alongside).toMatchObject({ verdict: "network", symptom: "path-latency" });
    const led = attribute(served(objective), health({ ...values, waiting: step(12, 64, 22) }, objective));
    expect(led.verdict).toBe("unclear");
  });

  test("of a stalled path whose samples stopped is never compute's", () => {
    const whole = health({ "first-token": step(200, 900), "path-latency": still(3), waiting: step(12, 64) });
    const path = whole.series.get("path-latency") as SignalSeries;
    const stopped = { atMs: path.atMs.slice(0, 30), values: path.values.slice(0, 30) };
    const found = attribute(served(), { ...whole, series: new Map([...whole.series, ["path-latency", stopped]]) });
    expect(found.verdict).toBe("unclear");
  });
});

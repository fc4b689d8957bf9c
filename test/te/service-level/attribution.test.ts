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

  test.each<[string, Record<string, (at: number) => number>, string]>([
    ["is silent", {}, "but of waiting there is no data: compute is not known to be as before"],
    ["rose without explaining it", { waiting: step(12, 64, 34) }, "but compute is not as before: waiting 6"],
  ])("whose path rose with it is unclear while compute %s", (_, compute, reason) => {
    const values = { "first-token": step(200, 900), "path-latency": step(3, 40), ...compute };
    const found = attribute(served(), health(values));
    expect(found).toMatchObject({ verdict: "unclear" });
    expect(found.reason).toContain("with path-latency");
    expect(found.reason).toContain(reason);
  });

  // Goal: a path that has been beyond what the class allows it all the time is not cleared by having always been so.
  test.each<[string, Partial<ServedClass["service"]>, string]>([
    ["objective", { objectives: [objectiveOn("first-token", 500), objectiveOn("path-latency", 10)] }, "objective"],
    [
      "condition",
      {
        conditions: [
          {
            all: [
              {
                text: "path-latency above 10ms",
                signal: "path-latency",
                comparator: "above",
                threshold: { value: 10 },
              },
            ],
            forMs: 1000,
          },
        ],
      },
      "condition",
    ],
  ])("is not compute's while the path is beyond its own %s, as it always was", (_, limits, named) => {
    const base = served();
    const of = { ...base, service: { ...base.service, ...limits } };
    const rose = { "first-token": step(200, 900), waiting: step(12, 64) };
    const found = attribute(of, health({ ...rose, "path-latency": still(40) }));
    expect(found).toMatchObject({ verdict: "unclear" });
    expect(found.reason).toMatch(
      new RegExp(`the path is not clean: path-latency .* ms before, beyond the 10 ms of its ${named}$`),
    );
    expect(attribute(of, health({ ...rose, "path-latency": still(3) })).verdict).toBe("compute");
  });

  test("is the network's when the path that rose breaks its own objective, though compute rose later", () => {
    const base = served();
    const objectives = [objectiveOn("first-token", 500), objectiveOn("path-latency", 10)];
    const of = { ...base, service: { ...base.service, objectives } };
    const values = { "first-token": step(200, 900), "path-latency": step(3, 40), waiting: step(12, 64, 34) };
    expect(attribute(of, health(values)).verdict).toBe("network");
  });

  // Goal: one flow that was always slow does not hide that another one got worse.
  test("is the network's when one flow's path rose under the worst of all", () => {
    const whole = health({ "first-token": step(200, 900), "path-latency": still(60), waiting: still(12) });
    const flows = health({ far: still(60), near: step(3, 40) }).series;
    const found = attribute(served(), { ...whole, parts: new Map([["path-latency", flows]]) });
    expect(found.verdict).toBe("network");
    expect(found.reason).toContain("rises with path-latency of near (correlation");
    expect(found.evidence[0]).toMatchObject({ signal: "path-latency", part: "near", raised: true });
    expect(found.evidence[0]?.now).toBeLessThan(45);
  });

  test.each<[string, number, number, boolean]>([
    ["ms", 0, 0.9, false],
    ["ms", 0, 1.2, true],
    ["ratio", 0, 0.0009, false],
    ["ratio", 0, 0.0012, true],
    ["rate", 0, 90_000, false],
    ["rate", 0, 120_000, true],
    ["count", 0, 0.9, false],
    ["count", 0, 1.2, true],
    // A tenth of itself, and four deviations of its noise, which is 5% from end to end: here the tenth decides.
    ["ms", 100, 108, false],
    ["ms", 100, 115, true],
  ])("counts a signal in %s that goes from %d to %d as raised: %s", (unit, before, after, raised) => {
    const of = signals.map((one) =>
      one.name === "path-latency" ? { ...one, unit: unit as ClassSignal["unit"] } : one,
    );
    const values = { "first-token": step(200, 900), "path-latency": step(before, after), waiting: still(12) };
    const { evidence } = attribute(served(objectiveOn("first-token", 500), of), health(values));
    expect(evidence.find(({ signal }) => signal === "path-latency")?.raised).toBe(raised);
  });

  // Goal: noise is what four of its deviations span, and not three: 1.4826 median deviations of even noise make 5.9 of them.
  test("leaves out a rise within the noise", () => {
    const noisy = (after: number) => (at: number) => (at < 25 ? 90 + 10 * (at % 3) : after);
    const raised = (after: number) =>
      attribute(
        served(),
        health({ "first-token": step(200, 900), "path-latency": noisy(after), waiting: still(12) }),
      ).evidence.find(({ signal }) => signal === "path-latency")?.raised;
    expect([raised(148), raised(180)]).toEqual([false, true]);
  });

  test("whose symptom falls goes along with a path that rises, and not with one that falls", () => {
    const objective: Objective = { ...objectiveOn("first-token", 500), comparator: "above" };
    const values = { "first-token": step(900, 200), waiting: still(12) };
    const found = attribute(served(objective), health({ ...values, "path-latency": step(3, 40) }, objective));
    expect(found.verdict).toBe("network");
    expect(found.reason).toContain("first-token falls with path-latency (correlation -");
    const better = attribute(served(objective), health({ ...values, "path-latency": step(40, 3) }, objective));
    expect(better.verdict).toBe("unclear");
    const rises = attribute(
      served(objective),
      health({ ...values, "first-token": step(200, 900), "path-latency": step(3, 40) }, objective),
    );
    expect(rises.reason).toContain("when it began is not seen");
  });

  test("is told by the worse of two objectives", () => {
    const base = served();
    const [first, second] = [objectiveOn("first-token", 500), objectiveOn("path-latency", 10)];
    const of = { ...base, service: { ...base.service, objectives: [first, second] } };
    const whole = health({ "first-token": still(200), "path-latency": step(3, 40), waiting: still(12) });
    const reading = (objective: Objective, value: number, fast: number) => ({
      objective: objective.text,
      value,
      burn: { fast, slow: 0 },
    });
    const found = attribute(of, { ...whole, objectives: [reading(first, 450, 0.5), reading(second, 40, 2)] });
    expect(found).toMatchObject({ verdict: "network", symptom: "path-latency" });
    // Without a recent percentile, that of the whole window is said.
    expect(found.reason).toContain("path-latency p95 is 40 ms, over 10 ms");
  });

  // Goal: what happened long before the symptom, to another trouble, is no reason to acquit what goes along with it now.
  test("is judged by the time since it began, and about as long before", () => {
    const long = (value: (at: number) => number) => value;
    const values = {
      "first-token": long(step(200, 900)),
      // Two spells of its own, of which the symptom took no notice.
      "path-latency": long((at) => (at < 4 || (at > 6 && at < 9) ? 60 : at < 25 ? 3 : 40)),
      waiting: still(12),
    };
    const found = attribute(served(), health(values));
    expect(found.verdict).toBe("network");
    expect(found.evidence[0]?.correlation).toBeGreaterThan(0.9);
  });

  test("of a slow ramp began after its oldest quarter", () => {
    const ramp = (from: number, to: number) => (at: number) => from + ((to - from) * at) / 39;
    const values = { "first-token": ramp(200, 900), "path-latency": ramp(3, 40), waiting: still(12) };
    const found = attribute(served(), health(values));
    expect(found.verdict).toBe("network");
    expect(found.evidence[0]?.baseline).toBeLessThan(10);
    const calm = attribute(served(), health({ ...values, "first-token": still(200) }));
    expect(calm.reason).toContain("when it began is not seen");
  });

  test("of a stalled path whose samples stopped is never compute's", () => {
    const whole = health({ "first-token": step(200, 900), "path-latency": still(3), waiting: step(12, 64) });
    const path = whole.series.get("path-latency") as SignalSeries;
    const stopped = { atMs: path.atMs.slice(0, 30), values: path.values.slice(0, 30) };
    const found = attribute(served(), { ...whole, series: new Map([...whole.series, ["path-latency", stopped]]) });
    expect(found.verdict).toBe("unclear");
  });
});

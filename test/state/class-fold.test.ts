import { describe, expect, test, vi } from "vitest";
import { bitsPerSecond, type Ratio } from "../../src/kernel/units.ts";
import type { Flow, Link, Network } from "../../src/model/inventory.ts";
import { SeriesTable } from "../../src/model/sample.ts";
import type { ClassSignal, CompositeCondition, Objective, ServiceClass } from "../../src/model/service-class.ts";
import { ClassFold } from "../../src/state/class-fold.ts";
import { NetworkFold } from "../../src/state/network-fold.ts";

const intervalMs = 10_000;
const startMs = Date.UTC(2026, 0, 1);
const firstToken: ClassSignal = {
  name: "first-token",
  of: "service",
  unit: "ms",
  source: { histogram: "ttft_bucket" },
};
const waiting: ClassSignal = { name: "waiting", of: "compute", unit: "count", source: { query: "waiting" } };
const busy: ClassSignal = { name: "busy", of: "service", unit: "ratio", source: { query: "busy" } };
const path: ClassSignal = { name: "path-latency", of: "path", unit: "ms", source: { signal: "path.latency.p99" } };
const below = (signal: string, threshold: number, percentile = 0.95): Objective => ({
  text: `${signal} p${percentile * 100} below ${threshold}`,
  signal,
  percentile: percentile as Ratio,
  comparator: "below",
  threshold,
  windowMs: 600_000,
  burn: { fast: { windowMs: 120_000, limit: 10 }, slow: { windowMs: 300_000, limit: 3 } },
  forecastMs: 60_000,
});
const condition = (forMs: number, ...all: CompositeCondition["all"]): CompositeCondition => ({ all, forMs });

function folding(over: Partial<ServiceClass>) {
  const service: ServiceClass = {
    dscp: 46,
    queue: "chat",
    priority: 0,
    floor: 0.1 as Ratio,
    sheds: [],
    budget: { changes: 1, perMs: 1 },
    fanOut: 1,
    signals: [],
    objectives: [],
    conditions: [],
    ...over,
  };
  const flow = (name: string): Flow => ({ name, class: "chat", headend: "a", endpoint: "b", color: 100 });
  const link = (name: string, qos: boolean): Link => ({
    name,
    device: "a",
    interface: name,
    role: "backbone",
    capacity: bitsPerSecond(1e9),
    ...(qos ? { qos: true as const } : {}),
  });
  const network: Network = {
    as: 65000,
    devices: [],
    links: [link("a-b", true), link("a-c", true), link("b-c", false)],
    prefixes: [],
    classes: [{ name: "chat", prefers: "latency", service }],
    flows: [flow("one"), flow("two")],
    telemetry: { intervalMs },
    freezes: [],
    anycast: [],
    shedWebhooks: [],
  };
  const table = new SeriesTable();
  const fold = new NetworkFold(network, table);
  let nowMs = startMs;
  const give = (name: string, labels: Record<string, string>, value: number, atMs = nowMs) =>
    fold.number(table.intern({ target: "prometheus", name, labels }), value, atMs);
  const signal = (name: string, value: number, atMs = nowMs) =>
    give("classSignal", { class: "chat", signal: name }, value, atMs);
  const histogram = (counts: Record<string, number>, of: Record<string, string> = { series: "a" }) => {
    for (const [le, count] of Object.entries(counts))
      give("classSignal", { class: "chat", signal: "first-token", le, ...of }, count);
  };
  const tick = (count = 1) => {
    nowMs += count * intervalMs;
  };
  const latency = (flow: string, seconds: number) => give("flowLatency", { flow }, seconds);
  const read = () => {
    const state = fold.snapshot(nowMs);
    return {
      risk: state.signals.get("class.risk")?.get("chat"),
      stress: state.signals.get("class.stress")?.get("chat"),
      health: state.classes.get("chat"),
      state,
    };
  };
  return { fold, network, table, give, signal, histogram, latency, tick, read, now: () => nowMs };
}

describe("a class whose objective is on a gauge", () => {
  const gauge = () => folding({ signals: [waiting], objectives: [below("waiting", 100)] });

  test("is not known without data, fine with good data, and at risk when the budget burns", () => {
    const { signal, tick, read, now } = gauge();
    expect(read()).toMatchObject({ risk: undefined, stress: undefined });
    expect(read().health).toMatchObject({ why: "not known: waiting has no data yet" });
    for (let at = 0; at < 12; at++, tick()) signal("waiting", 20);
    expect(read().risk).toEqual({ value: 0, fromMs: now() - intervalMs, toMs: now() - intervalMs });
    expect(read().stress).toEqual({ value: 0.2, fromMs: now() - 3 * intervalMs, toMs: now() - intervalMs });
    for (let at = 0; at < 6; at++, tick()) signal("waiting", 150);
    // Half of the fast window's 12 samples are bad: 10 budgets of 5%, and the limit is 10.
    expect(read().risk?.value).toBeGreaterThanOrEqual(1);
    expect(read().stress).toMatchObject({ value: 1.5 });
    expect(read().health?.why).toBe("waiting p95 below 100: burns at 222.2% of the slow limit");
  });

  test("goes stale and then unknown when its samples stop", () => {
    const { signal, tick, read, now } = gauge();
    for (let at = 0; at < 12; at++, tick()) signal("waiting", 150);
    const lastMs = now() - intervalMs;
    tick(2);
    expect(read().risk).toMatchObject({ toMs: lastMs });
    tick();
    expect(read()).toMatchObject({ risk: undefined, stress: undefined });
    expect(read().health?.objectives[0]?.unknown).toContain("no data for 40 s");
  });

  test("forecasts what is coming", () => {
    const { signal, tick, read } = gauge();
    for (let at = 0; at < 15; at++, tick()) signal("waiting", 20 + 5 * at);
    const { health, risk } = read();
    // 90 now, 5 more every 10 s.
    expect(health?.objectives[0]?.breachInMs).toBeCloseTo(20_000, 6);
    expect(risk?.value).toBeCloseTo(3, 6);
    expect(health?.why).toBe("waiting p95 below 100: broken in 20 s at this rate");
  });

  // Goal: an objective that is broken is at risk, though its budget went too slowly for any burn limit.
  test("is at risk while it is broken, and no longer when it is over", () => {
    const { signal, tick, read } = gauge();
    // One in twelve is bad: 1.7 budgets, and the limits are 3 and 10.
    for (let at = 0; at < 48; at++, tick()) signal("waiting", at % 12 === 11 ? 150 : 20);
    const { health, risk } = read();
    expect(health?.objectives[0]).toMatchObject({ value: 150, breachInMs: 0 });
    expect(risk?.value).toBe(1);
    expect(health?.why).toBe("waiting p95 below 100: is broken");
    for (let at = 0; at < 3; at++, tick()) signal("waiting", 20);
    expect(read().health?.objectives[0]?.value).toBe(150);
    expect(read().risk?.value).toBe(0);
  });

  test("forecasts that its budget will be used up once the threshold is crossed", () => {
    const hour = { ...below("waiting", 100), windowMs: 3_600_000 };
    const { signal, tick, read } = folding({ signals: [waiting], objectives: [hour] });
    for (let at = 0; at < 360; at++, tick()) signal("waiting", 20);
    for (let at = 0; at < 9; at++, tick()) signal("waiting", 150);
    // 9 of 360 are bad, and 18 may be; all of the newest are.
    expect(read().health?.objectives[0]?.breachInMs).toBeCloseTo((360 * intervalMs * (0.05 - 0.025)) / (1 - 0.025), 3);
  });

  test("whose flows are good when much is has the least of them", () => {
    const goodput: ClassSignal = { name: "goodput", of: "service", unit: "rate", source: { signal: "flow.rate" } };
    const { give, tick, read } = folding({
      signals: [goodput],
      objectives: [{ ...below("goodput", 1000), comparator: "above" }],
    });
    give("flowRate", { flow: "one" }, 5000);
    give("flowRate", { flow: "two" }, 3000);
    tick();
    expect(read().health?.series.get("goodput")?.values).toEqual(Float64Array.of(3000));
  });

  // Goal: spikes burn a budget under a line that stays level, and that is foreseen.
  test("forecasts that its budget will be used up by spikes", () => {
    const { signal, tick, read } = gauge();
    for (let at = 0; at < 60; at++, tick()) signal("waiting", 20);
    for (const value of [150, 20, 20, 150]) {
      signal("waiting", value);
      tick();
    }
    const breachInMs = read().health?.objectives[0]?.breachInMs as number;
    // 2 of 60 are bad and 3 may be; 2 of the fast window's 12 are: one more is bad in some six or seven intervals.
    expect(breachInMs).toBeGreaterThan(50_000);
    expect(breachInMs).toBeLessThan(80_000);
  });

  test("begins anew when the clock was set back, and leaves out late samples", () => {
    const { signal, tick, read, now } = gauge();
    for (let at = 0; at < 12; at++, tick()) signal("waiting", 150);
    signal("waiting", 1, now() - 2 * intervalMs);
    expect(read().health?.objectives[0]?.value).toBe(150);
    tick(-400);
    signal("waiting", 20);
    expect(read().health?.series.get("waiting")?.values).toEqual(Float64Array.of(20));
    expect(read().risk).toBeUndefined();
    for (let at = 0; at < 11; at++) {
      tick();
      signal("waiting", 20);
    }
    expect(read().risk).toEqual({ value: 0, fromMs: now(), toMs: now() });
  });

  test("keeps an hour of history, whatever comes", () => {
    const { signal, tick, read } = gauge();
    for (let at = 0; at < 1000; at++, tick()) signal("waiting", at);
    const { atMs, values } = read().health?.series.get("waiting") ?? { atMs: [], values: [] };
    expect([atMs.length, values.at(0), values.at(-1)]).toEqual([360, 640, 999]);
  });

  test("is told by the same objects while nothing has changed", () => {
    const { signal, tick, read } = gauge();
    signal("waiting", 1);
    const first = read();
    tick();
    expect(read().health).toBe(first.health);
    expect(read().state.signals.get("class.risk")).toBe(first.state.signals.get("class.risk"));
    signal("waiting", 2);
    expect(read().health).not.toBe(first.health);
  });

  test("refuses what is no number, and series of no class", () => {
    const { fold, signal, give, read } = gauge();
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1]) signal("waiting", value);
    expect(fold.refusedSamples).toBe(3);
    give("classSignal", { class: "chat", signal: "other" }, 1);
    give("classSignal", { class: "other", signal: "waiting" }, 1);
    expect(fold.unknownSeries).toBe(2);
    expect(read().risk).toBeUndefined();
  });
});

describe("a class with several signals", () => {
  test("is blind when one is silent and the rest is fine, and at risk whatever is silent when one is", () => {
    const { signal, tick, read } = folding({
      signals: [waiting, busy],
      objectives: [below("waiting", 100), below("busy", 0.9)],
    });
    for (let at = 0; at < 12; at++, tick()) signal("waiting", 20);
    expect(read().risk).toBeUndefined();
    for (let at = 0; at < 12; at++, tick()) signal("waiting", 200);
    expect(read().risk?.value).toBeGreaterThanOrEqual(1);
    expect(read().stress).toBeUndefined();
  });
});

describe("a class whose objective is on a histogram", () => {
  const onHistogram = () => folding({ signals: [firstToken], objectives: [below("first-token", 500)] });

  test("has the percentile of what was observed between readings, in milliseconds", () => {
    const { histogram, tick, read, now } = onHistogram();
    histogram({ "0.1": 1000, "0.5": 1000, "+Inf": 1000 });
    for (let at = 1; at <= 12; at++) {
      expect(read().risk).toBeUndefined();
      tick();
      histogram({ "0.1": 1000 + at * 50, "0.5": 1000 + at * 100, "+Inf": 1000 + at * 100 });
    }
    const { health, risk, stress } = read();
    expect(health?.objectives[0]?.value).toBeCloseTo(100 + 0.9 * 400, 6);
    expect(health?.series.get("first-token")?.values).toEqual(new Float64Array(12).fill(175));
    expect(risk).toEqual({ value: 0, fromMs: now(), toMs: now() });
    expect(stress).toEqual({ value: expect.closeTo(0.92, 6), fromMs: now() - 3 * intervalMs, toMs: now() });
  });

  test("counts a reset from zero, and says nothing of intervals with a missing bucket or a restarted collector", () => {
    const { histogram, tick, read } = onHistogram();
    const value = () => read().health?.series.get("first-token")?.values.length;
    histogram({ "0.1": 1000, "0.5": 1000, "+Inf": 1000 });
    tick();
    histogram({ "0.1": 10, "0.5": 10, "+Inf": 10 });
    expect(value()).toBe(1);
    tick();
    histogram({ "0.1": 20, "+Inf": 20 });
    expect(value()).toBe(1);
    tick();
    histogram({ "0.1": 30, "0.5": 30, "+Inf": 30 });
    expect(value()).toBe(1);
    tick();
    histogram({ "0.1": 40, "0.5": 40 });
    tick();
    // The reading without +Inf was none: this is of two intervals.
    histogram({ "0.1": 50, "0.5": 50, "+Inf": 50 });
    expect(value()).toBe(2);
    tick(30);
    histogram({ "0.1": 5000, "0.5": 5000, "+Inf": 9000 });
    expect(value()).toBe(2);
    expect(read().health?.objectives[0]?.unknown).toContain("no data for");
  });

  // Goal: one replica of two that starts anew is no reason to count what the other has seen in all its life.
  test("counts each replica from its own zero, from its first reading on, and not while it is away", () => {
    const { histogram, tick, read } = onHistogram();
    const [a, b] = [{ series: "a" }, { series: "b" }];
    const good = (count: number) => ({ "0.1": count, "0.5": count, "+Inf": count });
    const bad = (count: number) => ({ "0.1": 0, "0.5": 0, "+Inf": count });
    const last = () => read().health?.series.get("first-token")?.values.at(-1);
    histogram(good(1000), a);
    histogram(bad(5000), b);
    tick();
    histogram(good(1010), a);
    histogram(bad(5010), b);
    expect(last()).toBe((50 + 500) / 2);
    tick();
    histogram(good(10), a); // Started anew.
    histogram(bad(5010), b);
    expect(last()).toBe(50);
    tick();
    histogram(good(20), a); // The other was not scraped.
    expect(last()).toBe(50);
    tick();
    histogram(good(30), a);
    histogram(bad(9000), b); // Back: a base.
    histogram(bad(7000), { series: "c" }); // And a new one.
    expect(last()).toBe(50);
    tick();
    histogram(good(40), a);
    histogram(bad(9010), b);
    histogram(bad(7010), { series: "c" });
    expect(last()).toBeCloseTo((50 + 500 + 500) / 3, 9);
    expect(read().health?.series.get("first-token")?.values.length).toBe(5);
  });

  test.each([{}, { sum: '[["pool","a"]]' }])("that the query summed (%j) is not known while it falls", (of) => {
    const { histogram, tick, read } = onHistogram();
    const values = () => read().health?.series.get("first-token")?.values;
    for (const count of [1000, 1010, 700, 710]) {
      tick();
      histogram({ "0.1": count - 500, "0.5": count, "+Inf": count }, of);
    }
    expect(values()).toEqual(Float64Array.of(50, 50));
  });

  test("without an observation is not known to be fine", () => {
    const { histogram, tick, read } = onHistogram();
    for (let at = 0; at < 5; at++, tick()) histogram({ "0.1": 7, "0.5": 7, "+Inf": 7 });
    expect(read().risk).toBeUndefined();
    expect(read().health?.objectives[0]?.unknown).toBe("first-token has too few observations");
  });

  // Goal: what is put together does not depend on when somebody looks.
  test("reads the same whether or not there are snapshots between its samples", () => {
    const [often, seldom] = [onHistogram(), onHistogram()];
    for (let at = 1; at <= 30; at++) {
      for (const { histogram, tick } of [often, seldom]) {
        histogram({ "0.1": at * 10, "0.5": at * 10 + (at % 7) * at, "+Inf": at * 30 + at * at });
        tick();
      }
      often.read();
    }
    expect(often.read().health).toEqual(seldom.read().health);
    expect(often.read().health?.series.get("first-token")?.values.length).toBe(29);
  });
});

describe("a signal that telemetry has anyway", () => {
  test("is the worst of the class's flows, and sampled once an interval without anybody looking", () => {
    const { latency, tick, read, now } = folding({ signals: [path], objectives: [below("path-latency", 10, 0.5)] });
    for (let at = 0; at < 6; at++, tick()) {
      latency("one", 0.002);
      latency("two", at < 3 ? 0.004 : 0.02);
    }
    const { health, stress } = read();
    expect(health?.series.get("path-latency")?.values).toEqual(Float64Array.of(4, 4, 4, 20, 20, 20));
    expect(stress).toEqual({ value: 2, fromMs: now() - 3 * intervalMs, toMs: now() - intervalMs });
  });

  test("is not known while one of the flows is not", () => {
    const { latency, tick, read } = folding({ signals: [path], objectives: [below("path-latency", 10)] });
    for (let at = 0; at < 6; at++, tick()) latency("one", 0.002);
    expect(read().risk).toBeUndefined();
  });

  test("of queues is the worst of those that are known, on links whose queues may be set", () => {
    const drops: ClassSignal = { name: "drops", of: "path", unit: "rate", source: { signal: "queue.drops" } };
    const { network } = folding({ signals: [drops], objectives: [below("drops", 1000)] });
    const fold = new ClassFold(network);
    const at = (value: number, ms = startMs) => ({ value, fromMs: ms - intervalMs, toMs: ms });
    const queues = new Map([
      ["a-b/chat", at(5)],
      ["a-b/batch", at(9e9)],
      ["b-c/chat", at(9e9)],
    ]);
    const { classes } = fold.read(startMs, new Map([["queue.drops", queues]]));
    expect(classes.get("chat")?.series.get("drops")?.values).toEqual(Float64Array.of(5));
  });
});

describe("the worst of several flows", () => {
  // Goal: the fold takes as worse what attribution takes as worse, also where only a condition says which side that is.
  test("is the lowest of a signal that a condition finds too low", () => {
    const rate: ClassSignal = { name: "rate", of: "path", unit: "rate", source: { signal: "flow.rate" } };
    const low = {
      text: "rate below 1 Mbit/s",
      signal: "rate",
      comparator: "below",
      threshold: { value: 1e6 },
    } as const;
    const { network } = folding({ signals: [rate], conditions: [condition(60_000, low)] });
    const at = (value: number) => ({ value, fromMs: startMs - intervalMs, toMs: startMs });
    const flows = new Map([
      ["one", at(5e6)],
      ["two", at(2e5)],
    ]);
    const { classes } = new ClassFold(network).read(startMs, new Map([["flow.rate", flows]]));
    expect(classes.get("chat")?.series.get("rate")?.values).toEqual(Float64Array.of(2e5));
  });
});

describe("a signal that is the worst of queues", () => {
  const drops: ClassSignal = { name: "drops", of: "path", unit: "rate", source: { signal: "queue.drops" } };
  const queues = (at: (nth: number) => Record<string, number>, skewMs = 0) => {
    const { network } = folding({ signals: [drops], objectives: [below("drops", 1000)] });
    const fold = new ClassFold(network);
    const read = (nth: number, nowMs = startMs + nth * intervalMs) => {
      const toMs = nowMs + skewMs;
      const known = Object.entries(at(nth)).map(
        ([name, value]) => [name, { value, fromMs: toMs - intervalMs, toMs }] as const,
      );
      return fold.read(nowMs, new Map([["queue.drops", new Map(known)]]));
    };
    return { fold, read };
  };

  test("keeps each of them, and is not known while one that was seen is silent", () => {
    const { read } = queues((nth) =>
      nth === 2 ? { "a-b/chat": 5 } : { "a-b/chat": 5, "a-c/chat": nth === 1 ? 900 : 1 },
    );
    read(0);
    const health = read(1).classes.get("chat");
    expect(health?.parts?.get("drops")?.get("a-c/chat")?.values).toEqual(Float64Array.of(1, 900));
    expect(health?.parts?.get("drops")?.get("a-b/chat")?.values).toEqual(Float64Array.of(5, 5));
    expect(read(2).classes.get("chat")?.series.get("drops")?.values).toEqual(Float64Array.of(5, 900));
    expect(read(3).classes.get("chat")?.series.get("drops")?.values).toEqual(Float64Array.of(5, 900, 5));
  });

  test("is the lowest where much is good, and nothing to a class's own signals of a query", () => {
    const rate: ClassSignal = { name: "goodput", of: "path", unit: "rate", source: { signal: "queue.rate" } };
    const asked: Objective = { ...below("goodput", 1000), comparator: "above" };
    const { network } = folding({ signals: [rate, waiting], objectives: [asked] });
    const measured = (value: number) => ({ value, fromMs: startMs - intervalMs, toMs: startMs });
    const known = new Map([
      ["a-b/chat", measured(5)],
      ["a-c/chat", measured(3)],
    ]);
    const { classes } = new ClassFold(network).read(startMs, new Map([["queue.rate", known]]));
    expect(classes.get("chat")?.series.get("goodput")?.values).toEqual(Float64Array.of(3));
    expect(classes.get("chat")?.series.get("waiting")?.values.length).toBe(0);
  });
});

// Goal: routers whose clocks are hours apart do not have the signals read at every sample. Counted, not timed.
test("derived signals are sampled once an interval by our clock, whatever routers' clocks say", () => {
  const { fold, table, read } = folding({ signals: [path], objectives: [below("path-latency", 10)] });
  const series = ["one", "two"].map((flow) =>
    table.intern({ target: "prometheus", name: "flowLatency", labels: { flow } }),
  ) as [number, number];
  const reads = vi.spyOn(ClassFold.prototype, "sample");
  for (let ms = 0; ms < 100_000; ms += 100) {
    fold.number(series[0], 0.002, startMs + ms, startMs + ms);
    fold.number(series[1], 0.002, startMs + ms - 7_200_000, startMs + ms);
  }
  expect(reads.mock.calls.length).toBeGreaterThanOrEqual(10);
  expect(reads.mock.calls.length).toBeLessThanOrEqual(12);
  reads.mockRestore();
  expect(read().health?.series.get("path-latency")?.values.length).toBeLessThanOrEqual(12);
});

describe("a composite condition", () => {
  const lowBusy = { text: "busy below 70%", signal: "busy", comparator: "below", threshold: { value: 0.7 } } as const;
  const slow = { text: "waiting above 10", signal: "waiting", comparator: "above", threshold: { value: 10 } } as const;

  test("is held from the first sample at which all of it is true to the last, and begins anew", () => {
    const { signal, tick, read } = folding({
      signals: [waiting, busy],
      conditions: [condition(60_000, lowBusy, slow)],
    });
    const step = (busyNow: number, waitingNow: number) => {
      tick();
      signal("busy", busyNow);
      signal("waiting", waitingNow);
      return read();
    };
    expect(step(0.5, 1).risk?.value).toBe(0);
    step(0.5, 20);
    expect(step(0.5, 20).health?.conditions).toEqual([
      { text: "busy below 70% and waiting above 10", heldMs: 10_000, forMs: 60_000 },
    ]);
    for (let at = 0; at < 5; at++) step(0.5, 20);
    expect(read().risk?.value).toBeCloseTo(1, 9);
    expect(read().health?.why).toContain("busy below 70% and waiting above 10: for 60 s of 60 s");
    expect(step(0.9, 20).risk?.value).toBe(0);
    expect(step(0.5, 20).risk?.value).toBe(0);
  });

  test("is off when one part is, whatever is not known; otherwise not known", () => {
    const { signal, tick, read } = folding({
      signals: [waiting, busy],
      conditions: [condition(60_000, lowBusy, slow)],
    });
    signal("busy", 0.9);
    expect(read().risk?.value).toBe(0);
    tick();
    signal("busy", 0.5);
    expect(read().risk).toBeUndefined();
    expect(read().health?.conditions[0]?.unknown).toBe("waiting has no data");
  });

  test("does not count time that nobody saw", () => {
    const { signal, tick, read } = folding({ signals: [waiting], conditions: [condition(60_000, slow)] });
    for (let at = 0; at < 3; at++, tick()) signal("waiting", 20);
    tick(50);
    signal("waiting", 20);
    expect(read().health?.conditions[0]?.heldMs).toBe(0);
  });

  test("above baseline keeps the baseline from before, and is not known without one", () => {
    const raised = {
      text: "waiting above baseline",
      signal: "waiting",
      comparator: "above",
      threshold: "baseline",
    } as const;
    const { signal, tick, read } = folding({ signals: [waiting], conditions: [condition(60_000, raised)] });
    for (let at = 0; at < 8; at++, tick()) signal("waiting", 20 + (at % 3));
    expect(read().health?.conditions[0]?.unknown).toBe("waiting has no baseline yet");
    signal("waiting", 21);
    expect(read().risk?.value).toBe(0);
    // Far longer than the calm before: by now most of the history is raised.
    for (let at = 0; at < 60; at++) {
      tick();
      signal("waiting", 60);
    }
    expect(read().health?.conditions[0]?.heldMs).toBe(59 * intervalMs);
    tick();
    signal("waiting", 22);
    expect(read().health?.conditions[0]?.heldMs).toBe(0);
  });

  test("above objective is held against the interval's own percentile", () => {
    const over = {
      text: "first-token above objective",
      signal: "first-token",
      comparator: "above",
      threshold: "objective",
    } as const;
    const { histogram, tick, read } = folding({
      signals: [firstToken],
      objectives: [below("first-token", 500)],
      conditions: [condition(10_000, over)],
    });
    histogram({ "0.1": 0, "0.5": 0, "1": 0, "+Inf": 0 });
    tick();
    histogram({ "0.1": 90, "0.5": 90, "1": 100, "+Inf": 100 });
    read();
    tick();
    histogram({ "0.1": 180, "0.5": 180, "1": 200, "+Inf": 200 });
    expect(read().health?.conditions).toEqual([{ text: "first-token above objective", heldMs: 10_000, forMs: 10_000 }]);
    // Nobody asks for a while: the last that is known counts for three intervals, then nothing is known.
    for (let at = 1; at <= 3; at++) {
      tick();
      histogram({ "0.1": 180, "0.5": 180, "1": 200, "+Inf": 200 });
      expect(read().health?.conditions[0]).toMatchObject({ heldMs: 10_000 + at * intervalMs });
    }
    tick();
    histogram({ "0.1": 180, "0.5": 180, "1": 200, "+Inf": 200 });
    expect(read().health?.conditions[0]?.unknown).toBe("first-token has no observations");
  });

  // Goal: what is not known for a moment pauses the count; what is known not to hold, or is not known for long, ends it.
  test("is paused while a part is not known for a moment", () => {
    const { signal, tick, read } = folding({
      signals: [waiting, busy],
      conditions: [condition(600_000, lowBusy, slow)],
    });
    const step = (busyNow: number | undefined) => {
      tick();
      if (busyNow !== undefined) signal("busy", busyNow);
      signal("waiting", 20);
      return read().health?.conditions[0];
    };
    for (let at = 0; at < 7; at++) step(0.5);
    expect(step(0.5)?.heldMs).toBe(70_000);
    for (let at = 0; at < 3; at++) step(undefined);
    const paused = step(undefined);
    expect(paused?.unknown).toBe("busy has no data");
    expect(paused?.heldMs).toBe(100_000);
    expect(step(0.5)?.heldMs).toBe(100_000);
    expect(step(0.5)?.heldMs).toBe(110_000);
    for (let at = 0; at < 8; at++) step(undefined);
    expect(read().health?.conditions[0]).toMatchObject({ heldMs: 0, unknown: "busy has no data" });
    expect(step(0.5)?.heldMs).toBe(0);
    expect(step(0.9)?.heldMs).toBe(0);
  });
});

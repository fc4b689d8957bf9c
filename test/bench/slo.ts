// Objectives per second: 10,000 of them, each with an hour at 10 s in its window; a turn adds one sample to each and reads burn
// rates, percentile and forecast. Beside it the same figures from scratch: windows filtered and sorted out of the samples,
// the same forecast (measured on some of the objectives). CPU time in one process, the median of the turns, the first apart.
// The same of histograms of 15 buckets.
// Then the forecast on recordings (test/bench/recorded, made by record-series.ts), by the threshold that is printed: an alarm is
// a breach in sight within the forecast's span in 2 of 3 seconds; its lead is up to when the objective is broken, and up to
// when the latency of single seconds is over the threshold in 4 of 5. A breach that no alarm led to has a lead of 0. The
// error of a forecast is its distance from what happened, as a share of that, in every second of the alarm that led
// there. Quiet time counts from when there can be an alarm. A recording counts by what happened in it, not by its name. One JSON line
// a figure.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Ratio } from "../../src/kernel/units.ts";
import type { Objective } from "../../src/model/service-class.ts";
import { crossesInMs } from "../../src/te/service-level/forecast.ts";
import { readObjective } from "../../src/te/service-level/objective-reading.ts";
import { ObjectiveWindow } from "../../src/te/service-level/objective-window.ts";

const seed = 1;
const objectives = 10_000;
const sampled = 500;
const histograms = 1000;
const turns = 7;
const minuteMs = 60_000;

const hourly: Objective = {
  text: "latency p95 below 500ms",
  signal: "latency",
  percentile: 0.95 as Ratio,
  comparator: "below",
  threshold: 500,
  windowMs: 60 * minuteMs,
  burn: { fast: { windowMs: 5 * minuteMs, limit: 10 }, slow: { windowMs: 30 * minuteMs, limit: 3 } },
  forecastMs: 10 * minuteMs,
};

const say = (figure: object) => console.log(JSON.stringify(figure));
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
}

/** CPU milliseconds. */
function timed(work: () => void): number {
  const started = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
}

type Samples = { atMs: number; value: number }[];

/** What `readObjective` reads, from the samples alone. */
function fromScratch(
  samples: Samples,
  { threshold, percentile, windowMs, burn, forecastMs }: Objective,
  intervalMs: number,
) {
  const nowMs = samples.at(-1)?.atMs ?? Number.NaN;
  const last = (ms: number) => samples.filter(({ atMs }) => atMs > nowMs - ms).map(({ value }) => value);
  const badShare = (values: number[]) => values.filter((value) => value >= threshold).length / values.length;
  const burning = (ms: number) =>
    Math.min(badShare(last(ms)), badShare(last(Math.max(ms / 12, 3 * intervalMs)))) / (1 - percentile);
  const atPercentile = (values: number[]) => {
    values.sort((a, b) => a - b);
    return values[Math.ceil(percentile * values.length - 1e-9) - 1];
  };
  const newest = samples.slice(-Math.max(15, forecastMs / intervalMs));
  return {
    value: atPercentile(last(windowMs)),
    recent: atPercentile(last(Math.max(burn.fast.windowMs / 12, 3 * intervalMs))),
    fast: burning(burn.fast.windowMs) / burn.fast.limit,
    slow: burning(burn.slow.windowMs) / burn.slow.limit,
    crossesInMs: crossesInMs(
      { atMs: Float64Array.from(newest, (one) => one.atMs), values: Float64Array.from(newest, (one) => one.value) },
      { threshold, worse: "up", course: "queue" },
    ),
  };
}

function throughput(): void {
  const intervalMs = 10_000;
  const random = seededRandom(seed);
  // One in ten is on its way up, one in ten is over.
  const latencyOf = (objective: number, at: number) =>
    (objective % 10 === 0 ? 200 + at * 0.5 : objective % 10 === 1 ? 480 : 200) * (0.8 + 0.4 * random());
  const windows = Array.from({ length: objectives }, () => new ObjectiveWindow(hourly, intervalMs));
  const kept: Samples[] = Array.from({ length: sampled }, () => []);
  const add = (objective: number, at: number) => {
    const [atMs, value] = [(at + 1) * intervalMs, latencyOf(objective, at)];
    windows[objective]?.addGauge(atMs, atMs, value);
    return { atMs, value };
  };
  for (let at = 0; at < 360; at++)
    for (let objective = 0; objective < objectives; objective++) kept[objective]?.push(add(objective, at));

  const [incremental, naive]: [number[], number[]] = [[], []];
  for (let turn = 0; turn <= turns; turn++) {
    const nowMs = (361 + turn) * intervalMs;
    const values = windows.map((_, objective) => latencyOf(objective, 360 + turn));
    const readings = new Array(objectives);
    const ms = timed(() => {
      for (const [objective, window] of windows.entries()) {
        window.addGauge(nowMs, nowMs, values[objective] as number);
        readings[objective] = readObjective(hourly, window, { unit: "ms", intervalMs, nowMs });
      }
    });
    const scratch = new Array(sampled);
    const naiveMs = timed(() => {
      for (const [objective, samples] of kept.entries()) {
        samples.shift();
        samples.push({ atMs: nowMs, value: values[objective] as number });
        scratch[objective] = fromScratch(samples, hourly, intervalMs);
      }
    });
    for (const [objective, { value, recent, fast, slow }] of scratch.entries()) {
      const reading = readings[objective];
      assert.deepEqual([reading.value, reading.recent.value], [value, recent]);
      assert.ok(Math.abs(reading.burn.fast - fast) < 1e-9 && Math.abs(reading.burn.slow - slow) < 1e-9);
    }
    if (turn === 0) continue;
    incremental.push(objectives / ms);
    naive.push(sampled / naiveMs);
  }
  const [perMs, naivePerMs] = [median(incremental), median(naive)];
  say({ figure: "objectives per second", objectives, samples: 360, seed, value: Math.round(perMs * 1000) });
  say({ figure: "objectives per second, from scratch", objectives: sampled, value: Math.round(naivePerMs * 1000) });
  say({ figure: "times from scratch", value: Number((perMs / naivePerMs).toFixed(1)) });
}

function histogramThroughput(): void {
  const intervalMs = 10_000;
  const random = seededRandom(seed);
  const bounds = Float64Array.of(
    5,
    10,
    20,
    40,
    60,
    80,
    100,
    150,
    200,
    300,
    400,
    500,
    1000,
    2000,
    Number.POSITIVE_INFINITY,
  );
  const some = Array.from({ length: 64 }, () => {
    const counts = bounds.map((_, bucket) => Math.floor(random() * (bucket < 11 ? 20 : 2)));
    return { bounds, counts, total: counts.reduce((sum, count) => sum + count, 0) };
  });
  const of = (objective: number, at: number) => some[(objective * 7 + at) % some.length] as (typeof some)[number];
  const windows = Array.from({ length: histograms }, () => new ObjectiveWindow(hourly, intervalMs));
  const rates: number[] = [];
  for (let at = 0; at <= 360 + turns; at++) {
    const nowMs = (at + 1) * intervalMs;
    const ms = timed(() => {
      for (const [objective, window] of windows.entries()) {
        window.addObservations(nowMs - intervalMs, nowMs, of(objective, at));
        if (at >= 360) readObjective(hourly, window, { unit: "ms", intervalMs, nowMs });
      }
    });
    if (at > 360) rates.push(histograms / ms);
  }
  const value = Math.round(median(rates) * 1000);
  say({ figure: "histogram objectives per second", objectives: histograms, buckets: bounds.length, seed, value });
}

/** In milliseconds; the recordings know of none. Nothing is in sight before there are enough seconds for a percentile. */
const thresholdMs = 200;
const firstAlarmS = 60;

const recordedObjective: Objective = {
  ...hourly,
  text: `p95 below ${thresholdMs}ms`,
  threshold: thresholdMs,
  windowMs: 4 * minuteMs,
  burn: { fast: { windowMs: minuteMs, limit: 10 }, slow: { windowMs: 4 * minuteMs, limit: 3 } },
  forecastMs: minuteMs,
};

type Replay = Readonly<{
  seconds: number;
  alarms: number[];
  /** By second, in which there was one. */
  saidMs: ReadonlyMap<number, number>;
  brokenS?: number;
  overS?: number;
}>;

/** Seconds with an alarm, and those at which the objective was broken and single seconds were over. */
function replay(file: URL): Replay {
  const rows = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => /^\d/.test(line));
  const window = new ObjectiveWindow(recordedObjective, 1000);
  const [inSight, over]: [boolean[], boolean[]] = [[], []];
  const alarms: number[] = [];
  const saidMs = new Map<number, number>();
  let [brokenS, overS]: [number | undefined, number | undefined] = [undefined, undefined];
  for (const row of rows) {
    const [second, answered, p95] = row.split(",").map(Number) as [number, number, number];
    if (answered === 0) continue;
    const nowMs = (second + 1) * 1000;
    window.addGauge(nowMs - 1000, nowMs, p95);
    const { breachInMs } = readObjective(recordedObjective, window, { unit: "ms", intervalMs: 1000, nowMs });
    inSight.push(breachInMs !== undefined && breachInMs > 0 && breachInMs <= recordedObjective.forecastMs);
    over.push(p95 >= recordedObjective.threshold);
    if (over.slice(-5).filter(Boolean).length >= 4) overS ??= second;
    // In its first minute a window of four has too few seconds for a percentile.
    if (second < firstAlarmS) continue;
    if (breachInMs) saidMs.set(second, breachInMs);
    if (breachInMs === 0) brokenS ??= second;
    if (brokenS === undefined && inSight.slice(-3).filter(Boolean).length >= 2) alarms.push(second);
  }
  return {
    seconds: rows.length,
    alarms,
    saidMs,
    ...(brokenS === undefined ? {} : { brokenS }),
    ...(overS === undefined ? {} : { overS }),
  };
}

function forecasts(): void {
  const folder = new URL("recorded/", import.meta.url);
  const leads: number[] = [];
  const errors: number[] = [];
  let [broken, hits, quietS, falseRuns] = [0, 0, 0, 0];
  say({ figure: "forecast judged by", objective: recordedObjective.text, windowS: recordedObjective.windowMs / 1000 });
  for (const name of readdirSync(folder).sort()) {
    const { seconds, alarms, saidMs, brokenS, overS } = replay(new URL(name, folder));
    const runs = alarms.filter((second, at) => second - 1 !== alarms[at - 1]);
    // The one that leads to the breach: no more than twice the forecast's span before it.
    const first =
      brokenS === undefined ? undefined : runs.find((s) => brokenS - s <= (2 * recordedObjective.forecastMs) / 1000);
    if (brokenS === undefined) {
      quietS += Math.max(0, seconds - firstAlarmS);
      falseRuns += runs.length;
    } else {
      broken++;
      falseRuns += runs.filter((s) => first === undefined || s < first).length;
      quietS += Math.max(0, (first ?? brokenS) - firstAlarmS);
      leads.push(first === undefined ? 0 : brokenS - first);
      if (first !== undefined) hits++;
      for (const second of alarms.filter((s) => first !== undefined && s >= first && s < brokenS)) {
        const [said, happened] = [saidMs.get(second), (brokenS - second) * 1000];
        if (said !== undefined) errors.push(Math.abs(said - happened) / happened);
      }
    }
    const lead = first === undefined || brokenS === undefined ? {} : { leadS: brokenS - first };
    const overLead = first === undefined || overS === undefined ? {} : { leadToOverS: overS - first };
    say({ figure: "forecast", recording: name, seconds, brokenS, overS, ...lead, ...overLead, alarmRuns: runs.length });
  }
  say({ figure: "forecast lead before breach, median s", value: median(leads), hits, broken });
  say({
    figure: "forecast's time to breach, median relative error",
    value: Number(median(errors).toFixed(2)),
    forecasts: errors.length,
  });
  say({ figure: "false alarms per hour", value: Number(((falseRuns * 3600) / quietS).toFixed(2)), falseRuns, quietS });
}

throughput();
histogramThroughput();
forecasts();

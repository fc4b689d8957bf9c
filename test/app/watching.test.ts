import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { observedDevice, type RouterOperation } from "../../src/app/observed-device.ts";
import { SampleAges } from "../../src/app/sample-ages.ts";
import { watchOf } from "../../src/app/watch.ts";
import { Failure, fail, ok } from "../../src/kernel/failure.ts";
import { version } from "../../src/kernel/version.ts";
import type { Change } from "../../src/model/change.ts";
import type { DevicePort, DeviceStep } from "../../src/model/device.ts";
import type { Journal } from "../../src/model/journal.ts";
import type { RouteOriginSink } from "../../src/model/route-origins.ts";
import type { SampleSink } from "../../src/model/sample.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

const step = { device: "edge-a" } as DeviceStep;
const change = { id: "c1", correlation: "p/l/t", plan: { steps: [step] } } as unknown as Change;
const trial = { token: "t", timeoutMs: 1 };

// Goal: everything that is asked of a router for a change is told with what it is for, how long it took and how it ended; readings,
// and a discard with nothing to drop, are not. Whatever the driver answers reaches the runner as it is.
test("router operations", async () => {
  const clock = new SimulatedClock();
  const told: RouterOperation[] = [];
  const gone = fail(new Failure("TRIAL_EXPIRED", "it went back by itself"));
  const takes = <T>(ms: number, result: T) => {
    clock.advance(ms);
    return Promise.resolve(result);
  };
  const driver: DevicePort = {
    device: "edge-a",
    read: () => takes(1, ok("text")),
    prepare: () => takes(20, ok("diff")),
    discard: () => takes(3, ok(undefined)),
    commitOnTrial: () => takes(400, ok(undefined)),
    confirm: () => takes(5, gone),
    undo: () => takes(6, ok(undefined)),
    close: () => takes(1, undefined),
  };
  let open: readonly Change[] = [change];
  const port = observedDevice(driver, { clock, open: () => open, onOperation: (operation) => told.push(operation) });
  expect(await port.read("q")).toEqual(ok("text"));
  await port.discard();
  expect(await port.prepare(step)).toEqual(ok("diff"));
  await port.discard();
  await port.discard();
  await port.prepare(step);
  await port.commitOnTrial(step, trial);
  await port.discard();
  expect(await port.confirm(step, trial)).toBe(gone);
  open = [];
  await port.undo(step, trial);
  await port.close();
  const about = { device: "edge-a", change: { id: "c1", correlation: "p/l/t" } };
  expect(told).toEqual([
    { ...about, operation: "prepare", durationMs: 20 },
    { ...about, operation: "discard", durationMs: 3 },
    { ...about, operation: "prepare", durationMs: 20 },
    { ...about, operation: "commit", durationMs: 400 },
    { ...about, operation: "confirm", durationMs: 5, failure: gone.failure.toJSON() },
    { device: "edge-a", operation: "undo", durationMs: 6 },
  ]);
});

// Goal: a source is as fresh as its newest sample, whatever order they come in; a clock ahead makes none newer than its arrival; one
// that has given none has no age. What it says goes on unchanged.
test("sample ages", () => {
  const passed: unknown[][] = [];
  const note =
    (name: string) =>
    (...values: unknown[]) =>
      void passed.push([name, ...values]);
  const fold = {
    number: note("number"),
    text: note("text"),
    gone: note("gone"),
    target: note("target"),
  } as SampleSink & RouteOriginSink;
  const ages = new SampleAges();
  const [a, b] = [ages.sink(fold), ages.sink(fold)];
  a.target("edge-a", { state: "starting" }, 1);
  b.target("edge-b", { state: "starting" }, 2);
  expect([ages.newestMs("edge-a"), ages.newestMs("nobody")]).toEqual([undefined, undefined]);
  a.number(7, 1.5, 100, 110);
  a.number(7, 1.5, 90, 120);
  expect(ages.newestMs("edge-a")).toBe(100);
  a.text(8, "up", 9_999, 130);
  expect(ages.newestMs("edge-a")).toBe(130);
  b.gone(9, 140);
  expect(ages.newestMs("edge-b")).toBeUndefined();
  expect(passed).toEqual([
    ["target", "edge-a", { state: "starting" }, 1],
    ["target", "edge-b", { state: "starting" }, 2],
    ["number", 7, 1.5, 100, 110],
    ["number", 7, 1.5, 90, 120],
    ["text", 8, "up", 9_999, 130],
    ["gone", 9, 140],
  ]);
});

// Goal: of caches that one source asks each has the age of its own word, though only one's counts at a time.
test("ages of RPKI caches", () => {
  const ignore = () => undefined;
  const fold = { routeOrigins: ignore, target: ignore } as unknown as SampleSink & RouteOriginSink;
  const ages = new SampleAges();
  const rtr = ages.sink(fold);
  for (const cache of ["rpki a:323", "rpki b:323"]) rtr.target(cache, { state: "starting" }, 1);
  const says = (cache: string, measuredMs: number) =>
    rtr.routeOrigins({ cache, vrps: [], measuredMs, expiresMs: measuredMs + 600_000 });
  says("rpki a:323", 100);
  expect(["rpki a:323", "rpki b:323"].map((cache) => ages.newestMs(cache))).toEqual([100, undefined]);
  says("rpki b:323", 200);
  rtr.routeOrigins(undefined);
  expect(["rpki a:323", "rpki b:323"].map((cache) => ages.newestMs(cache))).toEqual([100, 200]);
});

// Goal: a disk that is full is found by writing to it, however often health is asked no more than once in five seconds, and a
// disk that has room again is well again.
test("the journal is probed", async () => {
  const clock = new SimulatedClock();
  let isFull = true;
  let probes = 0;
  const journal = {
    async probe() {
      probes += 1;
      if (isFull) throw new Error("database or disk is full");
    },
  } as Journal;
  const watch = watchOf({ clock, journal, network: {} } as unknown as Parameters<typeof watchOf>[0]);
  expect(await watch.journalWritable()).toMatchObject({
    ok: false,
    failure: { message: expect.stringContaining("disk is full") },
  });
  isFull = false;
  clock.advance(4_999);
  expect(await watch.journalWritable()).toMatchObject({ ok: false });
  expect(probes).toBe(1);
  clock.advance(1);
  expect(await watch.journalWritable()).toEqual(ok(undefined));
  expect(probes).toBe(2);
});

test("the version is that of the package", () => {
  const file = join(import.meta.dirname, "../../package.json");
  expect(version).toBe((JSON.parse(readFileSync(file, "utf8")) as { version: string }).version);
});

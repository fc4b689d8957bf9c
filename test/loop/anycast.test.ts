import { afterEach, expect, test } from "vitest";
import { Failure, fail } from "../../src/kernel/failure.ts";
import { anycastWorld, network, policy, type SimulatedProbes, sitesAt } from "./simulated-anycast.ts";
import { Simulation } from "./simulation.ts";

let simulation: Simulation<SimulatedProbes>;
afterEach(() => simulation.end());

const stale = "serves llama-7 while the registry says llama-8";
const paris = () => sitesAt(simulation.routers).paris;
const confirmed = () => simulation.changes.filter(({ state }) => state === "confirmed").length;
const start = async (seed: number) => {
  simulation = await Simulation.of(anycastWorld, seed, { mode: "auto" });
  await simulation.run(30_000);
  expect(simulation.changes).toEqual([]);
};

// Goal: out in two steps and back in two, a hold before each but the first, and the routers end byte for byte as they began.
test("a stale site is drained, withdrawn, and back again", async () => {
  await start(1);
  const before = simulation.routers.map(({ running }) => running);
  simulation.telemetry.wrong.set("paris", stale);
  await simulation.until(() => confirmed() === 1, 30_000);
  expect(paris()).toBe("drained");
  await simulation.run(policy.holdMs - 10_000);
  expect(paris(), "not before the hold is over").toBe("drained");
  await simulation.until(() => confirmed() === 2, 60_000);
  expect(paris()).toBe("withdrawn");
  await simulation.run(300_000);
  expect(confirmed(), "there is no third step").toBe(2);

  simulation.telemetry.wrong.clear();
  const well = simulation.clock.now();
  await simulation.until(() => confirmed() === 3, 120_000);
  expect(paris()).toBe("drained");
  expect(simulation.clock.now() - well).toBeGreaterThanOrEqual(policy.holdMs);
  await simulation.until(() => confirmed() === 4, 180_000);
  expect(paris()).toBe("announced");
  expect(simulation.routers.map(({ running }) => running)).toEqual(before);
  await simulation.run(300_000);
  expect(simulation.changes.length).toBe(4);
  simulation.checkQuiet();
});

test("well again after the first step, it is never withdrawn", async () => {
  await start(2);
  simulation.telemetry.wrong.set("paris", stale);
  await simulation.until(() => confirmed() === 1, 30_000);
  simulation.telemetry.wrong.clear();
  await simulation.until(() => confirmed() === 2, 180_000);
  expect(paris()).toBe("announced");
  await simulation.run(300_000);
  expect(simulation.changes.length).toBe(2);
});

// Goal: never below the minimum number of sites, whoever is unwell, and whatever order they fall ill in.
test("of two stale sites one stays", async () => {
  await start(3);
  simulation.telemetry.wrong.set("paris", stale);
  simulation.telemetry.wrong.set("tokyo", stale);
  await simulation.run(300_000);
  expect(simulation.changes, "only one of three is well").toEqual([]);
  const explained = await simulation.controller.explain("paris");
  expect(explained).toMatchObject({
    ok: true,
    value: { outcome: "denied", reason: expect.stringContaining("min-sites") },
  });
  simulation.telemetry.wrong.delete("tokyo");
  await simulation.until(() => confirmed() === 1, 120_000);
  simulation.telemetry.wrong.set("london", stale);
  await simulation.run(300_000);
  expect(sitesAt(simulation.routers)).toEqual({ paris: "drained", london: "announced", tokyo: "announced" });
});

// Goal: no data is never "unwell" and never "well".
test("while nobody answers nothing is done, neither out nor back", async () => {
  await start(4);
  simulation.telemetry.silent = true;
  simulation.telemetry.wrong.set("paris", stale);
  await simulation.run(300_000);
  expect(simulation.changes).toEqual([]);
  expect((await simulation.controller.status()).policies.map(({ state }) => state)).toEqual([
    "blind",
    "blind",
    "blind",
  ]);
  simulation.telemetry.silent = false;
  await simulation.until(() => confirmed() === 1, 60_000);
  simulation.telemetry.wrong.clear();
  simulation.telemetry.silent = true;
  await simulation.run(300_000);
  expect(paris()).toBe("drained");
});

/** A router that cannot be asked anything. */
function cutOff(device: string): void {
  const router = simulation.routers.find((one) => one.device === device);
  if (!router) expect.fail(`there is no ${device}`);
  router.read = async () => fail(new Failure("DEVICE_UNREACHABLE", `${device} does not answer`));
}
const leave = (minSites: number) => {
  const anycast = network.anycast.map((one) => ({ ...one, minSites }));
  return { ...anycastWorld, network: { ...network, anycast } };
};

// Goal: one dead router keeps no unwell site of another in service; but what is behind it counts for nothing.
test("another's router that is cut off", async () => {
  simulation = await Simulation.of(leave(1), 6, { mode: "auto" });
  cutOff("edge-t");
  simulation.telemetry.wrong.set("paris", stale);
  await simulation.until(() => confirmed() === 1, 60_000);
  expect(paris()).toBe("drained");
  await simulation.until(() => confirmed() === 2, 180_000);
  expect(paris()).toBe("withdrawn");
  simulation.telemetry.wrong.clear();
  await simulation.until(() => confirmed() === 4, 300_000);
  expect(paris()).toBe("announced");
});

test("with it too few would be known to serve", async () => {
  await start(7);
  cutOff("edge-t");
  simulation.telemetry.wrong.set("paris", stale);
  await simulation.run(120_000);
  expect(simulation.changes).toEqual([]);
  expect(await simulation.controller.explain("paris")).toMatchObject({
    ok: true,
    value: { outcome: "denied", reason: expect.stringContaining("1 of 3 sites") },
  });
});

test("its own router that is cut off", async () => {
  simulation = await Simulation.of(leave(1), 8, { mode: "auto" });
  cutOff("edge-p");
  simulation.telemetry.wrong.set("paris", stale);
  await simulation.run(120_000);
  expect(simulation.changes).toEqual([]);
  expect(await simulation.controller.explain("paris")).toMatchObject({
    ok: true,
    value: { outcome: "unreadable", reason: "edge-p does not answer" },
  });
});

test("a site that slows down under what comes to it takes the drain back", async () => {
  await start(5);
  const [router] = simulation.routers;
  const before = router?.running;
  simulation.telemetry.wrong.set("paris", stale);
  for (const one of simulation.routers) {
    const check = one.onCommit;
    one.onCommit = (step, trial) => {
      check(step, trial);
      simulation.telemetry.wrong.set("london", "answered in 900 ms, over 400 ms");
    };
  }
  await simulation.until(() => simulation.changes[0]?.state === "rolled-back", 60_000);
  expect(simulation.changes[0]?.outcome).toMatchObject({ code: "VERIFY_WORSE" });
  expect(router?.running).toBe(before);
});

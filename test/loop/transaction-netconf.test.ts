import { afterEach, beforeEach, expect, test } from "vitest";
import { lock } from "../../src/device/netconf/operations.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { ok } from "../../src/kernel/failure.ts";
import { Ledger } from "../../src/loop/ledger.ts";
import { Runner } from "../../src/loop/runner.ts";
import type { Change } from "../../src/model/change.ts";
import type { DevicePort } from "../../src/model/device.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import { type LabRouter, startLabRouter } from "../device/lab-router.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { MemoryJournal } from "./memory-journal.ts";

// The transaction of transaction.test.ts with the real driver over real sockets: three routers, one of which has no persist token.

let routers: readonly LabRouter[];
let clocks: readonly SimulatedClock[];
let ports: readonly DevicePort[];
beforeEach(async () => {
  routers = await Promise.all([startLabRouter("edge-a"), startLabRouter("edge-b", "1.0"), startLabRouter("edge-c")]);
  clocks = routers.map(() => new SimulatedClock());
  ports = routers.map((router, index) => router.connect(clocks[index]));
});
afterEach(async () => {
  for (const router of routers) await router.stop();
});

async function make(): Promise<Change | undefined> {
  const ledger = new Ledger(new MemoryJournal(), systemClock);
  const runner = new Runner({
    ledger,
    devices: new Map(ports.map((port) => [port.device, port])),
    clock: systemClock,
    state: () => ({}) as NetworkState,
    guards: async () => ok([]),
    earned: () => ({ mode: "auto" }),
    verify: () => ({ outcome: "better", findings: [] }),
    nextTelemetry: async () => undefined,
  });
  const nowMs = systemClock.now();
  await ledger.add({
    ...{ id: "c1", state: "proposed", mode: "auto", origin: { kind: "policy", policy: "test" }, decision: {} },
    ...{ diffs: {}, guards: [], approvals: [], times: {}, createdMs: nowMs, expiresMs: nowMs + 60_000 },
    ...{ plan: { steps: routers.map(({ step }) => step) }, trial: { token: "c1-7", timeoutMs: 30_000 } },
  } as unknown as Change);
  await ledger.advance("c1", "begun");
  await runner.run("c1");
  return ledger.get("c1");
}

const prepends = () => routers.map((router) => router.prepends());

// Goal: all three, and for good.
test("confirmed", async () => {
  expect((await make())?.state).toBe("confirmed");
  for (const router of routers) router.clock.advance(60_000);
  expect(prepends()).toEqual([3, 3, 3]);
  for (const router of routers) await router.requireUnlocked();
});

// Goal: whichever of three refuses, locked by someone or edited, no lock of ours is left on any, and nothing has changed.
test.each([0, 1, 2])("prepare refused by router %i", async (refusing) => {
  const router = routers[refusing];
  const rival = await router?.rival();
  if (!router || !rival) throw new Error("there are routers");
  await lock(rival, "candidate");
  expect(await make()).toMatchObject({ state: "aborted", outcome: { code: "DEVICE_LOCKED" } });
  await rival.close();
  for (const one of routers) await one.requireUnlocked();
  await router.edit(5);
  expect(await make()).toMatchObject({ state: "aborted", outcome: { code: "DEVICE_CHANGED" } });
  expect(prepends()).toEqual([0, 1, 2].map((index) => (index === refusing ? 5 : 1)));
  for (const one of routers) await one.requireUnlocked();
});

// Goal: a router that never says that it has committed has perhaps: read back, and taken back with the others.
test.each([0, 1])("no answer to the commit from router %i", async (silent) => {
  const router = routers[silent];
  if (!router) throw new Error("there are routers");
  router.server.faults.loseReplyTo = "commit";
  const performed = router.performed("commit");
  const making = make();
  await performed;
  clocks[silent]?.advance(5_000);
  expect(await making).toMatchObject({ state: "rolled-back", outcome: { code: "DEVICE_TIMEOUT" } });
  for (const one of routers) one.clock.advance(60_000);
  expect(prepends()).toEqual([1, 1, 1]);
  for (const one of routers) await one.requireUnlocked();
});

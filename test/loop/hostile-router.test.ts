import { expect, test } from "vitest";
import { loadTemplates } from "../../src/app/load-templates.ts";
import { Failure, fail, type Result } from "../../src/kernel/failure.ts";
import { Routers } from "../../src/loop/routers.ts";
import type { DevicePort } from "../../src/model/device.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { MemoryRouter } from "./memory-router.ts";
import { initialReadings, network } from "./simulated-network.ts";

// Goal: while one router keeps us waiting the others' readings are in at once, and what comes of the slow one names it. Its answer is
// held back by the test, so the order is certain.
test("a router that does not answer holds up no other's reading", async () => {
  const clock = new SimulatedClock();
  const [[slow = "", text = ""] = [], [good = ""] = []] = [...initialReadings()];
  let giveUp = (_: Result<string>) => {};
  const silent = new MemoryRouter(slow, text, clock, () => 1, { lost: 0, answerLost: 0 });
  silent.read = () =>
    new Promise((resolve) => {
      giveUp = resolve;
    });
  const others = [...initialReadings()].slice(1);
  const devices = new Map<string, DevicePort>([
    [slow, silent],
    ...others.map(
      ([name, running]) => [name, new MemoryRouter(name, running, clock, () => 1, { lost: 0, answerLost: 0 })] as const,
    ),
  ]);
  let goodRead = () => {};
  const read = new Promise<void>((resolve) => {
    goodRead = resolve;
  });
  const routers = new Routers(
    { network, policies: [], templates: await loadTemplates(), devices, clock },
    () => (device) => device === good && goodRead(),
  );
  const all = routers.read();
  await read;
  expect(routers.status.get(good)).toEqual({ atMs: clock.now() });
  expect(routers.status.has(slow)).toBe(false);
  giveUp(fail(new Failure("DEVICE_TIMEOUT", `${slow}: no answer to get-config within 30 s`)));
  expect(await all).toMatchObject({ ok: false, failure: { code: "DEVICE_TIMEOUT" } });
  expect(routers.status.get(slow)?.failure?.message).toBe(`${slow}: no answer to get-config within 30 s`);
});

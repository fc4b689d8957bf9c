import { afterEach, expect, test } from "vitest";
import { frrDevice } from "../../src/device/frr/frr-device.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { pour, type Script, startScriptedRouter } from "./scripted-router.ts";

// A router with a shell that misbehaves on purpose, over SSH on loopback.

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function read(onExec: NonNullable<Script["onExec"]>, clock: Clock = systemClock) {
  const router = await startScriptedRouter({ onExec });
  const device = { ...router.device, platform: "frr" } as const;
  const port = frrDevice({ device, resolveSecret: async () => "sw1tchman", clock });
  cleanup.push(router.stop, () => port.close());
  return port.read("hostname");
}

// Goal: output without end is cut off long before it fills the memory, on either stream, and the connection with it.
test.each(["stdout", "stderr"] as const)("endless %s", async (where) => {
  const before = process.memoryUsage.rss();
  const line = Buffer.from("! no end\n".repeat(30_000));
  let poured: Promise<number> | undefined;
  const result = await read((_command, channel) => {
    const stream = where === "stdout" ? channel : channel.stderr;
    poured = pour(
      stream as typeof channel,
      Array.from({ length: 4_000 }, () => line),
    );
    return undefined;
  });
  expect(result).toMatchObject({
    ok: false,
    failure: { code: "DEVICE_PROTOCOL", message: "edge-a: a command printed more than 16 MiB" },
  });
  if (where === "stdout") expect(await poured).toBeLessThan(40 << 20);
  expect(process.memoryUsage.rss() - before).toBeLessThan(250 << 20);
});

// Goal: a command that never ends is given up on in time, whether it is silent or drips a byte for each second.
test.each([0, 1])("no end in sight, %i bytes a second", async (drip) => {
  const clock = new SimulatedClock();
  const startedMs = clock.now();
  let over = false;
  const result = await read((_command, channel) => {
    const second = () => {
      if (drip > 0) channel.write("x");
      clock.advance(1_000);
      if (!over) setImmediate(second);
    };
    setImmediate(second);
    return undefined;
  }, clock);
  over = true;
  expect(result).toMatchObject({
    ok: false,
    failure: { code: "DEVICE_TIMEOUT", message: expect.stringMatching(/^edge-a: no answer to a command within/) },
  });
  expect(clock.now() - startedMs).toBeGreaterThanOrEqual(20_000);
});

// Goal: what a stranger prints is never taken for configuration, nor quoted at length.
test.each([
  ["a long line", "x".repeat(1 << 20)],
  ["bytes that are no text", `\u0000\u001b[2J${"\ufffd".repeat(1_000)}`],
])("%s", async (_, printed) => {
  const result = await read(() => printed);
  if (result.ok) expect.fail("it was taken for configuration");
  expect(result.failure.code).toBe("DEVICE_PROTOCOL");
  expect(result.failure.message).toMatch(/^edge-a: /);
  expect(result.failure.message.length).toBeLessThan(1_000);
});

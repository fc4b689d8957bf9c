import { afterEach, expect, test } from "vitest";
import { frrDevice } from "../../src/device/frr/frr-device.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { startScriptedRouter } from "./scripted-router.ts";

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function connect(printed: string) {
  const router = await startScriptedRouter({ onExec: () => printed });
  cleanup.push(router.stop);
  const device = { ...router.device, platform: "frr" } as const;
  return { router, port: frrDevice({ device, resolveSecret: async () => "sw1tchman", clock: systemClock }) };
}

// Goal: shutting down does not wait for a router that no longer answers.
test("close of a frozen router", async () => {
  const { router, port } = await connect("running\nhostname edge-a\nend\n");
  expect(await port.read("hostname")).toEqual({ ok: true, value: "hostname edge-a\n" });
  router.freeze();
  await port.close();
});

// Goal: a reading that failed is told in vtysh's own words, never in the configuration's, which holds passwords.
test.each([
  ["running", "router bgp 65000\n neighbor 192.0.2.1 password a%b\n", "the output was cut short"],
  ["failed", "neighbor 192.0.2.1 password a%b\n", "the output was cut short"],
  ["failed", " neighbor 192.0.2.1 password a%b\n% Command incomplete.\n", "% Command incomplete."],
])("reading %s half way: %j", async (word, said, told) => {
  const { port } = await connect(`${word}\n${said}`);
  cleanup.push(() => port.close());
  const message = `edge-a: show running-config failed: ${told}`;
  expect(await port.read("hostname")).toMatchObject({ ok: false, failure: { code: "DEVICE_PROTOCOL", message } });
});

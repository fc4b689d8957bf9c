import { afterEach, expect, test } from "vitest";
import { frrDevice } from "../../src/device/frr/frr-device.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { DeviceStep } from "../../src/model/device.ts";
import { startScriptedRouter } from "./scripted-router.ts";

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function connect(printed: string | ((command: string) => string)) {
  const onExec = typeof printed === "string" ? () => printed : printed;
  const router = await startScriptedRouter({ onExec });
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

// Goal: a trial that the router has taken back itself is over although someone else edited beside it meanwhile; not so where the
// reading still has anything of ours, or lacks anything that was there before.
test.each([
  ["theirs beside it", ["hostname b", "hostname theirs"], true],
  ["as it was", ["hostname b"], true],
  ["ours is still there", ["hostname b", "hostname ours", "hostname theirs"], false],
  ["what was there before is not", ["hostname theirs"], false],
])("undo of a trial that went back by itself: %s", async (_, lines, isOver) => {
  const running = `running\n${lines.join("\n")}\nend\n`;
  const { port } = await connect((command) =>
    command.includes('echo "$s $a $w"') ? "reverted applied unsaved\n" : running,
  );
  cleanup.push(() => port.close());
  const step: DeviceStep = {
    ...{ device: "edge-a", platform: "frr", query: "hostname", forward: nothing, inverse: nothing },
    ...{ basis: "hostname b\n", expected: "hostname ours\n" },
  };
  const undone = await port.undo(step, { token: "c1-7", timeoutMs: 1 });
  expect(undone).toMatchObject(isOver ? { ok: true } : { ok: false, failure: { code: "DEVICE_CHANGED" } });
});
const nothing = { config: "", activate: "" };

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

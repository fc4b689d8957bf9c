import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { editHtb, htbQuery } from "../../src/change/linux-htb.ts";
import { linuxHtbDevice } from "../../src/device/linux-htb/linux-htb-device.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { FailureCode, Result } from "../../src/kernel/failure.ts";
import type { ClassShare } from "../../src/model/decision.ts";
import type { DevicePort, DeviceStep, Trial } from "../../src/model/device.ts";
import type { Network, ResolveSecret } from "../../src/model/inventory.ts";
import { templates } from "../change/fixtures.ts";
import { eventually } from "./real-lab/eventually.ts";
import { type QosLab, startQosLab } from "./real-lab/qos-lab.ts";
import { qosDevice, qosNetwork, shareOf } from "./real-lab/qos-network.ts";

const two = [shareOf("interactive", 3e6), shareOf("batch", 6.9e6)];
const three = [shareOf("interactive", 10e6 / 3), shareOf("standard", 2e6, 8e6), shareOf("batch", 1e6, 5e6)];

let lab: QosLab;
let network: Network;
let query: string;
let before: string;
const ports: DevicePort[] = [];

const resolveSecret: ResolveSecret = async (ref) => ("file" in ref ? (await readFile(ref.file, "utf8")).trimEnd() : "");

function port(): DevicePort {
  const opened = linuxHtbDevice({ device: qosDevice(lab), resolveSecret, clock: systemClock });
  ports.push(opened);
  return opened;
}

/** Every qdisc, class and table there is, the operator's too. */
const running = () =>
  lab.router.run(["sh", "-c", "tc qdisc show; tc class show dev eth2; tc filter show dev eth2; nft list tables"]);
/** The operator's own hands. */
const shell = (line: string) => lab.router.run(["sh", "-ec", line]);
const timers = () => shell("pgrep -fc 'pointsman-trial [/]var' || true").then(Number);
const killSessions = () => shell("pgrep -f '^sshd: pointsman' | xargs -r kill -KILL");
const trialOf = (timeoutMs: number): Trial => ({ token: randomUUID(), timeoutMs });

/** As the change stage plans it. */
async function step(to: ClassShare[], from: ClassShare[] = [], changes: Partial<DeviceStep> = {}) {
  const basis = value(await port().read(query));
  const change = { action: "qos", device: "r1", link: "r1-h2", from, to } as const;
  const edited = editHtb(templates, network, qosDevice(lab), basis, [change]);
  return { device: "r1", platform: "linux-htb", query, basis, ...edited, ...changes } satisfies DeviceStep;
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw result.failure;
  return result.value;
}

function expectFailure(result: Result<unknown>, code: FailureCode, message: string | RegExp = ""): void {
  expect(result).toMatchObject({ ok: false, failure: { code } });
  if (!result.ok) expect(result.failure.message).toMatch(message);
}

async function onTrial(
  made: DeviceStep,
  timeoutMs: number,
): Promise<{ made: DeviceStep; trial: Trial; device: DevicePort }> {
  const [device, trial] = [port(), trialOf(timeoutMs)];
  value(await device.prepare(made));
  value(await device.commitOnTrial(made, trial));
  return { made, trial, device };
}

async function kept(made: DeviceStep) {
  const { trial, device } = await onTrial(made, 60_000);
  value(await device.confirm(made, trial));
  return { made, trial };
}

/** Puts a `tc` in the router's way that can be told to stop after some lines of a trial's first batch. */
const installStall = () =>
  lab.router.run(
    [
      "sh",
      "-c",
      "cp /usr/sbin/tc /run/tc; cat > /run/stall; chmod 755 /run/stall; mount --bind /run/stall $(readlink -f /usr/sbin/tc)",
    ],
    `#!/bin/sh
case "$*" in
"-batch "*/trials/*/forward*)
  if [ -e /tmp/stall ]; then
    head -n "$(cat /tmp/stall)" "$2" > /tmp/part.$$
    /run/tc -batch /tmp/part.$$
    : > /tmp/stalled
    while [ -e /tmp/stall ]; do sleep 0.05; done
    exit 1
  fi ;;
esac
exec /run/tc "$@"
`,
  );
const stallAfter = (lines: number) => shell(`rm -f /tmp/stalled; echo ${lines} > /tmp/stall`);
const stalled = () =>
  eventually("tc is stalled", 10_000, () =>
    shell("ls /tmp/stalled 2>&1 || true").then((said) => said === "/tmp/stalled\n"),
  );
const waitsForApply = () =>
  eventually("something waits for the stalled script", 10_000, () => shell("pgrep -x flock || true").then(Boolean));

beforeAll(async () => {
  lab = await startQosLab();
  network = qosNetwork(lab);
  query = htbQuery(templates, network, qosDevice(lab));
  await installStall();
});
afterAll(() => lab?.stop());

beforeEach(async () => {
  before = await running();
});
afterEach(async () => {
  await Promise.all(ports.splice(0).map((opened) => opened.close()));
  await shell("rm -f /var/lib/pointsman/lock /tmp/stall");
  expect(await running()).toBe(before);
  expect(await timers()).toBe(0);
  expect(
    await shell("ls -d /var/lib/pointsman/check.* /var/lib/pointsman/trials/*/forward.* 2>/dev/null || true"),
  ).toBe("");
});

describe("read", () => {
  test("gives the operator's shaper, the kernel's own queue, what is missing, and what is neither", async () => {
    expect(query).toBe("eth2\n");
    expect(value(await port().read(query))).toMatch(/^eth2 plain tbf [0-9a-f]+: rate 10Mbit burst 32Kb lat 100ms\n$/);
    expect(value(await port().read("eth1\neth9\n"))).toBe("eth1 plain default\neth9 missing\n");
    await shell("tc qdisc add dev eth1 root handle 7: bfifo limit 9000; tc qdisc add dev eth1 clsact");
    expect(value(await port().read("eth1\n"))).toBe("eth1 other bfifo 7: limit 9000b\n");
    await shell("tc qdisc del dev eth1 root");
    expect(value(await port().read("eth1\n"))).toBe("eth1 plain default\n");
    await shell("tc qdisc del dev eth1 clsact");
  });
});

describe("prepare", () => {
  test("tries the change out and back, gives the diff, sends nothing, and is discarded without a trace", async () => {
    const [device, made] = [port(), await step(three)];
    const diff = value(await device.prepare(made));
    expect(diff).toContain(
      "+eth2 class 1 dscp 46 rate 3333333.3333333335 ceil 10000000 prio 1 priority 0 quantum 4166 marks 15000 to 45000\n",
    );
    expect(await running()).toBe(before);
    value(await device.discard());
    value(await port().prepare(made));
  });

  test("refuses a plan made from other queues, and gives the lock back", async () => {
    const made = await step(two);
    const { made: other, trial } = await kept(await step(three));
    expectFailure(await port().prepare(made), "DEVICE_CHANGED", /class 2 dscp 26/);
    value(await port().undo(other, trial));
    value(await port().prepare(made));
  });

  test.each([
    ["another interface", (config: string) => config.replaceAll("eth2", "eth0")],
    ["another root", (config: string) => config.replace("handle c8: htb default fffd", "handle 7: bfifo limit 9000")],
    ["a shell's words", (config: string) => config.replace("limit 45000", "limit $(id)")],
    ["another table", (config: string) => config.replaceAll("inet pointsman-eth2", "inet lab")],
    ["a rule that drops", (config: string) => config.replace('!= "eth2" accept', '!= "eth2" drop')],
    ["a chain elsewhere", (config: string) => config.replace("hook postrouting", "hook input")],
    ["an include", (config: string) => `nft include "/etc/passwd"\n${config}`],
    ["what is not promised", (config: string) => config.replace(/^# .*htb.*\n/m, "")],
    ["a control character", (config: string) => config.replace("htb default fffd", "htb default fffd\r")],
  ])("refuses %s before anything is sent, or ever", async (_, spoil) => {
    const made = await step(two);
    const odd = { ...made, forward: { ...made.forward, config: spoil(made.forward.config) } };
    expect(odd.forward.config).not.toBe(made.forward.config);
    expectFailure(await port().prepare(odd), "CHANGE_UNSUPPORTED");
  });

  test.each([
    [
      "a class that HTB does not take",
      (config: string) => config.replace("rate 3000000", "rate 0"),
      /(Illegal|rate).*line 5/,
    ],
    [
      "other queues than it says",
      (config: string) => config.replace("htb rate 3000000", "htb rate 4000000"),
      /otherwise than planned/,
    ],
    [
      "a rule that is missing",
      (config: string) => config.replace(/^nft add rule \S+ \S+ \S+ ip6 dscp 46.*\n/m, ""),
      /otherwise than planned/,
    ],
    [
      "a class that is not there",
      (config: string) => config.replace(/(?=^#)/m, "tc class del dev eth2 classid c8:9\n"),
      /line 1/,
    ],
  ])("refuses %s, as the router would", async (_, spoil, message) => {
    const made = await step(two);
    const odd = { ...made, forward: { ...made.forward, config: spoil(made.forward.config) } };
    expect(odd.forward.config).not.toBe(made.forward.config);
    expectFailure(await port().prepare(odd), "DEVICE_REFUSED", message);
  });

  test("refuses a change that could not be taken back to what is there", async () => {
    const made = await step(two);
    const config = made.inverse.config.replace("rate 10Mbit", "rate 11Mbit");
    expectFailure(
      await port().prepare({ ...made, inverse: { config, activate: "" } }),
      "DEVICE_UNSUPPORTED",
      /could not be taken back/,
    );
  });

  test("of several controllers at once lets exactly one in", async () => {
    const made = await step(two);
    const results = await Promise.all([1, 2, 3].map(() => port().prepare(made)));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    expectFailure(await port().prepare(made), "DEVICE_LOCKED", /holds the configuration for up to \d\d? s/);
  });
});

describe("a trial", () => {
  test("reverts by itself when the session is cut and the controller gone, byte for byte", async () => {
    const { made, trial } = await onTrial(await step(two), 3_000);
    expect(value(await port().read(query))).toBe(made.expected);
    expect(await timers()).toBe(1);
    await killSessions();
    await eventually("the router went back", 15_000, async () => (await running()) === before);
    await eventually("the timer has ended", 5_000, async () => (await timers()) === 0);
    expectFailure(await port().confirm(made, trial), "TRIAL_EXPIRED");
    value(await port().undo(made, trial));
  });

  test("confirmed by a restarted controller stays, has no timer, and is undone byte for byte", async () => {
    const { made, trial, device } = await onTrial(await step(three), 6_000);
    await device.close();
    const restarted = port();
    value(await restarted.confirm(made, trial));
    value(await restarted.confirm(made, trial));
    expect(await timers()).toBe(0);
    expect(value(await port().read(query))).toBe(made.expected);
    value(await port().undo(made, trial));
    expect(await running()).toBe(before);
    value(await port().undo(made, trial));
    expectFailure(await port().confirm(made, trial), "TRIAL_EXPIRED");
  });

  test("of more classes in place of fewer, then of none, each undone", async () => {
    const first = await kept(await step(two));
    const firstRunning = await running();
    const second = await kept(await step(three, two));
    const secondRunning = await running();
    const last = await kept(await step([], three));
    expect(await running()).toBe(before);
    value(await port().undo(last.made, last.trial));
    expect((await running()).split("\n").sort()).toEqual(secondRunning.split("\n").sort());
    value(await port().undo(second.made, second.trial));
    expect((await running()).split("\n").sort()).toEqual(firstRunning.split("\n").sort());
    value(await port().undo(first.made, first.trial));
  });

  test("puts what the router itself sends into its class too, over IPv4 and IPv6, and the rest into the last", async () => {
    const { made, trial } = await kept(await step(three));
    await shell("ping -q -c 3 -i 0.1 -Q 104 10.2.0.2; ping -6 -q -c 3 -i 0.1 -Q 104 ff02::1%eth2");
    await shell("ping -q -c 5 -i 0.1 -Q 72 10.2.0.2");
    const shown = await shell("tc -s class show dev eth2");
    const packetsOf = (id: string) =>
      Number(new RegExp(`class htb c8:${id} [^]*?Sent \\d+ bytes (\\d+) pkt`).exec(shown)?.[1]);
    expect(packetsOf("2")).toBe(6);
    expect(packetsOf("ffff")).toBeGreaterThanOrEqual(5);
    value(await port().undo(made, trial));
  });

  // Goal: a session of a routing protocol, and the neighbours under it, do not hang on what stands in the last class. Method: CS6 of the size that
  // updates have, and addresses that are asked for anew, while the last class is offered twelve times what it may have; what goes by that class is lost.
  test("keeps control traffic whole behind a flood in the last class", async () => {
    const held = [shareOf("interactive", 8e6), shareOf("batch", 1e6, 1e6)];
    const { made, trial } = await kept(await step(held));
    const flood = await lab.flood(12);
    try {
      await eventually("the last class stands full", 10_000, async () =>
        /dropped [1-9]/.test((await shell("tc -s class show dev eth2")).split("class htb c8:ffff")[1] ?? ""),
      );
      expect(await lab.answered(48, 60)).toBe(60);
      expect(await lab.answered(56, 60)).toBe(60);
      expect(await lab.answered(8, 60)).toBeLessThan(45);
      const asked = "ip neigh del 10.2.0.2 dev eth2; ping -q -c 1 -W 1 -Q 192 10.2.0.2 > /dev/null && echo found";
      expect(await shell(`for n in 1 2 3 4 5 6 7 8 9 10; do ${asked}; done`)).toBe("found\n".repeat(10));
    } finally {
      await flood.stop();
    }
    value(await port().undo(made, trial));
  });

  test("on an interface with the kernel's own queue ends with that", async () => {
    await shell("tc qdisc del dev eth2 root");
    const plain = await running();
    const { made, trial } = await kept(await step(two));
    value(await port().undo(made, trial));
    expect(await running()).toBe(plain);
    const handle = /qdisc tbf (\S+) dev eth2/.exec(before)?.[1];
    await shell(`tc qdisc add dev eth2 root handle ${handle} tbf rate 10mbit burst 32kb latency 100ms`);
  });

  test("never sent, or of which the router lost all trace, is still undone", async () => {
    value(await port().undo(await step(two), trialOf(1_000)));
    const { made, trial } = await kept(await step(two));
    await shell("rm -rf /var/lib/pointsman/trials");
    value(await port().undo(made, trial));
    expect(await running()).toBe(before);
  });

  test.each([
    ["class", "tc class change dev eth2 parent c8:fffe classid c8:1 htb rate 4mbit ceil 10mbit prio 0"],
    ["leaf", "tc qdisc change dev eth2 parent c8:1 handle c801: bfifo limit 46000"],
    ["rule", "nft add rule inet pointsman-eth2 classes ip dscp 12 meta priority set c8:1"],
    ["filter", "tc filter add dev eth2 parent c8: protocol ip u32 match ip dst 10.2.0.9/32 flowid c8:1"],
  ])("whose %s someone else has changed ends without a line sent", async (_, line) => {
    const { made, trial } = await onTrial(await step(two), 3_000);
    await shell(line);
    const edited = await running();
    expectFailure(await port().confirm(made, trial), "DEVICE_CHANGED", /someone else/);
    await eventually("the timer has ended", 15_000, async () => (await timers()) === 0);
    expect(await running()).toBe(edited);
    const undone = await port().undo(made, trial);
    expectFailure(undone, "DEVICE_CHANGED", /someone else replaced a queue/);
    // The operator puts it back.
    const handle = /qdisc tbf (\S+) dev eth2/.exec(before)?.[1];
    await shell(`tc qdisc replace dev eth2 root handle ${handle} tbf rate 10mbit burst 32kb latency 100ms
      nft delete table inet pointsman-eth2`);
    value(await port().undo(made, trial));
  });

  test("whose interface someone else took after prepare is not sent", async () => {
    const [device, made, trial] = [port(), await step(two), trialOf(60_000)];
    value(await device.prepare(made));
    await shell("tc qdisc change dev eth2 root tbf rate 9mbit burst 32kb latency 100ms");
    const edited = await running();
    expectFailure(await device.commitOnTrial(made, trial), "DEVICE_CHANGED");
    expect(await running()).toBe(edited);
    expect(await timers()).toBe(0);
    await shell("tc qdisc change dev eth2 root tbf rate 10mbit burst 32kb latency 100ms");
    value(await port().undo(made, trial));
  });

  test("that reads otherwise than planned is taken back", async () => {
    const [device, made, trial] = [port(), await step(two), trialOf(60_000)];
    value(await device.prepare(made));
    const config = made.forward.config.replace("htb rate 3000000", "htb rate 4000000");
    const result = await device.commitOnTrial({ ...made, forward: { config, activate: "" } }, trial);
    expectFailure(result, "DEVICE_NOT_APPLIED", /class c8:1 is not of rate 3000000/);
    expect(await running()).toBe(before);
    value(await device.undo(made, trial));
  });

  test.each([0, 1, 3])("cut off after %d lines is undone from there", async (lines) => {
    const [device, made, trial] = [port(), await step(two), trialOf(60_000)];
    value(await device.prepare(made));
    await stallAfter(lines);
    const committing = device.commitOnTrial(made, trial);
    await stalled();
    await killSessions();
    expectFailure(await committing, "DEVICE_UNREACHABLE");
    const undoing = port().undo(made, trial);
    await waitsForApply();
    await shell("rm /tmp/stall");
    value(await undoing);
    expect(await running()).toBe(before);
  });

  test.each([1, 100, 300])("whose %d ms are over before it is in place ends at what was", async (timeoutMs) => {
    const [device, made, trial] = [port(), await step(two), trialOf(timeoutMs)];
    value(await device.prepare(made));
    const result = await device.commitOnTrial(made, trial);
    await eventually("no timer is left", 15_000, async () => (await timers()) === 0);
    expect(await running()).toBe(before);
    if (!result.ok) expect(["TRIAL_EXPIRED", "DEVICE_NOT_APPLIED"]).toContain(result.failure.code);
    expectFailure(await device.confirm(made, trial), "TRIAL_EXPIRED");
  });
});

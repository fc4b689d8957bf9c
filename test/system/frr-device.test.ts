import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { frrDevice } from "../../src/device/frr/frr-device.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { FailureCode, Result } from "../../src/kernel/failure.ts";
import type { DevicePort, DeviceStep, Trial } from "../../src/model/device.ts";
import type { Management, ResolveSecret } from "../../src/model/inventory.ts";
import { eventually } from "./real-lab/eventually.ts";
import { type RealEdge, type RealLab, startRealLab } from "./real-lab/real-lab.ts";

const query = "route-map TRANSIT-OUT\nip prefix-list";
const prepend = " set as-path prepend 65000 65000 65000";

let lab: RealLab;
let edge: RealEdge;
let before: string;
const ports: DevicePort[] = [];

const resolveSecret: ResolveSecret = async (ref) => ("file" in ref ? (await readFile(ref.file, "utf8")).trimEnd() : "");

function port(management: Partial<Management> = { privateKey: { file: lab.keyFile } }): DevicePort {
  const access = { host: edge.host, port: 22, username: lab.username, hostKey: edge.hostKey, ...management };
  const device = { name: edge.name, platform: "frr", management: access } as const;
  const opened = frrDevice({ device, resolveSecret, clock: systemClock });
  ports.push(opened);
  return opened;
}

const running = () => edge.run(["vtysh", "-c", "show running-config"]);
const startup = () => edge.run(["cat", "/etc/frr/frr.conf"]);
/** The operator's own hands. */
const configure = (...lines: string[]) =>
  edge.run(["vtysh", ...["configure terminal", ...lines].flatMap((line) => ["-c", line])]);
const timers = () => edge.run(["sh", "-c", "pgrep -fc 'pointsman-trial [/]var' || true"]).then(Number);
const killSessions = () => edge.run(["pkill", "-KILL", "-u", lab.username, "-x", "sshd"]);
const trialOf = (timeoutMs: number): Trial => ({ token: randomUUID(), timeoutMs });

/** 11.0.0.0/24 prepended three times, as the change stage would plan it. */
async function prependStep(changes: Partial<DeviceStep> = {}): Promise<DeviceStep> {
  const basis = value(await port().read(query));
  const [entry, clear] = ["route-map TRANSIT-OUT permit 20", `clear bgp ipv4 unicast ${edge.neighbour} soft out`];
  const match = " match ip address prefix-list ONLY-11-0-0-0-24\n";
  expect(basis).toContain(`${entry}\n${match}exit\n`);
  return {
    device: edge.name,
    platform: "frr",
    query,
    basis,
    expected: basis.replace(`${entry}\n${match}`, `${entry}\n${match}${prepend}\n`),
    forward: { config: `${entry}\n${prepend}\nexit\n`, activate: clear },
    inverse: { config: `${entry}\n no set as-path prepend\nexit\n`, activate: clear },
    ...changes,
  };
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw result.failure;
  return result.value;
}

function expectFailure(result: Result<unknown>, code: FailureCode, message: string | RegExp = ""): void {
  expect(result).toMatchObject({ ok: false, failure: { code } });
  if (!result.ok) expect(result.failure.message).toMatch(message);
}

async function onTrial(timeoutMs: number): Promise<{ step: DeviceStep; trial: Trial; device: DevicePort }> {
  const [device, step, trial] = [port(), await prependStep(), trialOf(timeoutMs)];
  value(await device.prepare(step));
  value(await device.commitOnTrial(step, trial));
  return { step, trial, device };
}

/** 11.0.0.0/24 no longer announced: its statement keeps its lines, and denies. */
async function withdrawStep(): Promise<DeviceStep> {
  const step = await prependStep();
  const [permit, deny] = ["route-map TRANSIT-OUT permit 20\n", "route-map TRANSIT-OUT deny 20\n"];
  const { activate } = step.forward;
  return {
    ...step,
    expected: step.basis.replace(permit, deny),
    forward: { config: `${deny}exit\n`, activate },
    inverse: { config: `${permit}exit\n`, activate },
  };
}

/** 10.0.0.0/24 as well. */
async function prependTwoStep(): Promise<DeviceStep> {
  const step = await prependStep();
  const match = " match ip address prefix-list ONLY-10-0-0-0-24\n";
  const entry = "route-map TRANSIT-OUT permit 10\n";
  return {
    ...step,
    expected: step.expected.replace(match, `${match}${prepend}\n`),
    forward: { ...step.forward, config: `${step.forward.config}${entry}${prepend}\nexit\n` },
    inverse: { ...step.inverse, config: `${step.inverse.config}${entry} no set as-path prepend\nexit\n` },
  };
}

/** Puts a vtysh in the router's way that can be told to send only some of a trial's lines and wait before it sends them all. */
const installStall = () =>
  edge.run(
    [
      "sh",
      "-c",
      "cp /usr/bin/vtysh /run/vtysh; cat > /run/stall; chmod 755 /run/stall; mount --bind /run/stall /usr/bin/vtysh",
    ],
    `#!/bin/sh
case "$*" in
"-f "*/trials/*/forward)
  if [ -e /tmp/stall ]; then
    head -n "$(cat /tmp/stall)" "$2" > /tmp/part.$$
    /run/vtysh -f /tmp/part.$$
    : > /tmp/stalled
    while [ -e /tmp/stall ]; do sleep 0.05; done
  fi ;;
esac
exec /run/vtysh "$@"
`,
  );
const stallAfter = (lines: number) => edge.run(["sh", "-c", `rm -f /tmp/stalled; echo ${lines} > /tmp/stall`]);
const stalled = () =>
  eventually("vtysh is stalled", 10_000, () =>
    edge.run(["sh", "-c", "ls /tmp/stalled 2>&1 || true"]).then((said) => said === "/tmp/stalled\n"),
  );
/** Someone is at the door that the stalled script holds shut. */
const waitsForApply = () =>
  eventually("something waits for the stalled script", 10_000, () =>
    edge.run(["sh", "-c", "pgrep -x flock || true"]).then(Boolean),
  );
const goOn = () => edge.run(["rm", "/tmp/stall"]);

beforeAll(async () => {
  lab = await startRealLab();
  edge = lab.edges["edge-a"];
  await installStall();
});
afterAll(() => lab?.stop());

beforeEach(async () => {
  before = await running();
});
afterEach(async () => {
  await Promise.all(ports.splice(0).map((opened) => opened.close()));
  await edge.run(["rm", "-f", "/var/lib/pointsman/lock", "/tmp/stall"]);
  expect(await running()).toBe(before);
  expect(await timers()).toBe(0);
});

describe("read", () => {
  test("gives the named sections in the order shown, and nothing else", async () => {
    expect(value(await port().read(query))).toBe(
      [
        "ip prefix-list ONLY-10-0-0-0-24 seq 5 permit 10.0.0.0/24",
        "ip prefix-list ONLY-11-0-0-0-24 seq 5 permit 11.0.0.0/24",
        "route-map TRANSIT-OUT permit 10",
        " match ip address prefix-list ONLY-10-0-0-0-24",
        "exit",
        "route-map TRANSIT-OUT permit 20",
        " match ip address prefix-list ONLY-11-0-0-0-24",
        "exit",
        "",
      ].join("\n"),
    );
  });

  test("matches whole words: a policy whose name goes on is another policy", async () => {
    expect(value(await port().read("route-map TRANSIT"))).toBe("");
    expect(value(await port().read("route-map TRANSIT-OUT permit 2"))).toBe("");
  });

  test("logs in with a password too, and refuses another host key", async () => {
    expect(value(await port({ password: { file: lab.passwordFile } }).read("hostname"))).toBe("hostname edge-a\n");
    const other = lab.edges["edge-b"].hostKey;
    expectFailure(await port({ hostKey: other, privateKey: { file: lab.keyFile } }).read(query), "DEVICE_HOST_KEY");
  });
});

describe("prepare", () => {
  test("gives the router's own diff and leaves running and startup alone", async () => {
    const [device, step, saved] = [port(), await prependStep(), await startup()];
    expect(value(await device.prepare(step))).toContain(`\n+${prepend}\n`);
    expect(await running()).toBe(before);
    expect(await startup()).toBe(saved);
    value(await device.discard());
    value(await device.discard());
    value(await port().prepare(step));
  });

  test("refuses a plan made from another configuration, and gives the lock back", async () => {
    const step = await prependStep();
    expectFailure(await port().prepare({ ...step, basis: `${step.basis}!` }), "DEVICE_CHANGED");
    value(await port().prepare(step));
  });

  test.each([
    ["a word FRR does not know", " set as-path prependx 65000", "DEVICE_REFUSED", /prependx/],
    [
      "a value out of range",
      "ip prefix-list ONLY-11-0-0-0-24 seq 5 permit 11.0.0.0/24 ge 8",
      "DEVICE_REFUSED",
      /range/,
    ],
    ["a line that does something else", " set as-path prepend 65000", "DEVICE_REFUSED", /otherwise than planned/],
    ["a line outside export policies", "router bgp 65000", "CHANGE_UNSUPPORTED", /router bgp/],
    ["a control character", "! \u001b[2J", "CHANGE_UNSUPPORTED", /not a line/],
  ] as const)("refuses %s and names it", async (_, line, code, message) => {
    const step = await prependStep();
    const config = `route-map TRANSIT-OUT permit 20\n${line}\nexit\n`;
    expectFailure(await port().prepare({ ...step, forward: { ...step.forward, config } }), code, message);
  });

  test("keeps out while another holds the lock, and takes it over once its time is up or the router has restarted", async () => {
    const step = await prependStep();
    value(await port().prepare(step));
    expectFailure(await port().prepare(step), "DEVICE_LOCKED", /holds the configuration for up to \d\d? s/);
    const lockOf = (until: string, boot: string) =>
      edge.run(["sh", "-c", "cat > /var/lib/pointsman/lock"], `someone-else ${until} ${boot}\n`);
    const boot = (await edge.run(["cat", "/proc/sys/kernel/random/boot_id"])).trim();
    const uptime = Number((await edge.run(["cat", "/proc/uptime"])).split(".")[0]);
    await lockOf(String(uptime + 600), boot);
    expectFailure(await port().prepare(step), "DEVICE_LOCKED", /someone-else/);
    await lockOf(String(uptime), boot);
    value(await port().prepare(step));
    await lockOf(String(uptime + 600), randomUUID());
    value(await port().prepare(step));
  });

  test("of several at once lets exactly one in", async () => {
    const step = await prependStep();
    const results = await Promise.all([1, 2, 3, 4].map(() => port().prepare(step)));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  });

  test("refuses a router that ends its users' processes at logout, because no timer would survive", async () => {
    const conf = "/etc/systemd/logind.conf.d/kill.conf";
    await edge.run(["sh", "-c", `mkdir -p /etc/systemd/logind.conf.d; echo KillUserProcesses=yes > ${conf}`]);
    expectFailure(await port().prepare(await prependStep()), "DEVICE_UNSUPPORTED", /logout/);
    await edge.run(["rm", conf]);
  });

  test("says how to make the state folder when the account cannot", async () => {
    const step = await prependStep();
    await edge.run(["chown", "root", "/var/lib/pointsman"]);
    const result = await port().prepare(step);
    await edge.run(["chown", lab.username, "/var/lib/pointsman"]);
    expectFailure(result, "DEVICE_UNSUPPORTED");
    expect(result).toMatchObject({ failure: { mend: expect.stringContaining("install -d -m 0700 -o pointsman") } });
  });
});

describe("a trial", () => {
  test("reverts by itself when the controller is gone: running is byte for byte what it was", async () => {
    const { step, trial } = await onTrial(3_000);
    expect(await running()).toContain(prepend);
    expect(await timers()).toBe(1);
    await killSessions();
    await eventually("the router went back", 15_000, async () => (await running()) === before);
    await eventually("the timer has ended", 5_000, async () => (await timers()) === 0);
    expectFailure(await port().confirm(step, trial), "TRIAL_EXPIRED");
    value(await port().undo(step, trial));
  });

  test("confirmed by a restarted controller stays, is saved, and has no timer any more", async () => {
    const { step, trial, device } = await onTrial(30_000);
    const saved = await startup();
    expect(saved).not.toContain(prepend);
    await device.close();
    const [restarted] = [port()];
    value(await restarted.confirm(step, trial));
    value(await restarted.confirm(step, trial));
    expect(await timers()).toBe(0);
    expect(await running()).toContain(prepend);
    expect(await startup()).toContain(prepend);

    // And from confirmed back again, with the startup configuration.
    value(await port().undo(step, trial));
    expect(await running()).toBe(before);
    expect(await startup()).not.toContain(prepend);
    value(await port().undo(step, trial));
    expectFailure(await port().confirm(step, trial), "TRIAL_EXPIRED");
  });

  test("undone while pending leaves nothing, and lets the next change in at once", async () => {
    const { step, trial } = await onTrial(60_000);
    expectFailure(await port().prepare(step), "DEVICE_LOCKED");
    value(await port().undo(step, trial));
    expect(await timers()).toBe(0);
    expect(await running()).toBe(before);
    value(await port().prepare(step));
  });

  test("never sent is undone by doing nothing", async () => {
    value(await port().undo(await prependStep(), trialOf(1_000)));
  });

  test("of which the router lost all trace is still undone", async () => {
    const { step, trial } = await onTrial(60_000);
    value(await port().confirm(step, trial));
    await edge.run(["sh", "-c", "rm -rf /var/lib/pointsman/trials"]);
    value(await port().undo(step, trial));
    expect(await running()).toBe(before);
    await edge.run(["vtysh", "-c", "write memory"]);
  });

  test("is not undone over another writer's edit", async () => {
    const { step, trial } = await onTrial(60_000);
    await configure("route-map TRANSIT-OUT permit 20", "set as-path prepend 65000");
    const edited = await running();
    expectFailure(await port().undo(step, trial), "DEVICE_CHANGED", /someone else/);
    expectFailure(await port().confirm(step, trial), "DEVICE_CHANGED", /someone else/);
    expect(await running()).toBe(edited);
    await configure("route-map TRANSIT-OUT permit 20", `${prepend.trim()}`);
    value(await port().undo(step, trial));
  });

  // Goal: a verdict that is turned comes back as a line does, by the router's own timer too; and what someone has removed meanwhile
  // is not made anew, which would announce or withhold what nobody asked for.
  test.each([
    ["reverts by itself", false],
    ["makes nothing that someone has removed", true],
  ])("that turns a statement's verdict %s", async (_, removed) => {
    const [device, step, trial] = [port(), await withdrawStep(), trialOf(3_000)];
    value(await device.prepare(step));
    value(await device.commitOnTrial(step, trial));
    expect(await running()).toContain("route-map TRANSIT-OUT deny 20");
    if (removed) await configure("no route-map TRANSIT-OUT deny 20");
    const edited = await running();
    await killSessions();
    await eventually("the timer has ended", 15_000, async () => (await timers()) === 0);
    expect(await running()).toBe(removed ? edited : before);
    if (removed) {
      expectFailure(await port().undo(step, trial), "DEVICE_CHANGED");
      await configure("route-map TRANSIT-OUT permit 20", match);
    }
    value(await port().undo(step, trial));
    expect(await running()).toBe(before);
  });

  const replace = (from: string, to: string, ...body: string[]) =>
    configure(`no route-map TRANSIT-OUT ${from}`, `route-map TRANSIT-OUT ${to}`, ...body);
  const match = "match ip address prefix-list ONLY-11-0-0-0-24";

  // Entering `permit 20` would make it anew and announce everything.
  test.each([
    [
      "turned into a deny",
      () => replace("permit 20", "deny 20", match),
      () => replace("deny 20", "permit 20", match, prepend.trim()),
    ],
    [
      "removed",
      () => configure("no route-map TRANSIT-OUT permit 20"),
      () => configure("route-map TRANSIT-OUT permit 20", match, prepend.trim()),
    ],
  ])("whose statement someone else has %s ends without a line sent", async (_, edit, putBack) => {
    const { step, trial } = await onTrial(3_000);
    await edit();
    const edited = await running();
    expectFailure(await port().confirm(step, trial), "DEVICE_CHANGED");
    await eventually("the timer has ended", 15_000, async () => (await timers()) === 0);
    expect(await running()).toBe(edited);
    for (const ended of [await port().undo(step, trial), await port().confirm(step, trial)]) {
      expectFailure(ended, "DEVICE_CHANGED");
    }
    expect(await port().undo(step, trial)).toMatchObject({
      failure: { mend: expect.stringContaining("nothing was sent") },
    });
    expect(await running()).toBe(edited);

    // Put back, the statement is Pointsman's again.
    await putBack();
    expectFailure(await port().confirm(step, trial), "DEVICE_CHANGED", /not reverted/);
    value(await port().undo(step, trial));
    expect(await running()).toBe(before);
    value(await port().undo(step, trial));
  });

  test("whose statement someone else turned into a deny after prepare is not sent", async () => {
    const [device, step, trial] = [port(), await prependStep(), trialOf(60_000)];
    value(await device.prepare(step));
    await replace("permit 20", "deny 20", match);
    const edited = await running();
    expectFailure(await device.commitOnTrial(step, trial), "DEVICE_CHANGED");
    expect(await running()).toBe(edited);
    expect(await timers()).toBe(0);
    await replace("deny 20", "permit 20", match);
    value(await port().undo(step, trial));
  });

  test("whose second line the router refuses is taken back whole", async () => {
    const [device, step, trial] = [port(), await prependStep(), trialOf(60_000)];
    value(await device.prepare(step));
    // Past prepare, as when something on the router changed in between.
    const config = `${step.forward.config}ip prefix-list ONLY-10-0-0-0-24 seq 5 permit 10.0.0.0/24 ge 8\n`;
    const result = await device.commitOnTrial({ ...step, forward: { ...step.forward, config } }, trial);
    expectFailure(result, "DEVICE_REFUSED", /Invalid prefix range for 10\.0\.0\.0\/24/);
    expect(await running()).toBe(before);
    expect(await timers()).toBe(0);
    value(await device.undo(step, trial));
  });

  test("that reads otherwise than planned is taken back", async () => {
    const [device, step, trial] = [port(), await prependStep(), trialOf(60_000)];
    value(await device.prepare(step));
    const lying = { ...step, expected: step.expected.replace(prepend, `${prepend} 65000`) };
    expectFailure(await device.commitOnTrial(lying, trial), "DEVICE_NOT_APPLIED");
    expect(await running()).toBe(before);
    value(await device.undo(step, trial));
  });

  test("is refused when the lock went to someone else after prepare", async () => {
    const [device, step] = [port(), await prependStep()];
    value(await device.prepare(step));
    await edge.run(["rm", "/var/lib/pointsman/lock"]);
    value(await port().prepare(step));
    expectFailure(await device.commitOnTrial(step, trialOf(60_000)), "DEVICE_LOCKED");
  });

  test("cut off half way through its lines is undone from there", async () => {
    const [device, step, trial] = [port(), await prependTwoStep(), trialOf(60_000)];
    value(await device.prepare(step));
    await stallAfter(3);
    const committing = device.commitOnTrial(step, trial);
    await stalled();
    expect((await running()).match(/set as-path prepend/g)).toHaveLength(1);
    await killSessions();
    expectFailure(await committing, "DEVICE_UNREACHABLE");
    const undoing = port().undo(step, trial);
    await waitsForApply();
    await goOn();
    value(await undoing);
    expect(await running()).toBe(before);
  });

  test("cut off before its lines have landed is undone after they have", async () => {
    const [device, step, trial] = [port(), await prependStep(), trialOf(60_000)];
    value(await device.prepare(step));
    await stallAfter(0);
    const committing = device.commitOnTrial(step, trial);
    await stalled();
    await killSessions();
    expectFailure(await committing, "DEVICE_UNREACHABLE");
    const undoing = port().undo(step, trial);
    await waitsForApply();
    await goOn();
    value(await undoing);
    expect(await running()).toBe(before);
  });

  test("whose timer overtakes its own lines ends at what was", async () => {
    const [device, step, trial] = [port(), await prependStep(), trialOf(1_000)];
    value(await device.prepare(step));
    await stallAfter(0);
    const committing = device.commitOnTrial(step, trial);
    await stalled();
    await waitsForApply();
    await goOn();
    expect((await committing).ok).toBe(false);
    await eventually("no timer is left", 10_000, async () => (await timers()) === 0);
    expect(await running()).toBe(before);
  });

  test.each([0, 200, 600])("cut off %d ms after arming is undone from wherever it was", async (delayMs) => {
    const [device, step, trial] = [port(), await prependStep(), trialOf(60_000)];
    value(await device.prepare(step));
    const committing = device.commitOnTrial(step, trial);
    await eventually("armed", 10_000, () =>
      edge
        .run(["sh", "-c", `test -e /var/lib/pointsman/trials/${trial.token}/armed && echo yes || true`])
        .then(Boolean),
    );
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await killSessions();
    const result = await committing;
    if (!result.ok) expect(result.failure.code).toBe("DEVICE_UNREACHABLE");
    value(await port().undo(step, trial));
    expect(await running()).toBe(before);
  });

  test.each([1, 100, 200, 300, 500])(
    "whose %d ms are over before it is in place ends at what was",
    async (timeoutMs) => {
      const [device, step, trial] = [port(), await prependStep(), trialOf(timeoutMs)];
      value(await device.prepare(step));
      const result = await device.commitOnTrial(step, trial);
      await eventually("no timer is left", 10_000, async () => (await timers()) === 0);
      expect(await running()).toBe(before);
      if (!result.ok) expect(["TRIAL_EXPIRED", "DEVICE_NOT_APPLIED"]).toContain(result.failure.code);
      expectFailure(await device.confirm(step, trial), "TRIAL_EXPIRED");
    },
  );

  // Halves the gap between confirming and firing each round, so that the last rounds meet.
  test("confirmed as its timer runs out is kept or reverted, never both", async () => {
    let [early, late] = [0, 2_500];
    const outcomes: boolean[] = [];
    for (let round = 0; round < 9; round++) {
      const [device, step, trial] = [port(), await prependStep(), trialOf(2_500)];
      value(await device.prepare(step));
      const armedBy = performance.now();
      value(await device.commitOnTrial(step, trial));
      const delayMs = (early + late) / 2;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, delayMs - (performance.now() - armedBy))));
      const confirmed = await device.confirm(step, trial);
      await eventually("no timer is left", 10_000, async () => (await timers()) === 0);
      if (!confirmed.ok) expect(confirmed.failure.code).toBe("TRIAL_EXPIRED");
      expect((await running()).includes(prepend)).toBe(confirmed.ok);
      outcomes.push(confirmed.ok);
      if (confirmed.ok) early = delayMs;
      else late = delayMs;
      value(await device.undo(step, trial));
    }
    expect(new Set(outcomes)).toEqual(new Set([true, false]));
  });
});

describe("real traffic", () => {
  test("for 11.0.0.0/24 enters over B after three prepends on A, and over A again after undo", async () => {
    // Without FRR's own timer nothing is announced until `activate` says so: the move is that command's work.
    await configure("bgp route-map delay-timer 0");
    const stop = await lab.traffic("11.0.0.0/24", 8);
    const entersOver = (link: "transit-a" | "transit-b", other: "transit-a" | "transit-b") =>
      eventually(`11.0.0.0/24 enters over ${link}`, 20_000, async () => {
        const [here, there] = await Promise.all([lab.inboundMbit(link, 500), lab.inboundMbit(other, 500)]);
        return here > 6 && there < 1;
      });
    await entersOver("transit-a", "transit-b");
    const { step, trial, device } = await onTrial(60_000);
    await entersOver("transit-b", "transit-a");
    expect(await lab.asPaths("11.0.0.0/24")).toEqual(["200 65000 65000 65000", "100 65000 65000 65000 65000"]);
    expect((await lab.asPaths("10.0.0.0/24"))[0]).toBe("100 65000");
    value(await device.undo(step, trial));
    await entersOver("transit-a", "transit-b");
    await stop();
    await configure("no bgp route-map delay-timer");
  });
});

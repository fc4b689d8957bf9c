import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { editLinuxSteering, linuxQuery } from "../../src/change/linux-srv6.ts";
import { linuxSrv6Device } from "../../src/device/linux-srv6/linux-srv6-device.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { FailureCode, Result } from "../../src/kernel/failure.ts";
import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { CandidatePath, SegmentRoutingChange } from "../../src/model/decision.ts";
import type { DevicePort, DeviceStep, Trial } from "../../src/model/device.ts";
import type { Device, Network, ResolveSecret } from "../../src/model/inventory.ts";
import { templates } from "../change/fixtures.ts";
import { eventually } from "./real-lab/eventually.ts";
import { type SrRouter, type Srv6Lab, startSrv6Lab } from "./real-lab/srv6-lab.ts";
import { flows, links, nodes, serviceSidOf, sidOf } from "./real-lab/srv6-topology.ts";

const [prefix, otherPrefix] = [flows[0].prefix, flows[1].prefix];
const long = (preference: number): CandidatePath => ({ preference, segments: ["r4", "r5", "r6"] });
const short = (preference: number): CandidatePath => ({ preference, segments: ["r3", "r6"] });

let lab: Srv6Lab;
let r1: SrRouter;
let network: Network;
let query: string;
let before: string;
const ports: DevicePort[] = [];

const resolveSecret: ResolveSecret = async (ref) => ("file" in ref ? (await readFile(ref.file, "utf8")).trimEnd() : "");

function deviceOf({ name, host, hostKey }: SrRouter): Device {
  const management = { host, port: 22, username: lab.username, privateKey: { file: lab.keyFile }, hostKey };
  const segmentRouting = { address: sidOf(name), sid: sidOf(name), serviceSid: serviceSidOf(name) };
  return { name, platform: "linux-srv6", management, segmentRouting };
}

function port(): DevicePort {
  const opened = linuxSrv6Device({ device: deviceOf(r1), resolveSecret, clock: systemClock });
  ports.push(opened);
  return opened;
}

/** Every route of the main table, the IGP's too. */
const running = () => r1.run(["ip", "-6", "route", "show"]);
/** The operator's own hands. */
const ip = (...words: string[]) => r1.run(["ip", "-6", ...words.flatMap((word) => word.split(" "))]);
const timers = () => r1.run(["sh", "-c", "pgrep -fc 'pointsman-trial [/]var' || true"]).then(Number);
const killSessions = () => r1.run(["sh", "-c", "pgrep -f '^sshd: pointsman' | xargs -r kill -KILL"]);
const trialOf = (timeoutMs: number): Trial => ({ token: randomUUID(), timeoutMs });
/** A route as an operator would write it. */
const written = (segs: string, metric: number, to: string = prefix) =>
  `${to} encap seg6 mode encap segs ${segs} dev eth1 proto 200 metric ${metric}`;
const longSegs = "fc00:0:4::1,fc00:0:5::1,fc00:0:6::d6";
const shortSegs = "fc00:0:3::1,fc00:0:6::d6";
const longLine = (metric: number) => `${prefix} metric ${metric} segs ${longSegs} dev eth1\n`;

/** As the change stage plans it. */
async function step(to: CandidatePath[], from: CandidatePath[] = [], changes: Partial<DeviceStep> = {}) {
  const basis = value(await port().read(query));
  const change: SegmentRoutingChange = {
    action: "segment-routing",
    device: "r1",
    color: flows[0].color,
    endpoint: "r6",
    flow: flows[0].name,
    from,
    to,
  };
  const edited = editLinuxSteering(templates, network, deviceOf(r1), basis, [change]);
  return { device: "r1", platform: "linux-srv6", query, basis, ...edited, ...changes } satisfies DeviceStep;
}
const withForward = async (config: string) => step([long(100)], [], { forward: { config, activate: "" } });

function value<T>(result: Result<T>): T {
  if (!result.ok) throw result.failure;
  return result.value;
}

function expectFailure(result: Result<unknown>, code: FailureCode, message: string | RegExp = ""): void {
  expect(result).toMatchObject({ ok: false, failure: { code } });
  if (!result.ok) expect(result.failure.message).toMatch(message);
}

async function onTrial(timeoutMs: number): Promise<{ made: DeviceStep; trial: Trial; device: DevicePort }> {
  const [device, made, trial] = [port(), await step([long(100)]), trialOf(timeoutMs)];
  value(await device.prepare(made));
  value(await device.commitOnTrial(made, trial));
  return { made, trial, device };
}

/** Puts an `ip` in the router's way that can be told to wait before it sends a trial's lines, or to know no seg6. */
const installStall = () =>
  r1.run(
    ["sh", "-c", "cp /usr/bin/ip /run/ip; cat > /run/stall; chmod 755 /run/stall; mount --bind /run/stall /usr/bin/ip"],
    `#!/bin/sh
case "$*" in
*" seg6 "*)
  [ ! -e /tmp/no-seg6 ] || { echo "Error: CONFIG_LWTUNNEL is not enabled in this kernel." >&2; exit 2; } ;;
"-6 -batch "*/trials/*/forward)
  if [ -e /tmp/stall ]; then
    head -n "$(cat /tmp/stall)" "$3" > /tmp/part.$$
    /run/ip -6 -batch /tmp/part.$$
    : > /tmp/stalled
    while [ -e /tmp/stall ]; do sleep 0.05; done
    exit 1
  fi ;;
esac
exec /run/ip "$@"
`,
  );
const stallAfter = (lines: number) => r1.run(["sh", "-c", `rm -f /tmp/stalled; echo ${lines} > /tmp/stall`]);
const stalled = () =>
  eventually("ip is stalled", 10_000, () =>
    r1.run(["sh", "-c", "ls /tmp/stalled 2>&1 || true"]).then((said) => said === "/tmp/stalled\n"),
  );
/** Someone is at the door that the stalled script holds shut. */
const waitsForApply = () =>
  eventually("something waits for the stalled script", 10_000, () =>
    r1.run(["sh", "-c", "pgrep -x flock || true"]).then(Boolean),
  );
const goOn = () => r1.run(["rm", "/tmp/stall"]);

beforeAll(async () => {
  lab = await startSrv6Lab();
  r1 = lab.routers.r1;
  network = {
    as: 65_000,
    devices: Object.values(lab.routers).map(deviceOf),
    links: links.map(({ name, device, interface: dev, to, mbit, metric, delayMs }) => ({
      name,
      device,
      interface: dev,
      role: "backbone",
      capacity: bitsPerSecond(mbit * 1e6),
      backbone: { to, metric, delayMs, loss: ratio(0) },
    })),
    prefixes: [],
    classes: [{ name: "training", prefers: "capacity" }],
    flows: flows.map((flow) => ({ ...flow, class: "training", headend: "r1", endpoint: "r6" })),
    telemetry: { intervalMs: 1_000 },
    freezes: [],
    anycast: [],
    shedWebhooks: [],
  };
  query = linuxQuery(templates, network, deviceOf(r1));
  await installStall();
});
afterAll(() => lab?.stop());

beforeEach(async () => {
  before = await running();
});
afterEach(async () => {
  await Promise.all(ports.splice(0).map((opened) => opened.close()));
  await r1.run(["rm", "-f", "/var/lib/pointsman/lock", "/tmp/stall", "/tmp/no-seg6"]);
  expect(await running()).toBe(before);
  expect(await timers()).toBe(0);
  expect(await r1.run(["sh", "-c", "ls -d /var/lib/pointsman/check.* 2>/dev/null || true"])).toBe("");
});

describe("read", () => {
  test("gives the queried prefixes' routes of protocol 200, whatever they are, and nothing else", async () => {
    expect(query).toBe(`${prefix}\n${otherPrefix}\n`);
    expect(value(await port().read(query))).toBe("");
    const added = [
      written(shortSegs, 19),
      written(longSegs, 18),
      `${otherPrefix} encap seg6 mode inline segs fc00:0:3::1 dev eth1 proto 200 metric 5`,
      `blackhole ${otherPrefix} proto 200 metric 6`,
      `${prefix} via fe80::1 dev eth1 proto 201 metric 3`,
      written(shortSegs, 19, "2001:db8:6:3::/64"),
    ];
    for (const route of added) await ip("route add", route);
    expect(value(await port().read(query))).toBe(
      [
        `${prefix} metric 18 segs ${longSegs} dev eth1`,
        `${prefix} metric 19 segs ${shortSegs} dev eth1`,
        `${otherPrefix} metric 5 other ${otherPrefix} encap seg6 mode inline segs 2 [ fc00:0:3::1 :: ] dev eth1 metric 5 pref medium`,
        `${otherPrefix} metric 6 other 6 ${otherPrefix} dev lo metric 6 pref medium`,
        "",
      ].join("\n"),
    );
    expect(value(await port().read("2001:db8:6:3::/64"))).toContain("2001:db8:6:3::/64 metric 19");
    for (const route of added) await ip("route del", route);
  });
});

describe("prepare", () => {
  test("gives the diff, sends nothing, and is discarded without a trace", async () => {
    const [device, made] = [port(), await step([long(100)])];
    expect(made.expected).toBe(longLine(19));
    expect(value(await device.prepare(made))).toContain(`+${longLine(19)}`);
    expect(await running()).toBe(before);
    value(await device.discard());
    value(await device.discard());
    value(await port().prepare(made));
  });

  test("refuses a plan made from other routes, and gives the lock back", async () => {
    const made = await step([long(100)]);
    await ip("route add", written(shortSegs, 19));
    expectFailure(await port().prepare(made), "DEVICE_CHANGED", shortSegs);
    await ip("route del", written(shortSegs, 19));
    value(await port().prepare(made));
  });

  test.each([
    ["another protocol", `route add ${prefix} encap seg6 mode encap segs ${longSegs} dev eth1 proto 201 metric 19`],
    ["no protocol", `route add ${prefix} encap seg6 mode encap segs ${longSegs} dev eth1 metric 19`],
    ["a metric of zebra's", `route add ${written(longSegs, 20)}`],
    ["a plain route", `route add ${prefix} via fe80::1 dev eth1 proto 200 metric 19`],
    ["a replacement", `route replace ${written(longSegs, 19)}`],
    ["another object", "link set eth1 down"],
    ["a prefix that is not read", `route add ${written(longSegs, 19, "2001:db8:6:3::/64")}`],
    ["the default route", `route add ${written(longSegs, 19, "::/0")}`],
    ["loopback", `route add ${prefix} encap seg6 mode encap segs ${longSegs} dev lo proto 200 metric 19`],
    ["an address in another form", `route add ${written(longSegs.replace("fc00:0:4::1", "FC00:0:4::1"), 19)}`],
    ["host bits", `route add ${written(longSegs, 19, "2001:db8:6:1::1/64")}`],
    ["two routes in one line", `route add ${written(longSegs, 19)} table 100`],
    ["a removal first", `route del ${written(shortSegs, 19)}\nroute add ${written(longSegs, 18)}`],
    ["a control character", `route add ${written(longSegs, 19)}\r`],
  ])("refuses %s before anything is sent, or ever", async (_, config) => {
    const made = await withForward(`${config}\n`);
    // Queried, so that it is the line that is refused.
    const odd = { ...made, query: `${query}2001:db8:6:1::1/64\n::/0\n` };
    expectFailure(await port().prepare(odd), "CHANGE_UNSUPPORTED");
    expectFailure(await port().prepare({ ...odd, forward: made.inverse, inverse: made.forward }), "CHANGE_UNSUPPORTED");
  });

  test("refuses commands to activate", async () => {
    const made = await step([long(100)]);
    const forward = { ...made.forward, activate: "route flush cache" };
    expectFailure(await port().prepare({ ...made, forward }), "CHANGE_UNSUPPORTED", /nothing to activate/);
  });

  test.each([
    [
      "a line twice",
      `route add ${written(longSegs, 19)}\nroute add ${written(longSegs, 19)}\n`,
      /File exists \(line 2\)/,
    ],
    ["a removal of what is not there", `route del ${written(longSegs, 19)}\n`, /No such process/],
    ["another path than planned", `route add ${written(shortSegs, 19)}\n`, /otherwise than planned/],
    [
      "an interface that is not there",
      `route add ${written(longSegs, 19).replace("eth1", "eth9")}\n`,
      /eth9 is missing/,
    ],
  ])("refuses %s, as the kernel would", async (_, config, message) => {
    expectFailure(await port().prepare(await withForward(config)), "DEVICE_REFUSED", message);
  });

  test("refuses a flow without a route to fall back on: none, the default, one that rejects, zebra's own", async () => {
    const bare = "2001:db8:99::/64";
    const made = await step([long(100)]);
    const forward = { config: `route add ${written(longSegs, 19, bare)}\n`, activate: "" };
    const inverse = { config: forward.config.replace("add", "del"), activate: "" };
    const odd = { ...made, query: `${bare}\n`, expected: longLine(19).replace(prefix, bare), forward, inverse };
    const refused = async () => {
      const result = await port().prepare(odd);
      expectFailure(result, "DEVICE_UNSUPPORTED", /2001:db8:99::\/64 has no route in the main table to fall back on/);
      expect(result).toMatchObject({ failure: { mend: expect.stringContaining("shorter prefix") } });
    };
    await refused();
    const useless = [
      "default via fe80::1 dev eth2",
      `blackhole 2001:db8:99::/48`,
      `${bare} via fe80::1 dev eth2 proto 188`,
    ];
    for (const route of useless) {
      await ip("route add", route);
      await refused();
      await ip("route del", route);
    }
    for (const route of ["2001:db8:99::/48 via fe80::1 dev eth2 proto 188", `${bare} via fe80::1 dev eth2 proto 4`]) {
      await ip("route add", route);
      const device = port();
      value(await device.prepare(odd));
      value(await device.discard());
      await ip("route del", route);
    }
  });

  test("refuses a kernel without seg6", async () => {
    const made = await step([long(100)]);
    await r1.run(["touch", "/tmp/no-seg6"]);
    expectFailure(await port().prepare(made), "DEVICE_UNSUPPORTED", /takes no seg6 route: Error: CONFIG_LWTUNNEL/);
  });

  test("keeps a second controller out, and of several at once lets exactly one in", async () => {
    const made = await step([long(100)]);
    const results = await Promise.all([1, 2, 3].map(() => port().prepare(made)));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    expectFailure(await port().prepare(made), "DEVICE_LOCKED", /holds the configuration for up to \d\d? s/);
  });
});

describe("a trial", () => {
  test("reverts by itself when the session is cut and the controller gone", async () => {
    const { made, trial } = await onTrial(2_000);
    expect(value(await port().read(query))).toBe(longLine(19));
    expect(await timers()).toBe(1);
    await killSessions();
    await eventually("the router went back", 10_000, async () => (await running()) === before);
    await eventually("the timer has ended", 5_000, async () => (await timers()) === 0);
    expectFailure(await port().confirm(made, trial), "TRIAL_EXPIRED");
    value(await port().undo(made, trial));
  });

  test("confirmed by a restarted controller stays, has no timer, and is undone byte for byte", async () => {
    const { made, trial, device } = await onTrial(3_000);
    await device.close();
    const [restarted] = [port()];
    value(await restarted.confirm(made, trial));
    value(await restarted.confirm(made, trial));
    expect(await timers()).toBe(0);
    expect(value(await port().read(query))).toBe(longLine(19));
    value(await port().undo(made, trial));
    expect(await running()).toBe(before);
    value(await port().undo(made, trial));
    expectFailure(await port().confirm(made, trial), "TRIAL_EXPIRED");
  });

  test("of a second path above the first, then back to the IGP, each undone", async () => {
    const [first, firstTrial] = [await step([short(100)]), trialOf(60_000)];
    const second = { trial: trialOf(60_000), to: [long(101), short(100)] };
    const device = port();
    value(await device.prepare(first));
    value(await device.commitOnTrial(first, firstTrial));
    value(await device.confirm(first, firstTrial));
    const made = await step(second.to, [short(100)]);
    value(await device.prepare(made));
    value(await device.commitOnTrial(made, second.trial));
    value(await device.confirm(made, second.trial));
    expect(value(await device.read(query))).toBe(`${longLine(18)}${first.expected}`);
    const [back, backTrial] = [await step([], second.to), trialOf(60_000)];
    value(await device.prepare(back));
    value(await device.commitOnTrial(back, backTrial));
    expect(value(await device.read(query))).toBe("");
    value(await device.undo(back, backTrial));
    value(await device.undo(made, second.trial));
    value(await device.undo(first, firstTrial));
  });

  test("never sent, or of which the router lost all trace, is still undone", async () => {
    value(await port().undo(await step([long(100)]), trialOf(1_000)));
    const { made, trial } = await onTrial(60_000);
    value(await port().confirm(made, trial));
    await r1.run(["sh", "-c", "rm -rf /var/lib/pointsman/trials"]);
    value(await port().undo(made, trial));
    expect(await running()).toBe(before);
  });

  // The kernel would take `route del` for it: it does not look at the segments.
  test("whose route someone else has replaced ends without a line sent", async () => {
    const { made, trial } = await onTrial(2_000);
    await ip("route replace", written(shortSegs, 19));
    const edited = await running();
    expectFailure(await port().confirm(made, trial), "DEVICE_CHANGED", /someone else/);
    await eventually("the timer has ended", 10_000, async () => (await timers()) === 0);
    expect(await running()).toBe(edited);
    const undone = await port().undo(made, trial);
    expectFailure(undone, "DEVICE_CHANGED", /someone else replaced a route/);
    expect(undone).toMatchObject({ failure: { mend: expect.stringContaining("nothing was sent") } });
    expect(await running()).toBe(edited);
    await ip("route replace", written(longSegs, 19));
    value(await port().undo(made, trial));
  });

  test("beside which someone else has put a route is not confirmed; its timer takes back only its own", async () => {
    const { made, trial } = await onTrial(2_000);
    await ip("route add", written(shortSegs, 7));
    for (const ended of [await port().confirm(made, trial), await port().undo(made, trial)]) {
      expectFailure(ended, "DEVICE_CHANGED", /metric 7/);
    }
    await eventually("the timer has ended", 10_000, async () => (await timers()) === 0);
    expect(value(await port().read(query))).toBe(`${prefix} metric 7 segs ${shortSegs} dev eth1\n`);
    await ip("route del", written(shortSegs, 7));
    value(await port().undo(made, trial));
  });

  test("whose place someone else took after prepare is not sent", async () => {
    const [device, made, trial] = [port(), await step([long(100)]), trialOf(60_000)];
    value(await device.prepare(made));
    await ip("route add", written(shortSegs, 19));
    const edited = await running();
    expectFailure(await device.commitOnTrial(made, trial), "DEVICE_CHANGED");
    expect(await running()).toBe(edited);
    expect(await timers()).toBe(0);
    await ip("route del", written(shortSegs, 19));
    value(await port().undo(made, trial));
  });

  test("whose second line the router refuses is taken back whole", async () => {
    const [device, made, trial] = [port(), await step([long(100)]), trialOf(60_000)];
    value(await device.prepare(made));
    const config = `${made.forward.config}route del ${written(shortSegs, 18)}\n`;
    const result = await device.commitOnTrial({ ...made, forward: { config, activate: "" } }, trial);
    expectFailure(result, "DEVICE_REFUSED", /No such process \(line 2\)/);
    expect(await running()).toBe(before);
    value(await device.undo(made, trial));
  });

  test("that reads otherwise than planned is taken back", async () => {
    const [device, made, trial] = [port(), await step([long(100)]), trialOf(60_000)];
    value(await device.prepare(made));
    const lying = { ...made, expected: longLine(18) };
    expectFailure(await device.commitOnTrial(lying, trial), "DEVICE_NOT_APPLIED");
    expect(await running()).toBe(before);
    value(await device.undo(made, trial));
  });

  test.each([0, 1])("cut off after %d lines is undone from there", async (lines) => {
    const [device, made, trial] = [port(), await step([long(101), short(100)]), trialOf(60_000)];
    value(await device.prepare(made));
    await stallAfter(lines);
    const committing = device.commitOnTrial(made, trial);
    await stalled();
    expect(value(await port().read(query)).match(/segs/g) ?? []).toHaveLength(lines);
    await killSessions();
    expectFailure(await committing, "DEVICE_UNREACHABLE");
    const undoing = port().undo(made, trial);
    await waitsForApply();
    await goOn();
    value(await undoing);
    expect(await running()).toBe(before);
  });

  test.each([1, 50, 100, 200])("whose %d ms are over before it is in place ends at what was", async (timeoutMs) => {
    const [device, made, trial] = [port(), await step([long(100)]), trialOf(timeoutMs)];
    value(await device.prepare(made));
    const result = await device.commitOnTrial(made, trial);
    await eventually("no timer is left", 10_000, async () => (await timers()) === 0);
    expect(await running()).toBe(before);
    if (!result.ok) expect(["TRIAL_EXPIRED", "DEVICE_NOT_APPLIED"]).toContain(result.failure.code);
    expectFailure(await device.confirm(made, trial), "TRIAL_EXPIRED");
  });
});

describe("real traffic", () => {
  const onShort = async (overMs: number) => {
    const names = ["r1-r2", "r3-r6", "r1-r4", "r5-r6"];
    const [a = 0, b = 0, c = 0, d = 0] = await Promise.all(names.map((name) => lab.outboundMbit(name, overMs)));
    return { short: [a, b], long: [c, d] };
  };
  const runsOver = (way: "short" | "long", other: "short" | "long") =>
    eventually(`the flow takes the ${way} way`, 10_000, async () => {
      const mbit = await onShort(300);
      return mbit[way].every((each) => each > 18) && mbit[other].every((each) => each < 1) && mbit;
    });

  test("of 20 Mbit/s moves to the long path on trial, stays when confirmed, and is back after undo", async () => {
    const stream = await lab.traffic(20);
    const [device, trial] = [port(), trialOf(60_000)];
    try {
      const first = await runsOver("short", "long");
      const [made, start] = [await step([long(100)]), await stream.retransmissions()];
      value(await device.prepare(made));
      const since = performance.now();
      value(await device.commitOnTrial(made, trial));
      const commitMs = performance.now() - since;
      const moved = await runsOver("long", "short");
      const afterMove = await stream.retransmissions();
      value(await device.confirm(made, trial));
      await runsOver("long", "short");
      value(await device.undo(made, trial));
      const returned = await runsOver("short", "long");
      const end = await stream.retransmissions();
      const retransmissions = { before: start, move: afterMove - start, back: end - afterMove };
      console.log(JSON.stringify({ measured: "move and back", first, moved, returned, commitMs, retransmissions }));
      expect(afterMove - start, "segments sent again because of the move").toBeLessThan(20);
      expect(end - afterMove, "and of the way back").toBeLessThan(20);
    } finally {
      await stream.stop();
    }
  });

  // What the driver's docstring says of the interface: the kernel drops the route with it, and OSPF finds the other way by itself.
  test("goes on when the route's interface goes down under a trial, which is then over", async () => {
    const routesOf = async () =>
      (await running())
        .replaceAll(/ nhid \d+/g, "")
        .split("\n")
        .sort()
        .join("\n");
    const [device, trial, plain] = [port(), trialOf(60_000), await routesOf()];
    const made = await step([short(100)]);
    value(await device.prepare(made));
    value(await device.commitOnTrial(made, trial));
    await r1.run(["ip", "link", "set", "eth1", "down"]);
    expect(value(await device.read(query))).toBe("");
    const stream = await eventually("h6 is reached by the long way", 15_000, () =>
      lab.traffic(5).catch(() => undefined),
    );
    await eventually("the long way is used", 15_000, async () => (await lab.outboundMbit("r1-r4", 300)) > 4);
    expectFailure(await port().confirm(made, trial), "TRIAL_EXPIRED");
    value(await port().undo(made, trial));
    await r1.run(["ip", "link", "set", "eth1", "up"]);
    await stream.stop();
    await eventually("OSPF is back on the short way", 20_000, async () => (await routesOf()) === plain);
    before = await running();
  });
});

describe("the lab", () => {
  test("has six routers that can be logged in to", async () => {
    for (const node of nodes) {
      const opened = linuxSrv6Device({ device: deviceOf(lab.routers[node]), resolveSecret, clock: systemClock });
      ports.push(opened);
      expect(await opened.read(query)).toEqual({ ok: true, value: "" });
    }
  });

  test("has a configuration whose queries give a rate of every link and flow", async () => {
    const configuration = parse(await readFile(join(lab.folder, "pointsman.yaml"), "utf8")) as {
      telemetry: { prometheus: { url: string; queries: Record<string, { query: string }> } };
    };
    const { url, queries } = configuration.telemetry.prometheus;
    const named = async (name: string, label: string) => {
      const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(queries[name]?.query ?? "")}`);
      const answer = (await response.json()) as { data: { result: { metric: Record<string, string> }[] } };
      return answer.data.result.map(({ metric }) => metric[label]).sort();
    };
    const linkNames = links.map(({ name }) => name).sort();
    expect(await named("linkOutbound", "link")).toEqual(linkNames);
    expect(await named("linkInbound", "link")).toEqual(linkNames);
    expect(await named("flowRate", "flow")).toEqual(flows.map(({ name }) => name));
  });
});

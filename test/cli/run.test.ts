import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/kernel/clock.ts";
import { type Lab, startLab } from "../../src/lab/lab.ts";
import { Pointsman } from "./process.ts";

let folder: string;
let lab: Lab;
let processes: Pointsman[];

async function startsLab(policies: readonly string[] = []): Promise<void> {
  const files = policies.map((_, index) => join(folder, `policy-${index}.yaml`));
  for (const [index, text] of policies.entries()) await writeFile(files[index] ?? "", text);
  lab = await startLab({
    scenario: "two-transits",
    folder: join(folder, "lab"),
    seed: 1,
    clock: systemClock,
    timing: { peakAfterMs: 2_000 },
    ...(files.length > 0 ? { policies: files } : {}),
  });
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-run-"));
  processes = [];
});
afterEach(async () => {
  for (const { child } of processes) child.kill("SIGKILL");
  await lab?.stop();
  await rm(folder, { recursive: true, force: true });
});

const state = () => ["--state", join(folder, "state")];
const ask = (...args: string[]) => Pointsman.run(...args, ...state());

function run(...args: string[]): Pointsman {
  const started = new Pointsman(["run", "--config", lab.configFile, ...state(), ...args]);
  processes.push(started);
  return started;
}

async function edit(from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(lab.configFile, "utf8");
  expect(text).toMatch(from);
  await writeFile(lab.configFile, text.replace(from, to));
}

const policy = (text: { expires: string; observe: string; mode?: string }) => `apiVersion: pointsman/v1
kind: Policy
metadata: { name: quick, description: Fires at the first sample over the threshold. }
spec:
  mode: ${text.mode ?? "propose"}
  scope: { links: { role: transit } }
  trigger: { signal: link.utilisation.in, above: 95%, clear: 65%, for: 1 of 1, every: 500ms }
  decide: { action: bgp-prepend, objective: cost, maxPrepends: 3, target: 75% }
  guard: { maxDevices: 2, maxTrafficMoved: 30%, freshness: 5 intervals, coverage: 50%, surviveAnyLinkFailure: true }
  approve: { people: 1, expires: ${text.expires} }
  verify: { observe: ${text.observe}, require: ["link.utilisation.in below 100%"], forbid: [] }
  hold: 20s
`;

// Goal: what is wrong with a router or its telemetry is told unasked, with the mend, and no router is touched.
describe("a router that", { timeout: 60_000 }, () => {
  const otherKey = `SHA256:${createHash("sha256").update("another").digest("base64").replace("=", "")}`;
  test.each([
    [
      "cannot be reached",
      /management:\n( +)host: 127.0.0.1\n +port: \d+/,
      "management:\n$1host: 127.0.0.1\n$1port: 1",
      "DEVICE_UNREACHABLE",
    ],
    ["has another host key", /hostKey: \S+/, `hostKey: ${otherKey}`, "DEVICE_HOST_KEY"],
    ["refuses the login", "username: pointsman", "username: expired", "DEVICE_AUTH"],
  ])("%s", async (_name, from, to, code) => {
    await startsLab();
    const before = JSON.stringify(lab.configurations());
    await edit(from, to);
    const controller = run();
    const [said] = await controller.saying(new RegExp(`router edge-a ${code} .*\n.*mend: .*\n`));
    expect(said).toContain("edge-a");
    await controller.saying(/listening/);
    expect((await ask("status")).out).toMatch(new RegExp(`edge-a +${code}`));
    expect((await ask("proposals")).code, "nothing is proposed").toBe(3);
    controller.child.kill("SIGINT");
    expect((await controller.ended()).code).toBe(0);
    expect(JSON.stringify(lab.configurations())).toBe(before);
  });

  test("refuses the gNMI login", async () => {
    await startsLab();
    await edit(
      /gnmi:\n( +)host: 127.0.0.1\n( +port: \d+)\n +username: pointsman/,
      "gnmi:\n$1host: 127.0.0.1\n$2\n$1username: expired",
    );
    const controller = run("--json");
    await controller.saying(/"where":"telemetry edge-a","failure":{"code":"TELEMETRY_FAILED",.*"mend":"correct gnmi/);
  });

  test("is of an unknown platform, is a line of pointsman.yaml", async () => {
    await startsLab();
    await edit("platform: openconfig", "platform: openconfg");
    const { code, err } = await run().ended();
    expect(code).toBe(2);
    expect(err).toMatch(
      /pointsman.yaml:\d+:\d+ devices\[0\].platform: "openconfg" is not known; did you mean "openconfig"/,
    );
  });
});

test("a heavy prefix that is not on the allow-list is named, with the mend", { timeout: 60_000 }, async () => {
  await startsLab([policy({ expires: "15m", observe: "1s" })]);
  await edit("  - 11.0.0.0/24\n", "");
  const before = JSON.stringify(lab.configurations());
  const controller = run();
  await controller.saying(/listening/);
  const explained = async () => (await ask("explain", "transit-a")).out;
  let text = await explained();
  while (!text.includes("nothing-helps")) text = await explained();
  expect(text).toContain(
    "enter by it for 11.0.0.0/24, which may not be moved: if they are yours, add them to prefixes",
  );
  expect(JSON.stringify(lab.configurations())).toBe(before);
});

test("a proposal that nobody approved in time cannot be approved", { timeout: 60_000 }, async () => {
  await startsLab([policy({ expires: "1s", observe: "1s" })]);
  const before = JSON.stringify(lab.configurations());
  const controller = run();
  await controller.saying(/c1 expired/);
  expect(await ask("approve", "c1")).toMatchObject({
    code: 3,
    err: expect.stringMatching(/APPROVAL_REFUSED c1 is expired.*\nmend: /),
  });
  expect(JSON.stringify(lab.configurations())).toBe(before);
});

test("a change on trial is rolled back on request", { timeout: 60_000 }, async () => {
  await startsLab([policy({ expires: "15m", observe: "60s" })]);
  const before = JSON.stringify(lab.configurations());
  const controller = run();
  await controller.saying(/next: npx pointsman approve c1/);
  expect(await ask("approve", "c1", "--no-wait")).toMatchObject({ code: 0 });
  await controller.saying(/c1 verifying/);
  expect(JSON.stringify(lab.configurations()), "it is on the router").not.toBe(before);
  expect(await ask("rollback", "c1")).toMatchObject({ code: 0, out: expect.stringContaining("c1 rolled-back") });
  expect(JSON.stringify(lab.configurations())).toBe(before);
  expect((await ask("explain", "transit-a")).out).toMatch(/transit-a {2}c1 rolled-back\n(?:.*\n)*now: quick: held/);
});

// Goal: one controller on a state folder, whatever kind, and a folder that cannot be used is told as such.
describe("the state folder", { timeout: 60_000 }, () => {
  test("of a controller that runs is refused to another, and goes on working", async () => {
    await startsLab();
    const controller = run();
    await controller.saying(/listening/);
    const endpoint = await readFile(join(folder, "state", "endpoint.json"), "utf8");
    for (const second of [await run().ended(), await ask("demo", "two-transits")]) {
      expect(second).toMatchObject({ code: 1, err: expect.stringMatching(/JOURNAL_LOCKED .*\nmend: /) });
    }
    expect(await readFile(join(folder, "state", "endpoint.json"), "utf8")).toBe(endpoint);
    expect((await ask("status")).code).toBe(0);

    controller.child.kill("SIGKILL");
    await controller.ended();
    expect(await ask("audit", "verify"), "after a crash the journal is read").toMatchObject({ code: 0 });
    await run().saying(/listening/);
  });

  test.each([
    ["is a file", async () => writeFile(join(folder, "state"), "")],
    ["is in a folder that is not there", async () => rm(folder, { recursive: true })],
    [
      "holds a folder for a lock file",
      async () => mkdir(join(folder, "state", "controller.lock"), { recursive: true }),
    ],
  ])("that %s", async (_name, spoil) => {
    await spoil();
    const { code, err } = await ask("demo", "two-transits");
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/CONFIG_INVALID cannot .*\nmend: /) });
  });

  test("in a place where nothing can be made", async () => {
    expect(await Pointsman.run("demo", "two-transits", "--state", "/proc/nope")).toMatchObject({ code: 2 });
  });
});

import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { bin, Pointsman } from "./process.ts";

let folder: string;
let state: string[];
/** Of tests that run side by side, each has one. */
const folders: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-cli-"));
  folders.push(folder);
  state = ["--state", join(folder, "state")];
});
afterAll(() => Promise.all(folders.map((one) => rm(one, { recursive: true, force: true }))));

const json = (text: string) => JSON.parse(text) as Record<string, unknown>;

// Each waits for its own lab most of the time, so they do it side by side.
describe.concurrent("the demo a program runs", () => {
  // Goal: `demo two-transits --approve --json` keeps its contract to the letter.
  test("confirms, with one JSON document", { timeout: 60_000 }, async ({ expect }) => {
    const { code, out, err } = await Pointsman.run("demo", "two-transits", "--approve", "--json");
    expect(code, err).toBe(0);
    const report = json(out);
    expect(report).toMatchObject({
      scenario: "two-transits",
      outcome: "confirmed",
      proposal: {
        reason: expect.stringContaining("11.0.0.0/24"),
        changes: [
          { device: "edge-a", action: "bgp-prepend", prefix: "11.0.0.0/24", diff: expect.stringContaining("repeat-n") },
        ],
        predicted: { costPerHour: { currency: "USD" } },
      },
      timings: Object.fromEntries(
        ["detectMs", "decideMs", "dryRunMs", "pushMs", "verifyMs"].map((name) => [name, expect.any(Number)]),
      ),
    });
    const { before, after, proposal } = report as {
      before: Measurement;
      after: Measurement;
      proposal: { alternatives: { summary: string; whyNot: string }[] };
    };
    expect(before.utilisation["transit-a"]).toBeGreaterThan(0.99);
    expect(before.loss["10.0.0.0/24"]).toBeGreaterThan(0.01);
    expect(after.utilisation["transit-a"]).toBeLessThan(0.25);
    expect(after.utilisation["transit-b"]).toBeLessThan(0.65);
    expect(after.loss).toEqual({ "10.0.0.0/24": 0, "11.0.0.0/24": 0, "12.0.0.0/24": 0 });
    expect(after.costPerHour).toBeGreaterThan(before.costPerHour);
    expect(proposal.alternatives.map(({ summary }) => summary).join()).toContain("move everything");
    expect(proposal.alternatives.every(({ whyNot }) => whyNot !== "")).toBe(true);
  });

  // Goal: a change that makes it worse is taken back, byte for byte.
  test("--fault worse rolls back, exit 6", { timeout: 60_000 }, async ({ expect }) => {
    const { code, out } = await Pointsman.run("demo", "two-transits", "--approve", "--fault", "worse", "--json");
    expect(code).toBe(6);
    expect(json(out)).toMatchObject({ outcome: "rolled-back", configurationsAsBefore: true });
  });

  // Goal: without telemetry nothing is proposed.
  test("--fault blind proposes nothing, exit 5", { timeout: 60_000 }, async ({ expect }) => {
    const { code, out } = await Pointsman.run("demo", "two-transits", "--approve", "--fault", "blind", "--json");
    expect(code).toBe(5);
    expect(json(out)).toMatchObject({ outcome: "blind", proposal: null, configurationsAsBefore: true });
  });

  // Goal: a router that says yes and does nothing, and one that is gone, end without a change.
  test.each([
    ["lying-commit", 6, "rolled-back", "DEVICE_NOT_APPLIED"],
    ["dead-router", 1, "aborted", "DEVICE_UNREACHABLE"],
  ])("--fault %s, exit %i", { timeout: 60_000 }, async (fault, exit, outcome, why) => {
    const { code, out } = await Pointsman.run("demo", "two-transits", "--approve", "--fault", fault, "--json");
    expect(code).toBe(exit);
    expect(json(out)).toMatchObject({ outcome, configurationsAsBefore: true, why: { code: why } });
  });
});

type Measurement = { utilisation: Record<string, number>; loss: Record<string, number>; costPerHour: number };

// Goal: the demo a person runs, from start to Ctrl-C, with every command between.
test("demo, and the commands around a proposal", { timeout: 120_000 }, async () => {
  const ask = (...args: string[]) => Pointsman.run(...args, ...state);
  const demo = new Pointsman(["demo", "two-transits", ...state], {}, bin);
  try {
    const listening = (await demo.saying(/listening: .*/))[0];
    for (const part of ["edge-a NETCONF", "edge-b gNMI", "Prometheus", "controller api http://127.0.0.1:"]) {
      expect(listening).toContain(part);
    }
    expect((await stat(join(folder, "state", "endpoint.json"))).mode & 0o777).toBe(0o600);
    expect((await ask("proposals")).code, "nothing waits yet").toBe(3);
    const second = await ask("demo", "two-transits");
    expect(second.code, "two controllers on one journal").toBe(1);
    expect(second.err).toMatch(/JOURNAL_LOCKED .*\nmend: /);

    const [, next = "", id = ""] = await demo.saying(/next: npx pointsman (approve (c\d+))/);
    expect(next).toBe("approve c1");
    expect(await ask("proposals")).toMatchObject({ code: 4, out: expect.stringContaining("awaiting-approval") });
    const shown = await ask("show", id);
    for (const part of ["11.0.0.0/24", "Predicted", "Why not", "Guards", "repeat-n", "USD/h"]) {
      expect(shown.out).toContain(part);
    }
    expect(shown.out, "no colours in a pipe").not.toContain("\u001b[");
    expect(json((await ask("status", "--json")).out)).toMatchObject({ targets: { "edge-a": { state: "synced" } } });
    expect((await ask("status")).out).toMatch(/transit-a .* proposed/);
    expect((await ask("explain", "transit-a")).out).toContain("do nothing");
    expect(await ask("explain", "no-such")).toMatchObject({ code: 2 });
    expect(await ask("show", "c99")).toMatchObject({ code: 2, err: expect.stringContaining("NOT_FOUND") });

    const approved = await ask("approve", id, "--as", "ann", "--json");
    expect(approved).toMatchObject({ code: 0 });
    expect(json(approved.out)).toMatchObject({ state: "confirmed", approvals: [{ by: "ann" }] });
    expect(await ask("approve", id), "approved twice").toMatchObject({
      code: 3,
      err: expect.stringMatching(/APPROVAL_REFUSED .*confirmed.*\nmend: /),
    });
    expect(await ask("reject", id)).toMatchObject({ code: 3 });
    expect(await ask("rollback", id, "--reason", "test")).toMatchObject({ code: 0 });
    expect(await ask("freeze", "--for", "1h")).toMatchObject({ code: 0 });
    expect((await ask("status")).out).toContain("FROZEN until");
    expect(await ask("freeze", "--for", "soon")).toMatchObject({ code: 2, err: expect.stringContaining("mend: ") });
    expect(await ask("kill", "--reason", "test")).toMatchObject({ code: 0 });
    expect((await ask("status")).out).toContain("KILLED by");
    expect(await ask("resume")).toMatchObject({ code: 0 });
    expect(await ask("audit", "verify")).toMatchObject({ code: 0, out: expect.stringContaining("unbroken") });

    demo.child.kill("SIGINT");
    expect((await demo.ended()).code, "Ctrl-C ends it cleanly").toBe(0);
    expect(await readdir(join(folder, "state")), "and leaves nothing but the lock file behind").toEqual([
      "controller.lock",
    ]);
    expect(await ask("status")).toMatchObject({ code: 1, err: expect.stringContaining("CONTROLLER_UNREACHABLE") });
  } finally {
    demo.child.kill("SIGKILL");
  }
});

describe("validate", () => {
  const good = new URL("../../policies/transit-congestion.yaml", import.meta.url).pathname;

  test("says nothing about a good policy", async () => {
    expect(await Pointsman.run("validate", good)).toEqual({ code: 0, out: "", err: "" });
  });

  test("names file, line, field and mend of a bad one", async () => {
    const bad = join(folder, "bad.yaml");
    await writeFile(
      bad,
      "apiVersion: pointsman/v1\nkind: Policy\nmetadata: { name: bad, description: x }\nspec:\n  mode: propos\n",
    );
    const { code, out, err } = await Pointsman.run("validate", good, bad);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(`${bad}:5:3 spec.mode: "propos" is not known; did you mean "propose"?`);
    const asJson = await Pointsman.run("validate", bad, "--json");
    expect(asJson.code).toBe(2);
    expect(json(asJson.out)).toMatchObject({
      problems: expect.arrayContaining([expect.objectContaining({ line: 5 })]),
    });
  });
});

// Goal: bad usage is exit 2, with words and never a stack trace.
test.each([
  ["an unknown command", ["frobnicate"]],
  ["an unknown option", ["status", "--colour"]],
  ["an unknown scenario", ["demo", "three-transits"]],
  ["an unknown fault", ["demo", "two-transits", "--fault", "meteor"]],
  ["a missing argument", ["approve"]],
  ["a port that is none", ["run", "--port", "70000"]],
  ["a seed that is none", ["demo", "two-transits", "--seed", "-1"]],
  ["a state folder for a demo that leaves none", ["demo", "two-transits", "--approve"]],
  ["a missing configuration", ["run", "--config", "/no/such/pointsman.yaml"]],
])("%s is exit 2", async (_name, args) => {
  const { code, err } = await Pointsman.run(...args, ...state);
  expect(code).toBe(2);
  expect(err).not.toBe("");
  expect(err).not.toMatch(/^\s+at /m);
  const asJson = await Pointsman.run(...args, ...state, "--json");
  expect(asJson.code).toBe(2);
  expect(json(asJson.err)).toMatchObject({ error: { code: "CONFIG_INVALID", message: expect.any(String) } });
});

// Goal: what is at the address of a controller that is gone need not be one.
test("an address where something else answers", async () => {
  const other = createServer((_request, response) => void response.end("<html>")).listen(0, "127.0.0.1");
  await once(other, "listening");
  try {
    await mkdir(join(folder, "state"));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    await writeFile(join(folder, "state", "endpoint.json"), JSON.stringify({ url, token: "t" }));
    const { code, err } = await Pointsman.run("status", ...state);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/CONTROLLER_UNREACHABLE .*\nmend: start it/) });
  } finally {
    other.close();
  }
});

test("a demo that ends by itself, stopped before, leaves nothing behind", { timeout: 30_000 }, async () => {
  const temporary = join(folder, "tmp");
  await mkdir(temporary);
  const demo = new Pointsman(["demo", "two-transits", "--approve"], { TMPDIR: temporary });
  while (!(await readdir(temporary, { recursive: true })).some((name) => name.endsWith("endpoint.json")));
  demo.child.kill("SIGINT");
  expect(await demo.ended()).toMatchObject({ code: 5, err: expect.stringContaining("STOPPED") });
  expect((await readdir(temporary)).filter((name) => name.startsWith("pointsman"))).toEqual([]);
});

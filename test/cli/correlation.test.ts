import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/kernel/clock.ts";
import { type Lab, startLab } from "../../src/lab/lab.ts";
import { samplesOf } from "../api/metrics-text.ts";
import { Pointsman } from "./process.ts";

const policy = `apiVersion: pointsman/v1
kind: Policy
metadata: { name: quick, description: Fires at the second sample over the threshold. }
spec:
  mode: auto
  scope: { links: { role: transit } }
  trigger: { signal: link.utilisation.in, above: 95%, clear: 65%, for: 2 of 3, every: 500ms }
  decide: { action: bgp-prepend, objective: cost, maxPrepends: 3, target: 75% }
  guard: { maxDevices: 2, maxTrafficMoved: 30%, freshness: 5 intervals, coverage: 50%, surviveAnyLinkFailure: true }
  approve: { people: 1, expires: 15m }
  verify: { observe: 1s, require: ["link.utilisation.in below 100%"] }
  autonomy: { maxPredictionError: 50%, over: 5 changes }
  hold: 10m
`;

type Line = Readonly<{ time: string; msg: string; correlation?: string }> & Readonly<Record<string, unknown>>;

let folder: string;
let lab: Lab;
let running: Pointsman;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-correlation-"));
  const file = join(folder, "policy.yaml");
  await writeFile(file, policy);
  lab = await startLab({
    ...{ scenario: "two-transits", folder: join(folder, "lab"), seed: 1, clock: systemClock },
    ...{ timing: { peakAfterMs: 2_000 }, policies: [file] },
  });
  running = new Pointsman(["run", "--json", "--config", lab.configFile, "--state", join(folder, "state")]);
});
afterAll(async () => {
  running.child.kill("SIGKILL");
  await lab.stop();
  await rm(folder, { recursive: true, force: true });
});

const ask = (...args: string[]) => Pointsman.run(...args, "--state", join(folder, "state"));

// Goal: one id leads from the sample that crossed to the confirmation, through every step, in order. Method: the log of a real
// process against emulated routers; then health and metrics of the same process, which come from the same facts.
test("from the sample to the confirmation", { timeout: 60_000 }, async () => {
  await running.saying(/"msg":"change confirmed"/);
  const health = await ask("health", "--json");
  expect(health).toMatchObject({ code: 0 });
  const checks = JSON.parse(health.out) as Record<"alive" | "ready", { checks: { check: string; ok: boolean }[] }>;
  expect([...checks.alive.checks, ...checks.ready.checks].map(({ check, ok }) => [check, ok])).toEqual([
    ...[
      ["running", true],
      ["loop", true],
      ["journal", true],
      ["recovery", true],
      ["telemetry", true],
    ],
  ]);
  const endpoint = await readFile(join(folder, "state", "endpoint.json"), "utf8");
  const { url, token } = JSON.parse(endpoint) as { url: string; token: string };
  const scraped = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  const metrics = samplesOf(await scraped.text());
  expect(metrics).toContainEqual([
    "pointsman_changes_total",
    { policy: "quick", action: "bgp-prepend", outcome: "confirmed" },
    1,
  ]);
  const ages = metrics.filter(([name]) => name === "pointsman_telemetry_age_seconds");
  expect(ages.map(([, { source }]) => source).sort()).toEqual(["edge-a", "edge-b", "prometheus"]);
  for (const [, , age] of ages) expect(age).toBeLessThan(10);

  running.child.kill("SIGINT");
  const { out, code } = await running.ended();
  expect(code).toBe(0);
  const lines = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  const confirmed = lines.find(({ msg }) => msg === "change confirmed");
  const correlation = confirmed?.correlation ?? "";
  expect(correlation).toMatch(/^quick\/transit-a\/20\d\d-\d\d-\d\dT[\d:.]+Z$/);
  const about = lines.filter((line) => line.correlation === correlation);
  expect(about.slice(0, about.findIndex(({ msg }) => msg === "policy settling") + 1).map(({ msg }) => msg)).toEqual([
    // The first of all samples may be over the threshold already: nothing is decided by that one alone, and so it is quiet.
    ...[expect.stringMatching(/^policy (breaching|quiet)$/), "policy deciding", "change proposed", "policy proposed"],
    ...["change dry-run", "router prepare", "router discard"],
    ...["change preparing", "policy changing", "router prepare"],
    ...["change committing", "router commit", "change verifying"],
    ...["change confirming", "router confirm", "change confirmed", "policy settling"],
  ]);
  // Its time is that of the sample that crossed, and nothing is told of it before.
  const [first] = about as (Line & { sample?: { value: number; measuredMs: number } })[];
  expect(first?.sample?.value).toBeGreaterThan(0.95);
  expect(correlation).toContain(new Date(first?.sample?.measuredMs ?? 0).toISOString());
  expect(about.map(({ time }) => time)).toEqual(about.map(({ time }) => time).sort());
  const change = about.filter((line) => "change" in line);
  expect(new Set(change.map((line) => line.change))).toEqual(new Set(["c1"]));
  for (const line of change.filter(({ msg }) => msg.startsWith("router "))) {
    expect(line).toMatchObject({ device: "edge-a", result: "ok", durationMs: expect.any(Number) });
  }
  expect(confirmed).toMatchObject({ verdict: "better", predictionError: { error: expect.any(Number) } });
  expect(lines.filter((line) => "change" in line && line.correlation === undefined)).toEqual([]);

  expect(await ask("health")).toMatchObject({ code: 1, err: expect.stringContaining("CONTROLLER_UNREACHABLE") });
});

import { spawnSync } from "node:child_process";
import { afterEach, expect, test } from "vitest";
import { healthOf } from "../../src/api/client.ts";
import type { ApiServer } from "../../src/api/listen.ts";
import { metricsOf } from "../../src/api/metrics.ts";
import { Failure, fail, ok } from "../../src/kernel/failure.ts";
import type { Change } from "../../src/model/change.ts";
import type { Controller, Status } from "../../src/model/controller.ts";
import type { Vitals, Watch } from "../../src/model/vitals.ts";
import { samplesOf } from "./metrics-text.ts";
import { openFor } from "./open.ts";

const nowMs = Date.UTC(2026, 10, 21, 12);
const secret = "edge-secret";
const policyVitals: Vitals["policies"][number] = {
  ...{ policy: secret, dueMs: 10_000, lookedMs: nowMs - 2_500 },
  ...{ mode: { written: "auto", earned: "propose" }, meanError: 0.17, maxPredictionError: 0.1 },
};
const vitals: Vitals = {
  ...{ atMs: nowMs, startedMs: nowMs - 3_600_000, failed: false, recovering: 0, journalEntries: 42 },
  policies: [policyVitals],
  sources: [
    { source: "edge-a", tells: "samples", state: "synced", newestMs: nowMs - 1_500 },
    { source: "edge-b", tells: "samples", state: "down" },
  ],
  ...{ refusedSamples: 3, unknownSeries: 4 },
};

let server: ApiServer | undefined;
afterEach(() => server?.close());

async function serve(now: Partial<Vitals>, writable = true): Promise<ApiServer> {
  const full = fail(new Failure("JOURNAL_BROKEN", `/var/${secret}/journal.sqlite is full`));
  const watch: Watch = {
    vitals: async () => ({ ...vitals, ...now }),
    journalWritable: async () => (writable ? ok(undefined) : full),
  };
  server = await openFor({} as Controller, { watch });
  return server;
}

// Goal: each thing that ails the controller is 503 and named; what is well is 200. The rest of the API keeps its token.
test.each([
  ["all is well", "healthz", {}, true, []],
  ["a bug has stopped the loop", "healthz", { failed: true }, true, ["running"]],
  ["a policy is not looked after", "healthz", late(nowMs - 110_001), true, ["loop"]],
  ["it is, just", "healthz", late(nowMs - 110_000), true, []],
  ["it has only begun", "healthz", { ...late(undefined), startedMs: nowMs - 110_000 }, true, []],
  ["it never has been", "healthz", { ...late(undefined), startedMs: nowMs - 110_001 }, true, ["loop"]],
  ["there is nothing to look after", "healthz", { policies: [] }, true, []],
  ["all is well", "readyz", {}, true, []],
  ["the disk is full", "readyz", {}, false, ["journal"]],
  ["recovery goes on", "readyz", { recovering: 2 }, true, ["recovery"]],
  ["a source has said nothing yet", "readyz", sources("synced", "starting"), true, ["telemetry"]],
  ["no source is synced", "readyz", sources("down", "refused"), true, ["telemetry"]],
  ["one of two is", "readyz", sources("synced", "refused"), true, []],
  ["an RPKI cache has said nothing yet", "readyz", beside("starting", "synced"), true, []],
  ["an RPKI cache alone is", "readyz", beside("synced", "down"), true, ["telemetry"]],
  ["there is no source", "readyz", { sources: [] }, true, ["telemetry"]],
  ["all of it", "readyz", { ...sources("starting"), recovering: 1 }, false, ["journal", "recovery", "telemetry"]],
] as const)("%s: %s", async (_, route, now, writable, failing) => {
  const { url } = await serve(now, writable);
  const response = await fetch(`${url}/${route}`);
  expect(response.status).toBe(failing.length === 0 ? 200 : 503);
  const text = await response.text();
  expect(text, "it tells no names").not.toContain(secret);
  const health = JSON.parse(text) as Awaited<ReturnType<typeof healthOf>>;
  expect(health.checks.filter((one) => !one.ok).map(({ check }) => check)).toEqual(failing);
  for (const { ok: held, why } of health.checks) expect(why !== undefined).toBe(!held);
  expect(await healthOf(url, route)).toEqual(health);
  expect((await fetch(`${url}/metrics`)).status).toBe(401);
  expect((await fetch(`${url}/${route}`, { method: "POST" })).status).toBe(401);
});

function late(lookedMs: number | undefined): Partial<Vitals> {
  const { lookedMs: _, ...rest } = policyVitals;
  return { policies: [policyVitals, lookedMs === undefined ? rest : { ...rest, lookedMs }] };
}

function sources(...states: Vitals["sources"][number]["state"][]): Partial<Vitals> {
  return { sources: states.map((state, index) => ({ source: `edge-${index}`, tells: "samples", state })) };
}

function beside(
  cache: Vitals["sources"][number]["state"],
  source: Vitals["sources"][number]["state"],
): Partial<Vitals> {
  return {
    sources: [...(sources(source).sources ?? []), { source: "rpki c:323", tells: "route-origins", state: cache }],
  };
}

// Goal: whoever is no controller is said to be none.
test("health of nobody", async () => {
  await expect(healthOf("http://127.0.0.1:9", "healthz")).rejects.toMatchObject({ code: "CONTROLLER_UNREACHABLE" });
  const { url } = await serve({});
  await expect(healthOf(`${url}/v1`, "healthz")).rejects.toMatchObject({ code: "CONTROLLER_UNREACHABLE" });
});

const change = (id: string, state: Change["state"], error: number | undefined, ...stepsMs: number[]): Change => {
  const reached = stepsMs.map((atMs, index) => ({ state: index === 0 ? "proposed" : "dry-run", atMs: nowMs + atMs }));
  const predictionError = error === undefined ? {} : { predictionError: { error } };
  return {
    ...{ id, state, policy: { name: "transit" }, decision: { action: "bgp-prepend" }, times: { reached } },
    verdict: { outcome: "better", findings: [], ...predictionError },
  } as unknown as Change;
};
const changes = [
  change("c1", "confirmed", 0.04, 0, 700, 20_700),
  change("c2", "rolled-back", 0.4),
  change("c3", "confirmed", undefined),
  change("c4", "awaiting-approval", undefined, 0),
];
const status = {
  policies: [
    { policy: "transit", state: "quiet" },
    { policy: "transit", state: "quiet" },
    { policy: "transit", state: "blind" },
  ],
  devices: { "edge-a": { atMs: 0 }, "edge-b": { atMs: 0, failure: { code: "DEVICE_TIMEOUT", message: "" } } },
  open: changes.filter(({ state }) => state === "awaiting-approval"),
} as unknown as Status;
const controller = {
  status: async () => status,
  changes: async () => changes,
  shed: async () => [],
} as unknown as Controller;
const scrape = metricsOf(controller, { vitals: async () => vitals, journalWritable: async () => ok(undefined) });

// Goal: every figure that the issue asks for, in Prometheus's form and base units; what is not known is absent.
test("metrics", async () => {
  const found = samplesOf((await scrape()).text);
  const of = (metric: string) =>
    found
      .filter(([name]) => name === `pointsman_${metric}`)
      .map(([, labels, value]) => [...Object.values(labels), value]);
  expect(of("loop_age_seconds")).toEqual([[secret, 2.5]]);
  expect(of("telemetry_age_seconds")).toEqual([["edge-a", 1.5]]);
  expect(of("telemetry_synced")).toEqual([
    ["edge-a", 1],
    ["edge-b", 0],
  ]);
  expect(of("policy_actors")).toEqual([
    ["transit", "quiet", 2],
    ["transit", "blind", 1],
  ]);
  expect(of("policy_autonomy")).toEqual([[secret, 1]]);
  expect(of("policy_autonomy_lowered")).toEqual([[secret, 1]]);
  expect(of("policy_prediction_error_ratio")).toEqual([[secret, 0.17]]);
  expect(of("policy_prediction_error_limit_ratio")).toEqual([[secret, 0.1]]);
  expect(of("changes_total")).toEqual([
    ["transit", "bgp-prepend", "confirmed", 2],
    ["transit", "bgp-prepend", "rolled-back", 1],
  ]);
  expect(of("changes_open")).toContainEqual(["awaiting-approval", 1]);
  expect(of("changes_open")).toContainEqual(["stuck", 0]);
  expect(of("changes_open")).toHaveLength(9);
  expect(of("change_prediction_error_ratio_count")).toEqual([["transit", 2]]);
  expect(of("change_prediction_error_ratio_bucket")).toContainEqual(["0.05", "transit", 1]);
  expect(of("change_state_duration_seconds_count")).toEqual([
    ["proposed", 1],
    ["dry-run", 1],
  ]);
  expect(of("change_state_duration_seconds_sum")).toEqual([
    ["proposed", 0.7],
    ["dry-run", 20],
  ]);
  expect(of("router_readable")).toEqual([
    ["edge-a", 1],
    ["edge-b", 0],
  ]);
  expect(of("journal_entries_total")).toEqual([[42]]);
  expect(of("telemetry_refused_samples_total")).toEqual([[3]]);
  expect(of("telemetry_unknown_series_total")).toEqual([[4]]);
  expect(of("recovering_changes")).toEqual([[0]]);
  expect(of("build_info")).toEqual([["0.1.0", process.version, 1]]);
  expect(found.map(([name]) => name)).toContain("process_resident_memory_bytes");
});

// Goal: a scrape counts what is in the journal, however often it is scraped, and each series stands once.
test("scraped twice", async () => {
  const stable = (text: string) => text.split("\n").filter((line) => line.startsWith("pointsman_"));
  const [first, second] = [stable((await scrape()).text), stable((await scrape()).text)];
  expect(second).toEqual(first);
  const series = first.map((line) => line.slice(0, line.lastIndexOf(" ")));
  expect(new Set(series).size).toBe(series.length);
});

// Goal: Prometheus's own linter has nothing to say, where it is installed (Debian: prometheus).
const isInstalled = spawnSync("promtool", ["--version"]).status === 0;
test.runIf(isInstalled)("promtool check metrics", async () => {
  const { text } = await scrape();
  const ours = text.split("\n").filter((line) => /^(# \w+ )?pointsman_/.test(line));
  const {
    status: code,
    stdout,
    stderr,
  } = spawnSync("promtool", ["check", "metrics"], {
    ...{ input: `${ours.join("\n")}\n`, encoding: "utf8" },
  });
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "", stderr: "" });
});

// Goal: whoever asks without a token, however often, costs one look a second, and is never refused; what is new is told after that.
test("asked all the time", async () => {
  let [nowMillis, looks] = [nowMs, 0];
  const watch: Watch = {
    async vitals() {
      looks += 1;
      return { ...vitals, failed: looks > 1 };
    },
    journalWritable: async () => ok(undefined),
  };
  server = await openFor({} as Controller, { watch, clock: { now: () => nowMillis, after: () => () => undefined } });
  const ask = async (route: string) => (await fetch(`${server?.url}/${route}`)).status;
  const asked = await Promise.all(Array.from({ length: 150 }, (_, index) => ask(index % 2 ? "readyz" : "healthz")));
  expect(new Set(asked)).toEqual(new Set([200]));
  expect(looks).toBe(1);
  nowMillis += 1_000;
  expect(await ask("healthz")).toBe(503);
});

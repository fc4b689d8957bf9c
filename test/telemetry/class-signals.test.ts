import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Ratio } from "../../src/kernel/units.ts";
import type { PrometheusAccess, ServedClass } from "../../src/model/inventory.ts";
import { SeriesTable, type TelemetrySource } from "../../src/model/sample.ts";
import type { ClassSignal } from "../../src/model/service-class.ts";
import { prometheusSource } from "../../src/telemetry/prometheus.ts";
import { RecordingSink } from "./recording-sink.ts";
import { WatchedClock } from "./watched-clock.ts";

const intervalMs = 15_000;
const signals: readonly ClassSignal[] = [
  { name: "first-token", of: "service", unit: "ms", source: { histogram: "ttft_bucket" } },
  { name: "waiting", of: "compute", unit: "count", source: { query: "waiting" } },
  { name: "path-latency", of: "path", unit: "ms", source: { signal: "path.latency.p99" } },
];
const chat: ServedClass = {
  name: "chat",
  prefers: "latency",
  service: {
    dscp: 46,
    queue: "chat",
    priority: 0,
    floor: 0.1 as Ratio,
    sheds: [],
    budget: { changes: 1, perMs: 1 },
    fanOut: 1,
    signals,
    objectives: [],
    conditions: [],
  },
};

type Row = Readonly<{ labels?: Record<string, string>; value: string }>;
let clock: WatchedClock;
let sink: RecordingSink;
let source: TelemetrySource | undefined;
let server: Server;
let answers: Record<string, readonly Row[]>;
let asked: Set<string>;

beforeEach(async () => {
  clock = new WatchedClock();
  asked = new Set();
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      const query = new URLSearchParams(body).get("query") ?? "";
      asked.add(query);
      const result = (answers[query] ?? []).map(({ labels = {}, value }) => ({
        metric: labels,
        value: [clock.now() / 1000, value],
      }));
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await source?.stop();
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
});

function start(queries: PrometheusAccess["queries"] = {}): void {
  const table = new SeriesTable();
  sink = new RecordingSink(table);
  source = prometheusSource({
    access: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, queries },
    classes: [chat],
    resolveSecret: () => Promise.resolve(""),
    table,
    intervalMs,
    clock,
    random: () => 0.5,
  });
  source.start(sink);
}
const series = (labels: Record<string, string>) => `classSignal${JSON.stringify(labels)}`;
const bucket = (le: string, value: string, labels = {}): Row => ({ labels: { le, ...labels }, value });

test("a class's queries become samples by class and signal, and a histogram's by bucket", async () => {
  answers = { waiting: [{ value: "12" }], ttft_bucket: [bucket("0.5", "7"), bucket("+Inf", "9")] };
  start();
  expect(await sink.state("synced")).toEqual({ state: "synced" });
  expect(sink.values()).toEqual({
    [series({ class: "chat", signal: "waiting" })]: 12,
    [series({ class: "chat", le: "0.5", signal: "first-token" })]: 7,
    [series({ class: "chat", le: "+Inf", signal: "first-token" })]: 9,
  });
  expect(asked).toEqual(new Set(["waiting", "ttft_bucket"]));
});

test("an empty answer is said, and does not make the target silent", async () => {
  answers = { waiting: [], ttft_bucket: [], inbound: [{ labels: { link: "a" }, value: "1" }] };
  start({ linkInbound: { query: "inbound", linkLabel: "link" } });
  expect(await sink.state("synced")).toEqual({
    state: "synced",
    reason: "chat's first-token: the answer is empty; chat's waiting: the answer is empty",
  });
});

test("several series for one signal are refused; a histogram's are told apart, and by whether a process counts them", async () => {
  const raw = { __name__: "ttft_bucket", pod: "b" };
  answers = {
    waiting: [
      { labels: { pod: "a" }, value: "1" },
      { labels: { pod: "b" }, value: "2" },
    ],
    ttft_bucket: [bucket("0.5", "7", { pod: "a" }), bucket("0.5", "8", raw), bucket("+Inf", "9"), bucket("+Inf", "9")],
  };
  start();
  const { reason } = await sink.state("synced");
  expect(reason).toContain("chat's waiting: 1 refused: several series for the same labels");
  expect(reason).toContain("chat's first-token: 1 refused: several series for the same labels");
  const of = { class: "chat", le: "0.5" };
  expect(sink.values()).toEqual({
    [series({ ...of, signal: "first-token", sum: '[["pod","a"]]' })]: 7,
    [series({ ...of, series: '[["__name__","ttft_bucket"],["pod","b"]]', signal: "first-token" })]: 8,
  });
});

test("a histogram of too many series is refused whole, and that is said", async () => {
  const pods = Array.from({ length: 2501 }, (_, pod) => ({ pod: `${pod}` }));
  answers = {
    waiting: [{ value: "12" }],
    ttft_bucket: pods.flatMap((pod) => [bucket("0.5", "7", pod), bucket("+Inf", "9", pod)]),
  };
  start();
  const { reason } = await sink.state("synced");
  expect(reason).toContain("5002 refused: more than 5000 series of one histogram");
  expect(Object.keys(sink.values())).toHaveLength(1);
});

test("NaN and infinite values are refused, and a bucket without le", async () => {
  answers = {
    waiting: [{ value: "NaN" }],
    ttft_bucket: [bucket("0.5", "+Inf"), { value: "3" }, bucket("+Inf", "9")],
  };
  start();
  const { reason } = await sink.state("synced");
  expect(reason).toContain("chat's waiting: 1 refused: not a finite number");
  expect(reason).toContain("1 refused: no label le");
  expect(sink.values()).toEqual({ [series({ class: "chat", le: "+Inf", signal: "first-token" })]: 9 });
});

test("what the next answer lacks is gone", async () => {
  answers = { waiting: [{ value: "12" }], ttft_bucket: [bucket("0.5", "7"), bucket("+Inf", "9")] };
  start();
  await sink.state("synced");
  answers = { waiting: [{ value: "12" }], ttft_bucket: [bucket("+Inf", "9")] };
  await clock.pending(intervalMs);
  clock.advance(intervalMs);
  await sink.until(() => sink.gones().length > 0);
  expect(sink.gones()).toEqual([series({ class: "chat", le: "0.5", signal: "first-token" })]);
});

import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SeriesTable, type TelemetrySource } from "../../src/model/sample.ts";
import { prometheusSource } from "../../src/telemetry/prometheus.ts";
import { RecordingSink } from "./recording-sink.ts";
import { WatchedClock } from "./watched-clock.ts";

// A server that misbehaves on purpose, over HTTP on loopback: its answers are bounded in size, in what they grow to once parsed, and
// in what is told of them.

let clock: WatchedClock;
let sink: RecordingSink;
let source: TelemetrySource;
let server: Server;
let answer: (response: ServerResponse) => void;

beforeEach(async () => {
  clock = new WatchedClock();
  server = createServer((request, response) => {
    request.resume().on("end", () => answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await source.stop();
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
});

function start(): void {
  const table = new SeriesTable();
  sink = new RecordingSink(table);
  source = prometheusSource({
    access: {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      queries: { linkInbound: { query: "in", linkLabel: "port" } },
    },
    classes: [],
    resolveSecret: () => Promise.resolve(""),
    table,
    intervalMs: 15_000,
    clock,
    random: () => 0.5,
  });
  source.start(sink);
}

/** What was told of the answer; `grewBytes`: resident memory beyond what there was. */
async function told(): Promise<{ reason: string; grewBytes: number }> {
  const before = process.memoryUsage.rss();
  start();
  await sink.until(() => sink.statuses().at(-1)?.state !== "starting");
  return { reason: sink.statuses().at(-1)?.reason ?? "", grewBytes: process.memoryUsage.rss() - before };
}

const body = (text: string) => (response: ServerResponse) => {
  response.writeHead(200, { "content-type": "application/json" }).end(text);
};
const vector = (result: string, more = "") =>
  `{"status":"success"${more},"data":{"resultType":"vector","result":[${result}]}}`;

// Goal: a body without end, plain or packed, is cut off.
test("a gigabyte", async () => {
  const piece = Buffer.alloc(1 << 20, " ");
  let sent = 0;
  answer = (response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const more = () => {
      while (!response.destroyed && sent < 1_024) {
        sent += 1;
        if (!response.write(piece)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  };
  const { reason, grewBytes } = await told();
  expect(reason).toMatch(/^linkInbound: .*maxContentLength size of 33554432 exceeded/);
  expect(sent).toBeLessThan(100);
  expect(grewBytes).toBeLessThan(200 << 20);
});

test("a megabyte that unpacks to a gigabyte", async () => {
  const packed = gzipSync(Buffer.alloc(64 << 20, " "));
  answer = (response) => {
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    // Members of one gzip stream follow each other (RFC 1952 2.2).
    for (let member = 0; member < 16; member += 1) response.write(packed);
    response.end();
  };
  const { reason, grewBytes } = await told();
  expect(reason).toContain("exceeded");
  expect(grewBytes).toBeLessThan(250 << 20);
});

// Goal: the first thing that is wrong is told, once, and briefly.
test.each([
  ["rows that are none", () => vector(`${"1,".repeat(1_000_000)}1`), "not an instant vector: row 1"],
  [
    "labels that are none",
    () => vector(`{"metric":{${Array.from({ length: 200_000 }, (_, n) => `"${n}":1,`).join("")}"z":1}}`),
    "row 1: ✖ metric: not labels with text",
  ],
  ["no list", () => vector("").replace("[]", "{}"), "not a list"],
  ["a long error", () => `{"status":"error","errorType":"x","error":"${"long ".repeat(100_000)}"}`, "x: long long"],
  [
    "a thousand warnings",
    () => vector('{"metric":{"port":"a"},"value":[1,"2"]}', `,"warnings":[{"toString":1},${'"w",'.repeat(999)}"w"]`),
    "and 995 more warnings",
  ],
])("%s", async (_, text, reason) => {
  answer = body(text());
  const { reason: said } = await told();
  expect(said).toContain(reason);
  expect(said.length).toBeLessThan(1_000);
});

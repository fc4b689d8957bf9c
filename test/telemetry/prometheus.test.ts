import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/kernel/failure.ts";
import { createCertificateAuthority } from "../../src/lab/certificates.ts";
import type { PrometheusAccess, ServedClass } from "../../src/model/inventory.ts";
import { SeriesTable, type TelemetrySource } from "../../src/model/sample.ts";
import { prometheusSource } from "../../src/telemetry/prometheus.ts";
import { RecordingSink } from "./recording-sink.ts";
import { WatchedClock } from "./watched-clock.ts";

// Not the ten seconds that a request may take, so that a timer says what it is for.
const intervalMs = 15_000;
const token = "hunter2";
const prefixQuery = { query: "flow_bps", linkLabel: "link", prefixLabel: "prefix" };

type Asked = Readonly<{ path: string; form: URLSearchParams; authorization: string | undefined }>;
type Answer = (response: ServerResponse, asked: Asked) => void;

let clock: WatchedClock;
let table: SeriesTable;
let sink: RecordingSink;
let source: TelemetrySource | undefined;
let server: Server;
let answer: Answer;
let asked: Asked[];
let folder: string;

const handle = (request: IncomingMessage, response: ServerResponse) => {
  let body = "";
  request.on("data", (chunk: Buffer) => {
    body += chunk.toString();
  });
  request.on("end", () => {
    const one = {
      path: request.url ?? "",
      form: new URLSearchParams(body),
      authorization: request.headers.authorization,
    };
    asked.push(one);
    answer(response, one);
  });
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-prometheus-"));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  clock = new WatchedClock();
  table = new SeriesTable();
  sink = new RecordingSink(table);
  asked = [];
  server = createServer(handle);
  await listen();
});
afterEach(async () => {
  await source?.stop();
  source = undefined;
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
});

const listen = () => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = (scheme = "http") => `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/`;

function start(
  access: Partial<PrometheusAccess> = {},
  resolveSecret = () => Promise.resolve(token),
  classes: readonly ServedClass[] = [],
): void {
  source = prometheusSource({
    access: { url: url(), queries: { prefixInbound: prefixQuery }, ...access },
    classes,
    resolveSecret,
    table,
    intervalMs,
    clock,
    random: () => 0.5,
  });
  source.start(sink);
}

const send = (status: number, body: unknown) => (response: ServerResponse) => {
  response.writeHead(status, { "content-type": typeof body === "string" ? "text/html" : "application/json" });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
};

type Row = readonly [link: string, prefix: string, value: string, atMs?: number];
const rows = (...all: Row[]) =>
  all.map(([link, prefix, value, atMs = clock.now()]) => ({
    metric: { __name__: "flow_bps", link, prefix },
    value: [atMs / 1000, value],
  }));
const vector = (result: unknown[], extra = {}) =>
  send(200, { status: "success", data: { resultType: "vector", result }, ...extra });

const series = (link: string, prefix: string) => `prefixInbound${JSON.stringify({ link, prefix })}`;

/** Once the last poll is over, lets the next fall due. */
async function poll(): Promise<void> {
  await clock.pending(intervalMs);
  clock.advance(intervalMs);
}

describe("an answer", () => {
  test("becomes samples with their own time", async () => {
    const atMs = clock.now() - 1_234;
    answer = vector(rows(["transit-a", "11.0.0.0/24", "9e+08", atMs], ["transit-a", "10.0.0.0/24", "0", atMs]));
    start();
    expect(await sink.state("synced")).toEqual({ state: "synced" });
    const label = { link: "transit-a", prefix: "11.0.0.0/24" };
    expect(table.get(0)).toEqual({ target: "prometheus", name: "prefixInbound", labels: label });
    expect(sink.heard.filter(({ kind }) => kind === "number")).toEqual([
      {
        kind: "number",
        series: series("transit-a", "11.0.0.0/24"),
        value: 9e8,
        sourceMs: atMs,
        receivedMs: clock.now(),
      },
      { kind: "number", series: series("transit-a", "10.0.0.0/24"), value: 0, sourceMs: atMs, receivedMs: clock.now() },
    ]);
  });

  test("is asked for at our time, with a bound on how stale it may be, and the token", async () => {
    answer = vector(rows(["a", "p", "1"]));
    start({ bearerToken: { env: "TOKEN" } });
    await sink.state("synced");
    expect(asked[0]?.path).toBe("/api/v1/query");
    expect(asked[0]?.authorization).toBe(`Bearer ${token}`);
    expect(Object.fromEntries(asked[0]?.form ?? [])).toEqual({
      query: "flow_bps",
      time: String(clock.now() / 1000),
      lookback_delta: "45s",
    });
  });

  test("to each configured query is read by its own labels", async () => {
    answer = (response, { form }) =>
      form.get("query") === "flow_bps"
        ? vector(rows(["a", "p", "1"]))(response)
        : vector([{ metric: { port: "b", instance: "x" }, value: [clock.now() / 1000, "2"] }])(response);
    start({
      queries: {
        prefixInbound: prefixQuery,
        linkInbound: { query: "in", linkLabel: "port" },
        linkOutbound: { query: "out", linkLabel: "port" },
      },
    });
    await sink.state("synced");
    expect(sink.values()).toEqual({
      [series("a", "p")]: 1,
      'linkInbound{"link":"b"}': 2,
      'linkOutbound{"link":"b"}': 2,
    });
  });

  // Goal: a queue is known by its link and its class, whatever labels the collector gives them.
  test("about queues is read by link and class", async () => {
    const of = (device: string, cos: string, value: string) => ({
      metric: { device, cos, instance: "x" },
      value: [clock.now() / 1000, value],
    });
    answer = vector([of("west-east", "chat", "5"), of("west-east", "batch", "6"), { metric: { device: "west-east" } }]);
    start({ queries: { queueDrops: { query: "drops", linkLabel: "device", classLabel: "cos" } } });
    expect(await sink.state("synced")).toEqual({ state: "synced", reason: "queueDrops: 1 refused: no label cos" });
    expect(sink.values()).toEqual({
      'queueDrops{"class":"chat","link":"west-east"}': 5,
      'queueDrops{"class":"batch","link":"west-east"}': 6,
    });
  });

  // Goal: a number that is not one must not become one, nor take the good samples with it.
  test.each([["NaN"], ["+Inf"], ["-Inf"], [""], ["12abc"]])("refuses the value %j alone", async (value) => {
    answer = vector(rows(["a", "p", value], ["a", "q", "5"]));
    start();
    expect(await sink.state("synced")).toEqual({
      state: "synced",
      reason: "prefixInbound: 1 refused: not a finite number",
    });
    expect(sink.values()).toEqual({ [series("a", "q")]: 5 });
  });

  test("refuses stamps in the future, missing labels and native histograms, and says so", async () => {
    answer = vector([
      ...rows(["a", "p", "1", clock.now() + 60_001], ["a", "q", "5"]),
      { metric: { link: "a" }, value: [clock.now() / 1000, "1"] },
      { metric: { prefix: "p" }, value: [clock.now() / 1000, "1"] },
      { metric: { link: "a", prefix: "h" }, histogram: [1, {}] },
    ]);
    start();
    expect((await sink.state("synced")).reason).toBe(
      [
        "prefixInbound: 1 refused: stamped in the future",
        "prefixInbound: 1 refused: no label prefix",
        "prefixInbound: 1 refused: no label link",
        "prefixInbound: 1 refused: a native histogram",
      ].join("; "),
    );
    expect(sink.values()).toEqual({ [series("a", "q")]: 5 });
  });

  // Goal: of two series with the same link and prefix neither is the prefix's rate.
  test("refuses series that fall on the same labels", async () => {
    answer = vector(rows(["a", "p", "1"], ["a", "q", "5"], ["a", "p", "2"], ["a", "p", "3"]));
    start();
    expect((await sink.state("synced")).reason).toContain("2 refused: several series for the same labels");
    expect(sink.values()).toEqual({ [series("a", "q")]: 5 });
    answer = vector(rows(["a", "q", "6"]));
    await poll();
    await sink.until(() => sink.values()[series("a", "q")] === 6);
    expect(sink.gones()).toEqual([series("a", "p")]);
  });

  test("with warnings says them", async () => {
    answer = vector(rows(["a", "p", "1"]), { warnings: ["one store did not answer"] });
    start();
    expect((await sink.state("synced")).reason).toBe("prefixInbound: warning: one store did not answer");
  });

  test("that does not advance is passed on as it is", async () => {
    const atMs = clock.now();
    answer = vector(rows(["a", "p", "1", atMs]));
    start();
    await sink.state("synced");
    await poll();
    const numbers = () => sink.heard.filter((one) => one.kind === "number");
    await sink.until(() => numbers().length === 2);
    expect(numbers().map(({ sourceMs, receivedMs }) => [sourceMs, receivedMs])).toEqual([
      [atMs, atMs],
      [atMs, atMs + intervalMs],
    ]);
  });
});

describe("what vanishes", () => {
  test("from an answer is gone, and an empty answer is no zero", async () => {
    answer = vector(rows(["a", "p", "1"], ["a", "q", "2"], ["a", "r", "3"]));
    start();
    await sink.state("synced");
    answer = vector(rows(["a", "p", "4"], ["a", "r", "NaN"]));
    await poll();
    await sink.until(() => sink.gones().length === 1);
    expect(sink.gones()).toEqual([series("a", "q")]);
    answer = vector([]);
    await poll();
    await sink.until(() => sink.statuses().at(-1)?.reason === "prefixInbound: the answer is empty");
    expect(sink.statuses().at(-1)).toMatchObject({
      state: "silent",
      mend: expect.stringContaining("queries.prefixInbound"),
    });
    expect(sink.gones()).toEqual([series("a", "q"), series("a", "p"), series("a", "r")]);
    expect(sink.values()).toEqual({ [series("a", "p")]: 4, [series("a", "q")]: 2, [series("a", "r")]: 3 });
  });

  test("because the server fails is not gone", async () => {
    answer = vector(rows(["a", "p", "1"]));
    start();
    await sink.state("synced");
    answer = send(503, "Service Unavailable");
    await poll();
    await sink.state("down");
    expect(sink.gones()).toEqual([]);
  });
});

describe("a failure", () => {
  test.each([
    ["HTML with 200", 200, "<html>login</html>", "HTTP 200, but not an instant vector: text that is not JSON"],
    ["503 with HTML", 503, "<html>", "HTTP 503, no Prometheus error in the body"],
    [
      "503 from Prometheus",
      503,
      { status: "error", errorType: "timeout", error: "query timed out" },
      "HTTP 503, timeout: query timed out",
    ],
    ["a range instead of an instant", 200, { status: "success", data: { resultType: "matrix", result: [] } }, "vector"],
  ])("of %s is down, with the reason, and passes", async (_label, status, body, reason) => {
    answer = send(status, body);
    start();
    expect((await sink.state("down")).reason).toContain(reason);
    answer = vector(rows(["a", "p", "1"]));
    clock.advance(16_875);
    expect(await sink.state("synced")).toEqual({ state: "synced" });
  });

  test.each([
    [400, { status: "error", errorType: "bad_data", error: "parse error" }, "HTTP 400, bad_data: parse error"],
    [401, "who are you", "HTTP 401"],
  ])("with %i is refused, and tried again once a minute", async (status, body, reason) => {
    answer = send(status, body);
    start();
    expect((await sink.state("refused")).reason).toContain(reason);
    clock.advance(59_999);
    expect(asked.length).toBe(1);
    answer = vector(rows(["a", "p", "1"]));
    clock.advance(1);
    await sink.state("synced");
  });

  test("of a server that hangs ends at ten seconds, and polls do not overlap meanwhile", async () => {
    let open = 0;
    answer = (response) => {
      open++;
      response.writeHead(200, { "content-type": "application/json" });
      response.write("{");
    };
    start();
    await untilAsked(1);
    clock.advance(9_999);
    expect(asked.length).toBe(1);
    clock.advance(1);
    expect((await sink.state("down")).reason).toBe("prefixInbound: no answer within 10 s");
    expect(open).toBe(1);
  });

  // Goal: the token goes to no other server than the one configured.
  test("of a redirect is down, and the redirect is not followed", async () => {
    answer = (response, { path }) => {
      if (path !== "/api/v1/query") return vector([])(response);
      response.writeHead(307, { location: "/elsewhere" });
      response.end();
    };
    start({ bearerToken: { env: "TOKEN" } });
    expect((await sink.state("down")).reason).toContain("HTTP 307");
    expect(asked.map(({ path }) => path)).toEqual(["/api/v1/query"]);
  });

  test("of one query of two leaves the other's samples", async () => {
    answer = (response, { form }) =>
      form.get("query") === "flow_bps" ? vector(rows(["a", "p", "1"]))(response) : send(500, "broken")(response);
    start({ queries: { prefixInbound: prefixQuery, linkInbound: { query: "in", linkLabel: "port" } } });
    expect((await sink.state("down")).reason).toBe("linkInbound: HTTP 500, no Prometheus error in the body");
    expect(sink.values()).toEqual({ [series("a", "p")]: 1 });
  });

  test("to connect never shows the token", async () => {
    answer = (response) => response.destroy();
    start({ bearerToken: { env: "TOKEN" } });
    const { reason } = await sink.state("down");
    expect(reason).toMatch(/^prefixInbound: E?/);
    expect(reason).not.toContain(token);
  });

  test("to find the secret or the authority is refused", async () => {
    start({ bearerToken: { env: "TOKEN" } }, () => Promise.reject(new Failure("SECRET_MISSING", "TOKEN is not set")));
    expect((await sink.state("refused")).reason).toBe("TOKEN is not set");
    await source?.stop();
    start({ ca: join(folder, "missing.pem") });
    await sink.until(() => sink.statuses().at(-1)?.reason?.includes("missing.pem") ?? false);
    expect(asked).toEqual([]);
  });
});

test("a private authority is trusted when named, and only then", async () => {
  const authority = await createCertificateAuthority();
  const { key, certificate } = await authority.issue("localhost");
  await writeFile(join(folder, "ca.pem"), authority.certificate);
  await new Promise((resolve) => server.close(resolve));
  server = createTlsServer({ key, cert: certificate }, handle);
  await listen();
  answer = vector(rows(["a", "p", "1"]));
  start({ url: url("https"), ca: join(folder, "ca.pem") });
  await sink.state("synced");
  await source?.stop();
  start({ url: url("https") });
  expect((await sink.state("down")).reason).toMatch(/certificate/);
});

test("stop ends a poll under way and says nothing more", async () => {
  answer = () => {};
  start();
  await untilAsked(1);
  const before = sink.heard.length;
  await source?.stop();
  clock.advance(600_000);
  expect(sink.heard.length).toBe(before);
});

/** The server's side of a poll, which the sink does not see. */
async function untilAsked(count: number): Promise<void> {
  while (asked.length < count) await new Promise((resolve) => setImmediate(resolve));
}

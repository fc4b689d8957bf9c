import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/kernel/clock.ts";
import type { AnycastService } from "../../src/model/inventory.ts";
import { SeriesTable, type TelemetrySource } from "../../src/model/sample.ts";
import { siteProbe } from "../../src/telemetry/site-probe.ts";
import { RecordingSink } from "./recording-sink.ts";

type Answer = (response: ServerResponse, body: string, request: IncomingMessage) => void;

const json =
  (value: unknown): Answer =>
  (response) =>
    void response.end(JSON.stringify(value));
const silent: Answer = () => undefined;
const cut: Answer = (response) => void response.socket?.destroy();

let servers: Server[];
let sources: TelemetrySource[];
beforeEach(() => {
  servers = [];
  sources = [];
});
afterEach(async () => {
  await Promise.all(sources.map((source) => source.stop()));
  for (const server of servers) server.closeAllConnections();
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
});

async function serve(answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => answer(response, body, request));
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

type Given = Readonly<{ registry: Answer; paris: Answer; london: Answer }> &
  Partial<Pick<AnycastService, "golden" | "maxLatencyMs">>;

/** One round, and what it said: the values by `<series> <site>`, and the status. */
async function round({ registry, paris, london, ...more }: Given) {
  const table = new SeriesTable();
  const sink = new RecordingSink(table);
  const site = async (name: string, answer: Answer) => ({
    name,
    device: name,
    links: [name],
    probe: await serve(answer),
  });
  const service: AnycastService = {
    name: "chat",
    prefix: "192.0.2.0/24",
    minSites: 1,
    registry: await serve(registry),
    // The most for which silence is still told after 1 s: a busy machine is not a slow site.
    maxLatencyMs: 500,
    sites: [await site("paris", paris), await site("london", london)],
    ...more,
  };
  const source = siteProbe({ service, table, intervalMs: 60_000, clock: systemClock });
  sources.push(source);
  source.start(sink);
  await sink.until(() => sink.statuses().some(({ state }) => state !== "starting"));
  const values = Object.entries(sink.values()).map(([series, value]) => {
    const [, name = "", labels = ""] = /^(.*?)(\{.*\})$/.exec(series) ?? [];
    return [`${name.replace("site.", "")} ${(JSON.parse(labels) as { site: string }).site}`, value] as const;
  });
  return { values: Object.fromEntries(values), status: sink.statuses().at(-1), heard: sink.heard };
}

const v7 = json({ version: "llama-7" });
const v8 = json({ version: "llama-8" });

// Goal: each reason for which a site is not well, in words for people, and the other site none the worse for it.
test.each<[string, Answer, string, Partial<Given>]>([
  ["an old version", v7, "serves llama-7 while the registry says llama-8", {}],
  [
    "a wrong answer",
    json({ version: "llama-8", answer: "5" }),
    "its answer to the golden prompt is wrong",
    { golden: { prompt: "2+2", answer: "4" } },
  ],
  [
    "no answer to the prompt",
    v8,
    "its answer to the golden prompt is wrong",
    { golden: { prompt: "2+2", answer: "4" } },
  ],
  ["silence", silent, "does not answer: nothing whole within 1 s", {}],
  ["a connection cut", cut, "does not answer: ECONNRESET", {}],
  [
    "half a body",
    (response) => {
      response.writeHead(200, { "content-length": "99" }).write("{", () => response.socket?.destroy());
    },
    "does not answer: ",
    {},
  ],
  ["an error", (response) => void response.writeHead(503).end("{}"), "answers with HTTP 503", {}],
  [
    "a redirect",
    (response) => void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
    "answers with HTTP 302",
    {},
  ],
  ["no JSON", (response) => void response.end("<html>"), "answers with something else than JSON with a version", {}],
  ["another shape", json({ version: 8 }), "answers with something else than JSON with a version", {}],
  ["a list", json([]), "answers with something else than JSON with a version", {}],
  [
    "a version that is an escape sequence",
    json({ version: "\u001b[2Jllama-8" }),
    "answers with something else than JSON with a version",
    {},
  ],
  [
    "a version without end",
    json({ version: "v".repeat(1_000) }),
    "answers with something else than JSON with a version",
    {},
  ],
  ["a body without end", (response) => void response.end("x".repeat(1 << 20)), "answers with more than 64 KiB", {}],
])("%s", async (_, paris, reason, more) => {
  const london: Answer = (response, body) =>
    json({ version: "llama-8", ...(body !== "" && { answer: "4" }) })(response, body, undefined as never);
  const { values, status } = await round({ registry: v8, paris, london, ...more });
  expect(values).toMatchObject({ "unwell paris": 1, "reason paris": expect.stringContaining(reason) });
  expect(values).toMatchObject({ "unwell london": 0, "reason london": "serves llama-8" });
  expect(status).toEqual({ state: "synced" });
});

test("an answer that takes too long", async () => {
  const slow: Answer = (response) => void setTimeout(() => v8(response, "", undefined as never), 150);
  const { values } = await round({ registry: v8, paris: slow, london: v8, maxLatencyMs: 100 });
  expect(values["unwell paris"]).toBe(1);
  expect(values["reason paris"]).toMatch(/^answered in \d+ ms, over 100 ms$/);
  expect(values["latency paris"]).toBeGreaterThanOrEqual(149);
});

// Goal: no data is never "unwell", nor "well".
test("while the registry is silent nothing is known of versions, and a site that is wrong in itself is still told", async () => {
  const { values, status } = await round({ registry: silent, paris: v7, london: cut });
  expect(Object.keys(values).filter((name) => name.startsWith("unwell"))).toEqual(["unwell london"]);
  expect(status).toMatchObject({
    state: "down",
    reason: "the registry does not answer: nothing whole within 1 s",
    mend: expect.stringContaining("version"),
  });
});

test("a registry that says nonsense says nothing", async () => {
  const { values, status } = await round({ registry: json({ version: "" }), paris: v7, london: v8 });
  expect(values).toEqual({});
  expect(status).toMatchObject({
    state: "down",
    reason: "the registry answers with something else than JSON with a version",
  });
});

// Goal: one place to look from must not drain sites that are well, whatever the registry does.
test.each<[string, Answer, string]>([
  ["is silent", cut, "no site answers, so nothing is known of any; the registry does not answer: ECONNRESET"],
  ["answers", v8, "no site answers, so nothing is known of any; the registry does"],
])("when no site answers nothing is known of any; the registry %s", async (_, registry, reason) => {
  const { values, status } = await round({ registry, paris: cut, london: silent });
  expect(values).toEqual({});
  expect(status).toMatchObject({ state: "down", reason, mend: expect.stringContaining("own way to the sites") });
});

test("an error is an answer: then it is not our network", async () => {
  const broken: Answer = (response) => void response.writeHead(500).end();
  const { values } = await round({ registry: cut, paris: broken, london: cut });
  expect(values).toMatchObject({ "unwell paris": 1, "unwell london": 1 });
});

// Goal: nothing goes out but the question.
test("the golden prompt is posted, without credentials, and a probe is stamped with the moment it began", async () => {
  const asked: { method: string | undefined; body: string; headers: IncomingMessage["headers"] }[] = [];
  const paris: Answer = (response, body, { method, headers }) => {
    asked.push({ method, body, headers });
    json({ version: "llama-8", answer: "4" })(response, body, undefined as never);
  };
  const beganMs = Date.now();
  const { heard, values } = await round({ registry: v8, paris, london: paris, golden: { prompt: "2+2", answer: "4" } });
  expect(values).toMatchObject({ "unwell paris": 0, "unwell london": 0 });
  expect(asked.map(({ method, body }) => [method, body])).toEqual([
    ["POST", '{"prompt":"2+2"}'],
    ["POST", '{"prompt":"2+2"}'],
  ]);
  expect(Object.keys(asked[0]?.headers ?? {}).sort()).toEqual([
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
  ]);
  const sample = heard.find((one) => one.kind === "number");
  if (sample?.kind !== "number") expect.fail("a sample");
  expect(sample.sourceMs).toBeGreaterThanOrEqual(beganMs);
  expect(sample.sourceMs).toBeLessThanOrEqual(sample.receivedMs);
});

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "../kernel/clock.ts";
import { parseDurationMs } from "../kernel/units.ts";
import { parseSelector, QueryRefused } from "./promql.ts";
import { pointAt, type SeriesHistory } from "./series-history.ts";

export type PrometheusServer = Readonly<{ port: number; stop(): Promise<void> }>;

const longestBody = 65_536;
/** As Prometheus limits them. */
const mostSteps = 11_000;

/**
 * The query part of the Prometheus HTTP API over `history`. One difference, on purpose: the value of an instant query
 * carries the time of its sample and not of the query, so that a reader sees a collector that stopped.
 */
export async function startPrometheusServer(options: {
  history: SeriesHistory;
  clock: Clock;
}): Promise<PrometheusServer> {
  const server = createServer((request, response) => {
    void answer(request, options).then(
      ({ code, body }) => send(response, code, body),
      (error: unknown) => {
        if (!(error instanceof QueryRefused)) throw error;
        send(response, 400, { status: "error", errorType: "bad_data", error: error.message });
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Source = Readonly<{ history: SeriesHistory; clock: Clock }>;

async function answer(request: IncomingMessage, source: Source): Promise<{ code: number; body: unknown }> {
  const url = new URL(request.url ?? "/", "http://lab");
  const handler = handlers.get(url.pathname);
  if (!handler)
    return { code: 404, body: { status: "error", errorType: "not_found", error: `no ${url.pathname} here` } };
  if (request.method === "POST") {
    for (const [name, value] of new URLSearchParams(await read(request))) url.searchParams.append(name, value);
  } else if (request.method !== "GET") {
    return { code: 405, body: { status: "error", errorType: "bad_data", error: `${request.method} is not allowed` } };
  }
  return { code: 200, body: handler(url.searchParams, source) };
}

async function read(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > longestBody) throw new QueryRefused("the request's body is too long");
  }
  return text;
}

function send(response: ServerResponse, code: number, body: unknown): void {
  const isText = typeof body === "string";
  response.writeHead(code, { "content-type": isText ? "text/plain; charset=utf-8" : "application/json" });
  response.end(isText ? body : JSON.stringify(body));
}

type Handler = (parameters: URLSearchParams, source: Source) => unknown;

const handlers = new Map<string, Handler>([
  ["/api/v1/query", instant],
  ["/api/v1/query_range", range],
  ["/api/v1/labels", (_, { history }) => ({ status: "success", data: history.labelNames() })],
  ["/-/ready", () => "Prometheus Server is Ready.\n"],
]);

function instant(parameters: URLSearchParams, { history, clock }: Source): unknown {
  const selector = parseSelector(required(parameters, "query"));
  const atMs = parameters.has("time") ? parseTime("time", required(parameters, "time")) : clock.now();
  const result = history.select(selector).flatMap((series) => {
    const point = pointAt(series, atMs);
    return point ? [{ metric: series.labels, value: [point.atMs / 1000, String(point.value)] }] : [];
  });
  return { status: "success", data: { resultType: "vector", result } };
}

function range(parameters: URLSearchParams, { history }: Source): unknown {
  const selector = parseSelector(required(parameters, "query"));
  const startMs = parseTime("start", required(parameters, "start"));
  const endMs = parseTime("end", required(parameters, "end"));
  const stepMs = parseStep(required(parameters, "step"));
  if (endMs < startMs) throw new QueryRefused("end is before start");
  const steps = Math.floor((endMs - startMs) / stepMs) + 1;
  if (steps > mostSteps) throw new QueryRefused(`more than ${mostSteps} points: ask for a larger step`);
  const times = Array.from({ length: steps }, (_, index) => startMs + index * stepMs);
  const result = history.select(selector).flatMap((series) => {
    const values = times.flatMap((atMs) => {
      const point = pointAt(series, atMs);
      return point ? [[atMs / 1000, String(point.value)]] : [];
    });
    return values.length > 0 ? [{ metric: series.labels, values }] : [];
  });
  return { status: "success", data: { resultType: "matrix", result } };
}

function required(parameters: URLSearchParams, name: string): string {
  const value = parameters.get(name);
  if (value === null || value === "") throw new QueryRefused(`the parameter "${name}" is missing`);
  return value;
}

/** Unix seconds or RFC 3339. */
function parseTime(name: string, text: string): number {
  const ms = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(ms)) throw new QueryRefused(`the parameter "${name}" is not a time: "${text}"`);
  return ms;
}

/** Seconds or a duration such as `15s`. */
function parseStep(text: string): number {
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseDurationMs(text);
  if (ms === undefined || ms <= 0) throw new QueryRefused(`the parameter "step" is not a positive duration: "${text}"`);
  return ms;
}

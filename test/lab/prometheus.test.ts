import { PrometheusDriver } from "prometheus-query";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PrometheusServer, startPrometheusServer } from "../../src/lab/prometheus.ts";
import { SeriesHistory } from "../../src/lab/series-history.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

// The client puts the wall time into a query that names none.
const clock = new SimulatedClock(Math.floor(Date.now() / 1000) * 1000 - 3_000);
const startMs = clock.now();
const history = new SeriesHistory();
let server: PrometheusServer;
let driver: PrometheusDriver;
let base: string;

beforeAll(async () => {
  for (const [link, prefix, offset] of [
    ["transit-a", "10.0.0.0/24", 100],
    ["transit-a", "11.0.0.0/24", 200],
    ["transit-b", "12.0.0.0/24", 300],
  ] as const) {
    for (let n = 0; n <= 4; n++) {
      const labels = { __name__: "flow_inbound_bits_per_second", link, prefix };
      history.add(labels, { atMs: startMs + n * 500, value: offset + n });
    }
  }
  clock.advance(3_000);
  server = await startPrometheusServer({ history, clock });
  base = `http://127.0.0.1:${server.port}`;
  driver = new PrometheusDriver({ endpoint: base });
});

afterAll(() => server.stop());

const prefixesOf = async (query: string) =>
  (await driver.instantQuery(query)).result.map((each) => each.metric.labels.prefix.slice(0, 2)).join(" ");

test("an instant query gives the newest values, with the time they were collected and not the time of the query", async () => {
  const { resultType, result } = await driver.instantQuery("flow_inbound_bits_per_second");
  expect(resultType).toBe("vector");
  expect(result.map(({ value }) => [value.time.getTime() - startMs, value.value])).toEqual([
    [2_000, 104],
    [2_000, 204],
    [2_000, 304],
  ]);
  expect(result[0].metric).toMatchObject({
    name: "flow_inbound_bits_per_second",
    labels: { link: "transit-a", prefix: "10.0.0.0/24" },
  });
});

test("an instant query at a time sees what was known then, and nothing once it is stale", async () => {
  const query = 'flow_inbound_bits_per_second{link="transit-b"}';
  const [then] = (await driver.instantQuery(query, startMs + 999)).result;
  expect(then.value).toMatchObject({ time: new Date(startMs + 500), value: 301 });
  expect((await driver.instantQuery(query, startMs - 1)).result).toEqual([]);
  expect((await driver.instantQuery(query, startMs + 2_000 + 300_000)).result).toEqual([]);
});

test.each([
  ['flow_inbound_bits_per_second{link="transit-a"}', "10 11"],
  ['flow_inbound_bits_per_second{link!="transit-a"}', "12"],
  ['flow_inbound_bits_per_second{prefix=~"1[01].*"}', "10 11"],
  ['flow_inbound_bits_per_second{prefix=~"1[01]"}', ""],
  ["flow_inbound_bits_per_second{prefix!~'10.+', link=~`transit-.`,}", "11 12"],
  ['{__name__="flow_inbound_bits_per_second",prefix="12.0.0.0/24"}', "12"],
  ['flow_inbound_bits_per_second{prefix="\\"\\\\"}', ""],
  ['flow_inbound_bits_per_second{absent=""}', "10 11 12"],
  ["something_else", ""],
])("%s selects [%s]", async (query, expected) => {
  expect(await prefixesOf(query)).toBe(expected);
});

test.each([
  "rate(flow_inbound_bits_per_second[5m])",
  "sum(flow_inbound_bits_per_second)",
  "flow_inbound_bits_per_second[1m]",
  "flow_inbound_bits_per_second offset 5m",
  "flow_inbound_bits_per_second > 5",
  "flow_inbound_bits_per_second{link}",
  'flow_inbound_bits_per_second{link="a" prefix="b"}',
  'flow_inbound_bits_per_second{link=~"("}',
  'flow_inbound_bits_per_second{__name__="x"}',
  'flow_inbound_bits_per_second{link="\\q"}',
  '{link=~".*"}',
  "{}",
  "1",
])("%s is refused as bad_data, and named", async (query) => {
  const response = await fetch(`${base}/api/v1/query?${new URLSearchParams({ query })}`);
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({
    status: "error",
    errorType: "bad_data",
    error: expect.stringContaining(query),
  });
});

test("a range query gives one value per step, by GET and by POST", async () => {
  for (const preferPost of [false, true]) {
    const ranged = new PrometheusDriver({ endpoint: base, preferPost });
    const query = 'flow_inbound_bits_per_second{link="transit-b"}';
    const { result } = await ranged.rangeQuery(query, startMs - 1_000, startMs + 2_000, 1);
    expect(result[0].values.map((v: { time: Date; value: number }) => [v.time.getTime() - startMs, v.value])).toEqual([
      [0, 300],
      [1_000, 302],
      [2_000, 304],
    ]);
  }
});

test.each([
  [{ query: "x", start: "2", end: "1", step: "1" }, "end is before start"],
  [{ query: "x", start: "0", end: "1", step: "0" }, "step"],
  [{ query: "x", start: "0", end: "1", step: "soon" }, "step"],
  [{ query: "x", start: "yesterday", end: "1", step: "1" }, "start"],
  [{ query: "x", start: "0", end: "86400", step: "1" }, "11000"],
  [{ query: "x", end: "1", step: "1" }, "start"],
])("a range query %j is refused", async (parameters, expected) => {
  const response = await fetch(`${base}/api/v1/query_range`, {
    method: "POST",
    body: new URLSearchParams(parameters as Record<string, string>),
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ errorType: "bad_data", error: expect.stringContaining(expected) });
});

test("times may be RFC 3339 and steps durations, as in Prometheus", async () => {
  const parameters = {
    query: '{prefix="12.0.0.0/24"}',
    start: new Date(startMs).toISOString(),
    end: new Date(startMs + 2_000).toISOString(),
    step: "2s",
  };
  const response = await fetch(`${base}/api/v1/query_range?${new URLSearchParams(parameters)}`);
  expect(await response.json()).toMatchObject({
    data: {
      result: [
        {
          values: [
            [startMs / 1000, "300"],
            [startMs / 1000 + 2, "304"],
          ],
        },
      ],
    },
  });
});

test("labels, readiness, and what is not there", async () => {
  expect(await driver.labelNames()).toEqual(["__name__", "link", "prefix"]);
  expect((await fetch(`${base}/-/ready`)).status).toBe(200);
  expect((await fetch(`${base}/api/v1/rules`)).status).toBe(404);
  expect((await fetch(`${base}/api/v1/query`, { method: "DELETE" })).status).toBe(405);
});

test("history is bounded: the oldest samples go", () => {
  const bounded = new SeriesHistory();
  for (let n = 0; n < 5_000; n++) bounded.add({ __name__: "x" }, { atMs: n, value: n });
  const [series] = bounded.select(() => true);
  expect([series?.points.length, series?.points[0]?.value, series?.points.at(-1)?.value]).toEqual([
    3_600, 1_400, 4_999,
  ]);
});

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { parse, stringify } from "yaml";

// Goal: the queries of the shipped classes say what is known in ordinary life (counters that never counted, nobody there), and nothing
// once their exporter is gone. Method: the real PromQL engine on written series, by `promtool test rules`; a sample every 5 s.

const classes = path.join(import.meta.dirname, "../../policies/classes");
let folder: string | undefined;
afterEach(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true });
  folder = undefined;
});

async function queryOf(name: string, signal: string): Promise<string> {
  const { spec } = parse(await readFile(path.join(classes, `${name}.yaml`), "utf8")) as {
    spec: { signals: { name: string; query?: string }[] };
  };
  const query = spec.signals.find((one) => one.name === signal)?.query;
  if (query === undefined) throw new Error(`${name} has no query ${signal}`);
  return query;
}

/** What the query answers after two minutes; undefined: nothing. */
async function answer(query: string, series: Readonly<Record<string, string>>): Promise<number | undefined> {
  folder ??= await mkdtemp(path.join(tmpdir(), "pointsman-queries-"));
  const file = path.join(folder, "test.yaml");
  const input_series = Object.entries(series).map(([series, values]) => ({ series, values }));
  const samples = { expr: query, eval_time: "2m", exp_samples: [{ labels: "{}", value: -1 }] };
  await writeFile(
    file,
    stringify({
      rule_files: [],
      evaluation_interval: "5s",
      tests: [{ interval: "5s", input_series, promql_expr_test: [samples] }],
    }),
  );
  // It tells what it got in the failure of what is expected.
  const { stdout, stderr } = await promisify(execFile)("promtool", ["test", "rules", file]).catch(
    (failed: { stdout: string; stderr: string }) => failed,
  );
  const got = /got:\s*(nil|\S.*)/.exec(stdout + stderr)?.[1];
  if (got === undefined) throw new Error(`promtool: ${stdout}${stderr}`);
  if (got.trim() === "nil") return undefined;
  const [, value] = /^\{\} (\S+)$/.exec(got.trim()) ?? [];
  if (value === undefined) throw new Error(`not one number: ${got}`);
  return Number(value.replace(/E/, "e"));
}

test.each([
  ["inference-interactive", "stream-interruptions", "gateway_streams_interrupted_total", "gateway_streams_ended_total"],
  ["agentic", "retrieval-fallback", "agent_retrieval_fallbacks_total", "agent_retrieval_misses_total"],
])("%s: %s", async (name, signal, bad, all) => {
  const query = await queryOf(name, signal);
  const labels = '{pool="interactive"}';
  const [badSeries, allSeries] = [bad + labels, all + labels];
  expect(await answer(query, { [badSeries]: "0+1x30", [allSeries]: "0+4x30" })).toBe(0.25);
  expect(await answer(query, { [allSeries]: "0+4x30" }), "a counter that never counted").toBe(0);
  expect(await answer(query, { [badSeries]: "7x30", [allSeries]: "9x30" }), "nobody there").toBe(0);
  expect(await answer(query, { [badSeries]: "0+1x30", [allSeries]: "9x30" }), "more than all").toBe(1);
  expect(await answer(query, {}), "the exporter is gone").toBeUndefined();
  expect(await answer(query, { [badSeries]: "0+1x30" }), "what it is a share of is not counted").toBeUndefined();
});

test("inference-interactive: jitter", async () => {
  const query = await queryOf("inference-interactive", "jitter");
  const rtt = 'probe_icmp_duration_seconds{phase="rtt",pool="interactive",instance="a"}';
  const other = rtt.replace('"a"', '"b"');
  // 2 ms and 4 ms in turn: 1 ms off their mean; the worst of two counts.
  const swinging = Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? "0.002" : "0.004")).join(" ");
  expect(await answer(query, { [rtt]: swinging, [other]: "0.003x30" })).toBeCloseTo(0.001, 5);
  const lossy = Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? "0.002" : "0")).join(" ");
  expect(await answer(query, { [rtt]: lossy }), "lost probes are not fast ones").toBeCloseTo(0, 9);
  expect(await answer(query, {})).toBeUndefined();
});

test("training: throttled and bus-bandwidth", async () => {
  const throttled = await queryOf("training", "throttled");
  const gpu = (n: number) => `DCGM_FI_DEV_CLOCK_THROTTLE_REASONS{pool="training",gpu="${n}"}`;
  const reasons = (...bits: number[]) => Object.fromEntries(bits.map((bit, n) => [gpu(n), `${bit}x30`]));
  // Idle, application clocks, power cap, sync boost and display clocks are nobody's fault.
  expect(await answer(throttled, reasons(0x1, 0x2, 0x4, 0x10, 0x100))).toBe(0);
  expect(await answer(throttled, reasons(0x20, 0x48, 0x84, 0x4))).toBe(0.75);
  expect(await answer(throttled, {})).toBeUndefined();

  const bandwidth = await queryOf("training", "bus-bandwidth");
  const of = (nodes: number, size: string) =>
    `nccl_bus_bandwidth_gbs{n_nodes="${nodes}",message_size="${size}",collective="AllReduce"}`;
  const series = { [of(4, "134-135MB")]: "44x30", [of(4, "2-3GB")]: "40x30", [of(4, "1-2MB")]: "9x30" };
  expect(await answer(bandwidth, { ...series, [of(1, "134-135MB")]: "3x30" })).toBe(320e9);
});

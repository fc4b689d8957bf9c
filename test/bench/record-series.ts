// Records the latency of a real HTTP server on loopback under open-loop load, a line for every second: how the recordings in
// test/bench/recorded were made. `node --import tsx test/bench/record-series.ts <load> [seconds] [seed]`
//
// The server (a process of its own) has two workers. A request holds one for a wait of 6 ms, as for something further
// behind, and for compressing a page; others queue. Requests are sent at Poisson times whatever becomes of the ones before
// (seeded), at a share of the capacity that is measured first. Latency is from when a request was due until its last byte.
import { fork } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { Agent, createServer, get, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { seededRandom } from "../../src/kernel/random.ts";

/** Of the last column alone. */
const thresholdMs = 50;
const workers = 2;
const upstreamMs = 6;
const second = 1000;

/** Share of capacity offered, by share of the recording that is over and second. */
const loads: Readonly<Record<string, (done: number, atS: number, random: () => number) => number>> = {
  "rising-from-30": (done) => 0.3 + 0.9 * done,
  "rising-from-50": (done) => 0.5 + 0.65 * done,
  "rising-from-70": (done) => 0.7 + 0.4 * done,
  "rising-from-80": (done) => 0.8 + 0.28 * done,
  "rising-in-waves": (done, atS) => 0.5 + 0.6 * done + 0.08 * Math.sin((2 * Math.PI * atS) / 30),
  "quiet-30": () => 0.3,
  "quiet-75": () => 0.75,
  noisy: (_done, _atS, random) => 0.35 + 0.4 * random(),
  bursty: (_done, atS) => (atS % 20 < 3 ? 0.85 : 0.4),
  "quiet-50": () => 0.5,
  waves: (_done, atS) => 0.5 + 0.22 * Math.sin((2 * Math.PI * atS) / 60),
};

async function serve(): Promise<void> {
  const page = Buffer.from(JSON.stringify(Array.from({ length: 400 }, (_, at) => ({ at, square: at * at }))));
  const compress = promisify<Buffer, Buffer>(gzip);
  const waiting: (() => void)[] = [];
  let free = workers;
  const answer = async (response: ServerResponse) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    await new Promise((resolve) => setTimeout(resolve, upstreamMs));
    response.end(await compress(page));
    const next = waiting.shift();
    if (next) next();
    else free++;
  };
  const server = createServer((_request, response) => void answer(response));
  server.keepAliveTimeout = 0; // Never closed while a request is on its way.
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
  process.on("disconnect", () => process.exit());
}

async function record(name: string, seconds: number, seed: number): Promise<void> {
  const load = loads[name];
  if (!load) throw new Error(`loads: ${Object.keys(loads).join(", ")}`);
  const random = seededRandom(seed);
  const server = fork(new URL(import.meta.url), ["serve"], { execArgv: ["--import", "tsx"] });
  const port = await new Promise<number>((resolve) => server.once("message", (port) => resolve(Number(port))));
  const agent = new Agent({ keepAlive: true });
  const ask = () =>
    new Promise<void>((resolve, reject) =>
      get({ host: "127.0.0.1", port, agent }, (response) => response.resume().on("end", resolve)).on("error", reject),
    );

  const untilMs = performance.now() + 5 * second;
  let answered = 0;
  const keepBusy = async () => {
    for (; performance.now() < untilMs; answered++) await ask();
  };
  await Promise.all(Array.from({ length: 4 * workers }, keepBusy));
  const capacity = answered / 5;

  const startedAt = new Date().toISOString();
  const startMs = performance.now();
  const latencies: number[][] = Array.from({ length: seconds }, () => []);
  const sent: Promise<void>[] = [];
  let share = 0;
  let ofSecond = -1;
  for (let dueMs = 0; dueMs < seconds * second; ) {
    const atS = Math.floor(dueMs / second);
    if (atS !== ofSecond) share = load(atS / seconds, atS, random);
    ofSecond = atS;
    const waitMs = startMs + dueMs - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const requestDueMs = dueMs;
    sent.push(
      ask().then(() => {
        const doneMs = performance.now() - startMs;
        // By when it was answered: that is when a service can tell. What is answered after the end is left out.
        latencies[Math.floor(doneMs / second)]?.push(doneMs - requestDueMs);
      }),
    );
    dueMs -= (Math.log(1 - random()) * second) / (share * capacity);
  }
  await Promise.all(sent);
  agent.destroy();
  server.disconnect();

  const rows = latencies.map((all, atS) => {
    all.sort((a, b) => a - b);
    const p95 = all.length > 0 ? (all[Math.ceil(all.length * 0.95) - 1] as number).toFixed(2) : "";
    return [atS, all.length, p95, all.filter((ms) => ms >= thresholdMs).length].join(",");
  });
  const header = [
    `# Recorded ${startedAt} with: node --import tsx test/bench/record-series.ts ${name} ${seconds} ${seed}`,
    `# A server on loopback with ${workers} workers that answered ${capacity} requests/s at most; load: ${name}.`,
    `# The last column counts those over ${thresholdMs} ms; the bench says what it judges by. Empty: no request was answered in that second.`,
    "second,answered,p95_ms,over_threshold",
  ];
  await writeFile(new URL(`recorded/${name}.csv`, import.meta.url), `${[...header, ...rows].join("\n")}\n`);
}

const [what = "", seconds = "240", seed = "1"] = process.argv.slice(2);
if (what === "serve") await serve();
else await record(what, Number(seconds), Number(seed));

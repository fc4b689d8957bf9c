import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createCertificateAuthority } from "../../src/lab/certificates.ts";
import { SeriesTable, type TelemetrySource } from "../../src/model/sample.ts";
import { gnmiSource } from "../../src/telemetry/gnmi/gnmi-source.ts";
import { octetsPath, type ResponseMessage } from "./gnmi-codec.ts";
import { GnmiTarget, octets } from "./gnmi-target.ts";
import { RecordingSink } from "./recording-sink.ts";
import { WatchedClock } from "./watched-clock.ts";

// Targets that misbehave on purpose, over gRPC and TLS on loopback. Whatever they do, the process lives, its memory and its time are
// bounded, and the target's status says why.

const authority = await createCertificateAuthority();
const certificate = await authority.issue("edge-a");
const intervalMs = 10_000;
const inOctets = '/interfaces/interface/state/counters/in-octets{"interface.name":"eth1"}';

let folder: string;
let clock: WatchedClock;
let sink: RecordingSink;
let target: GnmiTarget;
let source: TelemetrySource;
const cleanup: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-gnmi-"));
  await writeFile(join(folder, "ca.pem"), authority.certificate);
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  clock = new WatchedClock();
  target = await GnmiTarget.start(certificate);
});
afterEach(async () => {
  await source.stop();
  target.kill();
  for (const end of cleanup.splice(0)) await end();
});

function start(port = target.port): void {
  const table = new SeriesTable();
  sink = new RecordingSink(table);
  source = gnmiSource({
    device: "edge-a",
    access: { host: "127.0.0.1", port, ca: join(folder, "ca.pem"), serverName: "edge-a" },
    resolveSecret: () => Promise.resolve(""),
    table,
    intervalMs,
    interfaces: ["eth1"],
    queues: [],
    clock,
    random: () => 0.5,
  });
  source.start(sink);
}

async function subscribed() {
  start();
  return target.subscribed();
}

const numbers = () => sink.heard.filter(({ kind }) => kind === "number").length;
const reason = () => sink.statuses().at(-1)?.reason ?? "";

function* endless(): Generator<ResponseMessage> {
  for (let value = 1; ; value += 1) yield octets("in", value, clock.now());
}

// Goal: a target that sends without end is read at a bounded pace, is told, and holds nobody up. What is not read waits at the target:
// no queue grows here, and no sample is dropped in silence.
test("a flood", async () => {
  const subscription = await subscribed();
  subscription.send({ sync_response: true });
  const before = process.memoryUsage.rss();
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const poured = subscription.pour(endless());
  await clock.pending(1_000);
  const first = numbers();
  expect(first).toBeGreaterThan(10_000);
  expect(first).toBeLessThan(20_000);
  expect(await sink.state("synced")).toMatchObject({
    reason: "held back: it sends more than is read of one target",
  });
  // It is held back: nothing more comes before the second is over, and then no more than before.
  for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(numbers()).toBe(first);
  clock.advance(1_000);
  await clock.pending(1_000);
  delay.disable();
  expect(numbers()).toBeLessThan(40_000);
  expect(delay.max / 1e6).toBeLessThan(2_000);
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 << 20);
  await source.stop();
  expect(await poured).toBeLessThan(60_000);
});

// Goal: without a sync there is no `synced`; the samples that come are samples all the same.
test("never sync", async () => {
  const subscription = await subscribed();
  for (let value = 1; value <= 20; value += 1) {
    clock.advance(intervalMs);
    subscription.send(octets("in", value, clock.now()));
    await sink.until(() => sink.values()[inOctets] === value);
  }
  expect(sink.statuses().at(-1)).toEqual({
    state: "starting",
    reason: "subscribed; the initial set is not complete",
  });
});

// Goal: a stamp from the future, or from before time, is neither used nor fatal.
test.each([
  ["a day ahead", (nowMs: number) => `${nowMs + 86_400_000}000000`, "refused: samples stamped in the future"],
  ["the largest there is", () => "9223372036854775807", "refused: samples stamped in the future"],
])("stamps: %s", async (_, stamp, told) => {
  const subscription = await subscribed();
  subscription.send({ sync_response: true });
  subscription.send({
    update: { timestamp: stamp(clock.now()), update: [{ path: octetsPath("in"), val: { uint_val: "1" } }] },
  });
  await sink.until(() => reason() === told);
  expect(numbers()).toBe(0);
});

// Goal: too large a message ends the session with a reason that says so, and it is not tried again at once.
test("a huge message", async () => {
  const subscription = await subscribed();
  subscription.send({
    update: {
      timestamp: `${clock.now()}000000`,
      update: [{ path: octetsPath("in"), val: { bytes_val: Buffer.alloc(17 << 20) } }],
    },
  });
  const down = await sink.state("down");
  expect(down.reason).toMatch(/^Subscribe: RESOURCE_EXHAUSTED: .*larger than max/);
  expect(clock.delays.at(-1)).toBe(1_500);
});

describe("values of the wrong type", () => {
  const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
  test.each<[string, object]>([
    ["bytes", { bytes_val: Buffer.from("12") }],
    ["a JSON list without end", { json_ietf_val: Buffer.from(`[${"[],".repeat(1_000_000)}0]`) }],
    ["JSON deeper than any model", { json_ietf_val: Buffer.from(deep) }],
    ["JSON of a million leaves", { json_ietf_val: Buffer.from(`{${numbered(1_000_000)}"z":1}`) }],
    ["no JSON", { json_val: Buffer.from("{") }],
    ["no value", {}],
  ])("%s", async (_, val) => {
    const subscription = await subscribed();
    subscription.send({ sync_response: true });
    const update = [{ path: octetsPath("in"), val }];
    subscription.send({ update: { timestamp: `${clock.now()}000000`, update } } as ResponseMessage);
    await sink.until(() => reason().includes("values that are neither number nor text"));
    expect(numbers()).toBe(0);
    // The session goes on.
    subscription.send(octets("in", 7, clock.now()));
    await sink.until(() => sink.values()[inOctets] === 7);
  });

  test("text where a counter should be is no number", async () => {
    const subscription = await subscribed();
    const update = [{ path: octetsPath("in"), val: { string_val: "x".repeat(1 << 20) } }];
    subscription.send({ update: { timestamp: `${clock.now()}000000`, update } });
    await sink.until(() => sink.heard.some(({ kind }) => kind === "text"));
    expect(numbers()).toBe(0);
  });

  function numbered(count: number): string {
    return Array.from({ length: count }, (_, n) => `"${n}":1,`).join("");
  }
});

describe("paths", () => {
  const update = (elem: { name: string; key?: Record<string, string> }[]): ResponseMessage => ({
    update: { timestamp: `${clock.now()}000000`, update: [{ path: { elem }, val: { uint_val: "1" } }] },
  });
  // Goal: one path of a hundred thousand elements of the same name costs no more than any.
  test("of too many elements", async () => {
    const subscription = await subscribed();
    subscription.send(update(Array.from({ length: 100_000 }, () => ({ name: "a", key: { k: "v" } }))));
    expect((await sink.state("down")).reason).toMatch(
      /a gNMI message of \d+ bytes is malformed: a path of more than 64/,
    );
  });

  // Goal: what is remembered of one target is bounded by its length, not by its number alone.
  test("of megabytes", async () => {
    const subscription = await subscribed();
    const before = process.memoryUsage.rss();
    const long = "x".repeat(4 << 20);
    for (let n = 0; n < 20; n += 1) subscription.send(update([{ name: `${long}${n}` }]));
    await sink.until(() => reason().includes("paths beyond the limit of one target"));
    expect(numbers()).toBeLessThan(5);
    expect(process.memoryUsage.rss() - before).toBeLessThan(400 << 20);
  });

  // Goal: deletes are held against every path there is: so many of both end the session, and not the afternoon.
  test("deleted by the hundred thousand", async () => {
    const subscription = await subscribed();
    const paths = Array.from({ length: 1_000 }, (_, n) => ({ elem: [{ name: `p${n}` }] }));
    const val = { uint_val: "1" };
    const timestamp = `${clock.now()}000000`;
    subscription.send({ update: { timestamp, update: paths.map((path) => ({ path, val })) } });
    const elem = [{ name: "q" }];
    subscription.send({ update: { timestamp, delete: Array.from({ length: 100_000 }, () => ({ elem })) } });
    expect((await sink.state("down")).reason).toContain("100000 deletes in one message");
  });
});

describe("a server that closes", () => {
  let proxy: Server;
  let cutAfter: number;
  const sockets = new Set<Socket>();
  beforeEach(async () => {
    proxy = createServer((near) => {
      const far = connect(target.port, "127.0.0.1");
      let left = cutAfter;
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on("error", () => {});
      }
      near.on("data", (bytes: Buffer) => far.write(bytes)).on("close", () => far.destroy());
      far.on("close", () => near.destroy());
      far.on("data", (bytes: Buffer) => {
        near.write(bytes.subarray(0, left));
        left -= bytes.length;
        if (left <= 0) near.end(() => far.destroy());
      });
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    cleanup.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((done) => proxy.close(done));
    });
  });

  // Goal: wherever its bytes end, TLS included, that is `down` with a reason, and the next session is none the worse.
  test("at random", async () => {
    const serve = async (): Promise<void> => {
      const { send } = await target.subscribed();
      for (let value = 1; value <= 200; value += 1) send(octets("in", value, clock.now()));
      send({ sync_response: true });
      return serve();
    };
    void serve();
    for (let run = 0; run < 12; run += 1) {
      cutAfter = 1 + Math.floor(Math.random() * 3_000);
      start((proxy.address() as AddressInfo).port);
      const { reason } = await sink.state("down");
      expect(reason, `cut after ${cutAfter} bytes`).toMatch(/^(Capabilities|Subscribe): [A-Z_]+: /);
      await source.stop();
    }
    start();
    await sink.state("synced");
    expect(sink.values()[inOctets]).toBe(200);
  });

  // Goal: a listener that accepts and says nothing is given up on in time.
  test("never, and never says a word", async () => {
    const mute = createServer((socket) => socket.on("error", () => {}).resume());
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    cleanup.push(() => new Promise((done) => mute.close(done)));
    start((mute.address() as AddressInfo).port);
    await clock.pending(10_000);
    clock.advance(10_000);
    expect((await sink.state("down")).reason).toBe("Capabilities: CANCELLED: no answer to Capabilities within 10 s");
  });
});

import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { netconfDevice } from "../../src/device/netconf/device.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { type Failure, type Result, unwrap } from "../../src/kernel/failure.ts";
import { startNetconfServer } from "../../src/lab/netconf/server.ts";
import type { DevicePort, DeviceStep, Trial } from "../../src/model/device.ts";
import type { Device } from "../../src/model/inventory.ts";
import { type Script, startScriptedRouter } from "../device/scripted-router.ts";

// What takes too long for `npm test`, which has the quick ones in test/device/hostile-netconf.test.ts and netconf-cut.test.ts: replies
// of a gigabyte, what they cost the other routers, and a whole change cut off at many of its bytes.

const base = "urn:ietf:params:xml:ns:netconf:base:1.0";
const megabyte = 1 << 20;
const query = '<routing-policy xmlns="http://openconfig.net/yang/routing-policy"/>';
const resolveSecret = async () => "sw1tchman";
const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

function deviceOn(device: Device): DevicePort {
  const port = netconfDevice({ device, resolveSecret, clock: systemClock });
  cleanup.push(() => port.close());
  return port;
}

async function hostile(script: Script): Promise<DevicePort> {
  const router = await startScriptedRouter(script);
  cleanup.push(router.stop);
  return deviceOn(router.device);
}

const read = (port: DevicePort) => port.read(query);

function failureOf(result: Result<unknown>): Failure {
  if (result.ok) expect.fail(`expected a failure, got ${JSON.stringify(result.value).slice(0, 200)}`);
  return result.failure;
}

/** Resident bytes beyond what they were, at their highest while `work` ran. */
async function growthDuring<T>(work: Promise<T>): Promise<{ value: T; bytes: number }> {
  const before = process.memoryUsage.rss();
  let highest = before;
  const look = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, 10);
  try {
    const value = await work;
    return { value, bytes: Math.max(highest, process.memoryUsage.rss()) - before };
  } finally {
    clearInterval(look);
  }
}

function* repeated(first: string, piece: Buffer, times: number): Generator<string | Buffer> {
  yield first;
  for (let sent = 0; sent < times; sent += 1) yield piece;
}

/** A megabyte or so at a time, and a gigabyte in all. */
function* numbered(first: string, piece: (n: number) => string): Generator<string> {
  yield first;
  for (let n = 0; n < 100_000_000; n += 100_000) {
    yield Array.from({ length: 100_000 }, (_, more) => piece(n + more)).join("");
  }
}

const oneChunk = "\n#4294967295\n";
const replyStart = (id: string) => `<rpc-reply xmlns="${base}" message-id="${id}">`;

describe("a gigabyte", () => {
  // Goal: what has no end is cut off long before it fills the memory, whatever it is made of. The server's own buffers count too.
  test.each<[string, (id: string) => Iterable<string | Buffer>, string]>([
    [
      "of text",
      (id) => repeated(oneChunk + replyStart(id), Buffer.alloc(megabyte, "x"), 1_024),
      "a message of more than 33554432 bytes",
    ],
    [
      "of one name",
      () => repeated(`${oneChunk}<a`, Buffer.alloc(megabyte, "a"), 1_024),
      "a message of more than 33554432 bytes",
    ],
    [
      "of elements",
      () => repeated(`${oneChunk}<a>`, Buffer.from("<b/>".repeat(megabyte / 4)), 1_024),
      "more than 1000000 elements and attributes",
    ],
    ["of attributes", () => numbered(`${oneChunk}<a`, (n) => ` a${n}=""`), "more than 1000 attributes of one element"],
  ])("%s", async (_, pieces, reason) => {
    let poured: Promise<number> | undefined;
    const port = await hostile({
      onRpc({ id }, peer) {
        poured ??= peer.pour(pieces(id));
      },
    });
    const { value, bytes } = await growthDuring(read(port));
    const failure = failureOf(value);
    expect(failure.code).toBe("DEVICE_PROTOCOL");
    expect(failure.message).toMatch(/^edge-a broke the NETCONF protocol: /);
    expect(failure.message).toContain(reason);
    expect(failure.message.length).toBeLessThan(1_000);
    expect(bytes).toBeLessThan(300 * megabyte);
    expect(await poured).toBeLessThan(60 * megabyte);
  });

  // Goal: nor is a small document written out as a large one.
  test("of indents", async () => {
    const [open, close] = ["<a>".repeat(60), "</a>".repeat(60)];
    const inside = `<data>${open}${"<b>1</b>".repeat(600_000)}${close}</data>`;
    const port = await hostile({ onRpc: ({ id }, peer) => peer.reply(id, inside) });
    const { value, bytes } = await growthDuring(read(port));
    const failure = failureOf(value);
    expect(failure.code).toBe("DEVICE_PROTOCOL");
    expect(failure.message).toMatch(/^edge-a answered get-config of running with more than can be .*written out/);
    expect(bytes).toBeLessThan(500 * megabyte);
  });
});

const prefix = (text: string) =>
  `<prefix><ip-prefix>${text}</ip-prefix><masklength-range>exact</masklength-range><config><ip-prefix>${text}</ip-prefix><masklength-range>exact</masklength-range></config></prefix>`;
const config = (prefixes: string) =>
  `<routing-policy xmlns="http://openconfig.net/yang/routing-policy"><defined-sets><prefix-sets><prefix-set><name>LAUNCH</name><config><name>LAUNCH</name></config><prefixes>${prefixes}</prefixes></prefix-set></prefix-sets></defined-sets></routing-policy>`;

async function goodRouter(name: string): Promise<Device> {
  const login = { username: "pointsman", password: await resolveSecret() };
  const server = await startNetconfServer({
    name,
    ...login,
    config: config(prefix("11.0.0.0/24")),
    clock: systemClock,
  });
  cleanup.push(() => server.stop());
  const { port, hostKey } = server;
  const management = { host: "127.0.0.1", port, username: "pointsman", password: { env: "LAB" }, hostKey };
  return { name, platform: "openconfig", management };
}

// Goal: a router that floods or never answers does not slow the reading of two good ones. The hostile server runs in this very
// process, and takes its own time of it too.
test.each<[string, (id: string) => Iterable<string | Buffer>]>([
  ["text", (id) => repeated(oneChunk + replyStart(id), Buffer.alloc(megabyte / 8, "x"), 8_192)],
  ["elements", () => repeated(`${oneChunk}<a>`, Buffer.from("<b/>".repeat(megabyte / 32)), 8_192)],
  ["silence", () => []],
])("two routers beside one of endless %s", async (_, pieces) => {
  const good = [await goodRouter("edge-b"), await goodRouter("edge-c")].map(deviceOn);
  const readGood = async () => {
    const startedMs = performance.now();
    for (const result of await Promise.all(good.map(read))) expect(unwrap(result)).toContain("11.0.0.0/24");
    return performance.now() - startedMs;
  };
  const median = (times: number[]) => times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
  const usual: number[] = [];
  for (let run = 0; run < 40; run += 1) usual.push(await readGood());
  const port = await hostile({ onRpc: ({ id }, peer) => void peer.pour(pieces(id)) });
  let over = false;
  const reading = read(port).finally(() => {
    over = true;
  });
  const beside: number[] = [];
  while (!over && beside.length < 200) beside.push(await readGood());
  if (!over) await port.close();
  expect(failureOf(await reading).message).toMatch(/^edge-a/);
  expect(beside.length).toBeGreaterThan(2);
  expect(median(beside), `usually ${median(usual)} ms`).toBeLessThan(Math.max(500, 10 * median(usual)));
  expect(Math.max(...beside)).toBeLessThan(3_000);
});

// Goal: wherever the connection of a change is cut, in SSH's own messages too, the driver ends with a Failure or is done, and the router
// can be brought back to where it was, to the byte. 100 places a run, the first by chance; the message of what fails names its byte.
test("a change cut off at any byte", async () => {
  const device = await goodRouter("edge-a");
  const straight = deviceOn(device);
  const basis = unwrap(await read(straight));
  const entry = /( *<prefix>\n(?:.*\n)*? *<\/prefix>\n)/.exec(basis)?.[0] ?? "";
  const added = prefix("12.0.0.0/24");
  const removed = added.replace("<prefix>", `<prefix xmlns:nc="${base}" nc:operation="remove">`);
  const step: DeviceStep = {
    device: "edge-a",
    platform: "openconfig",
    query,
    basis,
    expected: basis.replace(entry, entry + entry.replaceAll("11.0.0.0/24", "12.0.0.0/24")),
    forward: { config: config(added), activate: "" },
    inverse: { config: config(removed), activate: "" },
  };
  const proxy = await cuttingProxy(device.management.port);
  const change = async (trial: Trial): Promise<Failure | undefined> => {
    const management = { ...device.management, port: proxy.port };
    const port = netconfDevice({ device: { ...device, management }, resolveSecret, clock: systemClock });
    const parts = [() => port.prepare(step), () => port.commitOnTrial(step, trial), () => port.confirm(step, trial)];
    try {
      for (const part of parts) {
        const result = await part();
        if (!result.ok) return result.failure;
      }
      return undefined;
    } finally {
      await port.close();
    }
  };
  const whole = { token: "whole", timeoutMs: 60_000 };
  expect(await change(whole)).toBeUndefined();
  unwrap(await straight.undo(step, whole));
  const stride = proxy.passed / 100;
  const codes = new Set<string>();
  for (let at = Math.random() * stride; at < 100 * stride; at += stride) {
    proxy.left = Math.floor(at);
    const label = `cut after ${proxy.left} bytes`;
    const trial = { token: `t${proxy.left}`, timeoutMs: 60_000 };
    const failure = await change(trial);
    if (failure) {
      codes.add(failure.code);
      expect(failure.message, label).toMatch(/^edge-a/);
    }
    unwrap(await straight.undo(step, trial));
    expect(unwrap(await read(straight)), label).toBe(basis);
  }
  expect([...codes]).toContain("DEVICE_UNREACHABLE");
}, 300_000);

/** Passes on to `port` what comes; of what the server answers no more than `left` bytes, and then it hangs up, for good. */
async function cuttingProxy(port: number) {
  const state = { port: 0, left: Number.POSITIVE_INFINITY, passed: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connectTcp(port, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    near.on("data", (bytes: Buffer) => far.write(bytes)).on("close", () => far.destroy());
    far.on("close", () => near.destroy());
    far.on("data", (bytes: Buffer) => {
      near.write(bytes.subarray(0, Math.max(0, state.left)));
      state.passed += bytes.length;
      state.left -= bytes.length;
      if (state.left <= 0) near.end(() => far.destroy());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((done) => server.close(done));
  });
  state.port = (server.address() as AddressInfo).port;
  return state;
}

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/kernel/failure.ts";
import { createCertificateAuthority } from "../../src/lab/certificates.ts";
import { SeriesTable, type TelemetrySource } from "../../src/model/sample.ts";
import { gnmiSource } from "../../src/telemetry/gnmi/gnmi-source.ts";
import { GnmiTarget, octets } from "./gnmi-target.ts";
import { RecordingSink } from "./recording-sink.ts";
import { WatchedClock } from "./watched-clock.ts";

const authority = await createCertificateAuthority();
const certificate = await authority.issue("edge-a");
const intervalMs = 10_000;
const inOctets = '/interfaces/interface/state/counters/in-octets{"interface.name":"eth1"}';
const outOctets = '/interfaces/interface/state/counters/out-octets{"interface.name":"eth1"}';

let folder: string;
let clock: WatchedClock;
let table: SeriesTable;
let sink: RecordingSink;
let target: GnmiTarget;
let source: TelemetrySource;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-gnmi-"));
  await writeFile(join(folder, "ca.pem"), authority.certificate);
  await writeFile(join(folder, "other-ca.pem"), (await createCertificateAuthority()).certificate);
  await writeFile(join(folder, "not-a-ca.pem"), "hello");
});
afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  clock = new WatchedClock();
  table = new SeriesTable();
  sink = new RecordingSink(table);
  target = await GnmiTarget.start(certificate);
});
afterEach(async () => {
  await source.stop();
  target.kill();
});

type Changes = Partial<{
  ca: string;
  serverName: string;
  interfaces: string[];
  queues: string[];
  secret: () => Promise<string>;
}>;

function start(changes: Changes = {}): void {
  source = gnmiSource({
    device: "edge-a",
    access: {
      host: "127.0.0.1",
      port: target.port,
      username: "pointsman",
      password: { env: "SECRET" },
      ca: join(folder, changes.ca ?? "ca.pem"),
      serverName: changes.serverName ?? "edge-a",
    },
    resolveSecret: changes.secret ?? (() => Promise.resolve("hunter2")),
    table,
    intervalMs,
    interfaces: changes.interfaces ?? ["eth1"],
    queues: changes.queues ?? [],
    clock,
    random: () => 0.5,
  });
  source.start(sink);
}

async function synced() {
  const subscription = await target.subscribed();
  subscription.send(octets("in", 1, clock.now()));
  subscription.send(octets("out", 2, clock.now()));
  subscription.send({ sync_response: true });
  await sink.state("synced");
  return subscription;
}

describe("a subscription", () => {
  test("asks for the interfaces' counters sampled and their status on change, with credentials", async () => {
    start({ interfaces: ["eth1", "eth2"] });
    const { request, metadata } = await target.subscribed();
    expect(metadata.get("username")).toEqual(["pointsman"]);
    expect(metadata.get("password")).toEqual(["hunter2"]);
    expect(request.subscribe.mode ?? 0).toBe(0);
    expect(request.subscribe.encoding).toBe(2);
    const asked = request.subscribe.subscription.map(({ path, mode, sample_interval }) => {
      const text = path.elem.map(({ name, key }) => `/${name}${key?.name === undefined ? "" : `[${key.name}]`}`);
      return `${text.join("")} ${mode} ${sample_interval ?? 0}`;
    });
    const of = (eth: string) => [
      `/interfaces/interface[${eth}]/state/counters/in-octets 2 10000000000`,
      `/interfaces/interface[${eth}]/state/counters/out-octets 2 10000000000`,
      `/interfaces/interface[${eth}]/state/counters/last-clear 2 10000000000`,
      `/interfaces/interface[${eth}]/state/oper-status 1 0`,
    ];
    expect(asked).toEqual([...of("eth1"), ...of("eth2")]);
  });

  // Goal: every queue of an interface, whatever its router calls them.
  test("asks for the queues of interfaces that have them, sampled", async () => {
    start({ interfaces: ["eth1"], queues: ["eth1"] });
    const { request } = await target.subscribed();
    const [first, ...others] = request.subscribe.subscription.slice(4);
    expect(first).toMatchObject({ mode: 2, sample_interval: "10000000000" });
    expect(first?.path.elem).toMatchObject([
      { name: "qos" },
      { name: "interfaces" },
      { name: "interface", key: { "interface-id": "eth1" } },
      ...[{ name: "output" }, { name: "queues" }, { name: "queue" }, { name: "state" }, { name: "transmit-octets" }],
    ]);
    expect(others.map(({ path }) => path.elem.at(-1)?.name)).toEqual(["dropped-octets", "max-queue-len"]);
  });

  test("falls back to JSON_IETF", async () => {
    target.encodings = [0, 4];
    start();
    expect((await target.subscribed()).request.subscribe.encoding).toBe(4);
  });

  test("hands on samples and syncs", async () => {
    start();
    await synced();
    expect(sink.values()).toEqual({ [inOctets]: 1, [outOctets]: 2 });
    expect(sink.statuses().map(({ state }) => state)).toEqual(["starting", "starting", "synced"]);
  });

  test("says what of the samples could not be used", async () => {
    start();
    const subscription = await synced();
    subscription.send(octets("in", 5, clock.now() + 3_600_000));
    await sink.until(() => sink.statuses().length === 4);
    expect(sink.statuses().at(-1)).toEqual({ state: "synced", reason: "refused: samples stamped in the future" });
    expect(sink.values()[inOctets]).toBe(1);
  });

  test("is let go by stop", async () => {
    start();
    const subscription = await synced();
    await source.stop();
    await subscription.cancelled;
    expect(sink.statuses().at(-1)?.state).toBe("synced");
  });

  test("without interfaces is refused", async () => {
    start({ interfaces: [] });
    expect((await sink.state("refused")).reason).toContain("no link of the inventory");
  });
});

describe("reconnecting", () => {
  // Goal: after a router restarts, the subscription is made anew and samples flow again.
  test("resubscribes once the target is back", async () => {
    start();
    await synced();
    target.kill();
    expect((await sink.state("down")).reason).toMatch(/^Subscribe: /);
    const again = await GnmiTarget.start(certificate, target.port);
    target = again;
    clock.advance(1_499);
    expect(sink.statuses().at(-1)?.state).toBe("down");
    clock.advance(1);
    const subscription = await again.subscribed();
    subscription.send(octets("in", 77, clock.now()));
    subscription.send({ sync_response: true });
    await sink.state("synced");
    expect(sink.values()[inOctets]).toBe(77);
  });

  // Goal: what the resynchronisation leaves out is gone; what it brings is not.
  test("sweeps what the new initial set leaves out", async () => {
    start();
    (await synced()).end();
    await sink.state("down");
    clock.advance(2_000);
    const subscription = await target.subscribed();
    subscription.send(octets("in", 5, clock.now()));
    await sink.until(() => sink.values()[inOctets] === 5);
    expect(sink.gones()).toEqual([]);
    subscription.send({ sync_response: true });
    await sink.state("synced");
    expect(sink.gones()).toEqual([outOctets]);
  });

  test("backs off from 1 s to 60 s", async () => {
    target.refuseCapabilities = { code: status.UNAVAILABLE, details: "booting" };
    start();
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 8; attempt++) {
      const downs = () => sink.statuses().filter(({ state }) => state === "down").length;
      await sink.until(() => downs() === attempt);
      const wait = clock.delays.at(-1) ?? 0;
      waits.push(wait);
      clock.advance(wait);
    }
    expect(waits).toEqual([1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000, 45_000]);
  });

  test("starts again from 1 s once it has been in sync", async () => {
    target.refuseCapabilities = { code: status.UNAVAILABLE, details: "booting" };
    start();
    await sink.state("down");
    clock.advance(1_500);
    await clock.pending(3_000);
    target.refuseCapabilities = undefined;
    clock.advance(3_000);
    (await synced()).end();
    await sink.state("down");
    expect(clock.delays.at(-1)).toBe(1_500);
  });

  test("follows a malformed message, which is named", async () => {
    start();
    const subscription = await synced();
    subscription.send({ update: { update: [{ path: { element: ["a[b"] }, val: { uint_val: "1" } }] } });
    const { reason } = await sink.state("down");
    expect(reason).toMatch(/a gNMI message of \d+ bytes is malformed: path element "a\[b"/);
    await subscription.cancelled;
    clock.advance(2_000);
    await target.subscribed();
  });

  test("follows a Capabilities call that is never answered", async () => {
    target.hangCapabilities = true;
    start();
    await clock.pending(10_000);
    clock.advance(10_000);
    expect((await sink.state("down")).reason).toBe("Capabilities: CANCELLED: no answer to Capabilities within 10 s");
  });
});

describe("silence", () => {
  // Goal: a target that stops sending is noticed after three intervals, and forgiven at its next update.
  test("is noticed, and ends with the next update", async () => {
    start();
    const subscription = await synced();
    clock.advance(3 * intervalMs - 1);
    expect(sink.statuses().at(-1)?.state).toBe("synced");
    clock.advance(1);
    expect(sink.statuses().at(-1)).toEqual({
      state: "silent",
      reason: "connected, but nothing for 3 intervals of 10 s",
    });
    subscription.send(octets("in", 9, clock.now()));
    await sink.state("synced");
    clock.advance(3 * intervalMs);
    expect(sink.statuses().at(-1)?.state).toBe("silent");
  });

  test("does not come while updates do", async () => {
    start();
    const subscription = await synced();
    for (let value = 10; value < 15; value++) {
      clock.advance(intervalMs);
      subscription.send(octets("in", value, clock.now()));
      await sink.until(() => sink.values()[inOctets] === value);
    }
    expect(sink.statuses().map(({ state }) => state)).not.toContain("silent");
  });
});

describe("refusal", () => {
  test.each([
    ["INVALID_ARGUMENT", status.INVALID_ARGUMENT],
    ["UNIMPLEMENTED", status.UNIMPLEMENTED],
  ])("with %s is final", async (name, code) => {
    start();
    (await target.subscribed()).fail(code, "no such path");
    expect(await sink.state("refused")).toEqual({ state: "refused", reason: `Subscribe: ${name}: no such path` });
    // The timers of Capabilities and of silence, and none to try again.
    expect(clock.delays).toEqual([10_000, 3 * intervalMs]);
  });

  test("of credentials is tried again once a minute", async () => {
    target.refuseCapabilities = { code: status.UNAUTHENTICATED, details: "who are you" };
    start();
    expect((await sink.state("refused")).reason).toBe("Capabilities: UNAUTHENTICATED: who are you");
    target.refuseCapabilities = undefined;
    clock.advance(59_999);
    expect(sink.statuses().at(-1)?.state).toBe("refused");
    clock.advance(1);
    await synced();
  });

  test("of every encoding we read is final", async () => {
    target.encodings = [3];
    start();
    expect((await sink.state("refused")).reason).toBe("the target offers neither PROTO nor JSON_IETF");
  });

  test("names the missing secret and not its value", async () => {
    start({ secret: () => Promise.reject(new Failure("SECRET_MISSING", "the variable SECRET is not set")) });
    expect((await sink.state("refused")).reason).toBe("the variable SECRET is not set");
  });
});

describe("TLS", () => {
  test("refuses a certificate of another authority", async () => {
    start({ ca: "other-ca.pem" });
    expect((await sink.state("down")).reason).toMatch(/Capabilities: UNAVAILABLE: .*certificate/);
  });

  test("refuses a certificate for another name", async () => {
    start({ serverName: "edge-b" });
    expect((await sink.state("down")).reason).toMatch(/Capabilities: UNAVAILABLE: .*edge-b/);
  });

  test.each([["missing.pem"], ["not-a-ca.pem"]])("says that %s is no authority", async (ca) => {
    start({ ca });
    expect((await sink.state("refused")).reason).toContain(`${ca} cannot be used`);
  });
});

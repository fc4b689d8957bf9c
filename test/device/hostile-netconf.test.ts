import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { netconfDevice } from "../../src/device/netconf/device.ts";
import { openSsh } from "../../src/device/ssh-session.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import type { Failure, Result } from "../../src/kernel/failure.ts";
import type { DevicePort } from "../../src/model/device.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { allCapabilities, helloOf, type Peer, type Script, startScriptedRouter } from "./scripted-router.ts";

// Servers that break the protocol on purpose, on real SSH sockets. Whatever they do, a read ends with a Failure that names the
// router and says why, in bounded time and memory.

const base = "urn:ietf:params:xml:ns:netconf:base:1.0";
const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function connect(script: Script, clock: Clock = systemClock): Promise<DevicePort> {
  const router = await startScriptedRouter(script);
  const port = netconfDevice({
    device: router.device,
    resolveSecret: async () => "sw1tchman",
    clock,
    rpcTimeoutMs: 20_000,
  });
  cleanup.push(router.stop, () => port.close());
  return port;
}

const read = (port: DevicePort) => port.read('<all xmlns="urn:x"/>');

function failureOf(result: Result<unknown>): Failure {
  if (result.ok) expect.fail(`expected a failure, got ${JSON.stringify(result.value).slice(0, 200)}`);
  return result.failure;
}

const chunk = (text: string) => `\n#${Buffer.byteLength(text)}\n${text}`;
const replyTo = (id: string, inside: string) =>
  `<rpc-reply xmlns="${base}" message-id="${id}"><data><all xmlns="urn:x">${inside}</all></data></rpc-reply>`;

describe("a drip", () => {
  // Goal: time-outs are of the whole, and hold although bytes keep coming. One byte for each simulated second.
  test.each<[string, (drip: (peer: Peer, text: string) => void) => Script, string]>([
    [
      "of a hello",
      (drip) => ({ hello: undefined, onSession: (peer) => drip(peer, helloOf(allCapabilities)) }),
      "no NETCONF hello within 20 s",
    ],
    [
      "of a reply",
      (drip) => ({ onRpc: ({ id }, peer) => drip(peer, chunk(replyTo(id, "x".repeat(1_000)))) }),
      "no answer to get-config within 20 s",
    ],
  ])("%s", async (_, scriptOf, reason) => {
    const clock = new SimulatedClock();
    const startedMs = clock.now();
    let drops = 0;
    let over = false;
    const drip = (peer: Peer, text: string) => {
      peer.send(text[drops] ?? "x");
      drops += 1;
      clock.advance(1_000);
      if (!over) setImmediate(() => drip(peer, text));
    };
    const failure = failureOf(await read(await connect(scriptOf(drip), clock)));
    over = true;
    expect(failure).toMatchObject({ code: "DEVICE_TIMEOUT", message: expect.stringContaining(`edge-a: ${reason}`) });
    expect(drops).toBeGreaterThanOrEqual(20);
    expect(clock.now() - startedMs).toBeLessThan(30_000);
  });

  // Goal: the same before there is an SSH session.
  test("of an SSH greeting", async () => {
    let drops = 0;
    const server = createServer((socket) => {
      const dripping = setInterval(() => {
        socket.write(drops % 2 === 0 ? "." : "\n");
        drops += 1;
      }, 10);
      socket.on("error", () => {});
      socket.on("close", () => clearInterval(dripping));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanup.push(() => new Promise((done) => server.close(done)));
    const { port } = server.address() as AddressInfo;
    const management = { host: "127.0.0.1", port, username: "x", password: { env: "LAB" }, hostKey: "SHA256:x" };
    const options = { name: "edge-a", management, resolveSecret: async () => "", connectTimeoutMs: 300 };
    await expect(openSsh(options)).rejects.toMatchObject({
      code: "DEVICE_UNREACHABLE",
      message: expect.stringMatching(/^edge-a: .*timed out/),
    });
    expect(drops).toBeGreaterThan(3);
  });
});

describe("a flood", () => {
  // Goal: what has no end is cut off long before it fills the memory. (The ones that take gigabytes: test/system/hostile-netconf.test.ts.)
  test.each<[string, string, string]>([
    ["of depth", `\n#4294967295\n${"<a>".repeat(20_000)}`, "more than 64 elements deep"],
    [
      "of notifications",
      `${chunk('<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>')}\n##\n`.repeat(2_000),
      "more than 1000 notifications that nobody asked for",
    ],
  ])("%s", async (_, piece, reason) => {
    let poured: Promise<number> | undefined;
    const port = await connect({
      onRpc(_rpc, peer) {
        poured ??= peer.pour(Array.from({ length: 10_000 }, () => piece));
      },
    });
    expect(failureOf(await read(port))).toMatchObject({
      code: "DEVICE_PROTOCOL",
      message: expect.stringMatching(new RegExp(`^edge-a broke the NETCONF protocol: .*${reason}`)),
    });
    expect(await poured).toBeLessThan(20 << 20);
  });
});

describe("a bomb", () => {
  // Goal: a small document is never written out as a large one.
  test("of namespaces", async () => {
    const long = "u".repeat(1_000_000);
    const entries = "<p:b>1</p:b><q:b>1</q:b>".repeat(1_000);
    const port = await connect({
      onRpc: ({ id }, peer) =>
        peer.send(`${chunk(replyTo(id, `<a xmlns:p="${long}" xmlns:q="${long}v">${entries}</a>`))}\n##\n`),
    });
    expect(failureOf(await read(port)).message).toContain("a name of more than 1024 characters");
  });

  const attributes = (count: number) => Array.from({ length: count }, (_, n) => ` n:a${n}=""`).join("");
  const pairs = "<p:b>1</p:b><q:b>1</q:b>".repeat(1_000);
  test.each([
    [
      "a namespace repeated for each attribute",
      `<x xmlns:n="${"A".repeat(30_000)}"${attributes(900)}/>`,
      "a name of more than 1024 characters",
    ],
    ["attributes without end", `<x xmlns:n="urn:n"${attributes(1_000)}/>`, "more than 1000 attributes of one element"],
    [
      "siblings, each of which would do",
      `<a xmlns:p="${"u".repeat(1_000)}" xmlns:q="${"v".repeat(1_000)}">${pairs}</a>`.repeat(20),
      "more than 33554432 characters when written out",
    ],
  ])("of %s", async (_, inside, reason) => {
    const answer = (id: string) => `<rpc-reply xmlns="${base}" message-id="${id}"><data>${inside}</data></rpc-reply>`;
    const port = await connect({ onRpc: ({ id }, peer) => peer.send(`${chunk(answer(id))}\n##\n`) });
    expect(failureOf(await read(port))).toMatchObject({
      code: "DEVICE_PROTOCOL",
      message: expect.stringContaining(reason),
    });
  });

  test("of rpc-errors", async () => {
    const error = `<rpc-error><error-tag>operation-failed</error-tag><error-severity>error</error-severity><error-message>${"no ".repeat(300)}</error-message></rpc-error>`;
    const port = await connect({ onRpc: ({ id }, peer) => peer.reply(id, error.repeat(3_000)) });
    const failure = failureOf(await read(port));
    expect(failure.code).toBe("DEVICE_REFUSED");
    expect(failure.message).toMatch(/; and 2992 more$/);
    expect(failure.message.length).toBeLessThan(5_000);
  });

  // Goal: no entity is expanded, no file read, no address asked. The canaries are a file and a listener that must stay untouched.
  test("of entities, internal and external", async () => {
    const folder = await mkdtemp(join(tmpdir(), "pointsman-canary-"));
    cleanup.push(() => rm(folder, { recursive: true }));
    const canary = join(folder, "canary");
    await writeFile(canary, "s3cret-canary");
    let asked = 0;
    const web = createServer((socket) => {
      asked += 1;
      socket.destroy();
    });
    web.listen(0, "127.0.0.1");
    await once(web, "listening");
    cleanup.push(() => new Promise((done) => web.close(done)));
    const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/evil.dtd`;
    const laughs = Array.from({ length: 30 }, (_, i) => `<!ENTITY l${i + 1} "&l${i};&l${i};">`).join("");
    const documents: [string, string][] = [
      [`<!DOCTYPE r [<!ENTITY l0 "ha">${laughs}]>`, "&l30;"],
      [`<!DOCTYPE r [<!ENTITY x SYSTEM "file://${canary}">]>`, "&x;"],
      [`<!DOCTYPE r SYSTEM "${url}">`, "&x;"],
      [`<!DOCTYPE r [<!ENTITY % d SYSTEM "${url}"> %d;]>`, ""],
      ["", "&x;"],
      ["", `<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://${canary}" parse="text"/>`],
    ];
    const told: string[] = [];
    for (const [declaration, inside] of documents) {
      const port = await connect({
        onRpc: ({ id }, peer) => peer.send(`${chunk(declaration + replyTo(id, inside))}\n##\n`),
      });
      const result = await read(port);
      told.push(result.ok ? result.value : result.failure.message);
    }
    for (const text of told) expect(text).not.toContain("s3cret-canary");
    for (const text of told.slice(0, 4))
      expect(text).toMatch(/^edge-a broke .*document type declaration is not allowed/);
    expect(told[4]).toMatch(/undefined entity/);
    expect(told[5]).toContain("href="); // Data like any other.
    expect(asked).toBe(0);
  });
});

// Goal: answers find their questions by id, in whatever order; the same answer twice ends the session, with the reason.
test("replies out of order, and twice", async () => {
  const waiting: [string, string][] = [];
  let twice = false;
  const port = await connect({
    onRpc({ id, text }, peer) {
      const said = /urn:(q\d)/.exec(text)?.[1] ?? "";
      waiting.push([id, said]);
      if (waiting.length < 3) return;
      for (const [each, inside] of waiting.splice(0).reverse()) {
        peer.send(`${chunk(replyTo(each, inside))}\n##\n`);
        if (twice) peer.send(`${chunk(replyTo(each, "a lie"))}\n##\n`);
      }
    },
  });
  const ask = () => Promise.all([1, 2, 3].map((n) => port.read(`<all xmlns="urn:q${n}"/>`)));
  const texts = (await ask()).map((result) => (result.ok ? result.value : result.failure.message));
  expect(texts.map((text) => /q\d/.exec(text)?.[0])).toEqual(["q1", "q2", "q3"]);
  twice = true;
  const [first, second, third] = await ask();
  expect(third).toMatchObject({ ok: true });
  for (const result of [first, second]) {
    expect(failureOf(result as Result<string>)).toMatchObject({
      code: "DEVICE_PROTOCOL",
      message: expect.stringMatching(/^edge-a broke .*a reply to nothing we asked \(message-id 6\)/),
    });
  }
});

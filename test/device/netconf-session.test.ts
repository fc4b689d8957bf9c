import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { discardChanges, editConfig, getConfig, lock, validate } from "../../src/device/netconf/operations.ts";
import { type NetconfSession, openNetconf } from "../../src/device/netconf/session.ts";
import { openSsh } from "../../src/device/ssh-session.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { Failure } from "../../src/kernel/failure.ts";
import { textOf } from "../../src/kernel/xml.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { allCapabilities, helloOf, type Script, startScriptedRouter } from "./scripted-router.ts";

const base = "urn:ietf:params:xml:ns:netconf:base:1.0";
const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function open(script: Script, clock: Clock = systemClock): Promise<NetconfSession> {
  const router = await startScriptedRouter(script);
  cleanup.push(router.stop);
  const ssh = await openSsh({
    name: "edge-a",
    management: router.device.management,
    resolveSecret: async () => "sw1tchman",
  });
  const session = await openNetconf({ device: "edge-a", ssh, clock, rpcTimeoutMs: 20_000 });
  cleanup.push(() => session.close());
  return session;
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(Failure);
  return outcome as Failure;
}

const chunked = (message: string) => `\n#${Buffer.byteLength(message)}\n${message}\n##\n`;
const rpcError = (severity: string, tag: string, more = "") =>
  `<rpc-error><error-type>application</error-type><error-tag>${tag}</error-tag><error-severity>${severity}</error-severity>${more}</rpc-error>`;

// Goal: names are matched by namespace: a prefix, single quotes, and no namespace at all (Junos) read the same.
test.each([
  [
    "prefixed",
    (id: string) => `<?xml version='1.0'?><nc:rpc-reply xmlns:nc='${base}' message-id='${id}'><nc:ok/></nc:rpc-reply>`,
  ],
  ["bare", (id: string) => `<rpc-reply message-id="${id}"><ok/></rpc-reply>`],
])("%s reply", async (_, reply) => {
  const session = await open({ onRpc: ({ id }, peer) => peer.send(chunked(reply(id))) });
  await discardChanges(session);
});

// Goal: an <ok/> in another namespace is not the server's word.
test("ok of another namespace", async () => {
  const session = await open({ onRpc: ({ id }, peer) => peer.reply(id, '<ok xmlns="urn:other"/>') });
  expect((await failureOf(discardChanges(session))).code).toBe("DEVICE_PROTOCOL");
});

// Goal: a server that speaks base:1.0 alone is spoken to in the old framing.
test("base 1.0 only", async () => {
  const session = await open({
    hello: helloOf(allCapabilities.filter((uri) => !uri.endsWith("base:1.1"))),
    onRpc: ({ id }, peer) => peer.send(`\n<rpc-reply xmlns="${base}" message-id="${id}"><ok/></rpc-reply>]]>]]>\n`),
  });
  await discardChanges(session);
  await discardChanges(session);
  const failure = await failureOf(editConfig(session, '<a xmlns="urn:x" b="]]>]]>"/>'));
  expect(failure.code).toBe("DEVICE_UNSUPPORTED");
});

// Goal: every error of a reply is told, wherever it is nested; warnings are not failures.
test("rpc-errors", async () => {
  const replies = [
    rpcError(
      "error",
      "data-missing",
      '<error-message xml:lang="en">no\n  such set</error-message><error-path>/a/b</error-path>',
    ) +
      rpcError("warning", "partial-operation", "<error-message>beside</error-message>") +
      rpcError("error", "bad-element"),
    `${rpcError("warning", "operation-failed", "<error-message>statement not found</error-message>")}<ok/>`,
    `<commit-results><routing-engine>${rpcError("error", "operation-failed", "<error-message>nested</error-message>")}</routing-engine></commit-results>`,
    rpcError("error", "lock-denied", "<error-info><session-id>42</session-id></error-info>"),
    rpcError("error", "lock-denied", "<error-info><session-id>0</session-id></error-info>"),
    rpcError("error", "access-denied"),
  ];
  const session = await open({ onRpc: ({ id }, peer) => peer.reply(id, replies.shift() ?? "<ok/>") });
  const both = await failureOf(validate(session));
  expect(both.code).toBe("DEVICE_REFUSED");
  expect(both.message).toBe('edge-a refused validate: data-missing "no such set" at /a/b; bad-element');
  await validate(session);
  expect(await failureOf(validate(session))).toMatchObject({
    code: "DEVICE_REFUSED",
    message: expect.stringContaining("nested"),
  });
  expect(await failureOf(lock(session, "running"))).toMatchObject({
    code: "DEVICE_LOCKED",
    message: expect.stringContaining("session 42"),
  });
  expect((await failureOf(lock(session, "running"))).message).toContain("someone outside NETCONF");
  expect((await failureOf(validate(session))).mend).toContain("the right to do this");
});

// Goal: what looks like an error inside configuration data is data.
test("rpc-error as data", async () => {
  const session = await open({
    onRpc: ({ id }, peer) =>
      peer.reply(id, `<data><log xmlns="urn:x"><text>a</text></log>${rpcError("error", "fake")}</data>`),
  });
  expect(await getConfig(session, "running", '<log xmlns="urn:x"/>')).toContain("<text>a</text>");
});

// Goal: RPCs may overtake nothing: each answer finds its question, with notifications in between.
test("pipelining and notifications", async () => {
  const waiting: string[] = [];
  const notification = chunked(
    '<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"><eventTime>2026-01-01T00:00:00Z</eventTime></notification>',
  );
  const session = await open({
    onRpc({ id, text }, peer) {
      waiting.push(
        `${notification}${chunked(`<rpc-reply xmlns="${base}" message-id="${id}"><data><said>${text.length}</said></data></rpc-reply>`)}`,
      );
      if (waiting.length === 50) peer.send(waiting.join("") + notification);
    },
  });
  const asked = Array.from({ length: 50 }, (_, i) => `<ask>${"x".repeat(i)}</ask>`);
  const replies = await Promise.all(asked.map((operation) => session.rpc(operation)));
  expect(replies.map((reply) => Number(textOf(reply)))).toEqual(asked.map((operation) => operation.length));
});

// Goal: with-defaults is asked for where it is offered, so that every reading is in one mode.
test.each([
  ["basic-mode=explicit", true],
  ["basic-mode=report-all&amp;also-supported=trim,explicit", true],
  ["basic-mode=report-all&amp;also-supported=trim", false],
])("with-defaults %s", async (mode, asked) => {
  let sent = "";
  const session = await open({
    hello: helloOf([...allCapabilities, `urn:ietf:params:netconf:capability:with-defaults:1.0?${mode}`]),
    onRpc({ id, text }, peer) {
      sent = text;
      peer.reply(id, "<data/>");
    },
  });
  expect(await getConfig(session, "running", "")).toBe("");
  expect(sent.includes("explicit</with-defaults>")).toBe(asked);
});

// Goal: a server that falls silent leaves nobody waiting: all that was asked fails as unknown, and the session is over.
test("no answer", async () => {
  const clock = new SimulatedClock();
  let heard = () => {};
  const bothHeard = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const session = await open({ onRpc: ({ id }) => id === "2" && heard() }, clock);
  const first = failureOf(validate(session));
  const second = failureOf(discardChanges(session));
  await bothHeard;
  clock.advance(20_000);
  expect(await first).toMatchObject({
    code: "DEVICE_TIMEOUT",
    message: expect.stringContaining("validate within 20 s"),
  });
  expect((await second).code).toBe("DEVICE_TIMEOUT");
  expect(session.open).toBe(false);
  expect((await failureOf(validate(session))).code).toBe("DEVICE_TIMEOUT");
});

// Goal: a peer that opens the channel and says nothing does not hold us.
test("no hello", async () => {
  const clock = new SimulatedClock();
  const asked = clock.after.bind(clock);
  // The first timer is the hello's: its time is up as soon as it is set.
  clock.after = (delayMs, task) => {
    const cancel = asked(delayMs, task);
    setImmediate(() => clock.advance(delayMs));
    return cancel;
  };
  const failure = await failureOf(open({ hello: undefined }, clock));
  expect(failure).toMatchObject({ code: "DEVICE_TIMEOUT", message: expect.stringContaining("hello") });
});

// Goal: a connection lost in the middle of a reply fails everything that waits for one.
test("drop in the middle of a reply", async () => {
  const session = await open({
    onRpc({ id }, peer) {
      if (id !== "2") return;
      peer.send(`\n#500\n<rpc-reply xmlns="${base}" message-id="1"><ok/>`);
      peer.hangUp();
    },
  });
  const failures = await Promise.all([failureOf(validate(session)), failureOf(discardChanges(session))]);
  for (const failure of failures) {
    expect(failure.code).toBe("DEVICE_UNREACHABLE");
    expect(failure.message).toContain("validate, discard-changes; its state is unknown");
  }
});

// Goal: whatever breaks the protocol ends the session with a reason, and nothing waits for ever.
test.each([
  ["malformed chunk", (id: string) => `\n#5x\n<rpc-reply message-id="${id}"/>`, "malformed chunk header"],
  ["not UTF-8", () => Buffer.from("\n#2\n<\xff\n##\n", "latin1"), "UTF-8"],
  ["not XML", () => chunked("<rpc-reply>"), "malformed XML"],
  ["reply to nothing", () => chunked(`<rpc-reply xmlns="${base}" message-id="99"><ok/></rpc-reply>`), "message-id 99"],
  [
    "no message-id",
    () => chunked(`<rpc-reply xmlns="${base}">${rpcError("error", "malformed-message")}</rpc-reply>`),
    "missing): malformed-message",
  ],
  ["no reply", () => chunked(`<hello xmlns="${base}"/>`), "<hello> instead of <rpc-reply>"],
  [
    "reply of another namespace",
    (id: string) => chunked(`<rpc-reply xmlns="urn:x" message-id="${id}"/>`),
    "<rpc-reply>",
  ],
])("%s", async (_, answer, reason) => {
  const session = await open({ onRpc: ({ id }, peer) => peer.send(answer(id)) });
  const failure = await failureOf(validate(session));
  expect(failure.code).toBe("DEVICE_PROTOCOL");
  expect(failure.message).toContain(reason);
  expect(session.open).toBe(false);
});

// Goal: a hello that is none is told as such.
test.each([
  ["no base", { hello: helloOf(allCapabilities.slice(2)) }, "DEVICE_PROTOCOL", "without a base capability"],
  [
    "no session-id",
    { hello: helloOf(allCapabilities).replace("session-id", "session").replace("/session-id", "/session") },
    "DEVICE_PROTOCOL",
    "session-id",
  ],
  ["something else", { hello: "<welcome/>" }, "DEVICE_PROTOCOL", "<welcome> instead of <hello>"],
  ["no XML", { hello: "Welcome to edge-a!" }, "DEVICE_PROTOCOL", "malformed XML"],
  ["no subsystem", { refuseSubsystem: true }, "DEVICE_UNSUPPORTED", "no NETCONF over SSH"],
])("hello: %s", async (_, script, code, reason) => {
  const failure = await failureOf(open(script));
  expect(failure.code).toBe(code);
  expect(failure.message).toContain(reason);
});

// Goal: a router that hangs up right after the login is told as a lost connection.
test("hang-up after login", async () => {
  const router = await startScriptedRouter({ hangUpAfterLogin: true });
  cleanup.push(router.stop);
  const { management } = router.device;
  const ssh = await openSsh({ name: "edge-a", management, resolveSecret: async () => "sw1tchman" });
  await once(ssh, "close");
  const failure = await failureOf(openNetconf({ device: "edge-a", ssh, clock: systemClock, rpcTimeoutMs: 20_000 }));
  expect(failure).toMatchObject({ code: "DEVICE_UNREACHABLE", retry: "now" });
});

// Goal: a server that ignores close-session is hung up on.
test("close without an answer", async () => {
  const clock = new SimulatedClock();
  let heard = () => {};
  const asked = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const session = await open({ ignoreClose: true, onRpc: () => heard() }, clock);
  const closed = session.close();
  await asked;
  clock.advance(2_000);
  await closed;
  expect(session.open).toBe(false);
});

// Goal: a reply of 20 MB is read whole, and four times the size costs about four times the work, in packets and chunks of any size.
test("giant reply", async () => {
  const entry = "<entry><name>é漢🚂</name><value>]]&gt;]]&gt; ##</value></entry>";
  const said = "é漢🚂]]>]]> ##";
  const cost = async (bytes: number) => {
    const entries = Math.ceil(bytes / Buffer.byteLength(entry));
    const session = await open({
      onRpc({ id }, peer) {
        const data = `<data><all xmlns="urn:x">${entry.repeat(entries)}</all></data>`;
        const message = Buffer.from(`<rpc-reply xmlns="${base}" message-id="${id}">${data}</rpc-reply>`);
        for (let at = 0; at < message.length; at += 4_999) {
          const chunk = message.subarray(at, at + 4_999);
          peer.send(Buffer.concat([Buffer.from(`\n#${chunk.length}\n`), chunk]));
        }
        peer.send("\n##\n");
      },
    });
    const before = process.cpuUsage();
    const reply = await session.rpc("<get/>", 55_000);
    const { user, system } = process.cpuUsage(before);
    expect(textOf(reply) === said.repeat(entries)).toBe(true);
    return user + system;
  };
  await cost(1e6); // warm-up
  const small = await cost(5e6);
  const giant = await cost(20e6);
  expect(giant / small).toBeLessThan(8); // 16 if it were quadratic
}, 60_000);

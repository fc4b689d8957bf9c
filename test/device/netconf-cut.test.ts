import { EventEmitter, once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import type { Client, ClientChannel } from "ssh2";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  commit,
  commitConfirmed,
  discardChanges,
  editConfig,
  getConfig,
  lock,
  unlock,
  validate,
} from "../../src/device/netconf/operations.ts";
import { openNetconf } from "../../src/device/netconf/session.ts";
import { Failure } from "../../src/kernel/failure.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { allCapabilities, helloOf } from "./scripted-router.ts";

// A whole exchange, recorded, is played over TCP and goes wrong at every one of its bytes in turn. TCP stands for the SSH channel here,
// as a thousand key exchanges would take a minute; test/system/hostile-netconf.test.ts cuts the driver's whole change over SSH.

const base = "urn:ietf:params:xml:ns:netconf:base:1.0";
const config = '<all xmlns="urn:x"><name>Großkunde 漢🚂</name></all>';
const [ok, data] = ["<ok/>", `<data>${config}</data>`];
const chunked = (text: string) => `\n#${Buffer.byteLength(text)}\n${text}\n##\n`;
/** What the server says: its hello, then an answer to each RPC. */
const recorded = [
  `${helloOf(allCapabilities)}]]>]]>`,
  ...[ok, ok, data, ok, ok, data, ok, data, ok, ok].map((inside, index) =>
    chunked(`<rpc-reply xmlns="${base}" message-id="${index + 1}">${inside}</rpc-reply>`),
  ),
].map((text) => Buffer.from(text));
const length = recorded.reduce((sum, { length }) => sum + length, 0);

async function exchange(ssh: Client): Promise<void> {
  // Its time-outs never come: whatever goes wrong is seen without them.
  const session = await openNetconf({ device: "edge-a", ssh, clock: new SimulatedClock(), rpcTimeoutMs: 20_000 });
  await lock(session, "candidate");
  await discardChanges(session);
  await getConfig(session, "running", "<all/>");
  await editConfig(session, config);
  await validate(session);
  await getConfig(session, "candidate", "<all/>");
  await commitConfirmed(session, "t", 1_000);
  await getConfig(session, "running", "<all/>");
  await commit(session);
  await unlock(session, "candidate");
}

type Wrong = Readonly<{ at: number; how: "cut" | "changed" }>;
let wrong: Wrong;
const server = createServer({ noDelay: true }, (socket) => {
  let sent = 0;
  const say = (message: Buffer | undefined) => {
    if (!message) return;
    const at = wrong.at - sent;
    sent += message.length;
    if (at >= message.length) return void socket.write(message);
    if (wrong.how === "cut") return void socket.end(message.subarray(0, at));
    const changed = Buffer.from(message);
    changed[at] = (changed[at] as number) ^ (1 << (wrong.at % 8));
    socket.end(changed);
  };
  const left = [...recorded];
  say(left.shift());
  let heard = "";
  socket.on("error", () => {});
  socket.on("data", (bytes: Buffer) => {
    heard += bytes.toString();
    for (let end = heard.indexOf("</rpc>"); end >= 0; end = heard.indexOf("</rpc>")) {
      heard = heard.slice(end + 1);
      say(left.shift());
    }
  });
});
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => new Promise((done) => server.close(done)));

/** As much of an SSH connection as a session uses. */
class PlainConnection extends EventEmitter {
  readonly socket: Socket = connect((server.address() as AddressInfo).port, "127.0.0.1");

  subsys(_name: string, opened: (error: undefined, channel: ClientChannel) => void): void {
    this.socket.on("close", () => this.emit("close"));
    opened(undefined, Object.assign(this.socket, { stderr: new PassThrough() }) as unknown as ClientChannel);
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** `undefined`: all went well. What is not a Failure is thrown on. */
async function outcome(): Promise<Failure | undefined> {
  const connection = new PlainConnection();
  try {
    await exchange(connection as unknown as Client);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw new Error(`${wrong.how} at ${wrong.at}: not a Failure`, { cause: error });
  } finally {
    connection.destroy();
  }
}

test("unharmed, it goes through", async () => {
  wrong = { at: length, how: "cut" };
  expect(await outcome()).toBeUndefined();
});

// Goal: wherever the connection ends, whoever waits is told which router and that its state is unknown.
test("cut at every byte", async () => {
  for (let at = 0; at < length; at += 1) {
    wrong = { at, how: "cut" };
    const failure = await outcome();
    expect(failure?.code, `cut at ${at}`).toBe("DEVICE_UNREACHABLE");
    expect(failure?.message).toMatch(/^edge-a: the connection was lost while waiting for .*; its state is unknown/);
  }
});

// Goal: one flipped bit anywhere (a length, a character, a name, an id) is never more than a Failure, and never a hang. What XML
// or the caller cannot tell from the truth, such as another letter in a text, may pass until the connection ends. A quarter of all
// bytes a run; the message of what fails names its byte.
test("changed at every byte", async () => {
  const codes = new Set<string | undefined>();
  for (let at = Math.floor(Math.random() * 4); at < length; at += 4) {
    wrong = { at, how: "changed" };
    const failure = await outcome();
    codes.add(failure?.code);
    if (failure) expect(failure.message, `changed at ${at}`).toContain("edge-a");
  }
  expect([...codes]).toEqual(expect.arrayContaining(["DEVICE_PROTOCOL", "DEVICE_UNREACHABLE"]));
});

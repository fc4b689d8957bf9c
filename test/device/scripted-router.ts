import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import ssh2, { type Connection, type ServerChannel } from "ssh2";
import type { Device } from "../../src/model/inventory.ts";

const base = "urn:ietf:params:xml:ns:netconf:base:1.0";
const capability = "urn:ietf:params:netconf:capability";

export const allCapabilities = [
  "urn:ietf:params:netconf:base:1.0",
  "urn:ietf:params:netconf:base:1.1",
  `${capability}:candidate:1.0`,
  `${capability}:confirmed-commit:1.0`,
  `${capability}:confirmed-commit:1.1`,
  `${capability}:validate:1.1`,
];

export const helloOf = (capabilities: readonly string[]) =>
  `<hello xmlns="${base}"><capabilities>${capabilities.map((uri) => `<capability>${uri}</capability>`).join("")}</capabilities><session-id>7</session-id></hello>`;

/** What a test's router sees of a session, and can do to it. */
export type Peer = {
  /** Bytes as they are: framing and all. */
  send(bytes: string | Buffer): void;
  /** A chunked reply to the RPC with that id; `inside` is in the NETCONF namespace. */
  reply(id: string, inside: string): void;
  /** Sends no faster than they are read, until they end or the client is gone; gives how many bytes went out. */
  pour(pieces: Iterable<string | Buffer>): Promise<number>;
  hangUp(): void;
};

export type Script = {
  /** `undefined`: no hello at all. */
  hello?: string | undefined;
  refuseSubsystem?: boolean;
  ignoreClose?: boolean;
  /** Ends the connection as soon as the login has been accepted. */
  hangUpAfterLogin?: boolean;
  /** What a command prints; it ends with code 0. `undefined`: it never ends, and `channel` is the test's. */
  onExec?(command: string, channel: ServerChannel): string | undefined;
  /** Called for each session before its hello. */
  onSession?(peer: Peer): void;
  /** Called for each RPC, in order. */
  onRpc?(rpc: { id: string; text: string; session: number }, peer: Peer): void;
};

/** ssh2 now and then (4 in 3000) writes an ed25519 key that it cannot read itself: not that one. */
export function ed25519KeyPair(): { private: string; public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync("ed25519");
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
}

const hostKey = ed25519KeyPair();

/** A router on a real SSH socket that does exactly what a test says, right or wrong. */
export async function startScriptedRouter(script: Script): Promise<{
  device: Device;
  /** From here on it reads nothing and hangs up on nobody. */
  freeze(): void;
  stop(): Promise<void>;
}> {
  const connections = new Set<Connection>();
  const sockets = new Set<Socket>();
  const frozen = new Set<Socket>();
  let sessions = 0;
  const ssh = new ssh2.Server({ hostKeys: [hostKey.private] }, (connection) => {
    connections.add(connection);
    connection.on("error", () => {});
    connection.on("authentication", (login) =>
      login.method === "password" ? login.accept() : login.reject(["password"]),
    );
    if (script.hangUpAfterLogin) connection.on("ready", () => connection.end());
    connection.on("session", (accept) => {
      const asked = accept();
      asked.on("subsystem", (acceptSubsystem, refuse) => {
        if (script.refuseSubsystem) return refuse();
        sessions += 1;
        serve(acceptSubsystem(), script, sessions, () => connection.end());
      });
      asked.on("exec", (acceptExec, refuse, { command }) => {
        if (!script.onExec) return refuse();
        const channel = acceptExec();
        const printed = script.onExec(command, channel);
        channel.resume();
        if (printed === undefined) return;
        channel.write(printed);
        channel.exit(0);
        channel.end();
      });
    });
  });
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    ssh.injectSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const blob = Buffer.from(hostKey.public.split(" ")[1] ?? "", "base64");
  return {
    device: {
      name: "edge-a",
      platform: "openconfig",
      management: {
        host: "127.0.0.1",
        port: (server.address() as AddressInfo).port,
        username: "pointsman",
        password: { env: "LAB" },
        hostKey: `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`,
      },
    },
    freeze() {
      for (const socket of sockets) frozen.add(socket.pause());
    },
    async stop() {
      for (const socket of frozen) socket.destroy();
      for (const connection of connections) connection.end();
      await new Promise((done) => server.close(done));
    },
  };
}

function serve(channel: ServerChannel, script: Script, session: number, hangUp: () => void): void {
  const peer: Peer = {
    send: (bytes) => void channel.write(bytes),
    reply(id, inside) {
      const message = `<rpc-reply xmlns="${base}" message-id="${id}">${inside}</rpc-reply>`;
      peer.send(`\n#${Buffer.byteLength(message)}\n${message}\n##\n`);
    },
    pour: (pieces) => pour(channel, pieces),
    hangUp,
  };
  channel.on("error", () => {});
  script.onSession?.(peer);
  const hello = "hello" in script ? script.hello : helloOf(allCapabilities);
  if (hello !== undefined) channel.write(`${hello}\n]]>]]>`);
  let received = "";
  channel.on("data", (bytes: Buffer) => {
    received += bytes.toString();
    for (;;) {
      const rpc = /<rpc [^>]*message-id="(\d+)"[^>]*>(.*?)<\/rpc>(?:\n##\n|\]\]>\]\]>)/s.exec(received);
      if (!rpc) return;
      received = received.slice(rpc.index + rpc[0].length);
      const [, id = "", text = ""] = rpc;
      if (text === "<close-session/>" && !script.ignoreClose) {
        peer.reply(id, "<ok/>");
        channel.end();
      } else script.onRpc?.({ id, text, session }, peer);
    }
  });
}

/** Writes `pieces` to `channel` no faster than they are taken, until they end or it closes; gives how many bytes went out. */
export async function pour(channel: ServerChannel, pieces: Iterable<string | Buffer>): Promise<number> {
  let sent = 0;
  let wake = () => {};
  let closed = false;
  channel.on("drain", () => wake());
  channel.on("close", () => {
    closed = true;
    wake();
  });
  for (const piece of pieces) {
    if (closed || channel.destroyed) break;
    sent += Buffer.byteLength(piece);
    if (channel.write(piece)) continue;
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (closed) resolve();
    });
  }
  return sent;
}

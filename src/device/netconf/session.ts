import type { Client, ClientCallback, ClientChannel } from "ssh2";
import type { Clock } from "../../kernel/clock.ts";
import { Failure } from "../../kernel/failure.ts";
import type { XmlElement } from "../../kernel/xml.ts";
import type { DeviceName } from "../../model/inventory.ts";
import { DecodeError, frame } from "./framing.ts";
import { baseNamespace, clientHello, type Hello, isNetconf, readHello } from "./hello.ts";
import { MessageReader } from "./message-reader.ts";
import { describeErrors, rpcErrors } from "./rpc-error.ts";

export type SessionOptions = {
  device: DeviceName;
  /** Belongs to the session from here on, and ends with it. */
  ssh: Client;
  clock: Clock;
  /** For the hello and for every RPC. */
  rpcTimeoutMs: number;
};

type Pending = {
  operation: string;
  resolve(reply: XmlElement): void;
  reject(failure: Failure): void;
  cancelTimer(): void;
};

const notificationNamespace = "urn:ietf:params:xml:ns:netconf:notification:1.0";
/** Nobody subscribes to any: a few may come unasked, and a flood would take the time of all other routers. */
const mostNotifications = 1_000;
/** Of what a peer said, in a message to people. */
const longestQuote = 400;
/** Read at one go, before other routers have their turn: some 20 ms of parsing. SSH's window holds the server up meanwhile. */
const bytesATurn = 1 << 17;
/** A server that does not answer close-session in this time is hung up on. */
const closeTimeoutMs = 2_000;

/** Starts the `netconf` subsystem and exchanges hellos. Throws Failure; `ssh` is closed then. */
export async function openNetconf(options: SessionOptions): Promise<NetconfSession> {
  const { device, ssh, clock, rpcTimeoutMs } = options;
  let cancelTimer = () => {};
  try {
    return await new Promise((resolve, reject) => {
      cancelTimer = clock.after(rpcTimeoutMs, () =>
        reject(
          new Failure("DEVICE_TIMEOUT", `${device}: no NETCONF hello within ${rpcTimeoutMs / 1000} s`, {
            retry: "later",
            mend: `Check that NETCONF answers on ${device}.`,
          }),
        ),
      );
      ssh.once("close", () => reject(lost(device, "the hello")));
      const onChannel: ClientCallback = (error, channel) => {
        if (error) {
          reject(
            new Failure("DEVICE_UNSUPPORTED", `${device}: no NETCONF over SSH: ${error.message}`, {
              mend: `Switch NETCONF over SSH on for this user on ${device}, and check management.port (usually 830).`,
            }),
          );
        } else new NetconfSession(options, channel, resolve, reject);
      };
      try {
        ssh.subsys("netconf", onChannel);
      } catch (error) {
        // ssh2 throws once the socket has ended, as when a router hangs up right after the login.
        if (!(error instanceof Error)) throw error;
        reject(lost(device, "the hello"));
      }
    });
  } catch (error) {
    ssh.destroy();
    throw error;
  } finally {
    cancelTimer();
  }
}

/** One NETCONF session (RFC 6241, RFC 6242). RPCs may be pipelined. Ends with its connection, and never reopens. */
export class NetconfSession {
  readonly device: DeviceName;
  readonly #ssh: Client;
  readonly #clock: Clock;
  readonly #rpcTimeoutMs: number;
  readonly #channel: ClientChannel;
  readonly #pending = new Map<string, Pending>();
  #hello: Hello | undefined;
  #lastId = 0;
  #notifications = 0;
  #ended: Failure | undefined;

  constructor(
    { device, ssh, clock, rpcTimeoutMs }: SessionOptions,
    channel: ClientChannel,
    ready: (session: NetconfSession) => void,
    refused: (failure: Failure) => void,
  ) {
    this.device = device;
    this.#ssh = ssh;
    this.#clock = clock;
    this.#rpcTimeoutMs = rpcTimeoutMs;
    this.#channel = channel;
    const reader = new MessageReader((root) => {
      if (this.#ended) return;
      if (this.#hello) return this.#receive(root);
      const hello = readHello(root);
      if (typeof hello === "string") return refused(this.#end(this.#protocolFailure(hello)));
      this.#hello = hello;
      if (hello.chunked) reader.useChunks();
      ready(this);
    });
    let bytesSincePause = 0;
    channel.on("data", (bytes: Buffer) => {
      if (this.#ended) return;
      bytesSincePause += bytes.length;
      if (bytesSincePause >= bytesATurn) {
        bytesSincePause = 0;
        channel.pause();
        setImmediate(() => channel.resume());
      }
      try {
        reader.push(bytes);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        refused(this.#end(this.#protocolFailure(error.message)));
      }
    });
    // Unread, it would fill the window and stop the channel.
    channel.stderr.resume();
    const gone = () => {
      const waitingFor = this.#hello
        ? [...this.#pending.values()].map(({ operation }) => operation).join(", ")
        : "the hello";
      refused(this.#end(lost(device, waitingFor)));
    };
    channel.on("end", gone).on("close", gone).on("error", gone);
    ssh.once("close", gone);
    channel.write(frame(clientHello, false));
  }

  get open(): boolean {
    return this.#ended === undefined;
  }

  get hello(): Hello {
    if (!this.#hello) throw new Error("invariant broken: a session is handed out after its hello");
    return this.#hello;
  }

  has(capability: string): boolean {
    return this.hello.capabilities.has(`urn:ietf:params:netconf:capability:${capability}`);
  }

  /**
   * Sends one operation, `<…/>` in the NETCONF namespace by default, and gives its reply, rpc-errors and all.
   * Throws Failure: DEVICE_TIMEOUT and DEVICE_UNREACHABLE leave the router's state unknown; the session is over after either.
   */
  rpc(operation: string, timeoutMs = this.#rpcTimeoutMs): Promise<XmlElement> {
    const label = /^<([^\s/>]+)/.exec(operation)?.[1] ?? operation;
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      this.#lastId += 1;
      const id = String(this.#lastId);
      const message = `<rpc xmlns="${baseNamespace}" message-id="${id}">${operation}</rpc>`;
      const { chunked } = this.hello;
      if (!chunked && message.includes("]]>]]>")) {
        return reject(
          new Failure(
            "DEVICE_UNSUPPORTED",
            `${this.device}: ${label} contains "]]>]]>", which its old framing cannot carry`,
          ),
        );
      }
      const cancelTimer = this.#clock.after(timeoutMs, () => this.#end(this.#timeout(label, timeoutMs)));
      this.#pending.set(id, { operation: label, resolve, reject, cancelTimer });
      this.#channel.write(frame(message, chunked));
    });
  }

  /** Says goodbye if the server still listens, and hangs up in any case. */
  async close(): Promise<void> {
    if (!this.#ended) {
      // Whatever the answer is, and however the wait ends, the connection is closed next.
      await this.rpc("<close-session/>", Math.min(closeTimeoutMs, this.#rpcTimeoutMs)).catch(() => undefined);
    }
    this.abandon("the session was closed");
  }

  /** Hangs up. The server drops this session's locks and candidate edits by itself (RFC 6241 7.5, 8.3.5.2). */
  abandon(why: string): void {
    this.#end(new Failure("DEVICE_UNREACHABLE", `${this.device}: ${why}`, { retry: "now" }));
  }

  #receive(root: XmlElement): void {
    if (root.name === "notification" && root.namespace === notificationNamespace) {
      this.#notifications += 1;
      if (this.#notifications > mostNotifications)
        this.#end(this.#protocolFailure(`more than ${mostNotifications} notifications that nobody asked for`));
      return;
    }
    if (root.name !== "rpc-reply" || !isNetconf(root)) {
      this.#end(this.#protocolFailure(`<${root.name}> instead of <rpc-reply>`));
      return;
    }
    const id = root.attributes.find(({ name, namespace }) => name === "message-id" && namespace === "")?.value;
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (id === undefined || !pending) {
      // RFC 6241 4.2: a server that could not read the request has no message-id to echo, and its channel may stay open.
      const said = describeErrors(rpcErrors(root));
      this.#end(
        this.#protocolFailure(`a reply to nothing we asked (message-id ${id ?? "missing"})${said && `: ${said}`}`),
      );
      return;
    }
    this.#notifications = 0;
    this.#pending.delete(id);
    pending.cancelTimer();
    pending.resolve(root);
  }

  #timeout(operation: string, timeoutMs: number): Failure {
    return new Failure(
      "DEVICE_TIMEOUT",
      `${this.device}: no answer to ${operation} within ${timeoutMs / 1000} s; its state is unknown: read back`,
      { retry: "later", mend: `Check that ${this.device} is not overloaded, and read its configuration back.` },
    );
  }

  #protocolFailure(what: string): Failure {
    const quoted = what.length > longestQuote ? `${what.slice(0, longestQuote)}…` : what;
    return new Failure("DEVICE_PROTOCOL", `${this.device} broke the NETCONF protocol: ${quoted}`, {
      retry: "later",
      mend: `If it happens again, report it to the vendor of ${this.device}.`,
    });
  }

  /** The first reason counts; everything that waits gets it. */
  #end(failure: Failure): Failure {
    if (this.#ended) return this.#ended;
    this.#ended = failure;
    for (const { reject, cancelTimer } of this.#pending.values()) {
      cancelTimer();
      reject(failure);
    }
    this.#pending.clear();
    this.#ssh.destroy();
    return failure;
  }
}

function lost(device: DeviceName, operations: string): Failure {
  const during = operations === "" ? "" : ` while waiting for ${operations}; its state is unknown: read back`;
  return new Failure("DEVICE_UNREACHABLE", `${device}: the connection was lost${during}`, {
    retry: "now",
    mend: `Check the management network to ${device}.`,
  });
}

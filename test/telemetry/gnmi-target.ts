import { once } from "node:events";
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type sendUnaryData,
  type status,
} from "@grpc/grpc-js";
import type { ServerCertificate } from "../../src/lab/certificates.ts";
import { octetsPath, type ResponseMessage, service } from "./gnmi-codec.ts";

export type SubscribeRequestMessage = {
  subscribe: {
    encoding?: string | number;
    mode?: string | number;
    subscription: {
      path: { elem: { name: string; key?: Record<string, string> }[] };
      mode: string | number;
      sample_interval: string;
    }[];
  };
};

/** One client's subscription, as the target sees it. */
export type Subscription = Readonly<{
  request: SubscribeRequestMessage;
  metadata: Metadata;
  send(message: ResponseMessage): void;
  /** Sends no faster than it is read, until `messages` end or the client has let go; gives how many went out. */
  pour(messages: Iterable<ResponseMessage>): Promise<number>;
  fail(code: status, details: string): void;
  end(): void;
  /** Resolves when the client has let go. */
  cancelled: Promise<void>;
}>;

/** A gNMI target on loopback that does what its test tells it. */
export class GnmiTarget {
  port = 0;
  encodings: readonly number[] = [0, 2, 4];
  refuseCapabilities: Readonly<{ code: status; details: string }> | undefined;
  hangCapabilities = false;
  readonly #server = new Server();
  readonly #subscriptions: Subscription[] = [];
  readonly #waiting: ((subscription: Subscription) => void)[] = [];

  static async start(certificate: ServerCertificate, port = 0): Promise<GnmiTarget> {
    const target = new GnmiTarget();
    await target.#listen(certificate, port);
    return target;
  }

  /** The next subscription not yet handed out. */
  subscribed(): Promise<Subscription> {
    const next = this.#subscriptions.shift();
    return next ? Promise.resolve(next) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** As a router that loses power. */
  kill(): void {
    this.#server.forceShutdown();
  }

  async #listen({ key, certificate }: ServerCertificate, port: number): Promise<void> {
    this.#server.addService(service, {
      Capabilities: (_call: unknown, reply: sendUnaryData<unknown>) => {
        if (this.hangCapabilities) return;
        if (this.refuseCapabilities) return reply(this.refuseCapabilities);
        reply(null, { supported_encodings: this.encodings, gNMI_version: "0.10.0" });
      },
      Subscribe: (call: ServerDuplexStream<SubscribeRequestMessage, ResponseMessage>) => {
        call.on("error", () => {});
        const cancelled = new Promise<void>((resolve) => call.on("cancelled", resolve));
        call.on("data", (request: SubscribeRequestMessage) =>
          this.#hand({
            request,
            metadata: call.metadata,
            send: (message) => void call.write(message),
            pour: (messages) => pour(call, messages, cancelled),
            fail: (code, details) => void call.emit("error", { code, details }),
            end: () => call.end(),
            cancelled,
          }),
        );
      },
    });
    const credentials = ServerCredentials.createSsl(null, [
      { private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) },
    ]);
    this.port = await new Promise<number>((resolve, reject) =>
      this.#server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
  }

  #hand(subscription: Subscription): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(subscription);
    else this.#subscriptions.push(subscription);
  }
}

async function pour(
  call: ServerDuplexStream<SubscribeRequestMessage, ResponseMessage>,
  messages: Iterable<ResponseMessage>,
  cancelled: Promise<void>,
): Promise<number> {
  let sent = 0;
  for (const message of messages) {
    if (call.cancelled) break;
    sent += 1;
    if (!call.write(message)) await Promise.race([once(call, "drain"), cancelled]);
  }
  return sent;
}

/** One octet counter of `eth1`. */
export function octets(direction: "in" | "out", value: number, atMs: number): ResponseMessage {
  return {
    update: {
      timestamp: `${atMs}000000`,
      update: [{ path: octetsPath(direction), val: { uint_val: String(value) } }],
    },
  };
}

import { type ChannelCredentials, Client, type ClientDuplexStream, type Metadata, status } from "@grpc/grpc-js";

/** How an RPC ended: never by an exception. */
export type RpcEnd = Readonly<{ code: status; details: string }>;

const bytes = (message: Buffer): Buffer => message;

/** The default of 4 MiB is less than the initial set of a large router. One of 2^15 paths, the most that are kept, has a fifth of this. */
const maxMessageBytes = 16 << 20;

/** A channel of its own per session, so that a router coming back is met by our back-off and not by a shared one. */
export function openChannel(address: string, credentials: ChannelCredentials, serverName?: string): Client {
  return new Client(address, credentials, {
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc-node.flow_control_window": 4 << 20,
    // A router that lost power sends no FIN. Servers in Go bear a ping more often than every five minutes only while
    // data flows, and samples do.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.use_local_subchannel_pool": 1,
    ...(serverName === undefined ? {} : { "grpc.ssl_target_name_override": serverName }),
  });
}

/** One `Capabilities` call; `abort` cancels it. */
export function capabilities(
  client: Client,
  metadata: Metadata,
): { answer: Promise<{ response: Buffer } | { end: RpcEnd }>; abort: (why: string) => void } {
  let why: string | undefined;
  let cancel = () => {};
  const answer = new Promise<{ response: Buffer } | { end: RpcEnd }>((resolve) => {
    const path = "/gnmi.gNMI/Capabilities";
    const call = client.makeUnaryRequest(path, bytes, bytes, Buffer.alloc(0), metadata, (error, response) => {
      if (response && !error) resolve({ response });
      else resolve({ end: { code: error?.code ?? status.UNKNOWN, details: why ?? error?.details ?? "no answer" } });
    });
    cancel = () => call.cancel();
  });
  return {
    answer,
    abort(reason) {
      why = reason;
      cancel();
    },
  };
}

/** While it is paused the target is held up by HTTP/2's flow control, and little is kept here. */
export type OpenSubscription = Readonly<{ cancel(): void; pause(): void; resume(): void }>;

/**
 * Opens `Subscribe` and sends one request; our half stays open, because a target may take its end for the end of the
 * subscription. `onMessage` gets each message's bytes; `onEnd` is called once, and nothing after it.
 */
export function subscribe(
  client: Client,
  metadata: Metadata,
  request: Buffer,
  onMessage: (message: Buffer) => void,
  onEnd: (end: RpcEnd) => void,
): OpenSubscription {
  const path = "/gnmi.gNMI/Subscribe";
  const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(path, bytes, bytes, metadata);
  call.on("data", onMessage);
  // Every error also comes as a status, with nothing left out; an "error" event nobody listens to would be thrown.
  call.on("error", () => {});
  call.on("status", ({ code, details }) => {
    call.off("data", onMessage);
    onEnd({ code, details });
  });
  call.write(request);
  return { cancel: () => call.cancel(), pause: () => void call.pause(), resume: () => void call.resume() };
}

// The routers of the benchmark: a process of its own, so that the client's CPU time is the client's alone.
// Prints its port. The metadata of a subscription says how many updates go in a message.
import { type MethodDefinition, Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { encodeResponse, octetsPath, service } from "../telemetry/gnmi-codec.ts";
import { counters, interfaceName, interfaces } from "./telemetry-routers.ts";

const bytes = (message: Buffer): Buffer => message;
const roundMs = 10_000;

/** One round of samples. The stamp is the first field of the notification, and always ten bytes with its tag: `stampAt` is where. */
function roundOfMessages(perMessage: number): { message: Buffer; stampAt: number }[] {
  const updates = Array.from({ length: interfaces }, (_, index) =>
    counters.map((counter, at) => ({
      path: {
        elem: [...(octetsPath("in", interfaceName(index)).elem ?? []).slice(0, -1), { name: counter }],
      },
      val: { uint_val: String(1_234_567_890_123 + index * 1_000 + at) },
    })),
  ).flat();
  const timestamp = String(BigInt(Date.now()) * 1_000_000n);
  const messages = [];
  for (let at = 0; at < updates.length; at += perMessage) {
    const message = encodeResponse({ update: { timestamp, update: updates.slice(at, at + perMessage) } });
    messages.push({ message, stampAt: message.indexOf(0x08, 2) + 1 });
  }
  return messages;
}

/** Counters repeat and time moves on, as on idle interfaces: a rate is worked out all the same. */
function stamped(message: Buffer, stampAt: number, atMs: number): Buffer {
  const copy = Buffer.from(message);
  let rest = BigInt(atMs) * 1_000_000n;
  for (let at = stampAt; rest > 0n; at++, rest >>= 7n) copy[at] = Number(rest & 0x7fn) | (rest >= 0x80n ? 0x80 : 0);
  return copy;
}

function serve(call: ServerDuplexStream<Buffer, Buffer>): void {
  const messages = roundOfMessages(Number(call.metadata.get("per-message")[0]));
  let isOver = false;
  let next = 0;
  let atMs = Date.now() - 86_400_000;
  const pump = () => {
    while (!isOver) {
      const { message, stampAt } = messages[next] as (typeof messages)[number];
      next = (next + 1) % messages.length;
      if (next === 0) atMs += roundMs;
      if (!call.write(stamped(message, stampAt, atMs))) {
        call.once("drain", pump);
        return;
      }
    }
  };
  call.on("cancelled", () => {
    isOver = true;
  });
  call.on("error", () => {});
  call.on("data", pump);
}

const server = new Server();
const { Subscribe } = service as unknown as { Subscribe: MethodDefinition<Buffer, Buffer> };
server.addService(
  { Subscribe: { ...Subscribe, requestDeserialize: bytes, responseSerialize: bytes } },
  { Subscribe: serve },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
// The parent closes our standard input when it ends, however it ends.
process.stdin.on("end", () => process.exit()).resume();

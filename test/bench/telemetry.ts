// Updates per CPU second of the client, through a loopback gRPC stream without TLS: Pointsman's reader into its state
// beside the obvious way, @grpc/proto-loader into a Map. Both in this process, turn and turn about. One JSON line a figure.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { bitsPerSecond } from "../../src/kernel/units.ts";
import type { Network } from "../../src/model/inventory.ts";
import { type SampleSink, type SeriesId, SeriesTable } from "../../src/model/sample.ts";
import { NetworkFold } from "../../src/state/network-fold.ts";
import { subscribe } from "../../src/telemetry/gnmi/rpc.ts";
import { SubscribeReader } from "../../src/telemetry/gnmi/subscribe-reader.ts";
import { counters, interfaceName, interfaces, routerName, routers } from "./telemetry-routers.ts";

const turns = 3;
const cpuSecondsPerTurn = 2;
const warmUpCpuSeconds = 1;

/** What a codec does with a router's stream: opens it, calls `onUpdates` after each message, returns what cancels. */
type Codec = (client: Client, metadata: Metadata, router: string, onUpdates: (count: number) => void) => () => void;

const network: Network = {
  as: 65000,
  devices: Array.from({ length: routers }, (_, router) => ({
    name: routerName(router),
    platform: "openconfig" as const,
    management: { host: "127.0.0.1", port: 830, username: "pointsman", hostKey: "SHA256:x" },
    gnmi: { host: "127.0.0.1", port: 9339, ca: "ca.pem" },
  })),
  links: Array.from({ length: routers * interfaces }, (_, index) => ({
    name: `link-${index}`,
    device: routerName(Math.floor(index / interfaces)),
    interface: interfaceName(index % interfaces),
    role: "transit" as const,
    capacity: bitsPerSecond(1e11),
  })),
  prefixes: [],
  classes: [],
  flows: [],
  telemetry: { intervalMs: 10_000 },
  freezes: [],
  anycast: [],
  shedWebhooks: [],
};

/** Keeps the last value of every series, as the Map of the other codec does, and folds those that make rates. */
class KeepAndFold implements SampleSink {
  updates = 0;
  readonly last = new Float64Array(1 << 16);
  readonly lastMs = new Float64Array(1 << 16);
  readonly #fold: NetworkFold;

  constructor(fold: NetworkFold) {
    this.#fold = fold;
  }

  number(series: SeriesId, value: number, sourceMs: number): void {
    this.updates++;
    this.last[series] = value;
    this.lastMs[series] = sourceMs;
    this.#fold.number(series, value, sourceMs);
  }
  text(): void {}
  gone(): void {}
  target(): void {}
}

const table = new SeriesTable();
const fold = new NetworkFold(network, table);

const pointsman: Codec = (client, metadata, router, onUpdates) => {
  const sink = new KeepAndFold(fold);
  const reader = new SubscribeReader(router, table, sink);
  const onMessage = (message: Buffer) => {
    const before = sink.updates;
    const read = reader.read(message, Date.now());
    if (!read.ok) throw read.failure;
    onUpdates(sink.updates - before);
  };
  return subscribe(client, metadata, Buffer.alloc(0), onMessage, () => {}).cancel;
};

// The fields used, with the fastest options there are: no Long objects, no defaults filled in.
type Response = {
  update: {
    timestamp: number;
    update: { path: { elem: { name: string; key?: Record<string, string> }[] }; val: { uint_val: number } }[];
  };
};
const definition = loadSync(fileURLToPath(new URL("../telemetry/gnmi.proto", import.meta.url)), {
  keepCase: true,
  longs: Number,
})["gnmi.gNMI"] as unknown as { Subscribe: { responseDeserialize(bytes: Buffer): object } };
const stored = new Map<string, { value: number; atNs: number }>();

const protoLoader: Codec = (client, metadata, router, onUpdates) => {
  const { responseDeserialize } = definition.Subscribe;
  const call = client.makeBidiStreamRequest(
    "/gnmi.gNMI/Subscribe",
    (request: Buffer) => request,
    (bytes: Buffer) => responseDeserialize(bytes) as Response,
    metadata,
  );
  call.on("error", () => {});
  call.on("data", ({ update: { timestamp, update } }: Response) => {
    for (const { path, val } of update) {
      let key = router;
      for (const { name, key: keys } of path.elem) {
        key += `/${name}`;
        for (const label in keys) key += `[${label}=${keys[label]}]`;
      }
      stored.set(key, { value: val.uint_val, atNs: timestamp });
    }
    onUpdates(update.length);
  });
  call.write(Buffer.alloc(0));
  return () => call.cancel();
};

const codecs: Readonly<Record<string, Codec>> = { pointsman, "proto-loader": protoLoader };

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Updates per CPU second over one turn, the warm-up left out. */
async function turn(port: number, codec: Codec, perMessage: number): Promise<number> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc-node.flow_control_window": 4 << 20,
    "grpc.use_local_subchannel_pool": 1,
  });
  const metadata = new Metadata();
  metadata.set("per-message", String(perMessage));
  let updates = 0;
  let messages = 0;
  let measuredFrom = cpuSeconds() + warmUpCpuSeconds;
  let isWarm = false;
  let cancels: (() => void)[] = [];
  const rate = await new Promise<number>((resolve) => {
    const onUpdates = (count: number) => {
      updates += count;
      if (++messages % 64 !== 0) return;
      const spent = cpuSeconds() - measuredFrom;
      if (!isWarm && spent >= 0) {
        isWarm = true;
        measuredFrom = cpuSeconds();
        updates = 0;
      } else if (isWarm && spent >= cpuSecondsPerTurn) resolve(updates / spent);
    };
    cancels = Array.from({ length: routers }, (_, router) => codec(client, metadata, routerName(router), onUpdates));
  });
  for (const cancel of cancels) cancel();
  client.close();
  return rate;
}

const server = spawn(
  process.execPath,
  ["--import", "tsx", fileURLToPath(new URL("telemetry-server.ts", import.meta.url))],
  { stdio: ["pipe", "pipe", "inherit"] },
);
const [line] = (await once(server.stdout, "data")) as [Buffer];
const port = Number(line.toString());

const series = routers * interfaces * counters.length;
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
for (const perMessage of [100, 1]) {
  const rates: Record<string, number[]> = {};
  for (let at = 0; at < turns; at++) {
    for (const [name, codec] of Object.entries(codecs)) {
      rates[name] = [...(rates[name] ?? []), await turn(port, codec, perMessage)];
    }
  }
  const medians = Object.fromEntries(Object.entries(rates).map(([name, values]) => [name, median(values)]));
  for (const [codec, rate] of Object.entries(medians)) {
    const figure = { bench: "telemetry", codec, perMessage, updatesPerCpuSecond: Math.round(rate) };
    process.stdout.write(`${JSON.stringify(figure)}\n`);
  }
  const times = (medians.pointsman ?? Number.NaN) / (medians["proto-loader"] ?? Number.NaN);
  process.stdout.write(
    `${JSON.stringify({ bench: "telemetry", perMessage, pointsmanTimesProtoLoader: Number(times.toFixed(2)) })}\n`,
  );
}
server.stdin.end();
// Both kept the same series, and ours knows the rates: neither was fast by leaving something out.
assert.equal(table.size, series);
assert.equal(stored.size, series);
assert.equal(fold.snapshot(Date.now()).signals.get("link.rate.in")?.size, routers * interfaces);

import { expect, test } from "vitest";
import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { Device, Link, Network, TrafficClass } from "../../src/model/inventory.ts";
import { SeriesTable } from "../../src/model/sample.ts";
import { queueName, type SignalName } from "../../src/model/signal.ts";
import { NetworkFold } from "../../src/state/network-fold.ts";

const intervalMs = 10_000;
const startMs = Date.UTC(2026, 0, 1);
const management = { host: "127.0.0.1", port: 22, username: "pointsman", hostKey: "SHA256:x" };
const gnmi = { host: "127.0.0.1", port: 9339, ca: "ca.pem" };
const device = (name: string): Device => ({ name, platform: "openconfig", management, gnmi });
const link = (name: string, of: string, eth: string, qos?: true): Link => ({
  name,
  device: of,
  interface: eth,
  role: "backbone",
  capacity: bitsPerSecond(1e9),
  ...(qos ? { qos } : {}),
});
const served = (name: string, queue: string, dscp: number): TrafficClass => ({
  name,
  prefers: "latency",
  service: {
    ...{ dscp, queue, priority: 0, floor: ratio(0.1), sheds: [], budget: { changes: 1, perMs: 1 }, fanOut: 1 },
    ...{ signals: [], objectives: [], conditions: [] },
  },
});
const query = { query: "x", linkLabel: "link", classLabel: "class" };

type Queries = NonNullable<Network["telemetry"]["prometheus"]>["queries"];

function folding(queries?: Queries) {
  const network: Network = {
    as: 65000,
    devices: [device("west"), device("east")],
    links: [
      link("west-east", "west", "eth1", true),
      link("east-west", "east", "eth1", true),
      link("out", "west", "eth2"),
    ],
    prefixes: [],
    classes: [served("chat", "interactive", 46), served("batch", "bulk", 8), { name: "plain", prefers: "latency" }],
    flows: [],
    telemetry: { intervalMs, ...(queries ? { prometheus: { url: "http://127.0.0.1:9090", queries } } : {}) },
    freezes: [],
    anycast: [],
    shedWebhooks: [],
  };
  const table = new SeriesTable();
  const fold = new NetworkFold(network, table);
  let changes = 0;
  fold.onUpdate(() => {
    changes += 1;
  });
  const leaf = (name: string, queue = "interactive", eth = "eth1", target = "west") =>
    table.intern({
      target,
      name: `/qos/interfaces/interface/output/queues/queue/state/${name}`,
      labels: { "interface.interface-id": eth, "queue.name": queue },
    });
  const queried = (name: string, labels: Record<string, string>) =>
    table.intern({ target: "prometheus", name, labels });
  const known = (signal: SignalName) => Object.fromEntries(fold.snapshot(startMs).signals.get(signal) ?? []);
  return { fold, leaf, queried, known, changes: () => changes };
}

const all = { queueRate: query, queueDrops: query, queueDepth: query };
const chat = queueName("west-east", "chat");

// Goal: octet counters become rates over the span between two samples, and a length is what it is.
test("queues as their router counts them, by the class that a queue is of", () => {
  const { fold, leaf, known, changes } = folding();
  for (const [nth, at] of [startMs, startMs + intervalMs].entries()) {
    fold.number(leaf("transmit-octets"), nth * 1_250_000, at);
    fold.number(leaf("dropped-octets"), 500 + nth * 1_250, at);
    fold.number(leaf("max-queue-len"), 3_000 + nth, at);
    fold.number(leaf("transmit-octets", "bulk", "eth1", "east"), nth * 2_500_000, at);
  }
  const span = { fromMs: startMs, toMs: startMs + intervalMs };
  const now = { fromMs: startMs + intervalMs, toMs: startMs + intervalMs };
  expect(known("queue.rate")).toEqual({ [chat]: { value: 1e6, ...span }, "east-west/batch": { value: 2e6, ...span } });
  expect(known("queue.drops")).toEqual({ [chat]: { value: 1e3, ...span } });
  expect(known("queue.depth")).toEqual({ [chat]: { value: 3_001, ...now } });
  expect(changes()).toBe(5);
});

// Goal: what is not known is absent: after one sample, a reset and a deletion, and while nothing is told.
test("no rate from one sample, over a reset, or of what is gone", () => {
  const { fold, leaf, known } = folding();
  expect(known("queue.drops")).toEqual({});
  const sample = (octets: number, nth: number) =>
    fold.number(leaf("dropped-octets"), octets, startMs + nth * intervalMs);
  sample(1_000_000, 0);
  expect(known("queue.drops")).toEqual({});
  sample(1_001_250, 1);
  expect(known("queue.drops")[chat]?.value).toBe(1e3);
  sample(0, 2);
  expect(known("queue.drops")).toEqual({});
  sample(1_250, 3);
  expect(known("queue.drops")[chat]?.value).toBe(1e3);
  fold.gone(leaf("dropped-octets"));
  expect(known("queue.drops")).toEqual({});
  fold.number(leaf("max-queue-len"), 1, startMs);
  fold.gone(leaf("max-queue-len"));
  expect(known("queue.depth")).toEqual({});
});

// Goal: a configured query is the one source of its signal; the others stay with gNMI.
test("a query wins over the router's own counters, signal by signal", () => {
  const { fold, leaf, queried, known } = folding({ queueDrops: query, queueDepth: query });
  fold.number(queried("queueDrops", { link: "west-east", class: "chat" }), 7e6, startMs);
  fold.number(queried("queueDepth", { link: "west-east", class: "chat" }), 9_000, startMs);
  for (const [nth, at] of [startMs, startMs + intervalMs].entries()) {
    fold.number(leaf("dropped-octets"), nth * 1_250, at);
    fold.number(leaf("transmit-octets"), nth * 1_250, at);
    fold.number(leaf("max-queue-len"), 1, at);
  }
  expect(known("queue.depth")[chat]?.value).toBe(9_000);
  expect(known("queue.drops")).toEqual({ [chat]: { value: 7e6, fromMs: startMs, toMs: startMs } });
  expect(known("queue.rate")[chat]?.value).toBe(1e3);
});

test("queried queues: the newest sample counts, and none once they are gone", () => {
  const { fold, queried, known } = folding(all);
  const series = queried("queueDepth", { link: "west-east", class: "chat" });
  fold.number(series, 5, startMs + 1);
  fold.number(series, 4, startMs);
  expect(known("queue.depth")).toEqual({ [chat]: { value: 5, fromMs: startMs + 1, toMs: startMs + 1 } });
  fold.number(series, -1, startMs + 2);
  expect(fold.refusedSamples).toBe(1);
  expect(known("queue.depth")[chat]?.value).toBe(5);
  fold.gone(series);
  expect(known("queue.depth")).toEqual({});
});

// Goal: a stranger is counted, and what is only none of ours is not.
test("queues of what the inventory does not have", () => {
  const { fold, leaf, queried, known } = folding({ queueRate: query });
  const strangers = [
    queried("queueRate", { link: "nowhere", class: "chat" }),
    queried("queueRate", { link: "west-east", class: "caht" }),
    leaf("dropped-octets", "interactive", "eth9"),
  ];
  const notOurs = [
    queried("queueRate", { link: "out", class: "chat" }),
    queried("queueRate", { link: "west-east", class: "plain" }),
    leaf("dropped-octets", "control"),
    leaf("dropped-octets", "interactive", "eth2"),
    leaf("transmit-pkts"),
  ];
  for (const series of [...strangers, ...notOurs]) fold.number(series, 1, startMs);
  expect(fold.unknownSeries).toBe(strangers.length);
  expect(known("queue.rate")).toEqual({});
});

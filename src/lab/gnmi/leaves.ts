import { assert } from "../../kernel/assert.ts";
import type { TypedValue } from "./messages.ts";

/** One interface as its router shows it now. Counters are octets and packets since `lastClearMs`, whole numbers. */
export type InterfaceState = Readonly<{
  name: string;
  operStatus: "UP" | "DOWN";
  capacity: number;
  lastClearMs: number;
  inOctets: number;
  outOctets: number;
  inPkts: number;
  outPkts: number;
  inDiscards: number;
  outDiscards: number;
  /** What it sends from; left out, it has one queue for all and shows none. Octets since `lastClearMs`, and bytes. */
  queues?: readonly QueueState[];
}>;

export type QueueState = Readonly<{ name: string; transmitOctets: number; droppedOctets: number; maxQueueLen: number }>;

/** One entry of a list: an interface, or a queue of one. Its keys name it in every path to it. */
export type Entry = Readonly<
  | { list: "interface"; keys: readonly [interfaceName: string]; of: InterfaceState }
  | { list: "queue"; keys: readonly [interfaceName: string, queueName: string]; of: QueueState }
>;

/** The way to each list's entries; `key` where a list on it is keyed. */
export const lists: Readonly<Record<Entry["list"], readonly Readonly<{ name: string; key?: string }>[]>> = {
  interface: [{ name: "interfaces" }, { name: "interface", key: "name" }],
  queue: [
    ...[{ name: "qos" }, { name: "interfaces" }, { name: "interface", key: "interface-id" }],
    ...[{ name: "output" }, { name: "queues" }, { name: "queue", key: "name" }],
  ],
};

/** Every entry of every list, in the order of the schema. */
export const entriesOf = (interfaces: readonly InterfaceState[]): readonly Entry[] => [
  ...interfaces.map((of): Entry => ({ list: "interface", keys: [of.name], of })),
  ...interfaces.flatMap(({ name, queues = [] }) =>
    queues.map((of): Entry => ({ list: "queue", keys: [name, of.name], of })),
  ),
];

export type LeafValue = Readonly<
  { type: "string" | "uint64"; text: string } | { type: "identity"; text: string; module: string }
>;

/** A leaf below an entry of its list. */
export type Leaf = Readonly<{
  list: Entry["list"];
  path: readonly string[];
  /** Whether the target tells of a change by itself; what counts all the time it only samples. */
  onChange: boolean;
  /** Of an entry of `list`. */
  read(entry: Entry): LeafValue;
}>;

const ofInterface = (path: readonly string[], onChange: boolean, read: (of: InterfaceState) => LeafValue): Leaf => ({
  list: "interface",
  path,
  onChange,
  read: (entry) => {
    assert(entry.list === "interface", "a leaf reads entries of its list");
    return read(entry.of);
  },
});

const ofQueue = (name: string, onChange: boolean, read: (of: QueueState) => LeafValue): Leaf => ({
  list: "queue",
  path: ["state", name],
  onChange,
  read: (entry) => {
    assert(entry.list === "queue", "a leaf reads entries of its list");
    return read(entry.of);
  },
});

const uint64 = (value: number): LeafValue => ({ type: "uint64", text: String(value) });

const counter = (name: string, read: (of: InterfaceState) => number): Leaf =>
  ofInterface(["state", "counters", name], false, (of) => uint64(read(of)));

const gigabit = 1e9;

/** openconfig-interfaces, openconfig-if-ethernet and openconfig-qos. */
export const leaves: readonly Leaf[] = [
  ofInterface(["state", "name"], true, (of) => ({ type: "string", text: of.name })),
  ofInterface(["state", "oper-status"], true, (of) => ({ type: "string", text: of.operStatus })),
  counter("in-octets", (of) => of.inOctets),
  counter("in-pkts", (of) => of.inPkts),
  counter("in-discards", (of) => of.inDiscards),
  counter("out-octets", (of) => of.outOctets),
  counter("out-pkts", (of) => of.outPkts),
  counter("out-discards", (of) => of.outDiscards),
  ofInterface(["state", "counters", "last-clear"], true, (of) => ({
    type: "uint64",
    text: nanoseconds(of.lastClearMs),
  })),
  ofInterface(["ethernet", "state", "port-speed"], true, (of) => ({
    type: "identity",
    module: "openconfig-if-ethernet",
    text: `SPEED_${of.capacity / gigabit}GB`,
  })),
  ofQueue("name", true, (of) => ({ type: "string", text: of.name })),
  ofQueue("max-queue-len", false, (of) => uint64(of.maxQueueLen)),
  ofQueue("transmit-octets", false, (of) => uint64(of.transmitOctets)),
  ofQueue("dropped-octets", false, (of) => uint64(of.droppedOctets)),
];

export const models = [
  { name: "openconfig-interfaces", organization: "OpenConfig working group", version: "3.7.1" },
  { name: "openconfig-if-ethernet", organization: "OpenConfig working group", version: "2.14.0" },
  { name: "openconfig-qos", organization: "OpenConfig working group", version: "0.11.2" },
];

export const encodings = ["JSON_IETF", "PROTO"] as const;
export type Encoding = (typeof encodings)[number];

/** JSON_IETF is RFC 7951: 64-bit integers as strings, identities with their module's name. */
export function encode(value: LeafValue, encoding: Encoding): TypedValue {
  if (encoding === "PROTO") return value.type === "uint64" ? { uint_val: value.text } : { string_val: value.text };
  const text = value.type === "identity" ? `${value.module}:${value.text}` : value.text;
  return { json_ietf_val: Buffer.from(JSON.stringify(text)) };
}

/** Milliseconds to the decimal text of whole nanoseconds, which a double cannot hold. */
export function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms * 1000)) * 1000n);
}

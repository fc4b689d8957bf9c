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
}>;

export type LeafValue = Readonly<
  { type: "string" | "uint64"; text: string } | { type: "identity"; text: string; module: string }
>;

/** A leaf below `/interfaces/interface[name]`. */
export type Leaf = Readonly<{
  path: readonly string[];
  /** Whether the target tells of a change by itself; what counts all the time it only samples. */
  onChange: boolean;
  read(of: InterfaceState): LeafValue;
}>;

const counter = (name: string, field: keyof InterfaceState): Leaf => ({
  path: ["state", "counters", name],
  onChange: false,
  read: (of) => ({ type: "uint64", text: String(of[field]) }),
});

const gigabit = 1e9;

/** openconfig-interfaces and openconfig-if-ethernet. */
export const leaves: readonly Leaf[] = [
  { path: ["state", "name"], onChange: true, read: (of) => ({ type: "string", text: of.name }) },
  { path: ["state", "oper-status"], onChange: true, read: (of) => ({ type: "string", text: of.operStatus }) },
  counter("in-octets", "inOctets"),
  counter("in-pkts", "inPkts"),
  counter("in-discards", "inDiscards"),
  counter("out-octets", "outOctets"),
  counter("out-pkts", "outPkts"),
  counter("out-discards", "outDiscards"),
  {
    path: ["state", "counters", "last-clear"],
    onChange: true,
    read: (of) => ({ type: "uint64", text: nanoseconds(of.lastClearMs) }),
  },
  {
    path: ["ethernet", "state", "port-speed"],
    onChange: true,
    read: (of) => ({ type: "identity", module: "openconfig-if-ethernet", text: `SPEED_${of.capacity / gigabit}GB` }),
  },
];

export const models = [
  { name: "openconfig-interfaces", organization: "OpenConfig working group", version: "3.7.1" },
  { name: "openconfig-if-ethernet", organization: "OpenConfig working group", version: "2.14.0" },
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

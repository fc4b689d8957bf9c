import { type BitsPerSecond, formatMs, formatPercent, formatRate } from "../kernel/units.ts";
import type { LinkName, Prefix } from "./inventory.ts";
import type { TargetStatus } from "./sample.ts";

/** What each signal is of, and what its values are: ratios, bit/s, or milliseconds. */
const signals = {
  /** Of the link's capacity. */
  "link.utilisation.in": { of: "link", unit: "ratio" },
  "link.utilisation.out": { of: "link", unit: "ratio" },
  "link.rate.in": { of: "link", unit: "rate" },
  "link.rate.out": { of: "link", unit: "rate" },
  "flow.rate": { of: "flow", unit: "rate" },
  "path.latency.p99": { of: "flow", unit: "ms" },
  /** Of the links on the flow's path, the part that flows of a latency class use too. */
  "path.shared": { of: "flow", unit: "ratio" },
} as const;

export type SignalName = keyof typeof signals;
export const signalNames = Object.keys(signals) as readonly SignalName[];
export type SignalUnit = (typeof signals)[SignalName]["unit"];

export const signalUnit = (signal: SignalName): SignalUnit => signals[signal].unit;
export const signalOf = (signal: SignalName): "link" | "flow" => signals[signal].of;

/** A value of this signal, for people. */
export function formatSignal(signal: SignalName, value: number): string {
  switch (signalUnit(signal)) {
    case "ratio":
      return formatPercent(value);
    case "rate":
      return formatRate(value);
    case "ms":
      return formatMs(value);
  }
}

/** A value with the span of source time that it was measured over; an instantaneous reading has both ends equal. */
export type Measured = Readonly<{ value: number; fromMs: number; toMs: number }>;

export type PrefixRate = Readonly<{ prefix: Prefix; link: LinkName; rate: BitsPerSecond; measuredMs: number }>;

/** What is known at `atMs`. A value that is not known is absent: it is never zero. Ages are the reader's to judge. */
export type NetworkState = Readonly<{
  atMs: number;
  /** By the name of the link or flow. */
  signals: ReadonlyMap<SignalName, ReadonlyMap<string, Measured>>;
  prefixes: readonly PrefixRate[];
  targets: ReadonlyMap<string, TargetStatus>;
}>;

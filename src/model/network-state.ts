import { type BitsPerSecond, formatPercent, formatRate } from "../kernel/units.ts";
import type { LinkName, Prefix } from "./inventory.ts";
import type { TargetStatus } from "./sample.ts";

/** Utilisations are ratios of the link's capacity, rates are bit/s. */
export type SignalName = "link.utilisation.in" | "link.utilisation.out" | "link.rate.in" | "link.rate.out";
export const signalNames: readonly SignalName[] = [
  "link.utilisation.in",
  "link.utilisation.out",
  "link.rate.in",
  "link.rate.out",
];

/** A value of this signal, for people. */
export function formatSignal(signal: SignalName, value: number): string {
  return signal.startsWith("link.utilisation.") ? formatPercent(value) : formatRate(value);
}

/** A value with the span of source time that it was measured over; an instantaneous reading has both ends equal. */
export type Measured = Readonly<{ value: number; fromMs: number; toMs: number }>;

export type PrefixRate = Readonly<{ prefix: Prefix; link: LinkName; rate: BitsPerSecond; measuredMs: number }>;

/** What is known at `atMs`. A value that is not known is absent: it is never zero. Ages are the reader's to judge. */
export type NetworkState = Readonly<{
  atMs: number;
  signals: ReadonlyMap<SignalName, ReadonlyMap<LinkName, Measured>>;
  prefixes: readonly PrefixRate[];
  targets: ReadonlyMap<string, TargetStatus>;
}>;

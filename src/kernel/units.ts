declare const unit: unique symbol;
/** Bits per second, finite and not negative. */
export type BitsPerSecond = number & { readonly [unit]: "bit/s" };
/** A share or utilisation; 1 is 100%. A measured utilisation may exceed 1. */
export type Ratio = number & { readonly [unit]: "1" };

export function bitsPerSecond(value: number): BitsPerSecond {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) throw new RangeError(`not a rate: ${value}`);
  return value as BitsPerSecond;
}

export function ratio(value: number): Ratio {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) throw new RangeError(`not a ratio: ${value}`);
  return value as Ratio;
}

const rateSuffix: Readonly<Record<string, number>> = {
  "bit/s": 1,
  "kbit/s": 1e3,
  "Mbit/s": 1e6,
  "Gbit/s": 1e9,
  "Tbit/s": 1e12,
};

/** `"1 Gbit/s"` to bit/s; undefined when the text is not a rate. SI prefixes, as IEEE 802.3 speeds are written. */
export function parseRate(text: string): BitsPerSecond | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kMGT]?bit\/s)$/.exec(text.trim());
  const scale = match ? rateSuffix[match[2] as string] : undefined;
  return match && scale !== undefined ? bitsPerSecond(Number(match[1]) * scale) : undefined;
}

/** `"85%"` to 0.85; undefined when the text is not a percentage. Does not bound it: that is the field's own rule. */
export function parsePercent(text: string): Ratio | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(text.trim());
  return match ? ratio(Number(match[1]) / 100) : undefined;
}

const durationMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `"10s"`, `"250ms"`, `"15m"`, `"2h"`, `"1d"` to milliseconds; undefined when the text is not a duration. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim());
  const scale = match ? durationMs[match[2] as string] : undefined;
  return match && scale !== undefined ? Number(match[1]) * scale : undefined;
}

/** 999_000_000 to `"999 Mbit/s"`: three significant digits, for people. */
export function formatRate(rate: number): string {
  for (const [suffix, scale] of Object.entries(rateSuffix).reverse()) {
    if (rate >= scale) return `${Number((rate / scale).toPrecision(3))} ${suffix}`;
  }
  return `${Number(rate.toPrecision(3))} bit/s`;
}

/** 0.8512 to `"85.1%"`. */
export function formatPercent(share: number): string {
  return `${Number((share * 100).toFixed(1))}%`;
}

/** 12.345 to `"12.3 ms"`: three significant digits. What is over zero and under 10 µs is `"under 0.01 ms"`: no clock here tells more. */
export function formatMs(ms: number): string {
  return ms > 0 && ms < 0.01 ? "under 0.01 ms" : `${Number(ms.toPrecision(3))} ms`;
}

/** 3_600_000 to `"1 h"`, 90_000 to `"90 s"`: in the longest unit of which it is a whole number, else in seconds. */
export function formatDuration(ms: number): string {
  const units = [["h", 3_600_000] as const, ["min", 60_000] as const, ["s", 1_000] as const];
  const [suffix, scale] = units.find(([, scale]) => ms % scale === 0) ?? ["s", 1_000];
  return `${ms / scale} ${suffix}`;
}

/** 46_875 to `"46.9 kB"`: three significant digits, SI prefixes. */
export function formatBytes(bytes: number): string {
  if (bytes >= 999_500) return `${Number((bytes / 1e6).toPrecision(3))} MB`;
  return bytes >= 1e3 ? `${Number((bytes / 1e3).toPrecision(3))} kB` : `${Math.round(bytes)} bytes`;
}

/** `"1 link"`, `"3 links"`. */
export const formatCount = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

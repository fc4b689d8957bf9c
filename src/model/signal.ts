import { formatBytes, formatMs, formatPercent, formatRate } from "../kernel/units.ts";

/** What each signal is of, and what its values are: ratios, bit/s, milliseconds or bytes. */
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
  /** Of a class at a link, see `queueName`: what is sent of it, and what is dropped. */
  "queue.rate": { of: "queue", unit: "rate" },
  "queue.drops": { of: "queue", unit: "rate" },
  /** What stands in the queue that the class goes by, whoever's it is: classes that share a queue all have its depth. */
  "queue.depth": { of: "queue", unit: "bytes" },
  /** How near a service class is to what it must not come to: 100% is at the limit. See `ClassHealth`. */
  "class.risk": { of: "class", unit: "ratio" },
  /** The worst of its objectives' percentiles of late, as a share of what is allowed: what a change is verified by. */
  "class.stress": { of: "class", unit: "ratio" },
  /** 100% where the last probe found something wrong, 0% where not. */
  "site.unwell": { of: "site", unit: "ratio" },
} as const;

export type SignalName = keyof typeof signals;
export const signalNames = Object.keys(signals) as readonly SignalName[];
export type SignalUnit = (typeof signals)[SignalName]["unit"];

export const signalUnit = (signal: SignalName): SignalUnit => signals[signal].unit;
export const signalOf = (signal: SignalName): (typeof signals)[SignalName]["of"] => signals[signal].of;

/** What a queue's values go by; names have no slash. */
export const queueName = (link: string, className: string): string => `${link}/${className}`;

/** A value of this signal, for people. */
export function formatSignal(signal: SignalName, value: number): string {
  switch (signalUnit(signal)) {
    case "ratio":
      return formatPercent(value);
    case "rate":
      return formatRate(value);
    case "ms":
      return formatMs(value);
    case "bytes":
      return formatBytes(value);
  }
}

/** A value with the span of source time that it was measured over; an instantaneous reading has both ends equal. */
export type Measured = Readonly<{ value: number; fromMs: number; toMs: number }>;

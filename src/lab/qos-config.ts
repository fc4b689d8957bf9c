import type { XmlElement } from "../kernel/xml.ts";

/** One queue of an interface. Rates are bit/s: `cir` is sure, `pir` the most; the lower `sequence` is served first. */
export type ConfiguredQueue = Readonly<{
  queue: string;
  dscps: readonly number[];
  sequence: number;
  cir: number;
  pir: number;
  ecnMinBytes?: number;
  maxBytes?: number;
}>;

/** The queues of each interface in a running configuration, by the interface's name. */
export function interfaceQueues(_running: XmlElement): ReadonlyMap<string, readonly ConfiguredQueue[]> {
  return new Map();
}

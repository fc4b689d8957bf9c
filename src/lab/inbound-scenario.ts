import type { DeviceName, Prefix } from "../model/inventory.ts";
import type { InboundDemand, TransitLink } from "./inbound-traffic.ts";

/** A transit link as its router is first configured. */
export type ScenarioLink = TransitLink &
  Readonly<{
    device: DeviceName;
    interface: string;
    neighbor: string;
    exportPolicy: string;
    /** Prepends by announced prefix. */
    announced: Readonly<Record<Prefix, number>>;
  }>;

/** Transit links, one to a router, and what the internet sends to our prefixes. */
export type InboundScenario = Readonly<{
  as: number;
  currency: string;
  links: readonly ScenarioLink[];
  demands: readonly InboundDemand[];
  faulty: DeviceName;
  /** bit/s that the prefix's senders offer once something was changed: loss had held them back. */
  rebound: Readonly<{ prefix: Prefix; rate: number }>;
}>;

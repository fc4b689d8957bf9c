import type { BitsPerSecond } from "../kernel/units.ts";
import type { SiteHealth } from "./anycast.ts";
import type { ClassHealth } from "./class-health.ts";
import type { LinkName, Prefix, SiteName } from "./inventory.ts";
import type { RouteOrigins } from "./route-origins.ts";
import type { TargetStatus } from "./sample.ts";
import type { Measured, SignalName } from "./signal.ts";

export type PrefixRate = Readonly<{ prefix: Prefix; link: LinkName; rate: BitsPerSecond; measuredMs: number }>;

/** What is known at `atMs`. A value that is not known is absent: it is never zero. Ages are the reader's to judge. */
export type NetworkState = Readonly<{
  atMs: number;
  /** By the name of the link, flow, queue, class or site. */
  signals: ReadonlyMap<SignalName, ReadonlyMap<string, Measured>>;
  prefixes: readonly PrefixRate[];
  targets: ReadonlyMap<string, TargetStatus>;
  /** Of every service class. */
  classes: ReadonlyMap<string, ClassHealth>;
  sites: ReadonlyMap<SiteName, SiteHealth>;
  /** From an RPKI cache; it may have expired. */
  routeOrigins?: RouteOrigins;
}>;

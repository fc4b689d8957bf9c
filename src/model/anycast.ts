import type { DeviceName, LinkName, Prefix, SiteName } from "./inventory.ts";

/** What came of the last probe of a site. Absent from the state: not known. */
export type SiteHealth = Readonly<{ well: boolean; reason: string; latencyMs?: number; measuredMs: number }>;

/**
 * How a site announces its service. `drained`: prepended and with the community GRACEFUL_SHUTDOWN (65535:0, RFC 8326), so that
 * traffic goes elsewhere while the route still stands. `withdrawn`: not announced.
 */
export const siteStates = ["announced", "drained", "withdrawn"] as const;
export type SiteState = (typeof siteStates)[number];

export type SiteAnnouncement = Readonly<{
  site: SiteName;
  device: DeviceName;
  link: LinkName;
  prefix: Prefix;
  state: SiteState;
}>;

/** Whether this is a step away from `announced`, one that makes a site carry less. */
export const takesOut = ({ from, to }: Readonly<{ from: SiteState; to: SiteState }>): boolean =>
  siteStates.indexOf(to) > siteStates.indexOf(from);

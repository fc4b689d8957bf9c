import type { DeviceName, LinkName, Prefix } from "./inventory.ts";

export type SiteName = string;

/** One place that answers for an anycast service. Its prefix is announced by `device` on `links`. */
export type AnycastSite = Readonly<{
  name: SiteName;
  device: DeviceName;
  links: readonly LinkName[];
  /** Asked over HTTP for the site's health, at an address of the site itself and not the anycast one. */
  probe: string;
}>;

/** A prefix that several sites announce. */
export type AnycastService = Readonly<{
  name: string;
  prefix: Prefix;
  sites: readonly AnycastSite[];
  /** Never fewer than these announce it undrained. */
  minSites: number;
  /** URL that answers with the version every site is to serve. */
  registry: string;
  /** Sent to each probe; the answer must be this. */
  golden?: Readonly<{ prompt: string; answer: string }>;
  /** Of a probe. */
  maxLatencyMs: number;
}>;

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

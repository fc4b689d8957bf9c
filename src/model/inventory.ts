import type { BitsPerSecond } from "../kernel/units.ts";

export type DeviceName = string;
export type LinkName = string;
/** An IPv4 or IPv6 prefix in canonical text: `"11.0.0.0/24"`. */
export type Prefix = string;

export const platforms = ["openconfig", "frr"] as const;
export type Platform = (typeof platforms)[number];

/** Where a secret is, never the secret: resolved when a session opens, and not kept. */
export type SecretRef = Readonly<{ env: string } | { file: string }>;

/** Reads a secret at the moment of use. Throws Failure SECRET_MISSING, which names the reference and never the value. */
export type ResolveSecret = (ref: SecretRef) => Promise<string>;

export type Management = Readonly<{
  host: string;
  port: number;
  username: string;
  /** One of the two or both: a server may ask for the key and then for the password (partial success). */
  password?: SecretRef;
  privateKey?: SecretRef;
  /** As `ssh-keygen -l` prints it: `"SHA256:…"`, unpadded base64. */
  hostKey: string;
}>;

export type GnmiAccess = Readonly<{
  host: string;
  port: number;
  username?: string;
  password?: SecretRef;
  /** PEM file with the certificate authority to trust. */
  ca: string;
  /** Name in the server's certificate, when it is not `host`. */
  serverName?: string;
}>;

export type Device = Readonly<{ name: DeviceName; platform: Platform; management: Management; gnmi?: GnmiAccess }>;

export type LinkCost = Readonly<{
  /** Money per Mbit/s carried inbound, per month of 730 hours. */
  perMbitMonth: number;
  currency: string;
}>;

export type Link = Readonly<{
  name: LinkName;
  device: DeviceName;
  interface: string;
  role: "transit" | "peering" | "backbone";
  capacity: BitsPerSecond;
  cost?: LinkCost;
  bgp?: Readonly<{ neighbor: string; exportPolicy: string }>;
}>;

/** Names that a PromQL query's answer is read into; every operator's collector names its series differently. */
export type PrometheusQuery = Readonly<{
  query: string;
  /** Result label that holds the link's name. */
  linkLabel: string;
  /** Result label that holds the prefix; only for the per-prefix query. */
  prefixLabel?: string;
}>;

export type PrometheusAccess = Readonly<{
  url: string;
  bearerToken?: SecretRef;
  /** PEM file with the certificate authority to trust, for an https URL signed by a private one. */
  ca?: string;
  queries: Readonly<{
    /** Inbound bit/s per prefix and link. */
    prefixInbound: PrometheusQuery;
    /** Inbound and outbound bit/s per link, for routers without gNMI. */
    linkInbound?: PrometheusQuery;
    linkOutbound?: PrometheusQuery;
  }>;
}>;

/** No change starts inside one. Either a span of time or a daily window in UTC, `"22:00"` to `"06:00"`. */
export type FreezeWindow = Readonly<
  { reason: string } & ({ fromMs: number; toMs: number } | { dailyFromMinute: number; dailyToMinute: number })
>;

export type Network = Readonly<{
  as: number;
  devices: readonly Device[];
  links: readonly Link[];
  /** The allow-list: Pointsman announces nothing else. */
  prefixes: readonly Prefix[];
  telemetry: Readonly<{ intervalMs: number; prometheus?: PrometheusAccess }>;
  freezes: readonly FreezeWindow[];
}>;

import type { BitsPerSecond, Ratio } from "../kernel/units.ts";
import type { ServiceClass } from "./service-class.ts";

export type DeviceName = string;
export type LinkName = string;
/** An IPv4 or IPv6 prefix in canonical text: `"11.0.0.0/24"`. */
export type Prefix = string;

export type FlowName = string;

export const platforms = ["openconfig", "frr", "linux-srv6", "linux-htb"] as const;
export type Platform = (typeof platforms)[number];

/** Where a secret is, never the secret: resolved when a session opens, and not kept. */
export type SecretRef = Readonly<{ env: string } | { file: string } | { command: readonly [string, ...string[]] }>;

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

/** What steers traffic to a router: where an SR policy ends, and its node segment (RFC 8402 3.1). */
export type NodeSegment = Readonly<{
  address: string;
  /** An MPLS label, or an SRv6 SID with behaviour End. */
  sid: number | string;
  /** SRv6: where an SR policy to this router is decapsulated (RFC 8986 4.4 to 4.8). */
  serviceSid?: string;
}>;

export type Device = Readonly<{
  name: DeviceName;
  /** Where it stands; a router without is a site of its own. */
  site?: string;
  platform: Platform;
  management: Management;
  gnmi?: GnmiAccess;
  segmentRouting?: NodeSegment;
}>;

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
  /** Pointsman may set the queues of what `device` sends by `interface`, all of them: nobody else does. */
  qos?: true;
  /** One direction of a link between two of our own routers: what `device` sends by `interface`. */
  backbone?: Readonly<{ to: DeviceName; metric: number; delayMs: number; loss: Ratio }>;
}>;

/** What a class of traffic asks of its paths. What is absent is not asked. */
export type TrafficClass = Readonly<{
  name: string;
  /**
   * `latency`: the lowest delay (inference). `capacity`: apart from what latency classes use, and with the most room left
   * (training). `remainder`: wherever the fullest link stays emptiest (batch).
   */
  prefers: "latency" | "capacity" | "remainder";
  /** One way, propagation. */
  maxDelayMs?: number;
  maxLoss?: Ratio;
  /** Delay at most, as a multiple of the lowest that the flow could have. */
  maxStretch?: number;
  /** Its objectives and its place in queues; without, it only says what its paths are to be like. */
  service?: ServiceClass;
}>;

/** A class that has objectives. */
export type ServedClass = TrafficClass & Readonly<{ service: ServiceClass }>;

/** Traffic that an SR policy of its own can steer: (headend, color, endpoint), RFC 9256 2.1. */
export type Flow = Readonly<{
  name: FlowName;
  class: string;
  headend: DeviceName;
  endpoint: DeviceName;
  color: number;
  /** What a `linux-srv6` headend steers; elsewhere BGP's color community does that (RFC 9256 8.4). */
  prefix?: Prefix;
}>;

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

/** A PromQL query and the result labels that name what its values are about: every operator's collector has names of its own. */
export type PrometheusQuery = Readonly<{
  query: string;
  linkLabel?: string;
  prefixLabel?: string;
  flowLabel?: string;
  classLabel?: string;
}>;
type QueryBy<Label extends keyof PrometheusQuery> = PrometheusQuery & Readonly<Record<Label, string>>;

export type PrometheusAccess = Readonly<{
  url: string;
  bearerToken?: SecretRef;
  /** PEM file with the certificate authority to trust, for an https URL signed by a private one. */
  ca?: string;
  queries: Readonly<{
    /** Inbound bit/s per prefix and link. */
    prefixInbound?: QueryBy<"linkLabel" | "prefixLabel">;
    /** Inbound and outbound bit/s per link, for routers without gNMI. */
    linkInbound?: QueryBy<"linkLabel">;
    linkOutbound?: QueryBy<"linkLabel">;
    /** Bit/s per flow, as it enters at its headend. */
    flowRate?: QueryBy<"flowLabel">;
    /** 99th percentile of the path latency per flow, in seconds. */
    flowLatency?: QueryBy<"flowLabel">;
    /** Per link and class, of what is sent there: bit/s, dropped bit/s, and bytes that stand in the queue that the class goes by, all of them. */
    queueRate?: QueryBy<"linkLabel" | "classLabel">;
    queueDrops?: QueryBy<"linkLabel" | "classLabel">;
    queueDepth?: QueryBy<"linkLabel" | "classLabel">;
  }>;
}>;

/** No change starts inside one. Either a span of time or a daily window in UTC, `"22:00"` to `"06:00"`. */
export type FreezeWindow = Readonly<
  { reason: string } & ({ fromMs: number; toMs: number } | { dailyFromMinute: number; dailyToMinute: number })
>;

/** An RPKI cache that is asked by RTR (RFC 8210); without `tls` over plain TCP, as is the field's norm within a network. */
export type RpkiCache = Readonly<{
  host: string;
  port: number;
  tls?: Readonly<{
    /** PEM file with the certificate authority to trust. */
    ca: string;
    /** Name in the cache's certificate, when it is not `host`. */
    serverName?: string;
  }>;
}>;

export type RpkiAccess = Readonly<{
  /** The preferred first. */
  caches: readonly RpkiCache[];
  /** What nobody has said who may originate it is not announced either. */
  requireValid: boolean;
}>;

export type Network = Readonly<{
  as: number;
  devices: readonly Device[];
  links: readonly Link[];
  /** The allow-list: Pointsman announces nothing else. */
  prefixes: readonly Prefix[];
  classes: readonly TrafficClass[];
  flows: readonly Flow[];
  anycast: readonly AnycastService[];
  telemetry: Readonly<{ intervalMs: number; prometheus?: PrometheusAccess }>;
  /** Without, origins are not validated. */
  rpki?: RpkiAccess;
  freezes: readonly FreezeWindow[];
  /** URLs that are told when a class is to offer less, and when it may offer all again. */
  shedWebhooks: readonly string[];
}>;

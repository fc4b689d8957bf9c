import type { Prefix } from "./inventory.ts";
import type { TargetStatus } from "./sample.ts";

/**
 * A Validated ROA Payload (RFC 6811 2): `as` may originate `prefix` and what is in it, down to `maxLength`. AS 0 is nobody:
 * such a prefix is not to be announced at all (RFC 6483 4).
 */
export type Vrp = Readonly<{ prefix: Prefix; maxLength: number; as: number }>;

/** What an RPKI cache says of our prefixes: every VRP that covers one of them, and no others. */
export type RouteOrigins = Readonly<{
  /** The cache's telemetry target. */
  cache: string;
  vrps: readonly Vrp[];
  /** When the cache last said that this is all of it. */
  measuredMs: number;
  /** From then on it is no data (RFC 8210 6). */
  expiresMs: number;
}>;

/** Where a source puts what it learns; undefined: nothing is known. */
export interface RouteOriginSink {
  routeOrigins(known: RouteOrigins | undefined): void;
  target(name: string, status: TargetStatus, atMs: number): void;
}

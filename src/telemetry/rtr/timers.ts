import type { Intervals } from "./pdu.ts";

export type Timers = Readonly<{ refreshMs: number; retryMs: number; expireMs: number }>;

/**
 * How often a cache is asked, and how long its word counts: what it wrote, held to the limits of RFC 8210 6, so that none can ask to be
 * believed for ever, or to be asked without end. Version 0 says nothing: then what the RFC recommends. A cache is asked before what it
 * said expires, whatever it wrote (RFC 8210 6: expire must be larger than the others).
 */
export function timersOf(
  { refresh, retry, expire }: Intervals = { refresh: 3_600, retry: 600, expire: 7_200 },
): Timers {
  const expireMs = within(600, expire, 172_800);
  return {
    refreshMs: Math.min(within(1, refresh, 86_400), expireMs / 2),
    retryMs: Math.min(within(1, retry, 7_200), expireMs / 2),
    expireMs,
  };
}

/** Until a cache has told its own. RFC 8210 6 recommends to retry after 600 s; while nothing is known everything is denied. */
export const defaultTimers: Timers = { ...timersOf(), retryMs: 60_000 };

function within(least: number, seconds: number, most: number): number {
  return Math.min(most, Math.max(least, seconds)) * 1000;
}

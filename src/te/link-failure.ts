import type { Link, LinkName } from "../model/inventory.ts";

/** Bit/s by link while `failed` is gone, before and after a change. Ties counted in full on each tied link. */
export type FailureCase = Readonly<{
  failed: LinkName;
  before: ReadonlyMap<LinkName, number>;
  after: ReadonlyMap<LinkName, number>;
}>;

export type FailureHarm = Readonly<{ failed: LinkName; link: LinkName; before: number; after: number }>;

/** Loads are sums in different orders: what differs by less than this share is the same. */
const rounding = 1e-9;

/**
 * Does a change leave the network more exposed to one failure? It does when that failure would
 * - fill a link past its capacity, further than it would without the change; or
 * - leave the fullest link above `target` and fuller than the fullest is without the change.
 * A link that got the moved traffic is fuller under most failures of third links: that alone, with room left, is no harm.
 * The answer names the link that is hurt, with its utilisation; undefined when none is.
 */
export function failureHarm(
  links: readonly Link[],
  { failed, before, after }: FailureCase,
  target: number,
): FailureHarm | undefined {
  let fullestBefore = 0;
  let fullest: FailureHarm | undefined;
  let overfilled: FailureHarm | undefined;
  for (const { name, capacity } of links) {
    if (name === failed) continue;
    const was = (before.get(name) ?? 0) / capacity;
    const is = (after.get(name) ?? 0) / capacity;
    const seen = { failed, link: name, before: was, after: is };
    fullestBefore = Math.max(fullestBefore, was);
    if (is > (fullest?.after ?? 0)) fullest = seen;
    if (exceeds(is, Math.max(1, was)) && is > (overfilled?.after ?? 0)) overfilled = seen;
  }
  if (overfilled) return overfilled;
  return fullest && exceeds(fullest.after, Math.max(fullestBefore, target)) ? fullest : undefined;
}

/** `value` is over `limit`, rounding of sums aside. */
export function exceeds(value: number, limit: number): boolean {
  return value > limit + rounding * Math.max(1, limit);
}

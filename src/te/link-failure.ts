import type { Link, LinkName } from "../model/inventory.ts";

/** Bit/s by link while the link at `failed` is gone, before and after a change. Ties counted in full on each tied link. */
export type FailureCase = Readonly<{ failed: number; before: ArrayLike<number>; after: ArrayLike<number> }>;

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
  let [fullest, overfilled] = [-1, -1];
  const used = (loads: ArrayLike<number>, link: number) => (loads[link] ?? 0) / (links[link]?.capacity ?? 1);
  for (let link = 0; link < links.length; link++) {
    if (link === failed) continue;
    const [was, is] = [used(before, link), used(after, link)];
    fullestBefore = Math.max(fullestBefore, was);
    if (fullest < 0 || is > used(after, fullest)) fullest = link;
    if (exceeds(is, Math.max(1, was)) && (overfilled < 0 || is > used(after, overfilled))) overfilled = link;
  }
  const tooFull = fullest >= 0 && exceeds(used(after, fullest), Math.max(fullestBefore, target));
  const hurt = overfilled >= 0 ? overfilled : tooFull ? fullest : -1;
  const [gone, link] = [links[failed], links[hurt]];
  if (!gone || !link) return undefined;
  return { failed: gone.name, link: link.name, before: used(before, hurt), after: used(after, hurt) };
}

/** `value` is over `limit`, rounding of sums aside. */
export function exceeds(value: number, limit: number): boolean {
  return value > limit + rounding * Math.max(1, limit);
}

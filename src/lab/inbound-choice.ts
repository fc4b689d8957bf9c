import type { LinkName, Prefix } from "../model/inventory.ts";

/** What one link announces: own-AS prepends by prefix. A prefix that is not there is not announced. */
export type Announcements = ReadonlyMap<Prefix, number>;

/** A part of a prefix's remote senders that choose alike. */
export type RemoteSource = Readonly<{
  /** Part of the prefix's traffic, 0..1; the shares of one prefix sum to 1. */
  share: number;
  /** AS hops from this source to our transit, by link, our own AS not counted. */
  distance: Readonly<Record<LinkName, number>>;
  /** What the source prefers among equally long paths (its own exit, its oldest route): most preferred first. */
  tieBreak: readonly LinkName[];
}>;

/**
 * The link by which `source` sends to `prefix`: shortest AS path, then its own tie-break (RFC 4271 9.1.2.2).
 * Undefined when no link announces the prefix: the source has no route. Written apart from the controller's own
 * model on purpose, so that the lab can prove it wrong.
 */
export function entryLink(
  source: RemoteSource,
  prefix: Prefix,
  announced: ReadonlyMap<LinkName, Announcements>,
): LinkName | undefined {
  let best: { link: LinkName; length: number } | undefined;
  for (const link of source.tieBreak) {
    const prepends = announced.get(link)?.get(prefix);
    const distance = source.distance[link];
    if (prepends === undefined || distance === undefined) continue;
    const length = distance + 1 + prepends;
    if (!best || length < best.length) best = { link, length };
  }
  return best?.link;
}

import type { AnycastService, LinkName } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";

/** Inbound bit/s of an anycast service: in all, and on some of its links. */
export type AnycastTraffic = Readonly<{ total: number; on: number }>;

/**
 * From rates no older than `freshMs`; undefined unless it is known of every link of every site how much enters there: a share of
 * what is measured elsewhere says nothing. A link without a rate of the prefix has none of it only where its flow collector
 * is heard: the link is measured, and so is another prefix on it.
 */
export function anycastTraffic(
  { prefix, sites }: AnycastService,
  links: ReadonlySet<LinkName>,
  state: NetworkState,
  freshMs: number,
): AnycastTraffic | undefined {
  const isFresh = (atMs: number) => Math.abs(state.atMs - atMs) <= freshMs;
  const rates = state.prefixes.filter(({ measuredMs }) => isFresh(measuredMs));
  const measured = state.signals.get("link.rate.in");
  let [total, on] = [0, 0];
  for (const link of new Set(sites.flatMap((site) => site.links))) {
    const entering = rates.filter((one) => one.link === link);
    const rate = entering.find((one) => one.prefix === prefix)?.rate;
    const linkMs = measured?.get(link)?.toMs;
    const heard = entering.length > 0 && linkMs !== undefined && isFresh(linkMs);
    if (rate === undefined && !heard) return undefined;
    total += rate ?? 0;
    if (links.has(link)) on += rate ?? 0;
  }
  return { total, on };
}

import type { AnycastService, LinkName } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";

/** Inbound bit/s of an anycast service: in all, and on some of its links. */
export type AnycastTraffic = Readonly<{ total: number; on: number }>;

/** From rates no older than `freshMs`; undefined when none of the service's links has one. A link that carries none of it has none. */
export function anycastTraffic(
  { prefix, sites }: AnycastService,
  links: ReadonlySet<LinkName>,
  state: NetworkState,
  freshMs: number,
): AnycastTraffic | undefined {
  const ofService = new Set(sites.flatMap((site) => site.links));
  const rates = state.prefixes.filter(
    (one) => one.prefix === prefix && ofService.has(one.link) && Math.abs(state.atMs - one.measuredMs) <= freshMs,
  );
  if (rates.length === 0) return undefined;
  const sum = (of: typeof rates) => of.reduce((bits, { rate }) => bits + rate, 0);
  return { total: sum(rates), on: sum(rates.filter(({ link }) => links.has(link))) };
}

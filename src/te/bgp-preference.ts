import { assert } from "../kernel/assert.ts";
import type { Announcement, PrependChange } from "../model/decision.ts";
import type { Link, LinkName, Prefix } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import { hiddenDemand, isSaturated } from "./link-limits.ts";

/**
 * How traffic chooses the link it enters by. Other networks prefer the shortest AS path (RFC 4271 9.1.2.2 a), and own
 * prepends are the only part of it that we set: traffic for a prefix enters by the announcement with the fewest. With
 * equally few (a tie) every network decides for itself: what is measured now stays true as long as nothing
 * changes for the prefix, but a tie that a change would make cannot be predicted.
 */
export type InboundTraffic = Readonly<{
  /** The links in scope, by name. */
  links: readonly Link[];
  /** Bit/s on a link that no prefix rate explains: it stays where it is. */
  background: ReadonlyMap<LinkName, number>;
  /** Bit/s of each prefix by the link it enters now; links out of scope included. */
  rates: ReadonlyMap<Prefix, ReadonlyMap<LinkName, number>>;
  /** Prepends of each prefix by the link it is announced on; links out of scope included. */
  announced: ReadonlyMap<Prefix, Prepends>;
  /** Links measured as full: what they would carry if they could is not known. */
  saturated: ReadonlySet<LinkName>;
}>;
type Prepends = ReadonlyMap<LinkName, number>;

const hoursPerMonth = 730;

/** What is measured, joined with what is announced; or the links whose inbound rate is not known, which is never zero. */
export function inboundTraffic(
  links: readonly Link[],
  state: NetworkState,
  announcements: readonly Announcement[],
): Readonly<{ traffic: InboundTraffic }> | Readonly<{ unmeasured: readonly LinkName[] }> {
  const measured = state.signals.get("link.rate.in");
  const unmeasured = links.map((link) => link.name).filter((name) => !measured?.has(name));
  if (unmeasured.length > 0) return { unmeasured };

  const rates = new Map<Prefix, Map<LinkName, number>>();
  const explained = new Map<LinkName, number>();
  for (const { prefix, link, rate } of state.prefixes.toSorted((a, b) => byKey(a, b))) {
    const entering = rates.get(prefix) ?? new Map<LinkName, number>();
    assert(!entering.has(link), `one rate for ${prefix} on ${link}`);
    rates.set(prefix, entering.set(link, rate));
    explained.set(link, (explained.get(link) ?? 0) + rate);
  }

  const announced = prependsByPrefix(announcements);
  const background = new Map<LinkName, number>();
  const saturated = new Set<LinkName>();
  for (const link of links) {
    const rate = measured?.get(link.name)?.value ?? 0;
    background.set(link.name, Math.max(0, rate - (explained.get(link.name) ?? 0)));
    if (isSaturated(link, rate)) saturated.add(link.name);
  }
  return { traffic: { links, background, rates, announced, saturated } };
}

/** Links by name, whatever order they come in. */
export function prependsByPrefix(announcements: readonly Announcement[]): Map<Prefix, Map<LinkName, number>> {
  const announced = new Map<Prefix, Map<LinkName, number>>();
  for (const announcement of announcements.toSorted((a, b) => byKey(a, b))) {
    const { prefix, link, prepends } = announcement;
    const on = announced.get(prefix) ?? new Map<LinkName, number>();
    assert(!on.has(link), `one announcement of ${prefix} on ${link}`);
    announced.set(prefix, on.set(link, prepends));
  }
  return announced;
}

const byKey = (a: { prefix: Prefix; link: LinkName }, b: { prefix: Prefix; link: LinkName }) => {
  if (a.prefix !== b.prefix) return a.prefix < b.prefix ? -1 : 1;
  return a.link < b.link ? -1 : Number(a.link > b.link);
};

/** The same traffic with everything that enters by a saturated link scaled by `hiddenDemand`: what limits are judged on. */
export function withHiddenDemand(traffic: InboundTraffic): InboundTraffic {
  if (traffic.saturated.size === 0) return traffic;
  const scale = (byLink: ReadonlyMap<LinkName, number>) =>
    new Map([...byLink].map(([link, rate]) => [link, traffic.saturated.has(link) ? rate * hiddenDemand : rate]));
  return {
    ...traffic,
    background: scale(traffic.background),
    rates: new Map([...traffic.rates].map(([prefix, entering]) => [prefix, scale(entering)])),
  };
}

/** The links with the fewest prepends, by name: one, several in a tie, none when it is announced nowhere (else). */
export function entryLinks(prepends: Prepends | undefined, failed?: LinkName): LinkName[] {
  let fewest = Number.POSITIVE_INFINITY;
  let best: LinkName[] = [];
  for (const [link, count] of prepends ?? []) {
    if (link === failed || count > fewest) continue;
    if (count < fewest) best = [];
    fewest = count;
    best.push(link);
  }
  return best.sort();
}

/** The links on which `prepends` is no more than what stood there, by name; what did not stand there is more. */
export function linksWithoutMore(prepends: Prepends, stood: Prepends | undefined): LinkName[] {
  return [...prepends].flatMap(([link, count]) => (count <= (stood?.get(link) ?? -1) ? [link] : [])).sort();
}

/** The links that a prefix enters by once changes are made; links out of scope included. */
export function entryLinksAfter(
  traffic: InboundTraffic,
  prefix: Prefix,
  changes: readonly PrependChange[],
): LinkName[] {
  return entryLinks(changedAnnouncements(traffic, changes).get(prefix) ?? traffic.announced.get(prefix));
}

/** What is asked of the model: after which changes, with which link gone, and how to count traffic in a tie. */
export type Situation = Readonly<{
  changes?: readonly PrependChange[];
  failed?: LinkName;
  /** `even` splits it; `each` counts all of it on every tied link: an upper bound for any one link. */
  tie?: "even" | "each";
}>;

/** Bit/s on each link in scope but the failed one, whose prefixes enter by the best announcement left or nowhere. */
export function linkLoads(traffic: InboundTraffic, situation: Situation = {}): Map<LinkName, number> {
  const loads = new Map<LinkName, number>();
  for (const { name } of traffic.links) {
    if (name !== situation.failed) loads.set(name, traffic.background.get(name) ?? 0);
  }
  const changed = changedAnnouncements(traffic, situation.changes ?? []);
  const add = (link: LinkName, rate: number) => {
    const load = loads.get(link);
    if (load !== undefined) loads.set(link, load + rate);
  };
  for (const prefix of traffic.rates.keys()) place(traffic, prefix, changed.get(prefix), situation, add);
  return loads;
}

/** Bit/s of one prefix on each link it enters by, links out of scope included. */
export function prefixLoads(traffic: InboundTraffic, prefix: Prefix, situation: Situation = {}): Map<LinkName, number> {
  const changed = changedAnnouncements(traffic, situation.changes ?? []);
  const on = new Map<LinkName, number>();
  place(traffic, prefix, changed.get(prefix), situation, (link, rate) => on.set(link, (on.get(link) ?? 0) + rate));
  return on;
}

function place(
  traffic: InboundTraffic,
  prefix: Prefix,
  changed: Prepends | undefined,
  { failed, tie = "even" }: Situation,
  add: (link: LinkName, rate: number) => void,
): void {
  const before = traffic.announced.get(prefix);
  const staysPut = changed === undefined || sameLinks(entryLinks(before), entryLinks(changed));
  let homeless = 0;
  for (const [link, rate] of traffic.rates.get(prefix) ?? []) {
    if (staysPut && link !== failed) add(link, rate);
    else homeless += rate;
  }
  if (homeless === 0) return;
  const entries = entryLinks(changed ?? before, failed);
  for (const link of entries) add(link, tie === "each" ? homeless : homeless / entries.length);
}

const sameLinks = (a: readonly LinkName[], b: readonly LinkName[]) =>
  a.length === b.length && a.every((link, index) => link === b[index]);

function changedAnnouncements(traffic: InboundTraffic, changes: readonly PrependChange[]): Map<Prefix, Prepends> {
  const changed = new Map<Prefix, Map<LinkName, number>>();
  for (const { prefix, link, to } of changes) {
    const prepends = changed.get(prefix) ?? new Map(traffic.announced.get(prefix));
    changed.set(prefix, prepends.set(link, to));
  }
  return changed;
}

/** Bit/s that enter by another link after the changes. */
export function movedRate(traffic: InboundTraffic, changes: readonly PrependChange[]): number {
  let moved = 0;
  for (const prefix of new Set(changes.map((change) => change.prefix))) {
    const after = prefixLoads(traffic, prefix, { changes });
    for (const [link, rate] of traffic.rates.get(prefix) ?? []) moved += Math.max(0, rate - (after.get(link) ?? 0));
  }
  return moved;
}

/** Bit/s inbound on all links in scope. */
export function totalRate(traffic: InboundTraffic): number {
  return [...linkLoads(traffic).values()].reduce((sum, load) => sum + load, 0);
}

/** Money per hour for `load` bit/s; what does not fit is not carried and not billed. A link without a cost is free. */
export function costPerHour(link: Link, load: number): number {
  return ratePerHour(link, Math.min(load, link.capacity));
}

/** Money per hour for `rate` bit/s more, whatever the link carries already. */
export function ratePerHour(link: Link, rate: number): number {
  return ((link.cost?.perMbitMonth ?? 0) / hoursPerMonth) * (rate / 1e6);
}

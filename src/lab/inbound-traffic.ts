import type { LinkName, Prefix } from "../model/inventory.ts";
import { type Announcements, entryLink, type RemoteSource } from "./inbound-choice.ts";
import { type LinkFlow, lineFlow, packetBits } from "./line-queues.ts";
import { type TrafficLink, TrafficModel, type TrafficStart } from "./traffic.ts";

/** Rates are bit/s, inbound. */
export type InboundDemand = Readonly<{
  prefix: Prefix;
  base: number;
  peak: number;
  sources: readonly RemoteSource[];
}>;

export type TransitLink = TrafficLink & Readonly<{ perMbitMonth: number }>;

/** Since the start; whole octets and packets, as a router shows them. */
export type LinkCounters = Readonly<{
  inOctets: number;
  outOctets: number;
  inPkts: number;
  outPkts: number;
  inDiscards: number;
  outDiscards: number;
}>;

/** Requests and acknowledgements that go out for what comes in. */
const outboundShare = 0.1;

/** Inbound traffic, steered by what each transit link announces. */
export class InboundTraffic extends TrafficModel<Announcements> {
  readonly #links: readonly TransitLink[];
  readonly #demands: readonly InboundDemand[];

  constructor(
    start: TrafficStart,
    network: Readonly<{
      links: readonly TransitLink[];
      demands: readonly InboundDemand[];
      announced: ReadonlyMap<LinkName, Announcements>;
    }>,
  ) {
    const { links, demands, announced } = network;
    super(start, {
      links,
      demands: demands.map(({ prefix, base, peak }) => ({ name: prefix, base, peak })),
      settings: announced,
    });
    this.#links = links;
    this.#demands = demands;
  }

  flows(): ReadonlyMap<LinkName, LinkFlow> {
    const rates = this.offered();
    const offered = new Map<LinkName, Map<Prefix, number>>();
    for (const link of this.#links) offered.set(link.name, new Map());
    for (const demand of this.#demands) {
      const rate = rates.get(demand.prefix) ?? 0;
      for (const source of demand.sources) {
        const entry = entryLink(source, demand.prefix, this.settings);
        const onLink = entry === undefined ? undefined : offered.get(entry);
        onLink?.set(demand.prefix, (onLink.get(demand.prefix) ?? 0) + rate * source.share);
      }
    }
    return new Map(
      this.#links.map(({ name, capacity }) => {
        const demands = [...(offered.get(name) ?? [])].map(([prefix, rate]) => ({ name: prefix, rate }));
        return [name, lineFlow(capacity, demands, [])];
      }),
    );
  }

  counters(link: LinkName): LinkCounters {
    const { octets, pkts, discards } = this.totals(link);
    const outBits = [...this.deliveredBits(link).values()].reduce((sum, value) => sum + value, 0) * outboundShare;
    return {
      inOctets: octets,
      outOctets: Math.floor(outBits / 8),
      inPkts: pkts,
      outPkts: Math.floor(outBits / packetBits),
      inDiscards: discards,
      outDiscards: 0,
    };
  }

  /** Money per hour at the present rates: a month is billed as 730 hours. */
  costPerHour(): number {
    const flows = this.flows();
    return this.#links.reduce(
      (sum, link) => sum + (link.perMbitMonth / 730) * ((flows.get(link.name)?.delivered ?? 0) / 1e6),
      0,
    );
  }
}

import { assert } from "../../kernel/assert.ts";
import { bitsPerSecond, ratio } from "../../kernel/units.ts";
import type { Prediction, PrependChange } from "../../model/decision.ts";
import type { LinkName } from "../../model/inventory.ts";
import { costPerHour, type InboundTraffic, linkLoads, movedRate, totalRate } from "../../te/bgp-preference.ts";

/** What every link in scope would carry and cost, from the rates as measured; a tie that is restored counts as an even split. */
export function predict(traffic: InboundTraffic, changes: readonly PrependChange[], currency: string): Prediction {
  const before = linkLoads(traffic);
  const after = linkLoads(traffic, { changes });
  const worst = worstAfterFailure(traffic, changes);
  const links = traffic.links.map((link) => {
    const outlook = (loads: ReadonlyMap<LinkName, number>) => {
      const load = loads.get(link.name);
      assert(load !== undefined, `${link.name} has a load`);
      return { utilisation: ratio(load / link.capacity), costPerHour: costPerHour(link, load) };
    };
    return {
      link: link.name,
      before: outlook(before),
      after: outlook(after),
      afterWorstFailure: ratio((worst.get(link.name) ?? after.get(link.name) ?? 0) / link.capacity),
    };
  });
  const moved = movedRate(traffic, changes);
  const total = totalRate(traffic);
  return {
    links,
    flows: [],
    costPerHour: {
      before: links.reduce((sum, link) => sum + link.before.costPerHour, 0),
      after: links.reduce((sum, link) => sum + link.after.costPerHour, 0),
      currency,
    },
    moved: bitsPerSecond(moved),
    movedShare: ratio(total === 0 ? 0 : moved / total),
  };
}

/** The most bit/s on each link over all failures of one other link; no entry when there is no other. */
function worstAfterFailure(traffic: InboundTraffic, changes: readonly PrependChange[]): Map<LinkName, number> {
  const worst = new Map<LinkName, number>();
  for (const { name: failed } of traffic.links) {
    for (const [link, load] of linkLoads(traffic, { changes, failed, tie: "each" })) {
      worst.set(link, Math.max(worst.get(link) ?? 0, load));
    }
  }
  return worst;
}

import type { Clock } from "../kernel/clock.ts";
import type { LinkName } from "../model/inventory.ts";
import type { SeriesHistory } from "./series-history.ts";
import type { TrafficModel } from "./traffic.ts";

/**
 * Once per interval, writes what flow export at our edge would show of the interval past: delivered bit/s by link and
 * prefix, and by link. Returns what stops it.
 */
export function startFlowCollector(options: {
  traffic: TrafficModel;
  links: readonly LinkName[];
  history: SeriesHistory;
  clock: Clock;
  intervalMs: number;
}): () => void {
  const { traffic, links, history, clock, intervalMs } = options;
  const read = () => {
    const atMs = clock.now();
    traffic.advance(atMs);
    return { atMs, bits: new Map(links.map((link) => [link, new Map(traffic.deliveredBits(link))])) };
  };
  let before = read();
  const collect = () => {
    const now = read();
    const seconds = (now.atMs - before.atMs) / 1000;
    cancel = clock.after(intervalMs, collect);
    if (seconds <= 0) return; // the wall clock was set back
    for (const [link, byPrefix] of now.bits) {
      let total = 0;
      for (const [prefix, bits] of byPrefix) {
        const rate = (bits - (before.bits.get(link)?.get(prefix) ?? 0)) / seconds;
        total += rate;
        const labels = { __name__: "flow_inbound_bits_per_second", link, prefix };
        history.add(labels, { atMs: now.atMs, value: rate });
      }
      history.add({ __name__: "link_inbound_bits_per_second", link }, { atMs: now.atMs, value: total });
    }
    before = now;
  };
  let cancel = clock.after(intervalMs, collect);
  return () => cancel();
}

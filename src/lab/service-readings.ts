import type { LinkName } from "../model/inventory.ts";
import type { BackboneTraffic } from "./backbone-traffic.ts";
import { queueOf } from "./line-queues.ts";
import type { Reading } from "./network.ts";

type Named = Readonly<{ name: string }>;

/**
 * What each of the links does to each class: bit/s sent and dropped, and bytes that stand in line, by the wait that one
 * packet in a hundred is above. A link without queues has its one line told apart by DSCP.
 */
export function queueReadings(
  traffic: BackboneTraffic,
  services: readonly Named[],
  links: readonly LinkName[],
): Reading[] {
  const now = traffic.flows();
  return links.flatMap((link) => {
    const [delivered, dropped, line] = [traffic.deliveredBits(link), traffic.droppedBits(link), now.get(link)];
    return services.flatMap(({ name: className }): Reading[] => {
      const flows = traffic.flowsOf(className);
      const sum = (of: (flow: string) => number) => flows.reduce((total, flow) => total + of(flow), 0);
      const standing = sum((flow) => {
        if (!line) return 0;
        const { offered, lossShare, queueP99Ms } = queueOf(line, flow);
        return ((offered.get(flow) ?? 0) * (1 - lossShare) * queueP99Ms) / 8_000;
      });
      const labels = { link, class: className };
      return [
        { labels: { __name__: "queue_bits_per_second", ...labels }, bits: sum((flow) => delivered.get(flow) ?? 0) },
        {
          labels: { __name__: "queue_dropped_bits_per_second", ...labels },
          bits: sum((flow) => dropped.get(flow) ?? 0),
        },
        { labels: { __name__: "queue_depth_bytes", ...labels }, value: standing },
      ];
    });
  });
}

/** What the machines of each class show: counters since the start, and gauges. */
export function serviceReadings(traffic: BackboneTraffic, services: readonly Named[]): Reading[] {
  const now = traffic.services();
  return services.flatMap(({ name: className }): Reading[] => {
    const [load, state] = [traffic.load(className), now.get(className)];
    const series = (name: string, value: number, more: Readonly<Record<string, string>> = {}) => ({
      labels: { __name__: name, class: className, ...more },
      value,
    });
    const buckets = [...(load?.buckets() ?? [])].map(([le, count]) =>
      series("first_token_seconds_bucket", count, { le }),
    );
    return [
      ...buckets,
      ...(load ? [series("stream_interruptions_total", load.interruptions())] : []),
      ...(state?.requestsWaiting === undefined ? [] : [series("requests_waiting", state.requestsWaiting)]),
      ...(state?.gpuUtilisation === undefined ? [] : [series("gpu_utilisation_ratio", state.gpuUtilisation)]),
    ];
  });
}

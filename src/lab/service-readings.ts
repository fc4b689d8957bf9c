import { assert } from "../kernel/assert.ts";
import type { LinkName } from "../model/inventory.ts";
import type { BackboneLink, BackboneTraffic } from "./backbone-traffic.ts";
import type { LinkFlow } from "./line-queues.ts";
import type { Reading } from "./network.ts";

type Named = Readonly<{ name: string }>;

/** What a link did with some flows since the start, bits, and how many bytes stand in the queues that they go by now. */
function passage(traffic: BackboneTraffic, link: LinkName, now: LinkFlow, flows: readonly string[]) {
  const [delivered, dropped] = [traffic.deliveredBits(link), traffic.droppedBits(link)];
  const used = now.queues.filter(({ offered }) => flows.some((flow) => offered.has(flow)));
  const queues = now.queues.length === 0 ? [now] : used;
  const sum = (of: (flow: string) => number) => flows.reduce((total, flow) => total + of(flow), 0);
  return {
    sentBits: sum((flow) => delivered.get(flow) ?? 0),
    droppedBits: sum((flow) => dropped.get(flow) ?? 0),
    standingBytes: queues.reduce((total, { delivered, queueP99Ms }) => total + (delivered * queueP99Ms) / 8_000, 0),
  };
}

/**
 * What each of the links does to each class: bit/s sent and dropped, told apart by DSCP, and bytes that stand in the queue
 * that it goes by, by the wait that one packet in a hundred is above. A link without queues has one line, which is everybody's.
 */
export function queueReadings(
  traffic: BackboneTraffic,
  services: readonly Named[],
  links: readonly LinkName[],
): Reading[] {
  const flows = traffic.flows();
  return links.flatMap((link) =>
    services.flatMap(({ name }): Reading[] => {
      const now = flows.get(link);
      assert(now, `the model has a link ${link}`);
      const { sentBits, droppedBits, standingBytes } = passage(traffic, link, now, traffic.flowsOf(name));
      const labels = { link, class: name };
      return [
        { labels: { __name__: "queue_bits_per_second", ...labels }, bits: sentBits },
        { labels: { __name__: "queue_dropped_bits_per_second", ...labels }, bits: droppedBits },
        { labels: { __name__: "queue_depth_bytes", ...labels }, value: standingBytes },
      ];
    }),
  );
}

/** The queues that a router has on a link, as gNMI shows them: octets since the start, and bytes. `now` is the link's traffic. */
export const queueCounters = (traffic: BackboneTraffic, link: BackboneLink, now: LinkFlow) =>
  traffic.queuesOf(link).map(({ queue, dscps }) => {
    const { sentBits, droppedBits, standingBytes } = passage(traffic, link.name, now, traffic.flowsMarked(dscps));
    return {
      name: queue,
      transmitOctets: Math.floor(sentBits / 8),
      droppedOctets: Math.floor(droppedBits / 8),
      maxQueueLen: Math.floor(standingBytes),
    };
  });

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

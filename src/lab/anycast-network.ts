import type { LinkName, Prefix } from "../model/inventory.ts";
import { inboundNetwork } from "./inbound-network.ts";
import type { InboundScenario } from "./inbound-scenario.ts";
import type { EmulatedNetwork } from "./network.ts";
import type { TrafficStart } from "./traffic.ts";

/** Sites behind the transit links of an inbound scenario, one to a link. */
export type AnycastLabScenario = InboundScenario &
  Readonly<{
    anycast: Readonly<{
      name: string;
      prefix: Prefix;
      minSites: number;
      golden: Readonly<{ prompt: string; answer: string }>;
      maxLatencyMs: number;
      sites: readonly Readonly<{ name: string; device: string; link: LinkName }>[];
    }>;
    /** At the peak's beginning the registry and all sites but one move on to the version `after`. */
    versions: Readonly<{ before: string; after: string; leftBehind: string }>;
  }>;

/** An inbound network whose sites answer probes: with what they serve, and slowly where their link drops. */
export function anycastNetwork(scenario: AnycastLabScenario, start: TrafficStart): EmulatedNetwork {
  const inbound = inboundNetwork(scenario, start);
  const { anycast, versions } = scenario;
  const { sites, maxLatencyMs, golden, ...service } = anycast;
  const registry = (atMs: number) =>
    atMs - start.startMs < start.timing.peakAfterMs ? versions.before : versions.after;
  return {
    ...inbound,
    inventory: {
      ...inbound.inventory,
      anycast: (urlOf) => [
        {
          ...service,
          registry: urlOf("registry"),
          golden,
          maxLatency: `${maxLatencyMs}ms`,
          sites: sites.map(({ name, device, link }) => ({ name, device, links: [link], probe: urlOf(name) })),
        },
      ],
    },
    web: [
      { name: "registry", answer: (atMs) => ({ body: { version: registry(atMs) }, afterMs: 0 }) },
      ...sites.map(({ name, link }) => ({
        name,
        answer(atMs: number, prompt: string | undefined) {
          const { utilisation } = inbound.measure(atMs);
          const full = (utilisation[link] ?? 0) >= 1;
          return {
            body: {
              version: name === versions.leftBehind ? versions.before : registry(atMs),
              ...(prompt === golden.prompt && { answer: golden.answer }),
            },
            afterMs: full ? 1.5 * maxLatencyMs : 0,
          };
        },
      })),
    ],
  };
}

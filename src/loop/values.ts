import { type Decision, type RouterFacts, samePaths, sameShares } from "../model/decision.ts";

/** What a decision sets: one value on a router. Changes of two values never undo one another. */
export type Value = Decision["changes"][number];

/** Whether one sets anew what the other set. */
export const isSame = (a: Value, b: Value): boolean => a.device === b.device && nameOf(a) === nameOf(b);

/** Names the value among those of its router, whatever it is set to. */
export function nameOf(value: Value): string {
  switch (value.action) {
    case "bgp-prepend":
      return `prepends of ${value.prefix} on ${value.link}`;
    case "segment-routing":
      return `SR policy of ${value.flow}`;
    case "qos":
      return `queues of ${value.link}`;
    case "anycast-drain":
      return `site ${value.site} on ${value.link}`;
  }
}

/** Whether it reads as it is set; not where the routers say nothing of it. */
export function isThere(
  value: Value,
  { announcements = [], steering = [], qos = [], sites = [] }: Partial<RouterFacts>,
) {
  switch (value.action) {
    case "bgp-prepend": {
      const { link, prefix, to } = value;
      return announcements.some((one) => one.link === link && one.prefix === prefix && one.prepends === to);
    }
    case "segment-routing":
      return steering.some((one) => one.flow === value.flow && samePaths(one.paths, value.to));
    case "qos": {
      const { link, device, to } = value;
      return qos.some((one) => one.link === link && one.device === device && sameShares(one.shares, to));
    }
    case "anycast-drain":
      return sites.some((one) => one.site === value.site && one.link === value.link && one.state === value.to);
  }
}

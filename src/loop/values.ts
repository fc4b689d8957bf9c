import type { Decision } from "../model/decision.ts";

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

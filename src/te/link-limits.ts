import type { Link } from "../model/inventory.ts";
import type { PrependPolicy, SegmentRoutingPolicy } from "../model/policy.ts";

/** From here on a link's counters show what fits and not what was sent. */
const saturation = 0.98;
/** What a saturated link's traffic is judged at: dropped packets make TCP send less, so more comes once there is room. */
export const hiddenDemand = 1.25;

export const isSaturated = ({ capacity }: Readonly<{ capacity: number }>, rate: number) =>
  rate >= saturation * capacity;

type LinkMover = Pick<PrependPolicy | SegmentRoutingPolicy, "trigger" | "decide">;

/**
 * Bit/s up to which a link may get traffic back: where it counts as clear again, whether the policy watches rates or
 * utilisations. A policy that watches paths has no such mark for links, and holds them to its target.
 */
export function clearLoad({ trigger, decide }: LinkMover, link: Link): number {
  if (trigger.signal.startsWith("link.rate")) return trigger.clear;
  return (trigger.signal.startsWith("link.utilisation") ? trigger.clear : decide.target) * link.capacity;
}

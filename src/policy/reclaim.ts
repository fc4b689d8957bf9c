import type { PrependChange } from "../model/decision.ts";
import type { LinkName, Network } from "../model/inventory.ts";
import type { NetworkState, PrefixRate } from "../model/network-state.ts";
import type { Policy } from "../model/policy.ts";
import { observe } from "./observe.ts";

/** A confirmed move that could be given back. */
export type Displacement = Readonly<{ changeId: string; changes: readonly PrependChange[] }>;

/**
 * The policy's signal on `link`, in that signal's unit (a ratio of capacity, or bit/s), once the current rate of each moved
 * prefix is back on it, wherever it enters now. Traffic of these prefixes that still enters `link` is in its value already.
 * Undefined when it cannot be known: the link or one of the rates has no fresh sample, or the signal is not an inbound one.
 */
export function predictReclaim(
  policy: Policy,
  link: LinkName,
  state: NetworkState,
  network: Network,
  displacement: Displacement,
): number | undefined {
  const { intervalMs } = network.telemetry;
  const now = observe(policy, link, state, intervalMs);
  const capacity = network.links.find(({ name }) => name === link)?.capacity;
  if (now.kind === "blind" || capacity === undefined) return undefined;

  const patienceMs = policy.guard.freshnessIntervals * intervalMs;
  const isFresh = ({ measuredMs }: PrefixRate) => Math.abs(state.atMs - measuredMs) <= patienceMs;
  const moved = new Set(displacement.changes.map(({ prefix }) => prefix));
  const rates = state.prefixes.filter(({ prefix }) => moved.has(prefix));
  // An old rate on the link itself is what the move left behind; an old rate elsewhere may be traffic still.
  const elsewhere = rates.filter((entry) => entry.link !== link);
  const heard = new Set(rates.filter(isFresh).map(({ prefix }) => prefix));
  if (heard.size < moved.size || !elsewhere.every(isFresh)) return undefined;

  const returning = elsewhere.reduce((sum, { rate }) => sum + rate, 0);
  switch (policy.trigger.signal) {
    case "link.utilisation.in":
      return now.value + returning / capacity;
    case "link.rate.in":
      return now.value + returning;
    case "link.utilisation.out":
    case "link.rate.out":
      return undefined;
  }
}

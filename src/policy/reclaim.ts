import type { Changes, PrependChange, SegmentRoutingChange } from "../model/decision.ts";
import type { LinkName, Network } from "../model/inventory.ts";
import { type NetworkState, signalUnit } from "../model/network-state.ts";
import type { Policy } from "../model/policy.ts";
import { observe } from "./observe.ts";

/** A confirmed move that could be given back. */
export type Displacement = Readonly<{ changeId: string; changes: Changes }>;

/**
 * The policy's signal on `link` (of a site, as it is), in that signal's unit (a ratio of capacity, or bit/s), once the current rate of all that was
 * moved is back on it. Traffic of a moved prefix that still enters `link` is in its value already. Undefined when it
 * cannot be known: the link or one of the rates has no fresh sample, or the policy does not watch links in the
 * direction that its changes move.
 */
export function predictReclaim(
  policy: Policy,
  link: LinkName,
  state: NetworkState,
  network: Network,
  { changes }: Displacement,
): number | undefined {
  const { signal } = policy.trigger;
  const now = observe(policy, link, state, network);
  // A site that is well is well whatever traffic it gets; what more traffic does to it, verification sees.
  if ("anycast" in policy.scope) return now.kind === "blind" ? undefined : now.value;
  const capacity = network.links.find(({ name }) => name === link)?.capacity;
  if (!("links" in policy.scope) || now.kind === "blind" || capacity === undefined) return undefined;
  const patienceMs = policy.guard.freshnessIntervals * network.telemetry.intervalMs;
  const isFresh = (measuredMs: number) => Math.abs(state.atMs - measuredMs) <= patienceMs;
  const movesFlows = changes.some(({ action }) => action === "segment-routing");
  if (signal.endsWith(movesFlows ? ".in" : ".out")) return undefined;
  const returning = movesFlows
    ? returningFlows(changes as readonly SegmentRoutingChange[], state, isFresh)
    : returningPrefixes(changes as readonly PrependChange[], link, state, isFresh);
  if (returning === undefined) return undefined;
  return now.value + (signalUnit(signal) === "rate" ? returning : returning / capacity);
}

type Freshness = (measuredMs: number) => boolean;

function returningFlows(
  changes: readonly SegmentRoutingChange[],
  state: NetworkState,
  isFresh: Freshness,
): number | undefined {
  let sum = 0;
  for (const { flow } of changes) {
    const measured = state.signals.get("flow.rate")?.get(flow);
    if (!measured || !isFresh(measured.toMs)) return undefined;
    sum += measured.value;
  }
  return sum;
}

function returningPrefixes(
  changes: readonly PrependChange[],
  link: LinkName,
  state: NetworkState,
  isFresh: Freshness,
): number | undefined {
  const moved = new Set(changes.map(({ prefix }) => prefix));
  const rates = state.prefixes.filter(({ prefix }) => moved.has(prefix));
  // An old rate on the link itself is what the move left behind; an old rate elsewhere may be traffic still.
  const elsewhere = rates.filter((entry) => entry.link !== link);
  const heard = new Set(rates.filter(({ measuredMs }) => isFresh(measuredMs)).map(({ prefix }) => prefix));
  if (heard.size < moved.size || !elsewhere.every(({ measuredMs }) => isFresh(measuredMs))) return undefined;
  return elsewhere.reduce((sum, { rate }) => sum + rate, 0);
}

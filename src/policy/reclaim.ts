import { mostOverLimit } from "../model/class-health.ts";
import type { Changes, Demand, PrependChange, QosChange, SegmentRoutingChange } from "../model/decision.ts";
import type { LinkName, Network, SiteName } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { Policy } from "../model/policy.ts";
import { servedClass } from "../model/scope.ts";
import { signalUnit } from "../model/signal.ts";
import { delayAfter, pathLimits, qosInterfaces, returnTo } from "../te/class-queues.ts";
import { observe } from "./observe.ts";

/** A confirmed move that could be given back, and what those wanted whom it holds back. */
export type Displacement = Readonly<{ changeId: string; changes: Changes; demands?: readonly Demand[] }>;

/**
 * The policy's signal for `target`, were what a change has moved back. Undefined when it cannot be known.
 */
export function predictReclaim(
  policy: Policy,
  target: string,
  state: NetworkState,
  network: Network,
  displacement: Displacement,
): number | undefined {
  if ("class" in policy.scope) return afterOldQueues(policy, target, state, network, displacement);
  if ("anycast" in policy.scope) return ofSite(policy, target, state, network);
  return afterReturn(policy, target, state, network, displacement);
}

/**
 * The policy's signal on `link`, in that signal's unit (a ratio of capacity, or bit/s), once the current rate of all that was
 * moved is back on it. Traffic of a moved prefix that still enters `link` is in its value already. Undefined when it
 * cannot be known: the link or one of the rates has no fresh sample, or the policy does not watch links in the
 * direction that its changes move.
 */
function afterReturn(
  policy: Policy,
  link: LinkName,
  state: NetworkState,
  network: Network,
  { changes }: Displacement,
): number | undefined {
  const { signal } = policy.trigger;
  const now = observe(policy, link, state, network);
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

/** A site that is well is well whatever traffic it gets; what more traffic does to it, verification sees. */
function ofSite(policy: Policy, site: SiteName, state: NetworkState, network: Network): number | undefined {
  const now = observe(policy, site, state, network);
  return now.kind === "blind" ? undefined : now.value;
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

/**
 * The share of what its path's delay may be that a class would come to with the queues from before a change, by the model and
 * at present loads; no less than the signal is now. As high as it can be where somebody would stand before a full queue. Undefined
 * when something that it rests on has no fresh sample.
 */
function afterOldQueues(
  policy: Policy,
  target: string,
  state: NetworkState,
  network: Network,
  { changes, demands }: Displacement,
): number | undefined {
  const now = observe(policy, target, state, network);
  const one = servedClass(network, target);
  const health = state.classes.get(target);
  const made = [...changes].filter((change): change is QosChange => change.action === "qos");
  if (now.kind === "blind" || !one || !health || made.length < changes.length) return undefined;
  const patienceMs = policy.guard.freshnessIntervals * network.telemetry.intervalMs;
  const queues = (["link.rate.out", "queue.rate", "queue.drops", "queue.depth"] as const).flatMap((signal) => [
    ...(state.signals.get(signal) ?? []),
  ]);
  const links = made.map(({ link }) => link);
  const stale = queues.some(([name, { toMs }]) => {
    return links.some((link) => `${name}/`.startsWith(`${link}/`)) && Math.abs(state.atMs - toMs) > patienceMs;
  });
  const part = { ...network, links: network.links.filter(({ name }) => links.includes(name)) };
  const left = made.map(({ link, device, to }) => ({ link, device, shares: to }));
  const known = qosInterfaces(part, state, left);
  const asked = pathLimits(one, health);
  if (stale || "unknown" in known || "unknown" in asked || known.interfaces.length < made.length) return undefined;
  const found = returnTo(one, known.interfaces, made, demands);
  if ("barred" in found) return undefined;
  if ("overload" in found) return mostOverLimit;
  const shares = asked.limits.map((limit) => delayAfter(limit, found.waits) / limit.belowMs);
  return Math.min(mostOverLimit, Math.max(now.value, ...shares));
}

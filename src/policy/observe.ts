import type { Network } from "../model/inventory.ts";
import type { Measured, NetworkState } from "../model/network-state.ts";
import type { Policy } from "../model/policy.ts";
import { drainedLinks } from "../model/scope.ts";

/** What a policy sees of one target now. `value` is in the unit of its signal; `measuredMs` is source time. */
export type Observation = Readonly<
  { kind: "blind"; reason: string } | { kind: "seen"; value: number; measuredMs: number }
>;

/**
 * Blind when there is no sample, or when it is older than `freshnessIntervals` of telemetry: no data is never zero.
 * A sample from as far in the future is refused too: the clocks disagree, and its age cannot be known.
 * A drain is seen as the fullest of its links, and as late as the oldest of their samples.
 */
export function observe(policy: Policy, target: string, state: NetworkState, network: Network): Observation {
  const { signal } = policy.trigger;
  const patienceMs = policy.guard.freshnessIntervals * network.telemetry.intervalMs;
  const names = "drain" in policy.scope ? drainedLinks(network, target).map(({ name }) => name) : [target];
  let seen: Measured | undefined;
  for (const name of names) {
    const measured = state.signals.get(signal)?.get(name);
    if (!measured) return { kind: "blind", reason: `no sample of ${signal} for ${name}${unheard(state)}` };
    const ageMs = state.atMs - measured.toMs;
    if (ageMs > patienceMs) {
      const reason = `the last sample of ${signal} for ${name} is ${ageMs / 1000} s old${unheard(state)}`;
      return { kind: "blind", reason };
    }
    if (-ageMs > patienceMs) {
      const reason = `the sample of ${signal} for ${name} is from ${-ageMs / 1000} s in the future: compare the clocks`;
      return { kind: "blind", reason };
    }
    const { value, toMs } = measured;
    seen = seen ? { ...seen, value: Math.max(seen.value, value), toMs: Math.min(seen.toMs, toMs) } : measured;
  }
  if (!seen) return { kind: "blind", reason: `no link of ${target} is known` };
  return { kind: "seen", value: seen.value, measuredMs: seen.toMs };
}

/** The sources that do not speak, as the likely reason. */
function unheard(state: NetworkState): string {
  const silent = [...state.targets].filter(([, { state: is }]) => is !== "synced");
  if (silent.length === 0) return "";
  return `; ${silent.map(([name, { state: is, reason }]) => `${name} is ${is}${reason ? ` (${reason})` : ""}`).join(", ")}`;
}

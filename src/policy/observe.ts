import type { LinkName } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { Policy } from "../model/policy.ts";

/** What a policy sees of one link now. `value` is in the unit of its signal; `measuredMs` is source time. */
export type Observation = Readonly<
  { kind: "blind"; reason: string } | { kind: "seen"; value: number; measuredMs: number }
>;

/**
 * Blind when there is no sample, or when it is older than `freshnessIntervals` of `intervalMs`: no data is never zero.
 * A sample from as far in the future is refused too: the clocks disagree, and its age cannot be known.
 */
export function observe(policy: Policy, link: LinkName, state: NetworkState, intervalMs: number): Observation {
  const { signal } = policy.trigger;
  const measured = state.signals.get(signal)?.get(link);
  if (!measured) return { kind: "blind", reason: `no sample of ${signal} for ${link}${unheard(state)}` };
  const ageMs = state.atMs - measured.toMs;
  const patienceMs = policy.guard.freshnessIntervals * intervalMs;
  if (ageMs > patienceMs) {
    const reason = `the last sample of ${signal} for ${link} is ${ageMs / 1000} s old${unheard(state)}`;
    return { kind: "blind", reason };
  }
  if (-ageMs > patienceMs) {
    const reason = `the sample of ${signal} for ${link} is from ${-ageMs / 1000} s in the future: compare the clocks`;
    return { kind: "blind", reason };
  }
  return { kind: "seen", value: measured.value, measuredMs: measured.toMs };
}

/** The sources that do not speak, as the likely reason. */
function unheard(state: NetworkState): string {
  const silent = [...state.targets].filter(([, { state: is }]) => is !== "synced");
  if (silent.length === 0) return "";
  return `; ${silent.map(([name, { state: is, reason }]) => `${name} is ${is}${reason ? ` (${reason})` : ""}`).join(", ")}`;
}

import { assert } from "../kernel/assert.ts";
import type { Network } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { Policy } from "../model/policy.ts";
import { drainedLinks } from "../model/scope.ts";
import type { Measured } from "../model/signal.ts";

/** What a policy sees of one target now. `value` is in the unit of its signal; `measuredMs` is source time. */
export type Observation = Readonly<
  { kind: "blind"; reason: string } | { kind: "seen"; value: number; measuredMs: number }
>;

/** The last sample of the policy's signal, whatever its age. Of a drain: the fullest of its links, as old as the oldest. */
export function lastSeen(policy: Policy, target: string, state: NetworkState, network: Network): Measured | undefined {
  const samples = sourcesOf(policy, target, network).map((name) => state.signals.get(policy.trigger.signal)?.get(name));
  if (!samples.every((sample) => sample !== undefined)) return undefined;
  const [first, ...others] = samples;
  return others.reduce<Measured | undefined>(
    (seen, { value, fromMs, toMs }) =>
      seen && {
        value: Math.max(seen.value, value),
        fromMs: Math.min(seen.fromMs, fromMs),
        toMs: Math.min(seen.toMs, toMs),
      },
    first,
  );
}

/**
 * Blind when there is no sample, or when it is older than `freshnessIntervals` of telemetry: no data is never zero.
 * A sample from as far in the future is refused too: the clocks disagree, and its age cannot be known.
 */
export function observe(policy: Policy, target: string, state: NetworkState, network: Network): Observation {
  const { signal } = policy.trigger;
  const measured = lastSeen(policy, target, state, network);
  if (!measured) {
    const missing = sourcesOf(policy, target, network).find((name) => !state.signals.get(signal)?.has(name)) ?? target;
    return {
      kind: "blind",
      reason: `no sample of ${signal} for ${missing}${unknownOf(state, target)}${unheard(state)}`,
    };
  }
  assert(Number.isFinite(measured.value), `${signal} of ${target} is a finite number`);
  const ageMs = state.atMs - measured.toMs;
  const patienceMs = policy.guard.freshnessIntervals * network.telemetry.intervalMs;
  if (ageMs > patienceMs) {
    const reason = `the last sample of ${signal} for ${target} is ${ageMs / 1000} s old${unheard(state)}`;
    return { kind: "blind", reason };
  }
  if (-ageMs > patienceMs) {
    const reason = `the sample of ${signal} for ${target} is from ${-ageMs / 1000} s in the future: compare the clocks`;
    return { kind: "blind", reason };
  }
  return { kind: "seen", value: measured.value, measuredMs: measured.toMs };
}

/** The links or flows whose samples tell how a target stands. */
function sourcesOf({ scope }: Policy, target: string, network: Network): string[] {
  return "drain" in scope ? drainedLinks(network, target).map(({ name }) => name) : [target];
}

/** What of a service class is not known. */
function unknownOf(state: NetworkState, target: string): string {
  const { objectives = [], conditions = [] } = state.classes.get(target) ?? {};
  const gaps = [
    ...objectives.map(({ objective, unknown }) => unknown && `${objective}: ${unknown}`),
    ...conditions.map(({ text, unknown }) => unknown && `${text}: ${unknown}`),
  ].filter((gap) => gap !== undefined);
  return gaps.length === 0 ? "" : `: ${gaps.join("; ")}`;
}

/** The sources that do not speak, as the likely reason. */
function unheard(state: NetworkState): string {
  const silent = [...state.targets].filter(([, { state: is }]) => is !== "synced");
  if (silent.length === 0) return "";
  return `; ${silent.map(([name, { state: is, reason }]) => `${name} is ${is}${reason ? ` (${reason})` : ""}`).join(", ")}`;
}

import { formatCount, formatPercent } from "../kernel/units.ts";
import type { GuardFinding } from "../model/decision.ts";
import type { Link } from "../model/inventory.ts";
import { exceeds, type FailureHarm } from "../te/link-failure.ts";
import { clearLoad } from "../te/link-limits.ts";
import type { GuardInput, PrependCase, SegmentRoutingCase } from "./case.ts";

export function maxDevices({ decision, policy }: GuardInput): GuardFinding {
  const devices = new Set([...decision.changes].map((change) => change.device));
  const limit = policy.guard.maxDevices;
  const reason = `changes ${devices.size} of at most ${formatCount(limit, "device")}: ${[...devices].sort().join(", ")}`;
  return { guard: "max-devices", allow: devices.size <= limit, reason };
}

export type Sample = Readonly<{ what: string; atMs: number | undefined }>;

/**
 * Every sample is there and young enough. A stamp as far ahead of our clock as that is as wrong: a router's clock that
 * runs ahead would make old data look new for as long.
 */
export function freshSamples({ policy, network, nowMs }: GuardInput, samples: readonly Sample[]): GuardFinding {
  const limitMs = policy.guard.freshnessIntervals * network.telemetry.intervalMs;
  let oldest = 0;
  let complaint: string | undefined;
  for (const { what, atMs } of samples) {
    const ageMs = nowMs - (atMs ?? nowMs);
    oldest = Math.max(oldest, ageMs);
    if (atMs === undefined) complaint ??= `there is no ${what}`;
    if (ageMs > limitMs) complaint ??= `the ${what} is ${seconds(ageMs)} old, over ${seconds(limitMs)}`;
    if (-ageMs > limitMs) complaint ??= `the ${what} is stamped ${seconds(-ageMs)} in the future: a clock is wrong`;
  }
  const reason = complaint ?? `the oldest sample is ${seconds(oldest)} old, within ${seconds(limitMs)}`;
  return { guard: "freshness", allow: complaint === undefined, reason };
}

const seconds = (ms: number) => `${Number((ms / 1000).toFixed(1))} s`;

/** Bit/s by link, in the order of `links`, as they are judged. */
export type Loads = Readonly<{ links: readonly Link[]; before: ArrayLike<number>; after: ArrayLike<number> }>;

/**
 * Every link that gets more than it has must end within the target; when traffic is given back, within what the policy
 * calls clear.
 */
export function headroom(
  { decision, policy }: PrependCase | SegmentRoutingCase,
  { links, before, after }: Loads,
): GuardFinding {
  const guard = "target-headroom";
  const givesBack = decision.intent.kind === "give-back";
  const figures: string[] = [];
  let allow = true;
  for (const [i, link] of links.entries()) {
    const load = after[i] ?? 0;
    if (!exceeds(load, before[i] ?? 0)) continue;
    const limit = givesBack ? clearLoad(policy, link) : policy.decide.target * link.capacity;
    if (exceeds(load, limit)) allow = false;
    figures.push(
      `${link.name} goes to ${formatPercent(load / link.capacity)} of at most ${formatPercent(limit / link.capacity)}`,
    );
  }
  return { guard, allow, reason: figures.length === 0 ? "no link gets more traffic" : figures.join(", ") };
}

/** `harm`: the first that one of so many failures does, see `failureHarm`; not worked out where the policy does not ask. */
export function survival({ policy }: GuardInput, failures: number, harm: () => FailureHarm | undefined): GuardFinding {
  const guard = "link-failure";
  if (!policy.guard.surviveAnyLinkFailure) return { guard, allow: true, reason: "the policy does not ask for it" };
  const found = harm();
  if (!found) {
    return { guard, allow: true, reason: `no failure of one of ${failures} links is worse than without the change` };
  }
  const reason = `if ${found.failed} fails, ${found.link} would be at ${formatPercent(found.after)}; without the change at ${formatPercent(found.before)}`;
  return { guard, allow: false, reason };
}

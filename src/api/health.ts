import { z } from "zod";
import type { Vitals, Watch } from "../model/vitals.ts";

/** One thing that must be so. It names no router, policy or link: whoever asks needs no token. */
const Check = z.object({
  check: z.string(),
  ok: z.boolean(),
  ageSeconds: z.number().exactOptional(),
  why: z.string().exactOptional(),
});
type Check = z.infer<typeof Check>;

export const Health = z.object({ ok: z.boolean(), checks: z.array(Check) });
export type Health = z.infer<typeof Health>;

/** Looks that may be missed before the loop counts as standing still. */
const missedLooks = 5;
/** A look may hold decisions, which wait for routers that do not answer; as long as the slowest of them may take. */
const decidingMs = 60_000;

/**
 * Whether the process is worth keeping: each policy has looked at a target, or decisions have passed its turn on, within five of its
 * intervals and a minute, and nothing has stopped the loop.
 */
export function aliveness({ atMs, startedMs, failed, policies }: Vitals): Health {
  const waits = policies.map(({ lookedMs, dueMs }) => {
    const agedMs = Math.max(0, atMs - (lookedMs ?? startedMs));
    return { agedMs, late: agedMs > missedLooks * dueMs + decidingMs };
  });
  const oldestMs = Math.max(0, ...waits.map(({ agedMs }) => agedMs));
  const late = waits.filter((wait) => wait.late).length;
  return whole([
    check("running", failed ? "a bug, or a journal that cannot be written, has stopped the loop" : undefined),
    {
      ...check("loop", late > 0 ? `${late} of ${waits.length} policies were not evaluated in time` : undefined),
      ageSeconds: oldestMs / 1000,
    },
  ]);
}

/** Whether it can do its work: what a predecessor left is finished, telemetry has come, and the journal takes entries. */
export async function readiness(watch: Watch): Promise<Health> {
  const { sources, recovering } = await watch.vitals();
  const writable = await watch.journalWritable();
  const measuring = sources.filter(({ tells }) => tells === "samples");
  const starting = measuring.filter(({ state }) => state === "starting").length;
  const synced = measuring.filter(({ state }) => state === "synced").length;
  return whole([
    check("journal", writable.ok ? undefined : "it cannot be written"),
    check("recovery", recovering > 0 ? `${recovering} changes of before the start are not over` : undefined),
    // A router that is down for long must not keep the controller from the others.
    check("telemetry", unsynced(starting, synced, measuring.length)),
  ]);
}

function unsynced(starting: number, synced: number, all: number): string | undefined {
  if (starting > 0) return `${starting} of ${all} sources have not said anything yet`;
  return synced === 0 ? `none of ${all} sources is synced` : undefined;
}

const check = (name: string, why: string | undefined): Check =>
  why === undefined ? { check: name, ok: true } : { check: name, ok: false, why };

const whole = (checks: Check[]): Health => ({ ok: checks.every(({ ok }) => ok), checks });

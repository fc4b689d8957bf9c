import { type Context, Hono } from "hono";
import type { Clock } from "../kernel/clock.ts";
import type { Vitals, Watch } from "../model/vitals.ts";
import { aliveness, type Health, readiness } from "./health.ts";

/** A look takes all that telemetry says, and every change there was. */
const lookEveryMs = 1_000;

/**
 * `/healthz` (restart it if not) and `/readyz` (do not rely on it yet if not): 200, or 503 with the checks that failed. No token: an
 * orchestrator has none, and nothing of the network is told. However often it is asked, it looks once a second; asking too often is not
 * refused, as a restart would come of that.
 */
export function healthRoutes(watch: Watch, clock: Clock): Hono {
  let looked: Readonly<{ atMs: number; vitals: Promise<Vitals> }> | undefined;
  function vitals(): Promise<Vitals> {
    const nowMs = clock.now();
    if (!looked || Math.abs(nowMs - looked.atMs) >= lookEveryMs) looked = { atMs: nowMs, vitals: watch.vitals() };
    return looked.vitals;
  }
  const seldom: Watch = { ...watch, vitals };
  const answer = (context: Context, health: Health) => context.json(health, health.ok ? 200 : 503);
  return new Hono()
    .get("/healthz", async (context) => answer(context, aliveness(await vitals())))
    .get("/readyz", async (context) => answer(context, await readiness(seldom)));
}

import { type Context, Hono } from "hono";
import type { Watch } from "../model/vitals.ts";
import { aliveness, type Health, readiness } from "./health.ts";

/**
 * `/healthz` (restart it if not) and `/readyz` (do not rely on it yet if not): 200, or 503 with the checks that failed. No token: an
 * orchestrator has none, and nothing of the network is told.
 */
export function healthRoutes(watch: Watch): Hono {
  const answer = (context: Context, health: Health) => context.json(health, health.ok ? 200 : 503);
  return new Hono()
    .get("/healthz", async (context) => answer(context, aliveness(await watch.vitals())))
    .get("/readyz", async (context) => answer(context, await readiness(watch)));
}

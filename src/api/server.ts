import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { z } from "zod";
import { Failure, type FailureCode, type Result, unwrap } from "../kernel/failure.ts";
import type { Controller } from "../model/controller.ts";
import type { Watch } from "../model/vitals.ts";
import { healthRoutes } from "./health-routes.ts";
import { metricsOf } from "./metrics.ts";

export type ApiServer = Readonly<{ url: string; close(): Promise<void> }>;

/** It is written to the audit log and to terminals: no control character, line break or change of writing direction. */
const oneLine = z
  .string()
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]*$/u, "has a character that is not text")
  .max(1000);
const Named = z.object({ by: oneLine.min(1) });
const WithReason = Named.extend({ reason: oneLine });
/** The last instant that a Date can hold (ECMA-262 21.4.1.1). */
const latestMs = 8.64e15;
const Freeze = WithReason.extend({ untilMs: z.number().positive().max(latestMs) });

const httpStatus: Partial<Record<FailureCode, 400 | 401 | 404 | 409>> = {
  CONFIG_INVALID: 400,
  CONTROLLER_AUTH: 401,
  NOT_FOUND: 404,
  APPROVAL_REFUSED: 409,
  NOTHING_TO_DO: 409,
  GUARD_DENIED: 409,
};

/**
 * The routes, each one call of the controller. Bodies and answers are JSON; an error is `{ error: { code, message, mend? } }`.
 * `/metrics` is where Prometheus looks for it, and its answer is Prometheus's text. It wants the token like all else:
 * `authorization: { credentials_file: … }` in the scrape configuration sends it.
 */
export function apiRoutes(controller: Controller, watch: Watch, token: string): Hono {
  const app = new Hono();
  const metrics = metricsOf(controller, watch);
  // Before the token is asked for.
  app.route("/", healthRoutes(watch));
  app.use(async (context, next) => {
    if (!isToken(context.req.header("authorization"), token)) {
      throw new Failure("CONTROLLER_AUTH", "the token is missing or wrong", {
        mend: "use the token in endpoint.json of the controller's state folder",
      });
    }
    await next();
  });
  app.get("/v1/status", async (context) => context.json(await controller.status()));
  app.get("/v1/shed", async (context) => context.json(await controller.shed()));
  app.get("/metrics", async (context) => {
    const { contentType, text } = await metrics();
    return context.body(text, 200, { "content-type": contentType });
  });
  app.get("/v1/changes", async (context) => context.json(await controller.changes()));
  app.get("/v1/changes/:id", (context) => answer(context, controller.change(context.req.param("id"))));
  app.post("/v1/changes/:id/approve", async (context) => {
    const { by } = await body(context, Named);
    return answer(context, controller.approve(context.req.param("id"), by));
  });
  app.post("/v1/changes/:id/reject", async (context) => {
    const { by, reason } = await body(context, WithReason);
    return answer(context, controller.reject(context.req.param("id"), by, reason));
  });
  app.post("/v1/changes/:id/rollback", async (context) => {
    const { by, reason } = await body(context, WithReason);
    return answer(context, controller.rollback(context.req.param("id"), by, reason));
  });
  app.post("/v1/freeze", async (context) => {
    const { by, untilMs, reason } = await body(context, Freeze);
    return answer(context, controller.freeze(by, untilMs, reason));
  });
  app.post("/v1/kill", async (context) => {
    const { by, reason } = await body(context, WithReason);
    return answer(context, controller.kill(by, reason));
  });
  app.post("/v1/resume", async (context) => {
    const { by } = await body(context, Named);
    return answer(context, controller.resume(by));
  });
  app.get("/v1/explain/:subject", (context) => answer(context, controller.explain(context.req.param("subject"))));
  app.get("/v1/audit/verify", (context) => answer(context, controller.verifyAudit()));
  app.notFound((context) =>
    context.json({ error: { code: "NOT_FOUND", message: `no such route: ${context.req.path}` } }, 404),
  );
  app.onError((error, context) => {
    if (error instanceof Failure) return context.json({ error: error.toJSON() }, httpStatus[error.code] ?? 500);
    return context.json({ error: { code: "INTERNAL", message: error.message } }, 500);
  });
  return app;
}

/** Listens on loopback only: whoever wants it elsewhere puts a proxy with its own authentication before it. */
export async function startApi(controller: Controller, watch: Watch, token: string, port: number): Promise<ApiServer> {
  const server = createAdaptorServer({ fetch: apiRoutes(controller, watch, token).fetch }) as Server;
  server.listen(port, "127.0.0.1");
  await once(server, "listening").catch((error: Error) => {
    const mend = "free the port, or choose another with --port";
    throw new Failure("CONFIG_INVALID", `the API cannot listen on 127.0.0.1:${port}: ${error.message}`, { mend });
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${bound}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function answer(context: Context, asked: Promise<Result<unknown>>): Promise<Response> {
  return context.json(unwrap(await asked) as object);
}

async function body<T>(context: Context, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await context.req.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`).join("; ");
  throw new Failure("CONFIG_INVALID", `bad request: ${fields}`, { mend: "send JSON with the fields named" });
}

/** Compares digests, so that neither length nor content shows in the time it takes. */
function isToken(header: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(header ?? ""), digest(`Bearer ${token}`));
}

import { Readable } from "node:stream";
import { type Context, Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { z } from "zod";
import { Failure, type FailureCode, type Result, unwrap } from "../kernel/failure.ts";
import type { Controller } from "../model/controller.ts";
import type { Watch } from "../model/vitals.ts";
import { type Admitted, type GateOptions, gate, nameOf, routeOf, whyNot } from "./gate.ts";
import { healthRoutes } from "./health-routes.ts";
import { metricsOf } from "./metrics.ts";
import { bodyOfBoundedSize, loopbackHostOnly, sameSiteJson } from "./request-checks.ts";

export type RouteOptions = GateOptions &
  Readonly<{
    encrypted: boolean;
    watch: Watch;
    /** Told what ended a request that is nobody's fault but ours: whoever asked hears that much and no more. */
    onBug: (route: string, error: Error) => void;
  }>;

/** It is written to the audit log and to terminals: no control character, line break or change of writing direction. */
const oneLine = z
  .string()
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]*$/u, "has a character that is not text")
  .max(1000);
/** Who asks: needed, and believed, only where tokens have no names. */
const Named = z.object({ by: oneLine.min(1).optional() });
const WithReason = Named.extend({ reason: oneLine });
/** The last instant that a Date can hold (ECMA-262 21.4.1.1). */
const latestMs = 8.64e15;
const Freeze = WithReason.extend({ untilMs: z.number().positive().max(latestMs) });

const httpStatus: Partial<Record<FailureCode, 400 | 401 | 403 | 404 | 409 | 429>> = {
  CONFIG_INVALID: 400,
  CONTROLLER_AUTH: 401,
  FORBIDDEN: 403,
  RATE_LIMITED: 429,
  NOT_FOUND: 404,
  APPROVAL_REFUSED: 409,
  NOTHING_TO_DO: 409,
  GUARD_DENIED: 409,
};

/**
 * The routes, each one call of the controller; who may ask for which is in `roles.ts`. Bodies and answers are JSON; an error is
 * `{ error: { code, message, mend? } }`. `/metrics` is where Prometheus looks for it, and its answer is Prometheus's text. It wants the
 * token like all else: `authorization: { credentials_file: … }` in the scrape configuration sends it.
 */
export function apiRoutes(controller: Controller, options: RouteOptions): Hono<Admitted> {
  const { encrypted, watch, onBug } = options;
  const app = new Hono<Admitted>();
  const metrics = metricsOf(controller, watch);
  app.use(secureHeaders({ strictTransportSecurity: encrypted, xFrameOptions: "DENY" }));
  if (!encrypted) app.use(loopbackHostOnly);
  // Before the token is asked for.
  app.route("/", healthRoutes(watch, options.clock));
  app.use(gate(options), sameSiteJson, bodyOfBoundedSize);
  app.get("/v1/whoami", (context) => context.json(context.get("caller")));
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
    return answer(context, controller.approve(context.req.param("id"), nameOf(context.get("caller"), by)));
  });
  app.post("/v1/changes/:id/reject", async (context) => {
    const { by, reason } = await body(context, WithReason);
    return answer(context, controller.reject(context.req.param("id"), nameOf(context.get("caller"), by), reason));
  });
  app.post("/v1/changes/:id/rollback", async (context) => {
    const { by, reason } = await body(context, WithReason);
    const caller = context.get("caller");
    // Out of a trial an operator may take a change; from a confirmed one, back onto the routers, only who may approve.
    const mayUndo = () => whyNot(caller, "approver", "taking back a confirmed change");
    return answer(context, controller.rollback(context.req.param("id"), nameOf(caller, by), reason, mayUndo));
  });
  app.post("/v1/changes/:id/settle", async (context) => {
    const { by, reason } = await body(context, WithReason);
    return answer(context, controller.settle(context.req.param("id"), nameOf(context.get("caller"), by), reason));
  });
  app.post("/v1/freeze", async (context) => {
    const { by, untilMs, reason } = await body(context, Freeze);
    return answer(context, controller.freeze(nameOf(context.get("caller"), by), untilMs, reason));
  });
  app.post("/v1/kill", async (context) => {
    const { by, reason } = await body(context, WithReason);
    return answer(context, controller.kill(nameOf(context.get("caller"), by), reason));
  });
  app.post("/v1/resume", async (context) => {
    const { by } = await body(context, Named);
    const caller = context.get("caller");
    // What somebody else has stopped, an administrator starts again.
    const mayEnd = (other: string) => whyNot(caller, "admin", `ending what ${other} has stopped`);
    return answer(context, controller.resume(nameOf(caller, by), mayEnd));
  });
  app.get("/v1/explain/:subject", (context) => answer(context, controller.explain(context.req.param("subject"))));
  app.get("/v1/audit/verify", (context) => answer(context, controller.verifyAudit()));
  app.get("/v1/audit/export", (context) => {
    const lines = linesOf(controller.exportAudit(sinceOf(context.req.query("since"))));
    const stream = Readable.toWeb(Readable.from(lines)) as ReadableStream;
    return context.body(stream, 200, { "content-type": "application/x-ndjson" });
  });
  app.notFound((context) =>
    context.json({ error: { code: "NOT_FOUND", message: `no such route: ${context.req.path}` } }, 404),
  );
  app.onError((error, context) => {
    if (error instanceof Failure) return context.json({ error: error.toJSON() }, httpStatus[error.code] ?? 500);
    onBug(routeOf(context).join(" "), error);
    const mend = "see what the controller has printed";
    return context.json(
      { error: { code: "INTERNAL", message: "a bug in the controller ended the request", mend } },
      500,
    );
  });
  return app;
}

async function* linesOf(entries: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const entry of entries) yield `${JSON.stringify(entry)}\n`;
}

function sinceOf(text: string | undefined): number {
  const sinceMs = Number(text ?? 0);
  if (sinceMs >= 0 && sinceMs <= latestMs) return sinceMs;
  throw new Failure("CONFIG_INVALID", "bad request: since is not a time", { mend: "send ms since the epoch" });
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

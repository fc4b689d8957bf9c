import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import type { Clock } from "../kernel/clock.ts";
import { Failure } from "../kernel/failure.ts";
import type { AccessRole } from "../model/access.ts";
import type { Authenticate, Caller } from "./authenticate.ts";
import { RateLimit } from "./rate-limit.ts";
import { mayActAs, roleFor } from "./roles.ts";

/** Whoever was refused what, where the name is known. */
export type Refusal = Readonly<{ by: string; route: string; failure: Failure }>;

/** What the routes know of a request once it is through the gate. */
export type Admitted = { Variables: { caller: Caller } };

export type GateOptions = Readonly<{
  authenticate: Authenticate;
  clock: Clock;
  onRefused: (refusal: Refusal) => Promise<void>;
}>;

/** What stops the controller, and what its client asks before: a program that runs wild under the same name must not be in the way. */
const unlimited = ["POST /v1/kill", "POST /v1/freeze", "GET /v1/whoami"];

/**
 * Lets nobody through without a token whose role is enough for the route, nor more often than a program in its right mind asks: 100 at
 * once and 20 a second, but for what stops the controller. Refusals of people whose names are known are told to `onRefused` before they are answered; ten at once and one
 * every six seconds of each, so that nobody fills the audit log with them.
 */
export function gate({ authenticate, clock, onRefused }: GateOptions): MiddlewareHandler<Admitted> {
  const requests = new RateLimit({ burst: 100, perSecond: 20, clock });
  const refusals = new RateLimit({ burst: 10, perSecond: 1 / 6, clock });

  async function tell(context: Context, by: string | null | undefined, failure: Failure): Promise<void> {
    if (by === null || by === undefined || !refusals.take(by).ok) return;
    await onRefused({ by, route: routeOf(context).join(" "), failure });
  }

  return async (context, next) => {
    const address = getConnInfo(context).remote.address ?? "";
    const known = await authenticate(context.req.header("authorization"), address);
    if (!known.ok) {
      // RFC 6750 3.
      context.header("www-authenticate", "Bearer");
      if (known.retryAfterSeconds !== undefined) context.header("retry-after", String(known.retryAfterSeconds));
      await tell(context, known.name, known.failure);
      throw known.failure;
    }
    const { caller } = known;
    const isUnlimited = unlimited.includes(routeOf(context).join(" "));
    const taken = isUnlimited ? ({ ok: true } as const) : requests.take(caller.name ?? address);
    if (!taken.ok) {
      context.header("retry-after", String(taken.retryAfterSeconds));
      const mend = `wait ${taken.retryAfterSeconds} s`;
      throw new Failure("RATE_LIMITED", "too many requests", { retry: "later", mend });
    }
    context.set("caller", caller);
    const [method, path] = routeOf(context);
    // What is not there is for nobody: the answer is 404.
    const lacking = path === noRoute ? undefined : whyNot(caller, roleFor(method, path));
    if (lacking) {
      await tell(context, caller.name, lacking);
      throw lacking;
    }
    await next();
    const { error } = context;
    if (error instanceof Failure && error.code === "FORBIDDEN") await tell(context, caller.name, error);
  };
}

/** Failure FORBIDDEN unless the caller's role is enough for `what`. */
export function whyNot({ role }: Caller, needed: AccessRole, what = "this"): Failure | undefined {
  if (mayActAs(role, needed)) return undefined;
  const mend = `ask someone who is ${needed}`;
  return new Failure("FORBIDDEN", `${what} is for the role ${needed}, and this token is of the role ${role}`, { mend });
}

/** Under whose name it is journaled. Throws Failure: FORBIDDEN where `by` is another name than the token's, CONFIG_INVALID where there is none. */
export function nameOf({ name }: Caller, by: string | undefined): string {
  if (name === null) {
    if (by !== undefined) return by;
    throw new Failure("CONFIG_INVALID", "bad request: by: is missing", { mend: "say who asks" });
  }
  if (by === undefined || by === name) return name;
  throw new Failure("FORBIDDEN", `this token is of ${name}, who cannot act as ${by}`, { mend: "leave out --as" });
}

const noRoute = "no such route";

/** The route as it is written, not as it was asked for. */
export function routeOf(context: Context): [method: string, path: string] {
  const method = context.req.method === "HEAD" ? "GET" : context.req.method;
  const route = matchedRoutes(context).findLast((one) => one.method === method);
  return [method, route?.path ?? noRoute];
}

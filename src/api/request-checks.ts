import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { Failure } from "../kernel/failure.ts";

const mostBodyBytes = 64 * 1024;

const loopbackHost = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * Without TLS, a name that an attacker's DNS has led to loopback would reach us under the attacker's origin (DNS rebinding): only names that are
 * loopback's own are answered. With TLS the certificate sees to it.
 */
export const loopbackHostOnly: MiddlewareHandler = async (context, next) => {
  const host = context.req.header("host") ?? "";
  const name = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : "";
  if (!loopbackHost.test(name)) {
    throw new Failure("FORBIDDEN", "the Host header names another host than loopback", {
      mend: "ask http://127.0.0.1; for other names give the API a certificate with api.tls",
    });
  }
  await next();
};

/**
 * A browser says from which site a request comes: none but our own may change anything. The bearer token is no cookie, and JSON needs a
 * preflight that is never granted; this holds even where one of the two should fall.
 */
export const sameSiteJson: MiddlewareHandler = async (context, next) => {
  if (context.req.method === "GET" || context.req.method === "HEAD") return next();
  const site = context.req.header("sec-fetch-site");
  const origin = context.req.header("origin");
  const isForeign = origin !== undefined && hostOf(origin) !== context.req.header("host");
  if (isForeign || (site !== undefined && site !== "same-origin" && site !== "none")) {
    throw new Failure("FORBIDDEN", "the request comes from another site", {
      mend: "use the CLI, or the API's own pages",
    });
  }
  if (!/^application\/json\s*(;|$)/i.test(context.req.header("content-type") ?? "")) {
    return refuse(context, 415, "the content type is not application/json", "send JSON, and say so");
  }
  await next();
};

const hostOf = (origin: string) => (URL.canParse(origin) ? new URL(origin).host : undefined);

export const bodyOfBoundedSize: MiddlewareHandler = bodyLimit({
  maxSize: mostBodyBytes,
  onError: (context) =>
    refuse(context, 413, `the body is longer than ${mostBodyBytes / 1024} KiB`, "send the fields of the route only"),
});

function refuse(context: Context, status: 413 | 415, message: string, mend: string): Response {
  return context.json({ error: { code: "CONFIG_INVALID", message, mend } }, status);
}

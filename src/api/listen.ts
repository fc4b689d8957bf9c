import { once } from "node:events";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Failure } from "../kernel/failure.ts";
import type { Controller } from "../model/controller.ts";
import { apiRoutes, type RouteOptions } from "./server.ts";

export type ApiServer = Readonly<{ url: string; close(): Promise<void> }>;

/** PEM texts; with `clientCa`, who has no certificate of that authority is not answered. */
export type Certificate = Readonly<{ certificate: string; key: string; clientCa?: string }>;

/** So that nobody holds connections by being slow: for the headers, for the whole request, between two of them. */
const timeouts = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 5_000 };
const mostConnections = 256;
const limits = { ...timeouts, connectionsCheckingInterval: 1_000, maxHeaderSize: 16 * 1024 };

/** Serves the API at `host` and `port` (0 takes a free one), over TLS where there is a certificate. Failure CONFIG_INVALID when that cannot be. */
export async function startApi(
  controller: Controller,
  options: Omit<RouteOptions, "encrypted"> & { host: string; port: number; certificate?: Certificate },
): Promise<ApiServer> {
  const { host, port, certificate } = options;
  const { fetch } = apiRoutes(controller, { ...options, encrypted: certificate !== undefined });
  const server = listenerFor(fetch, certificate);
  server.maxConnections = mostConnections;
  server.listen(port, host);
  await once(server, "listening").catch((error: Error) => {
    const mend = "free the port, or choose another with --port or api.port";
    throw new Failure("CONFIG_INVALID", `the API cannot listen on ${host}:${port}: ${error.message}`, { mend });
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `${certificate ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function listenerFor(fetch: ReturnType<typeof apiRoutes>["fetch"], certificate: Certificate | undefined): Server {
  if (!certificate) {
    return createAdaptorServer({ fetch, createServer: createHttpServer, serverOptions: limits }) as Server;
  }
  const { certificate: cert, key, clientCa } = certificate;
  const mutual = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  const serverOptions = { ...limits, ...mutual, cert, key, handshakeTimeout: 10_000, minVersion: "TLSv1.2" as const };
  try {
    return createAdaptorServer({ fetch, createServer: createHttpsServer, serverOptions }) as Server;
  } catch (error) {
    // OpenSSL's word on the PEM texts, which it does not quote.
    throw new Failure("CONFIG_INVALID", `api.tls cannot be used: ${(error as Error).message}`, {
      mend: "give the PEM files of a certificate and of its own key",
    });
  }
}

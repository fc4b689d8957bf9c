import { authenticator } from "../../src/api/authenticate.ts";
import { type ApiServer, type Certificate, startApi } from "../../src/api/listen.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { ApiAccess } from "../../src/model/access.ts";
import type { Controller } from "../../src/model/controller.ts";

export type Refused = Readonly<{ by: string; route: string; code: string }>;

/** A real API server on loopback before this controller, with the local token `right`, and whatever `access` says; secrets are their own names. */
export async function openFor(
  controller: Controller,
  options: {
    port?: number;
    access?: Pick<ApiAccess, "tokens" | "oidc">;
    clock?: Clock;
    certificate?: Certificate;
    refused?: Refused[];
  } = {},
): Promise<ApiServer> {
  const { port = 0, access, clock = systemClock, certificate, refused = [] } = options;
  const authenticate = await authenticator({
    localToken: "right",
    ...(access && { access }),
    takesNamed: true,
    resolveSecret: async (ref) => ("env" in ref ? ref.env : ""),
    clock,
  });
  return startApi(controller, {
    authenticate,
    clock,
    host: "127.0.0.1",
    port,
    ...(certificate && { certificate }),
    async onRefused({ by, route, failure }) {
      refused.push({ by, route, code: failure.code });
    },
  });
}

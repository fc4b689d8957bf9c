import { authenticator } from "../../src/api/authenticate.ts";
import { type ApiServer, type Certificate, startApi } from "../../src/api/listen.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { ok } from "../../src/kernel/failure.ts";
import type { ApiAccess } from "../../src/model/access.ts";
import type { Controller } from "../../src/model/controller.ts";
import type { Watch } from "../../src/model/vitals.ts";

export type Refused = Readonly<{ by: string; route: string; code: string }>;

/** Of a controller that has nothing to do. */
export const idle: Watch = {
  vitals: async () => ({
    ...{ atMs: 0, startedMs: 0, failed: false, policies: [], sources: [], refusedSamples: 0, unknownSeries: 0 },
    ...{ recovering: 0, journalEntries: 0 },
  }),
  journalWritable: async () => ok(undefined),
};

/** A real API server on loopback before this controller, with the local token `right`, and whatever `access` says; secrets are their own names. */
export async function openFor(
  controller: Controller,
  options: {
    port?: number;
    watch?: Watch;
    access?: Pick<ApiAccess, "tokens" | "oidc">;
    clock?: Clock;
    certificate?: Certificate;
    refused?: Refused[];
    bugs?: string[];
    unavailable?: string[];
  } = {},
): Promise<ApiServer> {
  const {
    port = 0,
    watch = idle,
    access,
    clock = systemClock,
    certificate,
    refused = [],
    bugs = [],
    unavailable = [],
  } = options;
  const authenticate = await authenticator({
    localToken: "right",
    ...(access && { access }),
    takesNamed: true,
    resolveSecret: async (ref) => ("env" in ref ? ref.env : ""),
    clock,
    onKeysUnavailable: (why) => void unavailable.push(why),
  });
  return startApi(controller, {
    watch,
    authenticate,
    clock,
    host: "127.0.0.1",
    port,
    ...(certificate && { certificate }),
    onBug: (route, { message }) => void bugs.push(`${route}: ${message}`),
    async onRefused({ by, route, failure }) {
      refused.push({ by, route, code: failure.code });
    },
  });
}

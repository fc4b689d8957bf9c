import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { authenticator } from "../api/authenticate.ts";
import type { GateOptions } from "../api/gate.ts";
import { type ApiServer, type Certificate, startApi } from "../api/listen.ts";
import type { RouteOptions } from "../api/server.ts";
import type { Clock } from "../kernel/clock.ts";
import { Failure } from "../kernel/failure.ts";
import { runAll } from "../kernel/run-all.ts";
import type { ApiAccess, TlsAccess } from "../model/access.ts";
import type { Controller, Trouble } from "../model/controller.ts";
import type { ResolveSecret } from "../model/inventory.ts";
import type { Journal } from "../model/journal.ts";
import type { Watch } from "../model/vitals.ts";

export type OpenApi = Readonly<{
  /** On loopback, with the token that the state folder's owner reads. */
  local: Readonly<{ url: string; token: string }>;
  /** Over TLS, where the configuration asks for it. */
  encryptedUrl?: string;
  close(): Promise<void>;
}>;

/**
 * The API for the owner of the state folder, on loopback; tokens and sign-ins of the configuration are taken there too. With `tls` they are
 * taken over TLS only, at its own host and port, so that a client certificate is not got round. Refused attempts go to the journal.
 */
export async function openApi(options: {
  controller: Controller;
  watch: Watch;
  journal: Journal;
  access: ApiAccess | undefined;
  /** Of loopback; without, `access.port` where there is no TLS, else a free one. */
  port: number | undefined;
  resolveSecret: ResolveSecret;
  clock: Clock;
  onTrouble: (trouble: Trouble) => void;
}): Promise<OpenApi> {
  const { controller, watch, journal, access, resolveSecret, clock, onTrouble } = options;
  const localToken = randomBytes(24).toString("base64url");
  const onRefused: GateOptions["onRefused"] = ({ by, route, failure }) =>
    journal.append({ event: "access.refused", actor: by, subject: route, body: failure.toJSON() });
  const onBug: RouteOptions["onBug"] = (route, error) => {
    const mend = "the controller goes on; report this with what led to it";
    const message = error.stack ?? `${error.name}: ${error.message}`;
    onTrouble({ where: `api ${route}`, failure: { code: "INTERNAL", message, mend } });
  };
  const onKeysUnavailable = (why: string) => {
    const mend = "check api.oidc.jwks; whoever signs in there cannot until it answers";
    onTrouble({
      where: "api.oidc.jwks",
      failure: { code: "CONTROLLER_AUTH", message: `the issuer's keys cannot be had: ${why}`, mend },
    });
  };
  const servers: ApiServer[] = [];
  const close = () => runAll(servers.splice(0).map((server) => server.close));
  const shared = { watch, clock, onRefused, onBug };
  const asked = { ...(access && { access }), resolveSecret, clock, onKeysUnavailable };
  try {
    const { tls, host = "127.0.0.1", port = 0 } = access ?? {};
    // At once, as each secret may take a program's ten seconds; and before anybody is answered.
    const [authenticate, encryption] = await Promise.all([
      authenticator({ ...asked, localToken, takesNamed: !tls }),
      tls && Promise.all([certificateOf(tls, resolveSecret), authenticator({ ...asked, takesNamed: true })]),
    ]);
    const loopback = { ...shared, authenticate, host: tls ? "127.0.0.1" : host };
    const local = await startApi(controller, { ...loopback, port: options.port ?? (tls ? 0 : port) });
    servers.push(local);
    const opened = { local: { url: local.url, token: localToken }, close };
    if (!encryption) return opened;
    const [certificate, named] = encryption;
    const encrypted = await startApi(controller, { ...shared, authenticate: named, host, port, certificate });
    servers.push(encrypted);
    return { ...opened, encryptedUrl: encrypted.url };
  } catch (error) {
    await close();
    throw error;
  }
}

async function certificateOf(tls: TlsAccess, resolveSecret: ResolveSecret): Promise<Certificate> {
  const pem = (file: string) =>
    readFile(file, "utf8").catch((error: Error) => {
      const mend = "correct api.tls, or put the PEM file there";
      throw new Failure("CONFIG_INVALID", `api.tls cannot be used: ${error.message}`, { mend });
    });
  const clientCa = tls.clientCa === undefined ? {} : { clientCa: await pem(tls.clientCa) };
  return { certificate: await pem(tls.certificate), key: await resolveSecret(tls.key), ...clientCa };
}

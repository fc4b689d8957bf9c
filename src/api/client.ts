import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { Failure, type FailureCode, fail, ok, type Result, unwrap } from "../kernel/failure.ts";
import type { Change } from "../model/change.ts";
import type { Controller, Explanation, ShownChange, Status } from "../model/controller.ts";
import type { ChainedEntry, Switches } from "../model/journal.ts";
import type { ShedLevel } from "../model/shed.ts";
import type { Caller } from "./authenticate.ts";
import { Health } from "./health.ts";
import { startIt, unreachable } from "./unreachable.ts";

/** `whoAmI` says under which name the token acts; `null` where the controller takes the name on trust. */
export type RemoteController = Controller & Readonly<{ whoAmI(): Promise<Caller> }>;

export type Endpoint = Readonly<{ url: string; token: string }>;

/** Whether a controller runs (`healthz`) or can do its work (`readyz`). Throws Failure CONTROLLER_UNREACHABLE when nothing answers so. */
export async function healthOf(url: string, route: "healthz" | "readyz"): Promise<Health> {
  const answer = await fetch(`${url}/${route}`, { signal: AbortSignal.timeout(healthPatienceMs) })
    .then((response) => response.json())
    .catch((cause: unknown) => {
      throw unreachable(url, cause, ` within ${healthPatienceMs / 1000} s`);
    });
  const parsed = Health.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new Failure("CONTROLLER_UNREACHABLE", `what answers at ${url}/${route} is not a controller`, { mend: startIt });
}

/** One that takes longer to say how it is, is not well. */
const healthPatienceMs = 10_000;

/** Longer than a router may take to be read, twice. */
const patienceMs = 90_000;

/** A controller in another process, by its HTTP API. Throws Failure CONTROLLER_UNREACHABLE when nothing answers there. */
export function remoteController({ url, token }: Endpoint): RemoteController {
  async function ask(method: "GET" | "POST", path: string, body?: unknown): Promise<Response> {
    return fetch(`${url}/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      // A token goes to nobody but the one that was named.
      redirect: "error",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(patienceMs),
    }).catch((cause: unknown) => {
      if (cause instanceof Error && cause.name === "TimeoutError") {
        const mend = "it may still do what was asked: pointsman status and pointsman proposals --all tell";
        throw new Failure("CONTROLLER_UNREACHABLE", `no answer from ${url} within ${patienceMs / 1000} s`, {
          mend,
          cause,
        });
      }
      throw unreachable(url, cause);
    });
  }
  async function call<T>(method: "GET" | "POST", path: string, body?: unknown): Promise<Result<T>> {
    return read<T>(await ask(method, path, body));
  }
  async function read<T>(response: Response): Promise<Result<T>> {
    const parsed = (await response.json().catch((cause: unknown) => {
      throw new Failure("CONTROLLER_UNREACHABLE", `what answers at ${url} is not a controller`, {
        mend: startIt,
        cause,
      });
    })) as { error?: { code: FailureCode; message: string; mend?: string } };
    if (!parsed.error) return ok(parsed as T);
    const { code, message, mend } = parsed.error;
    return fail(new Failure(code, message, mend === undefined ? {} : { mend }));
  }
  async function* exportAudit(sinceMs: number): AsyncGenerator<ChainedEntry> {
    const response = await ask("GET", `audit/export?since=${sinceMs}`);
    if (!response.ok || !response.body) return unwrap(await read<never>(response));
    const lines = createInterface({
      input: Readable.fromWeb(response.body as import("node:stream/web").ReadableStream),
    });
    for await (const line of lines) yield JSON.parse(line) as ChainedEntry;
  }
  async function must<T>(path: string): Promise<T> {
    return unwrap(await call<T>("GET", path));
  }
  const part = encodeURIComponent;
  return {
    status: () => must<Status>("status"),
    shed: () => must<ShedLevel[]>("shed"),
    changes: () => must<Change[]>("changes"),
    change: (id) => call<ShownChange>("GET", `changes/${part(id)}`),
    approve: (id, by) => call<Change>("POST", `changes/${part(id)}/approve`, { by }),
    reject: (id, by, reason) => call<Change>("POST", `changes/${part(id)}/reject`, { by, reason }),
    rollback: (id, by, reason) => call<Change>("POST", `changes/${part(id)}/rollback`, { by, reason }),
    settle: (id, by, reason) => call<Change>("POST", `changes/${part(id)}/settle`, { by, reason }),
    freeze: (by, untilMs, reason) => call<Switches>("POST", "freeze", { by, untilMs, reason }),
    kill: (by, reason) => call<Switches>("POST", "kill", { by, reason }),
    resume: (by) => call<Switches>("POST", "resume", { by }),
    explain: (subject) => call<Explanation>("GET", `explain/${part(subject)}`),
    verifyAudit: () => call<Readonly<{ entries: number; head: string }>>("GET", "audit/verify"),
    exportAudit,
    whoAmI: () => must<Caller>("whoami"),
  };
}

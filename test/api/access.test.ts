import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { beforeEach, describe, expect, test } from "vitest";
import { remoteController } from "../../src/api/client.ts";
import type { ApiServer } from "../../src/api/listen.ts";
import { routeRoles } from "../../src/api/roles.ts";
import { apiRoutes } from "../../src/api/server.ts";
import { fail, ok } from "../../src/kernel/failure.ts";
import { accessRoles } from "../../src/model/access.ts";
import type { Controller, MayEnd, MayUndo } from "../../src/model/controller.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { idle, openFor, type Refused } from "./open.ts";

const asked: string[] = [];
const refused: Refused[] = [];
let killedBy: string | null;
const clock = new SimulatedClock();
const entry = {
  seq: 1,
  atMs: 5,
  event: "e",
  actor: "ann",
  subject: "s",
  body: "{}",
  writes: "{}",
  prevHash: "0",
  hash: "1",
};
/** Remembers what it was asked, and by whom. */
const note =
  (what: string) =>
  async (...values: unknown[]) => {
    asked.push([what, ...values].join(" "));
    return ok({ id: "c1" });
  };
const controller = {
  status: async () => ({ atMs: clock.now(), policies: [], devices: {}, open: [] }),
  shed: async () => [],
  changes: async () => [],
  change: async (id: string) => ok({ id }),
  explain: note("explain"),
  verifyAudit: note("verify"),
  async *exportAudit(sinceMs: number) {
    if (sinceMs <= entry.atMs) yield entry;
  },
  approve: note("approve"),
  reject: note("reject"),
  async rollback(id: string, by: string, reason: string, mayUndo: MayUndo) {
    const lacking = id === "c-confirmed" ? mayUndo() : undefined;
    return lacking ? fail(lacking) : note("rollback")(id, by, reason);
  },
  settle: note("settle"),
  freeze: note("freeze"),
  kill: note("kill"),
  async resume(by: string, mayEnd: MayEnd) {
    const lacking = killedBy === null || killedBy === by ? undefined : mayEnd(killedBy);
    return lacking ? fail(lacking) : note("resume")(by);
  },
} as unknown as Controller;

const tokenOf = (name: string) => `${name}-token-of-enough-characters`;
const tokens = accessRoles.map((role) => ({ name: `is-${role}`, role, token: { env: tokenOf(role) } }));

let api: ApiServer;
beforeEach(async () => {
  asked.length = 0;
  refused.length = 0;
  killedBy = null;
  api = await openFor(controller, { access: { tokens }, clock, refused });
  return () => api.close();
});

const ask = (role: string, method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
  fetch(`${api.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${role === "local" ? "right" : tokenOf(role)}`,
      "content-type": "application/json",
      ...headers,
    },
    ...(method === "POST" ? { body: body ?? JSON.stringify({ reason: "why", untilMs: 9e12 }) } : {}),
  });

// Goal: no route without a row in the table, no row without a route: a route that somebody forgets is the administrator's.
test("the table has every route", () => {
  const authenticate = async () => expect.fail("nobody asks");
  const told = { onRefused: async () => undefined, onBug: () => undefined };
  const options = { authenticate, clock, ...told, encrypted: true, watch: idle };
  const { routes } = apiRoutes(controller, options);
  const served = routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`);
  const forAnyone = ["GET /healthz", "GET /readyz"];
  expect(served.toSorted()).toEqual([...Object.keys(routeRoles), ...forAnyone].toSorted());
});

// Goal: what is not there is 404 to whoever has a token, whatever the role, and no refusal; without a token nothing is told.
test("an unknown path", async () => {
  for (const role of accessRoles) {
    for (const method of ["GET", "POST"]) {
      const response = await ask(role, method, "/v1/launch");
      expect({ status: response.status, body: await response.json() }).toMatchObject({
        ...{ status: 404, body: { error: { code: "NOT_FOUND" } } },
      });
    }
  }
  expect(refused).toEqual([]);
  expect((await ask("nobody", "GET", "/v1/launch")).status).toBe(401);
});

// Goal: each role may do what its row and those below it say, and nothing more; what is refused asks nothing of the controller and is told.
test.each(Object.entries(routeRoles))("%s is for %s", async (route, needed) => {
  const [method = "", pattern = ""] = route.split(" ");
  const path = pattern.replace(/:\w+/, "c1");
  for (const [index, role] of accessRoles.entries()) {
    const may = index >= accessRoles.indexOf(needed);
    const before = asked.length;
    const response = await ask(role, method, path);
    expect(response.status, `${role} on ${route}`).toBe(may ? 200 : 403);
    if (may) continue;
    expect(await response.json()).toMatchObject({ error: { code: "FORBIDDEN", mend: `ask someone who is ${needed}` } });
    expect(asked).toHaveLength(before);
    expect(refused.at(-1)).toEqual({ by: `is-${role}`, route, code: "FORBIDDEN" });
  }
  expect((await ask("local", method, path)).status, "the owner of the state folder").toBe(200);
});

// Goal: what the table cannot say: back from a confirmed change, and ending what somebody else has stopped.
test("a confirmed change, and a kill by someone else", async () => {
  expect((await ask("operator", "POST", "/v1/changes/c-confirmed/rollback")).status).toBe(403);
  expect((await ask("approver", "POST", "/v1/changes/c-confirmed/rollback")).status).toBe(200);
  killedBy = "is-operator";
  expect((await ask("operator", "POST", "/v1/resume")).status).toBe(200);
  expect((await ask("approver", "POST", "/v1/resume")).status).toBe(403);
  expect((await ask("admin", "POST", "/v1/resume")).status).toBe(200);
  expect(asked).toEqual(["rollback c-confirmed is-approver why", "resume is-operator", "resume is-admin"]);
  expect(refused.map(({ by }) => by)).toEqual(["is-operator", "is-approver"]);
});

// Goal: while tokens have names nobody acts under another, the owner of the state folder included.
test("names", async () => {
  const kill = (role: string, by?: string) => ask(role, "POST", "/v1/kill", {}, JSON.stringify({ by, reason: "r" }));
  expect((await kill("operator", "bob")).status).toBe(403);
  expect((await kill("local", "bob")).status).toBe(403);
  for (const [role, by] of [["operator"], ["operator", "is-operator"], ["local"], ["local", "local-admin"]] as const) {
    expect((await kill(role, by)).status).toBe(200);
  }
  expect(asked).toEqual(["kill is-operator r", "kill is-operator r", "kill local-admin r", "kill local-admin r"]);
});

test("the client reads who it is, and the log line by line", async () => {
  const remote = (role: string) => remoteController({ url: api.url, token: tokenOf(role) });
  expect(await remote("viewer").whoAmI()).toEqual({ name: "is-viewer", role: "viewer" });
  const read = async (role: string, sinceMs: number) => {
    const entries = [];
    for await (const one of remote(role).exportAudit(sinceMs)) entries.push(one);
    return entries;
  };
  expect(await read("admin", 0)).toEqual([entry]);
  expect(await read("admin", 6)).toEqual([]);
  await expect(read("approver", 0)).rejects.toMatchObject({ code: "FORBIDDEN" });
});

describe("tokens of the configuration that cannot be used", () => {
  const named = (name: string, env: string) => ({ name, role: "viewer" as const, token: { env } });
  test.each([
    ["a short one", [named("ann", "x".repeat(21))], "ann is shorter than 22"],
    ["one of two lines", [named("ann", `${"x".repeat(30)}\ny`)], "ann has characters that no header can hold"],
    ["one for two people", [named("ann", tokenOf("a")), named("bob", tokenOf("a"))], "bob is that of ann too"],
    ["the controller's name", [named("pointsman", tokenOf("a"))], "pointsman has a name that is not a person's"],
  ])("%s", async (_name, list, message) => {
    await expect(openFor(controller, { access: { tokens: list } })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(message),
    });
  });
});

// Goal: a browser that is on another site, or was led here under another name, changes nothing, whatever token it has.
describe("cross-site requests", () => {
  test.each<[string, Record<string, string>, number]>([
    ["another origin", { origin: "https://evil.example" }, 403],
    ["no origin to tell", { origin: "null" }, 403],
    ["another port", { origin: "http://127.0.0.1:1" }, 403],
    ["cross-site by its browser", { "sec-fetch-site": "cross-site" }, 403],
    ["same-site, which is another host", { "sec-fetch-site": "same-site" }, 403],
    ["a form", { "content-type": "application/x-www-form-urlencoded" }, 415],
    ["text", { "content-type": "text/plain" }, 415],
    ["JSON by its prefix", { "content-type": "application/jsonp" }, 415],
    ["its own page", { "sec-fetch-site": "same-origin", "content-type": "application/json; charset=utf-8" }, 200],
  ])("%s", async (_name, headers, status) => {
    expect((await raw(headers)).status).toBe(status);
    expect(asked.length).toBe(status === 200 ? 1 : 0);
  });

  test.each([
    ["evil.example", 403],
    ["evil.example:80", 403],
    ["localhost.evil.example", 403],
    ["127.0.0.1.evil.example", 403],
    ["localhost:8080", 200],
    ["[::1]:8080", 200],
  ])("Host %s", async (host, status) => {
    expect((await raw({ host })).status).toBe(status);
  });

  test("answers are nobody else's to read, frame or sniff", async () => {
    const { headers } = await ask("viewer", "GET", "/v1/changes", { origin: "https://evil.example" });
    expect(headers.get("access-control-allow-origin")).toBeNull();
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  });
});

/** Sends headers that fetch would not let us set. */
async function raw(headers: Record<string, string>, body = JSON.stringify({ reason: "why" })) {
  const sent = request(`${api.url}/v1/kill`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf("operator")}`, "content-type": "application/json", ...headers },
  });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [import("node:http").IncomingMessage];
  response.resume();
  return { status: response.statusCode, headers: response.headers };
}

// Goal: what is too long, too often or too slow is refused with a word, and holds up nobody else.
describe("limits", () => {
  const long = (bytes: number) => JSON.stringify({ reason: "x".repeat(bytes) });

  test("a body over 64 KiB, with its length and without", async () => {
    expect((await ask("operator", "POST", "/v1/kill", {}, long(70_000))).status).toBe(413);
    expect((await raw({ "transfer-encoding": "chunked" }, long(70_000))).status).toBe(413);
    expect((await ask("operator", "POST", "/v1/kill", {}, long(900))).status).toBe(200);
    expect(asked).toHaveLength(1);
  });

  test("100 requests at once and 20 a second of one caller; the others are not held up", async () => {
    const statuses = [];
    for (let index = 0; index < 101; index++) statuses.push((await ask("viewer", "GET", "/v1/changes")).status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    const limited = await ask("viewer", "GET", "/v1/changes");
    expect({ status: limited.status, after: limited.headers.get("retry-after") }).toEqual({ status: 429, after: "1" });
    expect(await limited.json()).toMatchObject({ error: { code: "RATE_LIMITED", mend: "wait 1 s" } });
    expect((await ask("operator", "POST", "/v1/kill")).status).toBe(200);
    clock.advance(1_000);
    expect((await ask("viewer", "GET", "/v1/changes")).status).toBe(200);
  });

  test("nothing keeps anyone from stopping the controller, not even their own program that asks too often", async () => {
    for (let index = 0; index < 100; index++) await ask("operator", "GET", "/v1/changes");
    expect((await ask("operator", "GET", "/v1/changes")).status).toBe(429);
    expect((await ask("operator", "GET", "/v1/whoami")).status).toBe(200);
    expect((await ask("operator", "POST", "/v1/kill")).status).toBe(200);
    expect((await ask("operator", "POST", "/v1/freeze")).status).toBe(200);
    expect((await ask("operator", "POST", "/v1/resume")).status, "starting again can wait").toBe(429);
  });

  test("ten wrong tokens, then one every six seconds; a right one is always taken", async () => {
    const wrong = async () => (await ask("nobody", "GET", "/v1/changes")).status;
    for (let index = 0; index < 10; index++) expect(await wrong()).toBe(401);
    const limited = await ask("nobody", "GET", "/v1/changes");
    expect({ status: limited.status, after: limited.headers.get("retry-after") }).toEqual({ status: 429, after: "6" });
    expect((await ask("operator", "POST", "/v1/kill")).status).toBe(200);
    clock.advance(6_000);
    expect([await wrong(), await wrong()]).toEqual([401, 429]);
  });

  test("refusals of one person fill no journal", async () => {
    for (let index = 0; index < 15; index++) expect((await ask("viewer", "POST", "/v1/kill")).status).toBe(403);
    expect(refused).toHaveLength(10);
  });

  test("headers over 16 KiB", async () => {
    const response = await ask("viewer", "GET", "/v1/changes", { filler: "x".repeat(17_000) });
    expect(response.status).toBe(431);
  });

  // The time-outs themselves are Node's, by the wall clock, and too long to wait for: that they are set is what is ours.
  test("a connection that sends nothing does not keep the server from closing", async () => {
    const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
    socket.on("error", () => undefined); // Its end may be a reset.
    await once(socket, "connect");
    socket.write("POST /v1/kill HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    const ended = new Promise((resolve) => socket.once("close", resolve));
    await api.close();
    await ended;
    api = await openFor(controller);
  });
});

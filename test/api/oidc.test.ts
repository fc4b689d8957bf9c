import { createHmac } from "node:crypto";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import type { ApiServer } from "../../src/api/listen.ts";
import { ok } from "../../src/kernel/failure.ts";
import type { OidcAccess } from "../../src/model/access.ts";
import type { Controller } from "../../src/model/controller.ts";
import { folderWith } from "../config/files.ts";
import { openFor, type Refused } from "./open.ts";
import { forged, newKey, signed } from "./tokens.ts";

// Goal: who signed in at the issuer gets in under their own name and with their own role, and nobody else does, however the token is made.
// Method: a real issuer on loopback that publishes its keys, and tokens signed with node:crypto alone.

const keys = { rsa: newKey("RS256", "k-rsa"), ec: newKey("ES256", "k-ec"), ed: newKey("EdDSA", "k-ed") };
const weak = newKey("RS256", "k-weak", 1024);
const stranger = newKey("ES256", "k-ec");
const later = newKey("ES256", "k-later");
/** What the issuer publishes. */
let published: object[];
let asked: number;
let nowMs: number;

let issuer: Server;
let api: ApiServer;
const refused: Refused[] = [];
const approvals: string[] = [];
/** Why keys could not be had, for whoever runs the controller. */
const unavailable: string[] = [];
const controller = {
  async approve(_id: string, by: string) {
    approvals.push(by);
    return ok({ id: "c1" });
  },
  changes: async () => [],
} as unknown as Controller;

beforeAll(async () => {
  issuer = createServer((_request, response) => {
    asked += 1;
    response.end(JSON.stringify({ keys: published }));
  }).listen(0, "127.0.0.1");
  await once(issuer, "listening");
});
afterAll(() => void issuer.close());

beforeEach(async () => {
  [asked, nowMs] = [0, Date.parse("2026-11-21T12:00:00Z")];
  published = [...Object.values(keys), weak].map(({ jwk }) => jwk);
  refused.length = 0;
  approvals.length = 0;
  unavailable.length = 0;
  const { port } = issuer.address() as AddressInfo;
  api = await openFor(controller, {
    clock: { now: () => nowMs, after: () => () => undefined },
    refused,
    unavailable,
    access: {
      tokens: [],
      oidc: {
        issuer: "https://id.example.net",
        audience: "pointsman",
        jwks: { url: `http://127.0.0.1:${port}/jwks` },
        nameClaim: "email",
        rolesClaim: "groups",
        roles: { noc: "operator", "te-leads": "approver" },
      },
    },
  });
  return () => api.close();
});

/** An API beside the other, whose keys are elsewhere. */
async function withKeys(jwks: OidcAccess["jwks"]): Promise<ApiServer> {
  const oidc = {
    ...{ issuer: "https://id.example.net", audience: "pointsman", jwks, nameClaim: "email", rolesClaim: "groups" },
    roles: { noc: "operator" as const },
  };
  const other = await openFor(controller, {
    clock: { now: () => nowMs, after: () => () => undefined },
    access: { tokens: [], oidc },
    unavailable,
  });
  onTestFinished(() => other.close());
  return other;
}

const claims = (changed: object = {}) => ({
  iss: "https://id.example.net",
  aud: "pointsman",
  exp: nowMs / 1000 + 300,
  email: "ann@example.net",
  groups: ["noc", "te-leads", "everyone"],
  ...changed,
});
const ask = async (token: string, path = "changes") =>
  fetch(`${api.url}/v1/${path}`, { headers: { authorization: `Bearer ${token}` } });

test.each(Object.entries(keys))("%s: the name and the highest role are those of the token", async (_name, key) => {
  expect(await (await ask(signed(key, claims()), "whoami")).json()).toEqual({
    name: "ann@example.net",
    role: "approver",
  });
});

test("audiences as a list, one group as text, an access token's type, and clocks a little apart", async () => {
  const token = signed(
    keys.ec,
    claims({ aud: ["other", "pointsman"], groups: "noc", exp: nowMs / 1000 - 30, nbf: nowMs / 1000 + 30 }),
    { typ: "at+jwt" },
  );
  expect(await (await ask(token, "whoami")).json()).toEqual({ name: "ann@example.net", role: "operator" });
});

const hmac = (secret: string) => (text: string) => createHmac("sha256", secret).update(text).digest("base64url");
const { rsa, ec } = keys;
// Whose name stands in a token that the issuer did sign is known, and the refusal is told under it.
test.each<[string, () => string, string | undefined]>([
  ["no signature (alg none)", () => forged({ alg: "none", kid: "k-rsa" }, claims(), () => ""), undefined],
  ["alg None", () => forged({ alg: "None", kid: "k-rsa" }, claims(), () => ""), undefined],
  [
    "the public key as an HMAC secret",
    () => forged({ alg: "HS256", kid: "k-rsa" }, claims(), hmac(rsa.publicPem)),
    undefined,
  ],
  [
    "the key set's entry as an HMAC secret",
    () => forged({ alg: "HS256", kid: "k-rsa" }, claims(), hmac(JSON.stringify(rsa.jwk))),
    undefined,
  ],
  ["another algorithm than the key's", () => signed(rsa, claims(), { kid: "k-ec" }), undefined],
  ["a stranger's key under a known id", () => signed(stranger, claims()), undefined],
  ["a key id that is not published", () => signed(ec, claims(), { kid: "k-none" }), undefined],
  ["no key id", () => signed(ec, claims(), { kid: undefined }), undefined],
  ["a key of its own in the header", () => signed(stranger, claims(), { kid: "k-new", jwk: stranger.jwk }), undefined],
  ["a critical extension", () => signed(ec, claims(), { crit: ["b64"], b64: false }), undefined],
  ["a weak key", () => signed(weak, claims()), undefined],
  [
    "other claims under the signature",
    () => swapped(signed(ec, claims()), claims({ groups: ["te-leads"] })),
    undefined,
  ],
  ["a cut signature", () => signed(ec, claims()).slice(0, -8), undefined],
  ["two parts", () => signed(ec, claims()).split(".").slice(0, 2).join("."), undefined],
  ["no JSON", () => "a.b.no-signature", undefined],
  ["a list for claims", () => signed(ec, []), undefined],
  ["a huge token", () => signed(ec, claims({ filler: "x".repeat(9_000) })), undefined],
  ["an expired one", () => signed(ec, claims({ exp: nowMs / 1000 - 61 })), "ann@example.net"],
  ["none without expiry", () => signed(ec, claims({ exp: undefined })), "ann@example.net"],
  ["an expiry in words", () => signed(ec, claims({ exp: "never" })), "ann@example.net"],
  ["one for later", () => signed(ec, claims({ nbf: nowMs / 1000 + 61 })), "ann@example.net"],
  ["another audience", () => signed(ec, claims({ aud: "pointsman2" })), "ann@example.net"],
  ["no audience", () => signed(ec, claims({ aud: undefined })), "ann@example.net"],
  ["another issuer", () => signed(ec, claims({ iss: "https://id.example.net/" })), "ann@example.net"],
  ["no role here", () => signed(ec, claims({ groups: ["everyone", "__proto__", "constructor"] })), "ann@example.net"],
  ["no roles at all", () => signed(ec, claims({ groups: undefined })), "ann@example.net"],
  ["no name", () => signed(ec, claims({ email: undefined })), undefined],
  ["a name of two lines", () => signed(ec, claims({ email: "ann\nbob" })), undefined],
  ["the controller's own name", () => signed(ec, claims({ email: "pointsman" })), undefined],
])("%s is refused", async (_name, made, known) => {
  const token = made();
  const response = await ask(token);
  const text = await response.text();
  expect({ status: response.status, text }).toEqual({ status: 401, text: expect.stringContaining("CONTROLLER_AUTH") });
  expect(text).not.toContain(token.split(".")[2] || "no signature");
  expect(refused).toEqual(
    known === undefined ? [] : [{ by: known, route: "GET /v1/changes", code: "CONTROLLER_AUTH" }],
  );
});

const swapped = (token: string, other: object) => {
  const [header, , signature] = token.split(".");
  return `${header}.${Buffer.from(JSON.stringify(other)).toString("base64url")}.${signature}`;
};

// Goal: the name in the audit log is the token's, whatever the body says.
test("nobody acts under another name", async () => {
  const approve = (body: object) =>
    fetch(`${api.url}/v1/changes/c1/approve`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { authorization: `Bearer ${signed(ec, claims())}`, "content-type": "application/json" },
    });
  expect((await approve({ by: "bob" })).status).toBe(403);
  expect(approvals).toEqual([]);
  expect(refused).toEqual([{ by: "ann@example.net", route: "POST /v1/changes/:id/approve", code: "FORBIDDEN" }]);
  expect((await approve({})).status).toBe(200);
  expect((await approve({ by: "ann@example.net" })).status).toBe(200);
  expect(approvals).toEqual(["ann@example.net", "ann@example.net"]);
});

// Goal: keys are fetched once, anew where one is unknown or they are old, and never more often than every 30 s.
test("a rotated key", async () => {
  await Promise.all([ask(signed(ec, claims())), ask(signed(rsa, claims())), ask(signed(keys.ed, claims()))]);
  expect(asked).toBe(1);
  published = [later.jwk];
  expect((await ask(signed(later, claims()))).status, "too soon to ask again").toBe(401);
  expect(asked).toBe(1);
  nowMs += 30_000;
  expect((await ask(signed(later, claims()))).status).toBe(200);
  expect((await ask(signed(ec, claims()))).status, "a withdrawn key").toBe(401);
  expect(asked).toBe(2);
});

// Goal: an outage of the issuer keeps nobody from the kill switch who could use it before, and lets nobody else in.
test("an issuer that is gone, or answers something else: known keys for a day, then nobody", async () => {
  expect((await ask(signed(ec, claims()))).status).toBe(200);
  published = "nothing" as unknown as object[];
  nowMs += 23 * 3_600_000;
  expect((await ask(signed(ec, claims()))).status).toBe(200);
  const unknown = await ask(signed(later, claims()));
  expect({ status: unknown.status, text: await unknown.text() }).toEqual({
    status: 401,
    text: expect.stringContaining("the issuer's keys cannot be had"),
  });
  expect((await ask(signed(stranger, claims()))).status, "a stranger's").toBe(401);
  nowMs += 3_600_000;
  const response = await ask(signed(ec, claims()));
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ error: { message: "the issuer's keys cannot be had" } });
  expect(unavailable.at(-1)).toBe("what came is not a JSON Web Key Set");
  published = [ec.jwk];
  nowMs += 30_000;
  expect((await ask(signed(ec, claims()))).status, "it is back").toBe(200);
});

test("whose token could not be checked has sent no wrong one", async () => {
  published = "nothing" as unknown as object[];
  for (let index = 0; index < 12; index++) expect((await ask(signed(ec, claims()))).status).toBe(401);
});

test("a clock that was set back makes no key old or new", async () => {
  expect((await ask(signed(ec, claims()))).status).toBe(200);
  published = [later.jwk];
  nowMs -= 3_600_000;
  expect((await ask(signed(later, claims()))).status).toBe(200);
  expect((await ask(signed(ec, claims()))).status, "withdrawn").toBe(401);
});

// Goal: many people behind one address: the wrong tokens of one shut out nobody who signs in, and no flood of them keeps the processor busy.
test("a right sign-in beside wrong ones", async () => {
  const wrong = async () => (await ask(signed(stranger, claims()))).status;
  for (let index = 0; index < 10; index++) expect(await wrong()).toBe(401);
  expect(await wrong()).toBe(429);
  expect((await ask(signed(ec, claims()))).status).toBe(200);
  const token = signed(stranger, claims());
  for (let sent = 0; sent < 300; sent += 50) await Promise.all(Array.from({ length: 50 }, () => ask(token)));
  expect((await ask(signed(ec, claims()))).status, "no signature is checked").toBe(429);
  nowMs += 1_000;
  expect((await ask(signed(ec, claims()))).status).toBe(200);
});

// Goal: keys may lie in a file; a redirection, which could lead anywhere, and an endless answer give no keys.
test("keys from elsewhere", async () => {
  const unread = "the issuer's keys cannot be had";
  const status = async (jwks: OidcAccess["jwks"]) => {
    const { url } = await withKeys(jwks);
    const headers = { authorization: `Bearer ${signed(ec, claims())}` };
    const response = await fetch(`${url}/v1/changes`, { headers });
    const answer = (await response.json()) as { error?: { message: string } };
    return [response.status, answer.error?.message] as const;
  };
  const folder = await folderWith({ "jwks.json": JSON.stringify({ keys: published }) });
  expect((await status({ file: join(folder, "jwks.json") }))[0]).toBe(200);
  const { port } = issuer.address() as AddressInfo;
  const leading = createServer((request, response) => {
    if (request.url === "/away")
      return void response.writeHead(302, { location: `http://127.0.0.1:${port}/jwks` }).end();
    const pour = () => void (response.write("x".repeat(65_536)) ? setImmediate(pour) : response.once("drain", pour));
    if (!response.destroyed) pour();
  }).listen(0, "127.0.0.1");
  await once(leading, "listening");
  onTestFinished(() => {
    leading.closeAllConnections();
    leading.close();
  });
  const elsewhere = `http://127.0.0.1:${(leading.address() as AddressInfo).port}`;
  expect(await status({ url: `${elsewhere}/away` })).toEqual([401, unread]);
  expect(await status({ url: `${elsewhere}/endless` })).toEqual([401, unread]);
  expect(unavailable.at(-1)).toContain("too long");
});

// Goal: a file of keys that gives none is found at the start; one that goes later is told to who runs the controller, and its path to nobody else.
test("keys in a file", async () => {
  const usable = JSON.stringify({ keys: published });
  const written = { "jwks.json": usable, "text.json": "keys", "weak.json": JSON.stringify({ keys: [weak.jwk] }) };
  const folder = await folderWith(written);
  for (const [name, why] of [
    ["none.json", "ENOENT"],
    ["text.json", "not a JSON Web Key Set"],
    ["weak.json", "no usable key"],
  ] as const) {
    await expect(withKeys({ file: join(folder, name) }), name).rejects.toMatchObject({
      ...{ code: "CONFIG_INVALID", message: expect.stringMatching(`^api.oidc.jwks.file cannot be used: .*${why}`) },
    });
  }
  const { url } = await withKeys({ file: join(folder, "jwks.json") });
  await rm(join(folder, "jwks.json"));
  nowMs += 25 * 3_600_000;
  const response = await fetch(`${url}/v1/changes`, { headers: { authorization: `Bearer ${signed(ec, claims())}` } });
  const answer = await response.text();
  expect([response.status, answer]).toEqual([401, expect.stringContaining(`"the issuer's keys cannot be had"`)]);
  expect(answer).not.toContain(folder);
  expect(unavailable).toEqual([expect.stringContaining(folder)]);
});

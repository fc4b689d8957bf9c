import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { type RequestOptions, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type OpenApi, openApi } from "../../src/app/open-api.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { type CertificateAuthority, createCertificateAuthority } from "../../src/lab/certificates.ts";
import type { ApiAccess } from "../../src/model/access.ts";
import type { Controller, Trouble } from "../../src/model/controller.ts";
import type { Journal, JournalEntry } from "../../src/model/journal.ts";
import { idle } from "./open.ts";

// Goal: with a certificate the named tokens are taken over TLS only; with a client authority, only from who has a certificate of it.

const controller = {
  changes: async () => [],
  shed: () => Promise.reject(new TypeError("edge-secret is not a function")),
} as unknown as Controller;
const token = "a-token-of-enough-characters";
let authority: CertificateAuthority;
let stranger: CertificateAuthority;
beforeAll(async () => {
  [authority, stranger] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
});

let folder: string;
let open: OpenApi | undefined;
const entries: JournalEntry[] = [];
const troubles: Trouble[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-tls-"));
  entries.length = 0;
  troubles.length = 0;
});
afterEach(async () => {
  await open?.close();
  open = undefined;
  await rm(folder, { recursive: true });
});

async function opens(mutual: boolean): Promise<OpenApi> {
  const { certificate, key } = await authority.issue("pointsman");
  const file = async (name: string, pem: string) => {
    await writeFile(join(folder, name), pem);
    return join(folder, name);
  };
  const access: ApiAccess = {
    host: "127.0.0.1",
    port: 0,
    tokens: [{ name: "ann", role: "viewer", token: { env: token } }],
    tls: {
      certificate: await file("api.pem", certificate),
      key: { env: key },
      ...(mutual && { clientCa: await file("ca.pem", authority.certificate) }),
    },
  };
  open = await openApi({
    controller,
    watch: idle,
    journal: { append: async (entry: JournalEntry) => void entries.push(entry) } as unknown as Journal,
    access,
    port: undefined,
    resolveSecret: async (ref) => ("env" in ref ? ref.env : ""),
    clock: systemClock,
    onTrouble: (trouble) => void troubles.push(trouble),
  });
  return open;
}

async function ask(url: string | undefined, options: RequestOptions, bearer = token) {
  const send = url?.startsWith("https") ? request : plainRequest;
  const headers = { authorization: `Bearer ${bearer}`, ...options.headers };
  const sent = send(`${url}/v1/changes`, {
    ...options,
    headers,
    agent: false,
    servername: "pointsman",
  } as RequestOptions);
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}
const trusting = () => ({ ca: authority.certificate });

test("named tokens over TLS, the state folder's on loopback, and neither at the other's", async () => {
  const { local, encryptedUrl } = await opens(false);
  const answered = await ask(encryptedUrl, trusting());
  expect(answered).toMatchObject({
    status: 200,
    body: "[]",
    headers: { "strict-transport-security": expect.any(String) },
  });
  expect((await ask(encryptedUrl, trusting(), local.token)).status).toBe(401);
  expect((await ask(local.url, {})).status).toBe(401);
  expect((await ask(local.url, {}, local.token)).status).toBe(200);
  expect((await ask(encryptedUrl, { ...trusting(), headers: { host: "pointsman.example.net" } })).status).toBe(200);
  await expect(ask(encryptedUrl, { ca: stranger.certificate })).rejects.toThrow();
  await expect(ask(encryptedUrl, { ...trusting(), maxVersion: "TLSv1.1" })).rejects.toThrow();
  await expect(ask(encryptedUrl?.replace("https", "http"), {})).rejects.toThrow();
});

test("client certificates", async () => {
  const { encryptedUrl } = await opens(true);
  const certified = async (by: CertificateAuthority) => {
    const { certificate: cert, key } = await by.issue("ann");
    return { ...trusting(), cert, key };
  };
  expect((await ask(encryptedUrl, await certified(authority))).status).toBe(200);
  expect((await ask(encryptedUrl, await certified(authority), "no-token")).status, "it is no token").toBe(401);
  await expect(ask(encryptedUrl, trusting())).rejects.toThrow();
  await expect(ask(encryptedUrl, await certified(stranger))).rejects.toThrow();
});

test("who is refused is in the journal", async () => {
  const { encryptedUrl } = await opens(false);
  const sent = request(`${encryptedUrl}/v1/kill`, {
    ...{ ...trusting(), method: "POST", servername: "pointsman", agent: false },
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
  sent.end("{}");
  await once(sent, "response");
  expect(entries).toEqual([
    {
      event: "access.refused",
      actor: "ann",
      subject: "POST /v1/kill",
      body: expect.objectContaining({ code: "FORBIDDEN" }),
    },
  ]);
});

// Goal: what a bug says is for whoever runs the controller, and not for whoever asked.
test("a bug in the controller", async () => {
  const { local } = await opens(false);
  const response = await fetch(`${local.url}/v1/shed`, { headers: { authorization: `Bearer ${local.token}` } });
  expect(response.status).toBe(500);
  const body = await response.text();
  expect(JSON.parse(body)).toMatchObject({ error: { code: "INTERNAL" } });
  expect(body).not.toContain("edge-secret");
  expect(troubles).toEqual([
    {
      where: "api GET /v1/shed",
      failure: {
        code: "INTERNAL",
        message: expect.stringMatching(/^TypeError: edge-secret is not a function\n +at /),
        mend: expect.any(String),
      },
    },
  ]);
});

test("a certificate that cannot be used is a word, without the key", async () => {
  const access = {
    host: "127.0.0.1",
    port: 0,
    tokens: [],
    tls: { certificate: join(folder, "none"), key: { env: "K" } },
  };
  const opening = (given: ApiAccess) =>
    openApi({
      controller,
      watch: idle,
      journal: {} as Journal,
      access: given,
      port: 0,
      resolveSecret: async () => "hunter2",
      clock: systemClock,
      onTrouble: () => undefined,
    });
  await expect(opening(access)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("ENOENT"),
  });
  await writeFile(join(folder, "none"), (await authority.issue("x")).certificate);
  const failure = await opening(access).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining("api.tls cannot be used") });
  expect(String(failure)).not.toContain("hunter2");
});

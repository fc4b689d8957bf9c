import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { systemClock } from "../../src/kernel/clock.ts";
import { createCertificateAuthority } from "../../src/lab/certificates.ts";
import { type Lab, startLab } from "../../src/lab/lab.ts";
import { Pointsman } from "../cli/process.ts";

// Goal: no secret is ever in the journal, in what processes say, in an answer of the API, in a process list or in the environment of a
// secret's command. Method: real processes on the emulated lab, with a canary for each kind of secret from each place it may come from;
// logins that fail, a change that is made and taken back, every route asked; then all bytes that came of it are searched.

const policy = `apiVersion: pointsman/v1
kind: Policy
metadata: { name: quick, description: Fires at the first sample over the threshold. }
spec:
  mode: propose
  scope: { links: { role: transit } }
  trigger: { signal: link.utilisation.in, above: 85%, clear: 65%, for: 1 of 1, every: 500ms }
  decide: { action: bgp-prepend, objective: cost, maxPrepends: 3, target: 75% }
  guard: { maxDevices: 2, maxTrafficMoved: 30%, freshness: 5 intervals, coverage: 50%, surviveAnyLinkFailure: true }
  approve: { people: 1, expires: 15m }
  verify: { observe: 1s, require: ["link.utilisation.in below 100%"], forbid: [] }
  hold: 20s
`;

let folder: string;
let lab: Lab;
const processes: Pointsman[] = [];
/** What came out of anything, with where it came from. */
const seen: [where: string, bytes: Buffer][] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-secrets-"));
  await writeFile(join(folder, "policy.yaml"), policy);
  const policies = [join(folder, "policy.yaml")];
  const timing = { peakAfterMs: 1_000 };
  lab = await startLab({
    scenario: "two-transits",
    folder: join(folder, "lab"),
    seed: 1,
    clock: systemClock,
    timing,
    policies,
  });
});
afterEach(async () => {
  for (const { child } of processes) child.kill("SIGKILL");
  await lab.stop();
  await rm(folder, { recursive: true, force: true });
});

const canary = (what: string) => `canary-${what}-${randomBytes(12).toString("hex")}`;
const see = (where: string, text: string | Buffer) => seen.push([where, Buffer.from(text)]);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

type Device = { name: string; management: Record<string, unknown>; gnmi: Record<string, unknown> };
type Inventory = { devices: Device[]; telemetry: { prometheus: Record<string, unknown> }; api?: unknown };

async function start(file: string, env: Record<string, string>, ...args: string[]): Promise<Pointsman> {
  const started = new Pointsman(["run", "--config", file, "--state", join(folder, "state"), ...args], env);
  processes.push(started);
  see(`command line of ${args.join(" ")}`, await readFile(`/proc/${started.child.pid}/cmdline`));
  return started;
}

async function stop(controller: Pointsman): Promise<void> {
  for (const name of await readdir(join(folder, "state"))) see(name, await readFile(join(folder, "state", name)));
  controller.child.kill("SIGINT");
  const { out, err } = await controller.ended();
  see("standard output", out);
  see("standard error", err);
}

test("canaries stay where they are", { timeout: 120_000 }, async () => {
  const authority = await createCertificateAuthority();
  const { certificate, key } = await authority.issue("localhost");
  const labFolder = join(folder, "lab");
  const put = async (name: string, text: string) => {
    await writeFile(join(labFolder, name), text, { mode: 0o600 });
    return name;
  };
  const password = (await readFile(join(labFolder, "password"), "utf8")).trim();
  const tokens = { viewer: canary("viewer"), approver: canary("approver"), admin: canary("admin") };
  const wrong = canary("wrong-password");
  const prometheus = canary("prometheus");
  const unrelated = canary("unrelated");
  const env = {
    LAB_PASSWORD: password,
    WRONG_PASSWORD: wrong,
    PROM_TOKEN: prometheus,
    VIEWER: tokens.viewer,
    UNRELATED: unrelated,
  };

  const inventory = parse(await readFile(lab.configFile, "utf8")) as Inventory;
  const [first, second] = inventory.devices;
  if (!first || !second) return expect.fail("the lab has two routers");
  // It leaves behind what a process list and its environment show of it.
  const script = 'tr "\\0" " " </proc/$$/cmdline >child-cmdline; env >child-environ; echo "$0" >&2; cat password';
  first.management.password = { command: ["sh", "-c", script] };
  first.gnmi.password = { env: "LAB_PASSWORD" };
  inventory.telemetry.prometheus.bearerToken = { env: "PROM_TOKEN" };
  const port = await freePort();
  inventory.api = {
    port,
    tokens: [
      { name: "vic", role: "viewer", token: { env: "VIEWER" } },
      {
        name: "ann",
        role: "approver",
        token: { command: ["cat", await put("store", `${tokens.approver}\nnot this\n`)] },
      },
      { name: "root", role: "admin", token: { file: await put("root", tokens.admin) } },
    ],
    tls: { certificate: await put("api.pem", certificate), key: { file: await put("api-key.pem", key) } },
  };
  const good = join(labFolder, await put("good.yaml", stringify(inventory)));
  second.management.password = { env: "WRONG_PASSWORD" };
  second.gnmi.password = { env: "WRONG_PASSWORD" };
  const bad = join(labFolder, await put("bad.yaml", stringify(inventory)));

  // Logins that fail.
  const refused = await start(bad, { ...env, POINTSMAN_DEBUG: "1" });
  await refused.saying(/router edge-b DEVICE_AUTH/);
  await refused.saying(/telemetry edge-b TELEMETRY_FAILED/);
  await stop(refused);

  // A change, made and taken back, by people with tokens of their own.
  const controller = await start(good, env, "--json");
  await controller.saying(/"state":"awaiting-approval"/);
  const endpoint = JSON.parse(await readFile(join(folder, "state", "endpoint.json"), "utf8")) as {
    url: string;
    token: string;
  };
  await put("ca-of-api.pem", authority.certificate);
  const cli = async (tokenFile: string, ...args: string[]) => {
    const url = ["--url", `https://localhost:${port}`, "--token-file", join(labFolder, tokenFile)];
    const ended = await new Pointsman([...args, ...url], {
      NODE_EXTRA_CA_CERTS: join(labFolder, "ca-of-api.pem"),
    }).ended();
    see(`pointsman ${args[0]}`, ended.out + ended.err);
    return ended;
  };
  await put("vic", tokens.viewer);
  await put("ann", tokens.approver);
  expect(await cli("vic", "approve", "c1")).toMatchObject({ code: 7, err: expect.stringContaining("FORBIDDEN") });
  expect(await cli("vic", "approve", "c1", "--as", "ann")).toMatchObject({ code: 7 });
  expect(await cli("ann", "approve", "c1", "--json")).toMatchObject({
    code: 0,
    out: expect.stringContaining('"by": "ann"'),
  });
  expect(await cli("ann", "rollback", "c1", "--as", "bob")).toMatchObject({ code: 7 });
  const exported = await cli("root", "audit", "export");
  const lines = exported.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string; actor: string });
  expect(lines.filter(({ event }) => event === "access.refused").map(({ actor }) => actor)).toEqual([
    "vic",
    "vic",
    "ann",
  ]);
  expect(lines.filter(({ actor }) => actor === "ann").map(({ event }) => event)).toContain("change.preparing");

  // Every route, by the owner of the state folder and by nobody.
  const routes = [
    "whoami",
    "status",
    "shed",
    "changes",
    "changes/c1",
    "changes/c9",
    "explain/transit-a",
    "audit/verify",
    "audit/export",
    "none",
  ];
  for (const path of [...routes.map((route) => `v1/${route}`), "metrics"]) {
    for (const token of [endpoint.token, canary("nobody")]) {
      const answer = await fetch(`${endpoint.url}/${path}`, { headers: { authorization: `Bearer ${token}` } });
      see(`GET ${path}`, JSON.stringify([...answer.headers]) + (await answer.text()));
    }
  }
  for (const path of ["freeze", "kill", "resume", "changes/c1/approve", "changes/c1/reject", "changes/c1/rollback"]) {
    const body = JSON.stringify({ reason: "test", untilMs: Date.now() + 1_000 });
    const headers = { authorization: `Bearer ${endpoint.token}`, "content-type": "application/json" };
    see(`POST ${path}`, await (await fetch(`${endpoint.url}/v1/${path}`, { method: "POST", headers, body })).text());
  }
  await stop(controller);
  for (const name of ["child-cmdline", "child-environ"]) see(name, await readFile(join(labFolder, name)));
  for (const name of await readdir(join(folder, "state"))) see(name, await readFile(join(folder, "state", name)));

  const secrets = {
    password,
    wrong,
    prometheus,
    unrelated,
    ...tokens,
    "TLS key": key.split("\n")[1] ?? expect.fail("a PEM text"),
    "state folder's token": endpoint.token,
  };
  const places = seen.map(([where]) => where);
  for (const place of ["journal.sqlite", "standard output", "GET v1/status", "child-environ"])
    expect(places).toContain(place);
  const leaks = seen.flatMap(([where, bytes]) =>
    Object.entries(secrets).flatMap(([what, secret]) => {
      const forms = [secret, Buffer.from(secret).toString("base64"), encodeURIComponent(secret)];
      const isOwn = where === "endpoint.json" && what === "state folder's token";
      return !isOwn && forms.some((form) => bytes.includes(form)) ? [`${what} in ${where}`] : [];
    }),
  );
  expect(leaks).toEqual([]);
});

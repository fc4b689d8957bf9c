import { text } from "node:stream/consumers";
import type { ClientChannel } from "ssh2";
import { afterEach, expect, test } from "vitest";
import { openSsh } from "../../src/device/ssh-session.ts";
import { Failure } from "../../src/kernel/failure.ts";
import type { Management, SecretRef } from "../../src/model/inventory.ts";
import { type HostKeyType, OpenSsh, password, username } from "./openssh-server.ts";

// Logins to Debian's OpenSSH, each way that a router may want them.

const key: SecretRef = { file: "key" };
const right: SecretRef = { env: "RIGHT" };
const wrong: SecretRef = { env: "WRONG" };

let server: OpenSsh;
let resolved: string[] = [];
afterEach(async () => {
  await server.stop();
  resolved = [];
});

const connect = (management: Management) =>
  openSsh({
    name: "edge-a",
    management,
    resolveSecret: async (ref) => {
      const name = "env" in ref ? ref.env : "key";
      resolved.push(name);
      return { RIGHT: password, WRONG: "gu3ss w0rk", key: server.privateKey() }[name] ?? "";
    },
  });

/** Logs in, and asks who it is. */
async function whoAmI(management: Management): Promise<string> {
  const client = await connect(management);
  try {
    const channel = await new Promise<ClientChannel>((resolve, reject) =>
      client.exec("id -un", (error, opened) => (error ? reject(error) : resolve(opened))),
    );
    return (await text(channel)).trim();
  } finally {
    client.end();
  }
}

async function failureOf(management: Management): Promise<Failure> {
  const outcome = await connect(management).then(
    (client) => client.destroy(),
    (error: unknown) => error,
  );
  if (!(outcome instanceof Failure)) expect.fail("expected a Failure");
  for (const secret of [password, "gu3ss w0rk", server.privateKey()])
    expect(`${outcome.message} ${outcome.mend}`).not.toContain(secret);
  return outcome;
}

// Goal: each method, and the two of them in either order, with all credentials at hand.
test.each(["password", "publickey", "publickey,password", "password,publickey"])("%s", async (methods) => {
  server = await OpenSsh.start(methods);
  expect(await whoAmI({ ...server.management(), password: right, privateKey: key })).toBe(username);
});

// Goal: one credential of two, or a wrong one, is told as a login refused; nothing is tried for ever.
test.each<[string, string, Partial<Management>]>([
  ["a wrong password", "password", { password: wrong }],
  ["a key where a password is wanted", "password", { privateKey: key }],
  ["a password where a key is wanted", "publickey", { password: right }],
  ["a key without its password", "publickey,password", { privateKey: key }],
  ["a key with a wrong password", "publickey,password", { privateKey: key, password: wrong }],
  ["a password without its key", "password,publickey", { password: right }],
])("%s", async (_, methods, credentials) => {
  server = await OpenSsh.start(methods);
  expect(await failureOf({ ...server.management(), ...credentials })).toMatchObject({
    code: "DEVICE_AUTH",
    message: expect.stringMatching(new RegExp(`^edge-a: login refused .* for ${username} at 127\\.0\\.0\\.1:`)),
  });
});

// Goal: the configured host key is found whatever its type, also beside others that the server would rather show.
test.each<HostKeyType>(["ed25519", "ecdsa", "rsa"])("host key of type %s", async (type) => {
  server = await OpenSsh.start("password", ["ed25519", "ecdsa", "rsa"]);
  expect(await whoAmI({ ...server.management(type), password: right })).toBe(username);
});

// Goal: after the host key has changed no credential is read, let alone sent, and both fingerprints are told.
test("changed host key", async () => {
  server = await OpenSsh.start("publickey,password", ["ed25519", "rsa"]);
  const known = { ...server.management(), password: right, privateKey: key };
  expect(await whoAmI(known)).toBe(username);
  resolved = [];
  await server.reinstall("publickey,password", ["ed25519", "rsa"]);
  const failure = await failureOf(known);
  expect(failure.code).toBe("DEVICE_HOST_KEY");
  expect(failure.message).toContain(`expected ${known.hostKey}`);
  for (const type of ["ed25519", "rsa"] as const) expect(failure.message).toContain(server.management(type).hostKey);
  expect(failure.mend).toContain("management.hostKey of edge-a");
  expect(resolved).toEqual([]);
  expect(server.log).not.toMatch(/Accepted|Failed|Postponed|Partial/);
  expect(server.log).not.toContain(username);
});

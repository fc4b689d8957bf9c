import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import ssh2, { type AuthContext, type Client, type Connection } from "ssh2";
import { afterEach, expect, test } from "vitest";
import { openSsh, type SshOptions } from "../../src/device/ssh-session.ts";
import { Failure } from "../../src/kernel/failure.ts";
import { ed25519KeyPair } from "./scripted-router.ts";

const ed25519 = ed25519KeyPair();
const ecdsa = ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 });
const rsa = ssh2.utils.generateKeyPairSync("rsa", { bits: 2048 });
const userKey = ed25519KeyPair();
const fingerprint = (publicKey: string) =>
  `SHA256:${createHash("sha256")
    .update(Buffer.from(publicKey.split(" ")[1] ?? "", "base64"))
    .digest("base64")
    .replace(/=+$/, "")}`;

const secrets: Record<string, string> = { password: "tr4ck-side", wrong: "gu3ss-work", key: userKey.private };
let resolved: string[] = [];
const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
  resolved = [];
});

async function listen(hostKeys: string[], authenticate: (login: AuthContext) => void): Promise<number> {
  const connections = new Set<Connection>();
  const server = new ssh2.Server({ hostKeys }, (connection) => {
    connections.add(connection);
    connection.on("error", () => {});
    connection.on("authentication", authenticate);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup.push(async () => {
    for (const connection of connections) connection.end();
    await new Promise((done) => server.close(done));
  });
  return (server.address() as AddressInfo).port;
}

function optionsFor(port: number, management: Partial<SshOptions["management"]> = {}): SshOptions {
  return {
    name: "edge-a",
    management: { host: "127.0.0.1", port, username: "pointsman", hostKey: fingerprint(ed25519.public), ...management },
    resolveSecret: async (ref) => {
      const name = "env" in ref ? ref.env : "file" in ref ? ref.file : ref.command.join(" ");
      resolved.push(name);
      const value = secrets[name];
      if (value === undefined) throw new Failure("SECRET_MISSING", `no secret ${name}`);
      return value;
    },
  };
}

async function failureOf(attempt: Promise<Client>): Promise<Failure> {
  const outcome = await attempt.then(
    (client) => {
      client.destroy();
      return undefined;
    },
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(Failure);
  const failure = outcome as Failure;
  for (const secret of Object.values(secrets)) expect(`${failure.message} ${failure.mend}`).not.toContain(secret);
  return failure;
}

async function opens(attempt: Promise<Client>): Promise<void> {
  const client = await attempt;
  const closed = once(client, "close");
  client.end();
  await closed;
}

const passwordOnly = (login: AuthContext) =>
  login.method === "password" && login.password === secrets.password ? login.accept() : login.reject(["password"]);
const keyAccepted = (login: AuthContext) => login.method === "publickey" && login.key.algo === "ssh-ed25519";

// Goal: the right password opens a session, the wrong one is named as such and never shown.
test("password", async () => {
  const port = await listen([ed25519.private], passwordOnly);
  await opens(openSsh(optionsFor(port, { password: { env: "password" } })));
  const failure = await failureOf(openSsh(optionsFor(port, { password: { env: "wrong" } })));
  expect(failure.code).toBe("DEVICE_AUTH");
  expect(failure.message).toMatch(/edge-a: login refused .*pointsman at 127\.0\.0\.1/);
});

// Goal: either order of key and password is carried through (partial success, RFC 4252 5.1).
test.each([
  ["key, then password", ["publickey", "password"]],
  ["password, then key", ["password", "publickey"]],
  ["key, then keyboard-interactive", ["publickey", "keyboard-interactive"]],
])("%s", async (_, order) => {
  const progress = new Map<unknown, number>();
  const port = await listen([ed25519.private], (login) => {
    const done = progress.get(login.username) ?? 0;
    const wanted = order[done] as "publickey" | "password" | "keyboard-interactive";
    const step = (right: boolean) => {
      if (!right) return login.reject([wanted]);
      if (login.method === "publickey" && !login.signature) return login.accept(); // only asks whether the key would do
      progress.set(login.username, done + 1);
      return done + 1 === order.length
        ? login.accept()
        : login.reject([order[done + 1] as "publickey" | "password" | "keyboard-interactive"], true);
    };
    if (login.method !== wanted) step(false);
    else if (login.method === "publickey") step(keyAccepted(login));
    else if (login.method === "password") step(login.password === secrets.password);
    else if (login.method === "keyboard-interactive")
      login.prompt([{ prompt: "Password: ", echo: false }], (answers) => step(answers?.[0] === secrets.password));
  });
  await opens(openSsh(optionsFor(port, { password: { env: "password" }, privateKey: { file: "key" } })));
  expect(progress.get("pointsman")).toBe(2);
});

// Goal: keyboard-interactive is answered with the password once; a second question is not guessed at.
test("keyboard-interactive", async () => {
  const ask = (rounds: number) => (login: AuthContext) => {
    if (login.method !== "keyboard-interactive") return login.reject(["keyboard-interactive"]);
    const round = (left: number) => {
      if (left === 0) login.accept();
      else
        login.prompt([{ prompt: "Password: ", echo: false }], (a) =>
          a?.[0] === secrets.password ? round(left - 1) : login.reject(),
        );
    };
    round(rounds);
  };
  await opens(openSsh(optionsFor(await listen([ed25519.private], ask(1)), { password: { env: "password" } })));
  const failure = await failureOf(
    openSsh(optionsFor(await listen([ed25519.private], ask(2)), { password: { env: "password" } })),
  );
  expect(failure.code).toBe("DEVICE_AUTH");
  expect(failure.message).toContain("more than a password");
});

// Goal: an expired password is an answer, not a hang.
test("expired password", async () => {
  const port = await listen([ed25519.private], (login) => {
    if (login.method === "password") login.requestChange("Your password has expired", () => login.reject());
    else login.reject(["password"]);
  });
  const failure = await failureOf(openSsh(optionsFor(port, { password: { env: "password" } })));
  expect(failure.code).toBe("DEVICE_AUTH");
  expect(failure.message).toContain("expired");
});

// Goal: a text that is no private key fails as such, without quoting it.
test("unusable private key", async () => {
  const port = await listen([ed25519.private], (login) => login.reject(["publickey"]));
  const failure = await failureOf(openSsh(optionsFor(port, { privateKey: { file: "password" } })));
  expect(failure.code).toBe("DEVICE_AUTH");
  expect(failure.message).toContain("private key cannot be used");
});

// Goal: a wrong host key stops before any credential is read, and both fingerprints are told.
test("host key mismatch", async () => {
  const port = await listen([ecdsa.private, rsa.private], (login) => login.accept());
  const failure = await failureOf(openSsh(optionsFor(port, { password: { env: "password" } })));
  expect(failure.code).toBe("DEVICE_HOST_KEY");
  for (const key of [ed25519, ecdsa, rsa]) expect(failure.message).toContain(fingerprint(key.public));
  expect(failure.mend).toContain("management.hostKey of edge-a");
  expect(resolved).toEqual([]);
});

// Goal: the configured key is found whatever its type, also when the router would rather show another one.
test.each([
  ["ecdsa", ecdsa],
  ["rsa", rsa],
])("host key of type %s beside others", async (_, key) => {
  const port = await listen([ed25519.private, ecdsa.private, rsa.private], passwordOnly);
  await opens(openSsh(optionsFor(port, { password: { env: "password" }, hostKey: fingerprint(key.public) })));
});

// Goal: nothing listening, a silent peer, a name that does not resolve and a peer that hangs up are all told as unreachable.
test("unreachable", async () => {
  const silent = createServer((socket) => socket.resume().on("error", () => {}));
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const slow = await failureOf(openSsh({ ...optionsFor(port), connectTimeoutMs: 100 }));
  expect(slow).toMatchObject({ code: "DEVICE_UNREACHABLE", retry: "later" });
  expect(slow.message).toContain("timed out");
  await new Promise((done) => silent.close(done));
  const refused = await failureOf(openSsh(optionsFor(port)));
  expect(refused).toMatchObject({ code: "DEVICE_UNREACHABLE" });
  expect(refused.message).toContain("ECONNREFUSED");
  const nameless = await failureOf(openSsh(optionsFor(port, { host: "no-such-router.invalid" })));
  expect(nameless).toMatchObject({ code: "DEVICE_UNREACHABLE" });
  const rude = createServer((socket) => socket.destroy());
  rude.listen(0, "127.0.0.1");
  await once(rude, "listening");
  expect(await failureOf(openSsh(optionsFor((rude.address() as AddressInfo).port)))).toMatchObject({
    code: "DEVICE_UNREACHABLE",
  });
  await new Promise((done) => rude.close(done));
});

// Goal: a secret that leads nowhere keeps its own failure.
test("missing secret", async () => {
  const port = await listen([ed25519.private], passwordOnly);
  expect(await failureOf(openSsh(optionsFor(port, { password: { env: "absent" } })))).toMatchObject({
    code: "SECRET_MISSING",
  });
});

import { createHash } from "node:crypto";
import ssh2, { type AnyAuthMethod, type Client, type ServerHostKeyAlgorithm } from "ssh2";
import { Failure } from "../kernel/failure.ts";
import type { DeviceName, Management, ResolveSecret } from "../model/inventory.ts";

export type SshOptions = {
  name: DeviceName;
  management: Management;
  resolveSecret: ResolveSecret;
  /** For TCP, key exchange and login together. */
  connectTimeoutMs?: number;
};

/**
 * An authenticated SSH connection, keepalives on. It always ends with `close`: an error after this returns closes it.
 * Secrets are resolved once the host key has been verified, at the moment they are sent.
 * Throws: DEVICE_HOST_KEY, DEVICE_AUTH, DEVICE_UNREACHABLE, and what `resolveSecret` throws.
 */
export async function openSsh(options: SshOptions): Promise<Client> {
  const { name, management } = options;
  const offered: OfferedKey[] = [];
  // A fingerprint does not tell its key's type, and a router with several keys shows only the one negotiated: ask for each
  // type in turn until one fits. No credential is sent before that.
  let algorithms = hostKeyAlgorithms;
  while (algorithms.length > 0) {
    const attempt = await connect(options, algorithms);
    if (attempt.kind === "open") return attempt.client;
    if (attempt.kind === "failed") throw attempt.failure;
    if (attempt.kind === "no-common-key-type") break;
    offered.push(attempt.key);
    const rest = algorithms.filter((algorithm) => keyTypeOf(algorithm) !== attempt.key.type);
    if (rest.length === algorithms.length) break; // A hostile peer may show a key of a type that was never negotiated.
    algorithms = rest;
  }
  if (offered.length === 0) throw unreachable(name, management, "it has no host key of a type we know");
  const seen = offered.map(({ type, fingerprint }) => `${fingerprint} (${type})`).join(", ");
  throw new Failure(
    "DEVICE_HOST_KEY",
    `${name}: the host key at ${address(management)} is not the configured one: expected ${management.hostKey}, offered ${seen}`,
    {
      mend: `Find out why the key differs (ssh-keygen -l on the router's console). Only if the router's key was really replaced, set management.hostKey of ${name} to the new fingerprint.`,
    },
  );
}

type OfferedKey = { type: string; fingerprint: string };
type Attempt =
  | { kind: "open"; client: Client }
  | { kind: "wrong-key"; key: OfferedKey }
  | { kind: "no-common-key-type" }
  | { kind: "failed"; failure: Failure };

const hostKeyAlgorithms: ServerHostKeyAlgorithm[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
  "ssh-rsa",
];
// RFC 8332: the rsa-sha2-* signatures are made with an ssh-rsa key.
const keyTypeOf = (algorithm: ServerHostKeyAlgorithm) => (algorithm.startsWith("rsa-sha2") ? "ssh-rsa" : algorithm);

const address = ({ host, port }: Management) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);

function connect(options: SshOptions, algorithms: ServerHostKeyAlgorithm[]): Promise<Attempt> {
  const { name, management, connectTimeoutMs = 15_000 } = options;
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    let stage: "connecting" | "authenticating" | "over" = "connecting";
    const settle = (attempt: Attempt) => {
      if (stage === "over") return;
      stage = "over";
      if (attempt.kind !== "open") client.destroy();
      resolve(attempt);
    };
    const refuse = (failure: Failure) => settle({ kind: "failed", failure });
    const login = loginSequence(options, refuse);

    client.on("handshake", () => {
      if (stage === "connecting") stage = "authenticating";
    });
    client.on("change password", () =>
      refuse(authFailure(options, "the password has expired", "Set a new password on the router")),
    );
    client.on("ready", () => settle({ kind: "open", client }));
    client.on("error", (error: SshError) => {
      if (error.message.includes("no matching host key format")) settle({ kind: "no-common-key-type" });
      else if (stage === "authenticating" && isRefusal(error)) {
        refuse(authFailure(options, `login refused (tried: ${login.tried()})`, "Check username, password and key"));
      } else refuse(unreachable(name, management, describe(error)));
      // After `ready` too: ssh2 half-closes on a protocol error, and a dead peer would leave the socket open for ever.
      client.destroy();
    });
    client.on("close", () => refuse(unreachable(name, management, "the connection was closed during login")));

    client.connect({
      host: management.host,
      port: management.port,
      username: management.username,
      readyTimeout: connectTimeoutMs,
      keepaliveInterval: 10_000,
      keepaliveCountMax: 3,
      algorithms: { serverHostKey: algorithms },
      hostVerifier: (key: Buffer) => {
        const fingerprint = `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
        if (fingerprint === management.hostKey) return true;
        settle({ kind: "wrong-key", key: { type: keyType(key), fingerprint } });
        return false;
      },
      // The types forbid `false`, which is how ssh2 is told that there is nothing left to try.
      authHandler: (methodsLeft, partialSuccess, next) => {
        login.next(methodsLeft, partialSuccess).then(
          (method) => stage !== "over" && next(method as AnyAuthMethod),
          (error: unknown) => {
            if (error instanceof Failure) return refuse(error);
            client.destroy();
            reject(error);
          },
        );
      },
    });
    client.setNoDelay(true);
  });
}

/** RFC 4253 6.6: a key blob starts with its type as an SSH string. */
function keyType(blob: Buffer): string {
  return blob.toString("latin1", 4, 4 + blob.readUInt32BE(0));
}

type Method = "publickey" | "password" | "keyboard-interactive";

/**
 * Which method to offer next. A method that failed is offered again after another one has had a partial success
 * (RFC 4252 5.1), for a router that wants the password first and then the key; one that succeeded is not.
 */
function loginSequence(options: SshOptions, refuse: (failure: Failure) => void) {
  const { management, resolveSecret } = options;
  const { username, password, privateKey } = management;
  const succeeded = new Set<Method>();
  const failed = new Set<Method>();
  const everTried = new Set<Method>();
  let last: Method | undefined;

  const configured: Method[] = [];
  if (privateKey) configured.push("publickey");
  if (password) configured.push("password", "keyboard-interactive");

  return {
    tried: () => (everTried.size === 0 ? "no method in common" : [...everTried].join(", ")),

    async next(methodsLeft: readonly string[] | null, partialSuccess: boolean | null): Promise<AnyAuthMethod | false> {
      if (last && partialSuccess) {
        succeeded.add(last);
        failed.clear();
      } else if (last) failed.add(last);
      last = configured.find(
        (method) =>
          !succeeded.has(method) && !failed.has(method) && (methodsLeft === null || methodsLeft.includes(method)),
      );
      if (last === undefined) return false;
      everTried.add(last);
      if (last === "publickey" && privateKey)
        return { type: last, username, key: usableKey(options, await resolveSecret(privateKey)) };
      if (last === "password" && password) return { type: last, username, password: await resolveSecret(password) };
      const secret = password ? await resolveSecret(password) : "";
      let answered = false;
      return {
        type: "keyboard-interactive",
        username,
        prompt: (_name, _instructions, _language, prompts, finish) => {
          const [prompt] = prompts;
          // A second question is a one-time code or a forced change of the password: neither is ours to answer.
          if (answered || prompts.length !== 1 || prompt?.echo !== false) {
            refuse(
              authFailure(
                options,
                "the router asks for more than a password",
                "Log in by hand once to see what it asks",
              ),
            );
            return;
          }
          answered = true;
          finish([secret]);
        },
      };
    },
  };
}

function usableKey(options: SshOptions, text: string) {
  const key = ssh2.utils.parseKey(text);
  // The parser's own message could quote the key.
  if (key instanceof Error || !key.isPrivateKey()) {
    throw authFailure(
      options,
      "the private key cannot be used",
      "Give an OpenSSH or PEM private key without a passphrase",
    );
  }
  return key;
}

function authFailure({ name, management }: SshOptions, what: string, mend: string): Failure {
  return new Failure("DEVICE_AUTH", `${name}: ${what} for ${management.username} at ${address(management)}`, { mend });
}

function unreachable(name: DeviceName, management: Management, why: string): Failure {
  return new Failure("DEVICE_UNREACHABLE", `${name}: no SSH connection to ${address(management)}: ${why}`, {
    retry: "later",
    mend: `Check that ${name} is up and that management.host and management.port lead to its SSH service`,
  });
}

type SshError = Error & { level?: string; code?: string | number };

/** Our own last method failed, or the router sent SSH_MSG_DISCONNECT (numeric code, RFC 4253 11.1), as for too many attempts. */
const isRefusal = (error: SshError) => error.level === "client-authentication" || typeof error.code === "number";

function describe({ level, code, message }: SshError): string {
  if (level === "client-timeout") return "timed out";
  return typeof code === "string" && !message.includes(code) ? `${code} ${message}`.trim() : message;
}

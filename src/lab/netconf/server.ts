import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import ssh2, { type AuthContext, type Connection, type Session as SshSession } from "ssh2";
import { assert } from "../../kernel/assert.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { XmlElement } from "../../kernel/xml.ts";
import { ConfirmedCommit } from "./confirmed-commit.ts";
import { Datastore } from "./datastore.ts";
import { Locks } from "./locks.ts";
import type { Router } from "./operations.ts";
import { Session } from "./session.ts";

/** Switches to flip while the router runs. */
export type NetconfFaults = {
  /** Answers `<ok/>` to commit and applies nothing. */
  lieOnCommit: boolean;
  /** Drops every session and refuses new ones until false. */
  dead: boolean;
  /** Performs the next operation of this name and never answers it. */
  loseReplyTo: string | undefined;
};

export type NetconfServer = {
  readonly port: number;
  /** `"SHA256:…"` as `ssh-keygen -l` prints it: unpadded base64. */
  readonly hostKey: string;
  /** `<config>` in the NETCONF base namespace with the running configuration as children. Read only. */
  running(): XmlElement;
  /** Exact serialised text of `running()`, for byte comparison. */
  runningText(): string;
  /** Whenever running becomes another: by commit, revert or cancel. */
  onRunningChanged(listener: (running: XmlElement) => void): void;
  readonly faults: NetconfFaults;
  /** What clients have begun and not ended: held locks, edits of the candidate, a commit on trial. */
  unfinished(): readonly string[];
  stop(): Promise<void>;
};

/**
 * An emulated router's NETCONF server over SSH (RFC 6241, 6242, 6243). `config` is the XML of the children of `<config>`, and
 * must be one that a router could run: throws RpcErrors otherwise. Port 0 takes a free one.
 */
export async function startNetconfServer(options: {
  name: string;
  username: string;
  password: string;
  config: string;
  clock: Clock;
  host?: string;
  port?: number;
  /** Default 1.1, which has `persist` and cancel-commit. */
  confirmedCommitVersion?: "1.0" | "1.1";
  onOperation?: (name: string) => void;
}): Promise<NetconfServer> {
  const datastore = new Datastore(options.config);
  const confirmedCommit = new ConfirmedCommit(datastore, options.clock);
  const sessions: Router["sessions"] = new Map();
  const sockets = new Set<Socket>();
  const dropAll = () => {
    for (const session of [...sessions.values()]) session.end();
    for (const socket of sockets) socket.destroy();
  };
  const faults = new Faults(dropAll);
  const onOperation = options.onOperation ?? (() => undefined);
  const confirmedCommitVersion = options.confirmedCommitVersion ?? "1.1";
  const parts = { datastore, locks: new Locks(), confirmedCommit, confirmedCommitVersion, sessions };
  const router: Router = { ...parts, faults, onOperation };

  const { privateKey, hostKey } = makeHostKey();
  let lastSession = 0;
  // A software version has no blanks and no minus signs (RFC 4253 section 4.2).
  const ident = options.name.replaceAll(/[^\w.]/g, "_");
  const ssh = new ssh2.Server({ hostKeys: [privateKey], ident }, (connection) => {
    serveConnection(connection, options, (transport) => {
      lastSession += 1;
      return new Session(lastSession, router, transport);
    });
  });
  const listener = createServer({ noDelay: true }, (socket) => {
    if (faults.dead) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    ssh.injectSocket(socket);
  });
  listener.listen(options.port ?? 0, options.host ?? "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  assert(address && typeof address === "object", "a TCP listener has an address");

  return {
    port: address.port,
    hostKey,
    running: () => datastore.running,
    runningText: () => datastore.runningText,
    onRunningChanged: (onChange) => datastore.onRunningChanged(onChange),
    faults,
    unfinished: () => [
      ...router.locks.held.map((name) => `${name} is locked`),
      ...(datastore.modified ? ["the candidate is edited"] : []),
      ...(confirmedCommit.owner === undefined ? [] : ["a commit is on trial"]),
    ],
    async stop() {
      confirmedCommit.stop();
      const closed = once(listener, "close");
      listener.close();
      dropAll();
      await closed;
    },
  };
}

class Faults implements NetconfFaults {
  lieOnCommit = false;
  loseReplyTo: string | undefined;
  #dead = false;
  readonly #onDeath: () => void;

  constructor(onDeath: () => void) {
    this.#onDeath = onDeath;
  }

  get dead(): boolean {
    return this.#dead;
  }

  set dead(dead: boolean) {
    this.#dead = dead;
    if (dead) this.#onDeath();
  }
}

function serveConnection(
  connection: Connection,
  { username, password }: Readonly<{ username: string; password: string }>,
  openSession: (transport: ConstructorParameters<typeof Session>[2]) => Session,
): void {
  connection.on("authentication", (attempt: AuthContext) => {
    const granted =
      attempt.method === "password" && sameText(attempt.username, username) && sameText(attempt.password, password);
    if (granted) attempt.accept();
    else attempt.reject(["password"]);
  });
  connection.on("session", (accept: () => SshSession) => {
    accept().on("subsystem", (acceptSubsystem, reject, { name }) => {
      if (name !== "netconf") return reject?.();
      const channel = acceptSubsystem();
      const session = openSession({
        write: (bytes) => void channel.write(bytes),
        close: () => {
          channel.exit(0);
          channel.end();
        },
      });
      channel.on("data", (bytes: Buffer) => session.receive(bytes));
      channel.on("end", () => session.end());
      channel.on("close", () => session.end());
    });
  });
  // A peer that vanishes, speaks no SSH or shares no algorithm is its own trouble: "close" follows and ends its sessions.
  connection.on("error", () => {});
}

/** In a time that tells nothing of where the texts differ. */
function sameText(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map((text) => createHash("sha256").update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

function makeHostKey(): { privateKey: string; hostKey: string } {
  // ssh2 1.17 now and then (4 in 3000) writes an ed25519 key that it cannot read itself.
  for (;;) {
    const { private: privateKey, public: publicKey } = ssh2.utils.generateKeyPairSync("ed25519");
    const blob = publicKey.split(" ")[1];
    if (blob === undefined || ssh2.utils.parseKey(privateKey) instanceof Error) continue;
    const digest = createHash("sha256").update(Buffer.from(blob, "base64")).digest("base64");
    return { privateKey, hostKey: `SHA256:${digest.replace(/=+$/, "")}` };
  }
}

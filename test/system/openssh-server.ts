import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Management } from "../../src/model/inventory.ts";
import { end, fingerprint, freePort, requirePresent, says } from "./daemon.ts";

export type HostKeyType = "ed25519" | "ecdsa" | "rsa";

export const username = "pointsman-test";
export const password = "tr4ck s1de ü";

/** Debian's sshd on loopback, with a user, host keys and a key for the user of its own. */
export class OpenSsh {
  readonly port: number;
  readonly #folder: string;
  #sshd: ChildProcess | undefined;
  #log = "";

  /** `methods`: sshd_config's `AuthenticationMethods`. */
  static async start(methods: string, hostKeys: readonly HostKeyType[] = ["ed25519"]): Promise<OpenSsh> {
    const binaries = ["/usr/sbin/sshd", "/usr/bin/ssh-keygen", "/usr/bin/unshare", "/usr/bin/openssl"];
    requirePresent(binaries, "openssh-server, util-linux and openssl");
    if (process.getuid?.() !== 0) throw new Error("this test needs root, to give sshd a user of its own");
    const server = new OpenSsh(await freePort());
    try {
      server.#makeKey("user", "ed25519");
      server.#makeAccounts();
      await server.#run(methods, hostKeys);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  private constructor(port: number) {
    this.port = port;
    this.#folder = mkdtempSync(join(tmpdir(), "openssh-"));
    chmodSync(this.#folder, 0o755); // sshd reads the authorised keys as their user.
  }

  /** What sshd has logged, each login tried among it. */
  get log(): string {
    return this.#log;
  }

  privateKey(): string {
    return readFileSync(this.#at("user"), "utf8");
  }

  management(hostKey: HostKeyType = "ed25519"): Management {
    return { host: "127.0.0.1", port: this.port, username, hostKey: fingerprint(this.#at(`host_${hostKey}.pub`)) };
  }

  /** As after a new installation: the same address, other host keys. */
  async reinstall(methods: string, hostKeys: readonly HostKeyType[]): Promise<void> {
    if (this.#sshd) await end(this.#sshd);
    this.#log = "";
    await this.#run(methods, hostKeys);
  }

  async stop(): Promise<void> {
    if (this.#sshd) await end(this.#sshd);
    rmSync(this.#folder, { recursive: true });
  }

  async #run(methods: string, hostKeys: readonly HostKeyType[]): Promise<void> {
    for (const type of hostKeys) {
      for (const name of [`host_${type}`, `host_${type}.pub`]) rmSync(this.#at(name), { force: true });
      this.#makeKey(`host_${type}`, type);
    }
    const config = [
      `Port ${this.port}`,
      "ListenAddress 127.0.0.1",
      ...hostKeys.map((type) => `HostKey ${this.#at(`host_${type}`)}`),
      "PidFile none",
      `AuthorizedKeysFile ${this.#at("user.pub")}`,
      `AuthenticationMethods ${methods}`,
      "PasswordAuthentication yes",
      "KbdInteractiveAuthentication no",
      "UsePAM no",
      "StrictModes no",
      "LogLevel VERBOSE",
    ];
    writeFileSync(this.#at("sshd_config"), `${config.join("\n")}\n`);
    mkdirSync("/run/sshd", { recursive: true, mode: 0o755 }); // sshd as root insists on it
    // The accounts are seen by this sshd alone: they are mounted over the system's in a namespace that ends with it.
    const mounts = ["passwd", "shadow"].map((name) => `mount --bind ${this.#at(name)} /etc/${name}`).join(" && ");
    const run = `${mounts} && exec /usr/sbin/sshd -D -e -f ${this.#at("sshd_config")}`;
    const sshd = spawn("/usr/bin/unshare", ["--mount", "sh", "-c", run]);
    this.#sshd = sshd;
    for (const stream of [sshd.stdout, sshd.stderr]) {
      stream.on("data", (piece: Buffer) => {
        this.#log += piece.toString();
      });
    }
    await says(sshd, "Server listening");
  }

  #makeAccounts(): void {
    for (const name of ["passwd", "shadow"]) copyFileSync(`/etc/${name}`, this.#at(name));
    const hash = execFileSync("/usr/bin/openssl", ["passwd", "-6", "-stdin"], { input: `${password}\n` });
    writeFileSync(this.#at("passwd"), `${username}:x:65533:65534::/:/bin/sh\n`, { flag: "a" });
    writeFileSync(this.#at("shadow"), `${username}:${hash.toString().trim()}:19000:0:99999:7:::\n`, { flag: "a" });
  }

  #makeKey(name: string, type: HostKeyType): void {
    execFileSync("/usr/bin/ssh-keygen", ["-q", "-t", type, "-N", "", "-f", this.#at(name)]);
  }

  #at(name: string): string {
    return join(this.#folder, name);
  }
}

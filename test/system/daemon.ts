import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { type AddressInfo, createServer } from "node:net";

/** Throws where a file is missing: these tests refuse, and never skip. */
export function requirePresent(paths: readonly string[], packages: string): void {
  for (const path of paths) {
    try {
      accessSync(path, constants.R_OK);
    } catch {
      throw new Error(`${path} is missing: this test needs the Debian packages ${packages}`);
    }
  }
}

/** Of a public key's file, as `ssh-keygen -l` prints it. */
export function fingerprint(publicKeyFile: string): string {
  return execFileSync("/usr/bin/ssh-keygen", ["-lf", publicKeyFile]).toString().split(" ")[1] ?? "";
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** Resolves once `child` has printed `text`; rejects with all it printed if it ends before. */
export function says(child: ChildProcess, text: string): Promise<void> {
  let printed = "";
  return new Promise((resolve, reject) => {
    const read = (piece: Buffer) => {
      printed += piece.toString();
      if (printed.includes(text)) resolve();
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`${child.spawnfile} ended before it was ready:\n${printed}`)));
  });
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { end, freePort } from "./daemon.ts";

/** `"192.0.2.0/24-26 65000"`; without `-26`, that length only. */
export type WrittenVrp = string;

export type Stayrtr = Readonly<{
  port: number;
  tlsPort: number;
  /** Replaces the file of VRPs, which stayrtr looks at once a second. */
  tell(vrps: readonly WrittenVrp[]): Promise<void>;
  kill(): Promise<void>;
  stop(): Promise<void>;
}>;

const program = "/usr/bin/stayrtr";

/** Debian's stayrtr on loopback, from a local file; over TLS too where it is given a certificate. */
export async function startStayrtr(
  vrps: readonly WrittenVrp[],
  options: Readonly<{ protocol?: 0 | 1 | 2; tls?: Readonly<{ key: string; certificate: string }> }> = {},
): Promise<Stayrtr> {
  if (!existsSync(program)) throw new Error(`${program} is missing: this test needs the Debian package stayrtr`);
  const folder = await mkdtemp(join(tmpdir(), "stayrtr-"));
  const [port, tlsPort, metrics] = [await freePort(), await freePort(), await freePort()];
  const file = join(folder, "vrps.json");
  const tell = async (told: readonly WrittenVrp[]) => {
    const roas = told.map((written) => {
      const [, prefix, length, most, asn] = /^(.*\/(\d+))(?:-(\d+))? (\d+)$/.exec(written) ?? [];
      return { prefix, maxLength: Number(most ?? length), asn: Number(asn), ta: "test" };
    });
    // In one step, so that it is never read half-written.
    await writeFile(`${file}.new`, JSON.stringify({ metadata: { buildtime: new Date().toISOString() }, roas }));
    await rename(`${file}.new`, file);
  };
  await tell(vrps);
  const tls = options.tls
    ? ["-tls.bind", `127.0.0.1:${tlsPort}`, "-tls.cert", join(folder, "cert"), "-tls.key", join(folder, "key")]
    : [];
  if (options.tls) {
    await writeFile(join(folder, "cert"), options.tls.certificate);
    await writeFile(join(folder, "key"), options.tls.key);
  }
  const child: ChildProcess = spawn(program, [
    ...["-cache", file, "-checktime=false", "-refresh", "1", "-protocol", String(options.protocol ?? 2)],
    ...["-bind", `127.0.0.1:${port}`, "-metrics.addr", `127.0.0.1:${metrics}`],
    ...["-rtr.refresh", "3600", "-rtr.retry", "600", "-rtr.expire", "600", ...tls],
  ]);
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (piece: Buffer) => (printed += piece.toString()));
  try {
    await takesConnections(child, port, () => printed);
    if (options.tls) await takesConnections(child, tlsPort, () => printed);
  } catch (error) {
    await end(child);
    await rm(folder, { recursive: true });
    throw error;
  }
  return {
    ...{ port, tlsPort, tell, kill: () => end(child) },
    async stop() {
      await end(child);
      await rm(folder, { recursive: true });
    },
  };
}

async function takesConnections(child: ChildProcess, port: number, printed: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`stayrtr ended before it was ready:\n${printed()}`);
    const socket = connect({ host: "127.0.0.1", port });
    const taken = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (taken) return;
    await new Promise((done) => setTimeout(done, 20));
  }
}

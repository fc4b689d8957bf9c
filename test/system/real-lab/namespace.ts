import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const env = { PATH: path, LANG: "C.UTF-8", HOME: "/root" };

/** Something that keeps running in a namespace until stopped. */
export type Running = Readonly<{ stop(): Promise<void> }>;

/**
 * One machine of the lab: network, host name, mounts and processes of its own. Its first process reads a pipe from this one,
 * so that when this process ends, however it ends, the kernel ends everything inside and removes the interfaces and mounts.
 */
export class Namespace {
  readonly name: string;
  /** Of the namespace's first process, as seen from outside. */
  readonly pid: number;
  readonly #unshare: ChildProcess;

  static async open(name: string): Promise<Namespace> {
    const kinds = ["--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    // bash, because it reaps what daemons leave behind, as a real init does.
    const init = `
      hostname ${name}
      mount -t sysfs sysfs /sys
      echo 1 > /proc/sys/net/ipv4/ip_forward
      for path in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $path; done
      ip link set lo up
      echo ready
      read -r _`;
    const child = spawn("/usr/bin/unshare", [...kinds, "bash", "-c", init], {
      env,
      stdio: ["pipe", "pipe", "inherit"],
    });
    await saying(child, /ready/, `namespace ${name}`);
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
    return new Namespace(name, Number(children.trim()), child);
  }

  private constructor(name: string, pid: number, unshare: ChildProcess) {
    this.name = name;
    this.pid = pid;
    this.#unshare = unshare;
  }

  /** Standard output of one command. Throws with its standard error when it fails. */
  run(command: readonly string[], input?: string): Promise<string> {
    return execute("/usr/bin/nsenter", [...this.#enter(), ...command], input);
  }

  /** Several commands in one shell, which stops at the first that fails. */
  script(lines: string): Promise<string> {
    return this.run(["bash", "-euo", "pipefail", "-c", lines]);
  }

  /** Starts a command and waits until it has said `ready`; it ends on `stop`, with the namespace, or with this process. */
  async start(command: readonly string[], ready: RegExp): Promise<Running> {
    const leash = '"$@" & read -r _; kill $! 2>/dev/null; wait';
    const child = spawn("/usr/bin/nsenter", [...this.#enter(), "bash", "-c", leash, "leash", ...command], {
      env,
      stdio: "pipe",
    });
    const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
    await saying(child, ready, `${this.name}: ${command.join(" ")}`);
    return {
      stop: async () => {
        child.stdin.end();
        await ended;
      },
    };
  }

  /** Octets received on an interface, from the kernel's own counter. */
  receivedBytes(device: string): number {
    return this.#counter(device, 0);
  }

  /** Octets sent on an interface. */
  sentBytes(device: string): number {
    return this.#counter(device, 8);
  }

  /** A column of /proc/net/dev. */
  #counter(device: string, column: number): number {
    const row = readFileSync(`/proc/${this.pid}/net/dev`, "utf8")
      .split("\n")
      .find((line) => line.trim().startsWith(`${device}:`));
    if (!row) throw new Error(`${this.name} has no interface ${device}`);
    return Number(row.split(":")[1]?.trim().split(/\s+/)[column]);
  }

  async close(): Promise<void> {
    if (this.#unshare.exitCode !== null || this.#unshare.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#unshare.once("close", () => resolve()));
    this.#unshare.stdin?.end();
    await ended;
  }

  #enter(): string[] {
    return ["-t", String(this.pid), "--net", "--uts", "--mount", "--pid", "--wd=/", "--"];
  }
}

/** Both ends of a cable. */
export async function cable(a: Namespace, aDevice: string, b: Namespace, bDevice: string): Promise<void> {
  await execute("ip", veth(aDevice, bDevice, b, ["netns", String(a.pid)]));
  await Promise.all([a.script(plugIn(aDevice)), b.script(plugIn(bDevice))]);
}

/** A cable into this process's own network; its end here goes when the other one does. */
export async function hostCable(device: string, address: string, to: Namespace, toDevice: string): Promise<void> {
  await execute("ip", veth(device, toDevice, to, []));
  await execute("ip", ["address", "add", address, "dev", device]);
  await Promise.all([execute("bash", ["-ec", plugIn(device)]), to.script(plugIn(toDevice))]);
}

const veth = (device: string, peer: string, peerIn: Namespace, where: string[]) => [
  "link",
  "add",
  device,
  ...where,
  "type",
  "veth",
  "peer",
  "name",
  peer,
  "netns",
  String(peerIn.pid),
];

/** Offloads off, so that a packet on it is a packet as on a wire and shapers see what they count. */
const plugIn = (device: string) =>
  `ethtool -K ${device} tso off gso off gro off tx off > /dev/null; ip link set ${device} up`;

/** Standard output of one command. Throws with its standard error when it fails. */
export async function execute(command: string, args: readonly string[], input = ""): Promise<string> {
  const child = spawn(command, args, { env, stdio: "pipe" });
  child.stdin.on("error", () => {}).end(input); // A command that does not read its input may close it.
  const ended = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${err || out}`);
  return out;
}

/** Resolves when either output has said `ready`; throws with what it said when it ends or is silent for 20 s. */
function saying(child: ChildProcess, ready: RegExp, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    const finish = (error?: Error) => {
      clearTimeout(patience);
      child.off("close", onClose);
      if (error) reject(error);
      else resolve();
    };
    const onClose = () => finish(new Error(`${what} ended: ${said}`));
    const patience = setTimeout(() => finish(new Error(`${what} is not ready after 20 s: ${said}`)), 20_000);
    const listen = (chunk: Buffer) => {
      said = (said + chunk.toString("utf8")).slice(-4_000);
      if (ready.test(said)) finish();
    };
    child.on("error", finish).on("close", onClose);
    child.stdout?.on("data", listen);
    child.stderr?.on("data", listen);
  });
}

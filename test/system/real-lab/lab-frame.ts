import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import type { Login, Machine } from "./edge-services.ts";
import { eventually } from "./eventually.ts";
import { cable, execute, hostCable, Namespace } from "./namespace.ts";
import { requireRealLab } from "./requirements.ts";

/** The lab's only interface outside its namespaces. */
const hostInterface = "pointsman-lab";

const managementNet = "172.31.250";
/** In the management namespace. */
export const prometheusAddress = `${managementNet}.2`;
export const prometheusUrl = `http://${prometheusAddress}:9090`;

/** What every real lab is built in. */
export type LabFrame = Readonly<{
  folder: string;
  open(name: string): Promise<Namespace>;
  /** Namespaces on the management network, by `eth0`; the first has address .11. Returns their places, and the network's own. */
  manage(namespaces: readonly Namespace[]): Promise<Readonly<{ management: Namespace; machines: readonly Machine[] }>>;
  /** A key and a password in files of the folder: `key`, `key.pub`, `password`. */
  makeLogin(): Promise<Readonly<{ login: Login; keyFile: string; passwordFile: string }>>;
  /** `pointsman.yaml` and one policy. */
  writeConfiguration(network: string, policyName: string, policy: string): Promise<void>;
  /** Ends every process and removes namespaces, interfaces, mounts and the folder. */
  stop(): Promise<void>;
}>;

/** Throws with everything taken down again, and when another lab is up. */
export async function buildLab<Lab>(build: (frame: LabFrame) => Promise<Lab>): Promise<Lab> {
  requireRealLab();
  const taken = managementInterface();
  if (taken) throw new Error(`${managementNet}.0/24 is in use on ${taken}: another real lab is running`);
  const opened: Namespace[] = [];
  const folder = await mkdtemp(join(tmpdir(), "pointsman-real-lab-"));
  const open = async (name: string) => {
    const namespace = await Namespace.open(name);
    opened.push(namespace);
    return namespace;
  };
  let cabled = false;
  const stop = async () => {
    // First, while nobody else's can be there: a closing TCP connection whose peer is gone keeps a namespace, and its cables, for minutes.
    if (cabled) await execute("ip", ["link", "delete", hostInterface]);
    cabled = false;
    await Promise.all(opened.map((namespace) => namespace.close()));
    await rm(folder, { recursive: true });
    // The kernel takes a namespace's interfaces down after its last process.
    await eventually("the management network is gone", 10_000, async () => managementInterface() === undefined);
  };
  try {
    return await build({
      folder,
      open,
      manage: async (namespaces) => {
        const managed = await manage(await open("management"), namespaces);
        cabled = true;
        return managed;
      },
      makeLogin: () => makeLogin(folder),
      writeConfiguration: async (network, policyName, policy) => {
        await mkdir(join(folder, "policies"));
        await writeFile(join(folder, "pointsman.yaml"), network);
        await writeFile(join(folder, "policies", `${policyName}.yaml`), policy);
      },
      stop,
    });
  } catch (error) {
    await stop();
    throw error;
  }
}

async function manage(management: Namespace, namespaces: readonly Namespace[]) {
  await Promise.all([
    hostCable(hostInterface, `${managementNet}.254/24`, management, "host"),
    ...namespaces.map((namespace) => cable(namespace, "eth0", management, namespace.name)),
  ]);
  const machines = namespaces.map((namespace, index) => ({ namespace, address: `${managementNet}.${11 + index}` }));
  await Promise.all([
    management.script(`
      ip link add br0 type bridge
      for port in host ${namespaces.map(({ name }) => name).join(" ")}; do ip link set $port master br0; done
      ip link set br0 up
      ip address add ${prometheusAddress}/24 dev br0`),
    ...machines.map(({ namespace, address }) =>
      namespace.run(["ip", "address", "add", `${address}/24`, "dev", "eth0"]),
    ),
  ]);
  return { management, machines };
}

async function makeLogin(folder: string) {
  const [keyFile, passwordFile] = [join(folder, "key"), join(folder, "password")];
  const password = randomBytes(18).toString("base64url");
  await writeFile(passwordFile, password, { mode: 0o600 });
  await execute("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", keyFile]);
  const login = { username: "pointsman", password, publicKey: await readFile(`${keyFile}.pub`, "utf8") };
  return { login, keyFile, passwordFile };
}

/** Mbit/s that a counter of octets grows by in the next `overMs`. */
export async function measureMbit(octets: () => number, overMs: number): Promise<number> {
  const [before, since] = [octets(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, overMs));
  return ((octets() - before) * 8) / 1_000 / (performance.now() - since);
}

/** The interface of this machine that is in the management network, or the cable of a lab that is still being taken down. */
function managementInterface(): string | undefined {
  if (existsSync(`/sys/class/net/${hostInterface}`)) return hostInterface;
  const interfaces = Object.entries(networkInterfaces());
  return interfaces.find(([, addresses]) =>
    addresses?.some(({ address }) => address.startsWith(`${managementNet}.`)),
  )?.[0];
}

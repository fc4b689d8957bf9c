import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { type Edge, startExporter, startPrometheus, startSsh } from "./edge-services.ts";
import { eventually } from "./eventually.ts";
import { frrConfig, startRouter } from "./frr-router.ts";
import { Namespace } from "./namespace.ts";
import { pointsmanYaml, transitCongestion } from "./pointsman-yaml.ts";
import { requireRealLab } from "./requirements.ts";
import { client, hostInterface, managementNet, prefixes, routers, wire } from "./topology.ts";

export type RealEdge = Readonly<{
  name: "edge-a" | "edge-b";
  /** On the management network, SSH on port 22. */
  host: string;
  hostKey: string;
  link: RealLink;
  /** What it announces to, and the address to clear. */
  neighbour: string;
  /** A command as root on the router, without SSH: for looking, and for being the other operator. */
  run(command: readonly string[], input?: string): Promise<string>;
}>;
export type RealLink = "transit-a" | "transit-b";

export type RealLab = Readonly<{
  /** Holds `pointsman.yaml`, its policy, `key`, `key.pub` and `password`. */
  folder: string;
  username: string;
  keyFile: string;
  passwordFile: string;
  edges: Readonly<Record<"edge-a" | "edge-b", RealEdge>>;
  prefixes: readonly string[];
  prometheusUrl: string;
  /** A real TCP stream of so many Mbit/s at most from beyond the transits to the prefix; resolves when it is connected. */
  traffic(prefix: string, mbit: number): Promise<() => Promise<void>>;
  /** Mbit/s that arrived on a link in the next `overMs`, default 1 s, from the kernel's counter. */
  inboundMbit(link: RealLink, overMs?: number): Promise<number>;
  /** AS paths to a prefix as AS 300 sees them, its best first. */
  asPaths(prefix: string): Promise<readonly string[]>;
  /** Ends every process and removes namespaces, interfaces, mounts and the folder. */
  stop(): Promise<void>;
}>;

const prometheusUrl = `http://${managementNet}.2:9090`;

/**
 * The `two-transits` scenario at 1:100 with FRR routers in network namespaces: AS 65000's edges, transit AS 100 (10 Mbit/s
 * towards edge-a) and AS 200 (100 Mbit/s towards edge-b), AS 300 beyond them with a client, and the prefixes' hosts inside.
 * Resolves when every route is where it belongs and Prometheus has rates. Throws with everything taken down again.
 */
export async function startRealLab(): Promise<RealLab> {
  requireRealLab();
  const taken = managementInterface();
  if (taken) throw new Error(`${managementNet}.0/24 is in use on ${taken}: another real lab is running`);
  const opened: Namespace[] = [];
  const folder = await mkdtemp(join(tmpdir(), "pointsman-real-lab-"));
  const stop = async () => {
    await Promise.all(opened.map((namespace) => namespace.close()));
    await rm(folder, { recursive: true });
    // The kernel takes a namespace's interfaces down after its last process.
    await eventually("the management network is gone", 10_000, async () => managementInterface() === undefined);
  };
  try {
    return await bringUp(opened, folder, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function bringUp(opened: Namespace[], folder: string, stop: () => Promise<void>): Promise<RealLab> {
  const open = async (name: string) => {
    const namespace = await Namespace.open(name);
    opened.push(namespace);
    return namespace;
  };
  const [management, inside, edgeA, edgeB, as100, as200, as300] = await Promise.all([
    open("management"),
    open("inside"),
    open("edge-a"),
    open("edge-b"),
    open("as100"),
    open("as200"),
    open("as300"),
  ]);
  await wire({ management, inside, edgeA, edgeB, as100, as200, as300 });

  const machines = { "edge-a": edgeA, "edge-b": edgeB, as100, as200, as300 };
  await Promise.all(
    Object.entries(routers).map(([name, router]) =>
      startRouter(machines[name as keyof typeof machines], frrConfig(name, router)),
    ),
  );

  const [keyFile, passwordFile] = [join(folder, "key"), join(folder, "password")];
  const password = randomBytes(18).toString("base64url");
  await writeFile(passwordFile, password, { mode: 0o600 });
  await inside.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", keyFile]);
  const login = { username: "pointsman", password, publicKey: await readFile(`${keyFile}.pub`, "utf8") };

  const edge = async (
    spec: Edge & { name: RealEdge["name"]; link: RealLink; neighbour: string },
  ): Promise<RealEdge> => {
    const [hostKey] = await Promise.all([startSsh(spec, login), startExporter(spec, prefixes)]);
    const { name, link, neighbour, namespace, address } = spec;
    return { name, link, neighbour, hostKey, host: address, run: (command, input) => namespace.run(command, input) };
  };
  const specs = [
    { name: "edge-a", namespace: edgeA, address: `${managementNet}.11`, link: "transit-a", neighbour: "192.0.2.1" },
    { name: "edge-b", namespace: edgeB, address: `${managementNet}.12`, link: "transit-b", neighbour: "198.51.100.1" },
  ] as const;
  const [a, b] = await Promise.all([
    edge(specs[0]),
    edge(specs[1]),
    startPrometheus(management, `${managementNet}.2`, specs),
  ]);

  const entries = [a, b].map(({ name, host, hostKey, link, neighbour }) => ({
    name,
    address: host,
    hostKey,
    link,
    neighbour,
  }));
  await mkdir(join(folder, "policies"));
  await Promise.all([
    writeFile(join(folder, "pointsman.yaml"), pointsmanYaml(entries, prefixes, prometheusUrl)),
    writeFile(join(folder, "policies/transit-congestion.yaml"), transitCongestion),
  ]);

  const asPaths = (prefix: string) => asPathsAt(as300, prefix);
  await Promise.all([
    eventually("AS 300 prefers AS 100 for 10/24 and 11/24 and has one way to 12/24", 30_000, async () => {
      const paths = await Promise.all(prefixes.map(asPaths));
      return JSON.stringify(paths) === JSON.stringify(initialPaths);
    }),
    eventually("the inside is reached from beyond", 30_000, () => pings(as300)),
    eventually("Prometheus has a rate for every prefix on both edges", 30_000, hasRates),
  ]);

  let nextPort = 5201;
  return {
    folder,
    username: login.username,
    keyFile,
    passwordFile,
    edges: { "edge-a": a, "edge-b": b },
    prefixes,
    prometheusUrl,
    asPaths,
    stop,

    traffic: async (prefix, mbit) => {
      const [server, port] = [hostOf(prefix), String(nextPort++)];
      const listening = await inside.start(
        ["iperf3", "-s", "-1", "-B", server, "-p", port, "--forceflush"],
        /listening on/,
      );
      // Small writes: at 10 Mbit/s iperf3's usual 128 kB would come as bursts of a tenth of a second.
      const limits = ["-b", `${mbit}M`, "-l", "4K", "-t", "86400"];
      const sending = await as300.start(
        ["iperf3", "-c", server, "-p", port, "-B", client, ...limits, "--forceflush"],
        /connected to/,
      );
      return async () => {
        await sending.stop();
        await listening.stop();
      };
    },

    inboundMbit: async (link, overMs = 1_000) => {
      const router = link === "transit-a" ? edgeA : edgeB;
      const [before, since] = [router.receivedBytes("eth1"), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, overMs));
      return ((router.receivedBytes("eth1") - before) * 8) / 1_000 / (performance.now() - since);
    },
  };
}

/** The interface of this machine that is in the management network, or the cable of a lab that is still being taken down. */
function managementInterface(): string | undefined {
  if (existsSync(`/sys/class/net/${hostInterface}`)) return hostInterface;
  const interfaces = Object.entries(networkInterfaces());
  return interfaces.find(([, addresses]) =>
    addresses?.some(({ address }) => address.startsWith(`${managementNet}.`)),
  )?.[0];
}

const initialPaths = [["100 65000", "200 65000 65000 65000"], ["100 65000", "200 65000 65000 65000"], ["200 65000"]];

const hostOf = (prefix: string) => prefix.replace(/\.0\/24$/, ".1");

async function asPathsAt(router: Namespace, prefix: string): Promise<string[]> {
  const shown = await router.run(["vtysh", "-c", `show bgp ipv4 unicast ${prefix} json`]);
  const { paths = [] } = JSON.parse(shown) as {
    paths?: { aspath: { string: string }; bestpath?: { overall?: boolean } }[];
  };
  const best = (path: (typeof paths)[number]) => Number(path.bestpath?.overall ?? false);
  return paths.toSorted((a, b) => best(b) - best(a)).map((path) => path.aspath.string);
}

async function pings(from: Namespace): Promise<boolean> {
  const answers = await Promise.allSettled(
    prefixes.map((prefix) => from.run(["ping", "-c", "1", "-W", "1", "-I", client, hostOf(prefix)])),
  );
  return answers.every(({ status }) => status === "fulfilled");
}

async function hasRates(): Promise<boolean> {
  const query = encodeURIComponent("count(rate(pointsman_prefix_bytes_total[3s]))");
  const response = await fetch(`${prometheusUrl}/api/v1/query?query=${query}`);
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return data.result[0]?.value[1] === String(2 * prefixes.length);
}

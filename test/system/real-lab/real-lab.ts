import { type Machine, startExporter, startPrometheus, startSsh } from "./edge-services.ts";
import { eventually } from "./eventually.ts";
import { frrConfig, startRouter } from "./frr-router.ts";
import { buildLab, type LabFrame, measureMbit, prometheusAddress, prometheusUrl } from "./lab-frame.ts";
import type { Namespace } from "./namespace.ts";
import { pointsmanYaml, transitCongestion } from "./pointsman-yaml.ts";
import { startTcp } from "./tcp-stream.ts";
import { client, prefixes, routers, wire } from "./topology.ts";

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

/**
 * The `two-transits` scenario at 1:100 with FRR routers in network namespaces: AS 65000's edges, transit AS 100 (10 Mbit/s
 * towards edge-a) and AS 200 (100 Mbit/s towards edge-b), AS 300 beyond them with a client, and the prefixes' hosts inside.
 * Resolves when every route is where it belongs and Prometheus has rates. Throws with everything taken down again.
 */
export function startRealLab(): Promise<RealLab> {
  return buildLab(bringUp);
}

async function bringUp(frame: LabFrame): Promise<RealLab> {
  const [inside, edgeA, edgeB, as100, as200, as300] = await Promise.all([
    frame.open("inside"),
    frame.open("edge-a"),
    frame.open("edge-b"),
    frame.open("as100"),
    frame.open("as200"),
    frame.open("as300"),
  ]);
  const [{ management, machines: managed }] = await Promise.all([
    frame.manage([edgeA, edgeB]),
    wire({ inside, edgeA, edgeB, as100, as200, as300 }),
  ]);
  const [machineA, machineB] = managed as [Machine, Machine];

  const machines = { "edge-a": edgeA, "edge-b": edgeB, as100, as200, as300 };
  await Promise.all(
    Object.entries(routers).map(([name, router]) =>
      startRouter(machines[name as keyof typeof machines], frrConfig(name, router), ["bgpd"]),
    ),
  );

  const { login, keyFile, passwordFile } = await frame.makeLogin();
  const edge = async (
    machine: Machine,
    spec: { name: RealEdge["name"]; link: RealLink; neighbour: string },
  ): Promise<RealEdge> => {
    const [hostKey] = await Promise.all([
      startSsh(machine, login, "frr"),
      startExporter(machine, prefixCounters(spec.link)),
    ]);
    return { ...spec, hostKey, host: machine.address, run: (command, input) => machine.namespace.run(command, input) };
  };
  const [a, b] = await Promise.all([
    edge(machineA, { name: "edge-a", link: "transit-a", neighbour: "192.0.2.1" }),
    edge(machineB, { name: "edge-b", link: "transit-b", neighbour: "198.51.100.1" }),
    startPrometheus(management, prometheusAddress, managed),
  ]);

  const entries = [a, b].map(({ name, host, hostKey, link, neighbour }) => ({
    name,
    address: host,
    hostKey,
    link,
    neighbour,
  }));
  const yaml = pointsmanYaml(entries, prefixes, prometheusUrl);
  await frame.writeConfiguration(yaml, "transit-congestion", transitCongestion);

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
    folder: frame.folder,
    username: login.username,
    keyFile,
    passwordFile,
    edges: { "edge-a": a, "edge-b": b },
    prefixes,
    prometheusUrl,
    asPaths,
    stop: frame.stop,

    traffic: async (prefix, mbit) => {
      const ends = { from: as300, source: client, to: inside, target: hostOf(prefix) };
      return (await startTcp(ends, nextPort++, mbit)).stop;
    },

    inboundMbit: (link, overMs = 1_000) => {
      const router = link === "transit-a" ? edgeA : edgeB;
      return measureMbit(() => router.receivedBytes("eth1"), overMs);
    },
  };
}

/** Inbound octets per prefix as a flow collector would give them. */
function prefixCounters(link: RealLink) {
  const counter = (prefix: string) => `in_${prefix.replace(/[./]/g, "_")}`;
  return {
    nft: `
    table inet pointsman {
      ${prefixes.map((prefix) => `counter ${counter(prefix)} { packets 0 bytes 0 }`).join("\n      ")}
      chain inbound {
        type filter hook prerouting priority raw; policy accept;
        ${prefixes.map((prefix) => `iifname "eth1" ip daddr ${prefix} counter name ${counter(prefix)}`).join("\n        ")}
      }
    }`,
    print: `nft list counters table inet pointsman | awk -v link=${link} '
        BEGIN { print "# TYPE pointsman_prefix_bytes_total counter" }
        /counter in_/ { split($2, p, "_"); prefix = p[2] "." p[3] "." p[4] "." p[5] "/" p[6] }
        /bytes/ { printf "pointsman_prefix_bytes_total{link=\\"%s\\",prefix=\\"%s\\"} %s\\n", link, prefix, $4 }'`,
  };
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

import { startExporter, startPrometheus, startSsh } from "./edge-services.ts";
import { eventually } from "./eventually.ts";
import { startRouter } from "./frr-router.ts";
import { buildLab, type LabFrame, measureMbit, prometheusAddress, prometheusUrl } from "./lab-frame.ts";
import type { Namespace } from "./namespace.ts";
import {
  flows,
  igpInterface,
  links,
  locator,
  type NodeName,
  nodes,
  ospfConfig,
  type SrMachines,
  sender,
  wireSrv6,
} from "./srv6-topology.ts";
import { backboneCongestion, srv6Yaml } from "./srv6-yaml.ts";
import { startTcp, type TcpStream } from "./tcp-stream.ts";

export type SrRouter = Readonly<{
  name: NodeName;
  /** On the management network, SSH on port 22. */
  host: string;
  hostKey: string;
  /** A command as root on the router, without SSH: for looking, and for being the other operator. */
  run(command: readonly string[], input?: string): Promise<string>;
}>;

export type Srv6Lab = Readonly<{
  /** Holds `pointsman.yaml`, its policy and `key`. */
  folder: string;
  username: string;
  keyFile: string;
  routers: Readonly<Record<NodeName, SrRouter>>;
  prometheusUrl: string;
  /** A real TCP stream over IPv6 of so many Mbit/s at most from h1 to the flow's receiver; resolves when it is connected. */
  traffic(mbit: number, flow?: (typeof flows)[number]["name"]): Promise<TcpStream>;
  /** Mbit/s that left on a link, `r1-r2`, in the next `overMs`, default 1 s, from the kernel's counter. */
  outboundMbit(link: string, overMs?: number): Promise<number>;
  /** Ends every process and removes namespaces, interfaces, mounts and the folder. */
  stop(): Promise<void>;
}>;

/**
 * Six Linux routers with SRv6 and OSPFv3 in network namespaces: r1-r2-r3-r6 with 24 Mbit/s, which the IGP prefers, and
 * r1-r4-r5-r6 with 100 Mbit/s; a host behind r1 and one behind r6. Resolves when OSPF carries the flows and Prometheus has rates.
 * Throws with everything taken down again.
 */
export function startSrv6Lab(): Promise<Srv6Lab> {
  return buildLab(bringUp);
}

async function bringUp(frame: LabFrame): Promise<Srv6Lab> {
  const names = [...nodes, "h1", "h6"] as const;
  const opened = await Promise.all(names.map((name) => frame.open(name)));
  const machines = Object.fromEntries(names.map((name, index) => [name, opened[index]])) as SrMachines;
  const { management, machines: managed } = await frame.manage(nodes.map((node) => machines[node]));
  await wireSrv6(machines);
  await Promise.all(nodes.map((node) => startRouter(machines[node], ospfConfig(node), ["staticd", "ospf6d"])));

  const { login, keyFile } = await frame.makeLogin();
  const [routers] = await Promise.all([
    Promise.all(
      managed.map(async (machine, index): Promise<SrRouter> => {
        const name = nodes[index] as NodeName;
        const [hostKey] = await Promise.all([startSsh(machine, login, "root"), startExporter(machine, flowCounters)]);
        const { namespace, address: host } = machine;
        return { name, host, hostKey, run: (command, input) => namespace.run(command, input) };
      }),
    ),
    startPrometheus(management, prometheusAddress, managed),
  ]);
  const entries = routers.map(({ name, host, hostKey }) => ({ name, address: host, hostKey }));
  await frame.writeConfiguration(srv6Yaml(entries, prometheusUrl), "backbone-congestion", backboneCongestion);

  await Promise.all([
    eventually("OSPF has converged", 30_000, () => isRouted(machines)),
    eventually("Prometheus has a rate for every flow", 30_000, hasRates),
  ]);
  await eventually("h6 is reached from h1", 30_000, () => pings(machines.h1));

  let nextPort = 5201;
  return {
    folder: frame.folder,
    username: login.username,
    keyFile,
    routers: Object.fromEntries(routers.map((router) => [router.name, router])) as Srv6Lab["routers"],
    prometheusUrl,
    stop: frame.stop,

    traffic: (mbit, flow = "training-1") => {
      const target = flows.find(({ name }) => name === flow)?.address as string;
      return startTcp({ from: machines.h1, source: sender, to: machines.h6, target }, nextPort++, mbit);
    },

    outboundMbit: (name, overMs = 1_000) => {
      const link = links.find((each) => each.name === name);
      if (!link) throw new Error(`there is no link ${name}`);
      return measureMbit(() => machines[link.device].sentBytes(link.interface), overMs);
    },
  };
}

/** What enters at r1 for each flow, before it is encapsulated. On the other routers the same rules count nothing. */
const flowCounters = {
  nft: `
    table inet pointsman {
      ${flows.map((_, index) => `counter flow_${index} { packets 0 bytes 0 }`).join("\n      ")}
      chain inbound {
        type filter hook prerouting priority raw; policy accept;
        ${flows.map(({ prefix }, index) => `iifname "eth3" ip6 daddr ${prefix} counter name flow_${index}`).join("\n        ")}
      }
    }`,
  print: `[ "$(hostname)" != r1 ] || nft list counters table inet pointsman | awk -v names="${flows.map(({ name }) => name).join(" ")}" '
    BEGIN { split(names, name, " "); print "# TYPE pointsman_flow_bytes_total counter" }
    /counter flow_/ { split($2, p, "_"); at = p[2] + 1 }
    /bytes/ { printf "pointsman_flow_bytes_total{flow=\\"%s\\"} %s\\n", name[at], $4 }'`,
};

/** Every locator is where it stays, on every router. */
async function isRouted(machines: SrMachines): Promise<boolean> {
  const converged = nodes.map(async (node) => {
    const shown = await machines[node].run(["ip", "-6", "route", "show", "proto", "ospf"]);
    const devices = new Map([...shown.matchAll(/^(\S+) .*dev (\S+)/gm)].map(([, prefix, dev]) => [prefix, dev]));
    const others = nodes.filter((other) => other !== node);
    const located = others.every((other) => devices.get(`${locator(other)}/48`) === igpInterface(node, other));
    return located && (node === "r6" || devices.get("2001:db8:6::/48") === igpInterface(node, "r6"));
  });
  return (await Promise.all(converged)).every(Boolean);
}

async function pings(from: Namespace): Promise<boolean> {
  const answers = await Promise.allSettled(
    flows.map(({ address }) => from.run(["ping", "-c", "1", "-W", "1", "-I", sender, address])),
  );
  return answers.every(({ status }) => status === "fulfilled");
}

async function hasRates(): Promise<boolean> {
  const query = encodeURIComponent("count(rate(pointsman_flow_bytes_total[3s]))");
  const response = await fetch(`${prometheusUrl}/api/v1/query?query=${query}`);
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return data.result[0]?.value[1] === String(flows.length);
}

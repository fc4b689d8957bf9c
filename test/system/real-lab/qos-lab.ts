import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Machine } from "./edge-services.ts";
import { startPrometheus, startSsh } from "./edge-services.ts";
import { eventually } from "./eventually.ts";
import { buildLab, type LabFrame, prometheusAddress, prometheusUrl } from "./lab-frame.ts";
import type { Namespace, Running } from "./namespace.ts";
import { startNode } from "./node-program.ts";
import { ownFolders } from "./own-folders.ts";
import { carriedMetrics, ends, offeredMetrics, ports, wireQos } from "./qos-topology.ts";
import { classesYaml, interactiveLatency, qosYaml } from "./qos-yaml.ts";
import { startTcp } from "./tcp-stream.ts";

/** The probes that were sent in some span of time: 99th percentile of their way, and the share that did not arrive. */
export type Probed = Readonly<{ p99Ms: number; loss: number; sent: number }>;

export type QosLab = Readonly<{
  /** Holds `pointsman.yaml`, `classes.yaml`, a policy and `key`. */
  folder: string;
  username: string;
  keyFile: string;
  router: Readonly<{
    /** On the management network, SSH on port 22. */
    host: string;
    hostKey: string;
    /** A command as root on r1, without SSH: for looking, and for being the other operator. */
    run(command: readonly string[], input?: string): Promise<string>;
  }>;
  prometheusUrl: string;
  /** UDP of the batch class, so many Mbit/s whatever is lost. */
  flood(mbit: number): Promise<Running>;
  /** So many TCP streams without a DSCP, each as fast as it gets. */
  background(streams: number): Promise<Running>;
  /** How many of so many packets of 1200 octets with a DSCP, 100 a second from h1, h2 answers. */
  answered(dscp: number, packets: number): Promise<number>;
  /** Looks at the marked probes, 100 a second of 1250 octets, for so long. */
  probed(overMs: number): Promise<Probed>;
  /** What a PromQL query gives now, by the label `class`. */
  byClass(query: string): Promise<Readonly<Record<string, number>>>;
  /** Ends every process and removes namespaces, interfaces, mounts and the folder. */
  stop(): Promise<void>;
}>;

/**
 * A Linux router with 10 Mbit/s towards h2, which its operator shapes with a plain `tbf`; h1 behind it sends marked probes all the time. Resolves
 * when Prometheus has rates of every class. Throws with everything taken down again.
 */
export function startQosLab(): Promise<QosLab> {
  return buildLab(bringUp);
}

async function bringUp(frame: LabFrame): Promise<QosLab> {
  const [h1, r1, h2] = await Promise.all([frame.open("h1"), frame.open("r1"), frame.open("h2")]);
  const { management, machines } = await frame.manage([r1, h2]);
  const [router, receiver] = machines as [Machine, Machine];
  await Promise.all([wireQos({ h1, r1, h2 }), ownFolders(r1)]);
  const { login, keyFile } = await frame.makeLogin();
  const [hostKey] = await Promise.all([
    startSsh(router, login, "root"),
    startNode(r1, meter, [router.address, offeredMetrics]),
    startNode(h2, meter, [receiver.address, carriedMetrics, String(ports.probe)]),
    startPrometheus(management, prometheusAddress, machines),
  ]);
  await startNode(h1, sender, [ends.receiver, String(ports.probe), "1250", "100"]);
  await frame.writeConfiguration(
    qosYaml(router.address, hostKey, prometheusUrl),
    "interactive-latency",
    interactiveLatency,
  );
  await writeFile(join(frame.folder, "classes.yaml"), classesYaml);
  await eventually("Prometheus has a rate of every class", 30_000, async () => {
    const rates = await byClass(
      "rate(queue_offered_bytes_total[3s]) and on (class) rate(queue_carried_bytes_total[3s])",
    );
    return Object.keys(rates).length === 2;
  });

  let nextPort = 5201;
  return {
    folder: frame.folder,
    username: login.username,
    keyFile,
    router: { host: router.address, hostKey, run: (command, input) => r1.run(command, input) },
    prometheusUrl,
    flood: (mbit) => startNode(h1, sender, [ends.receiver, String(ports.flood), "1250", String((mbit * 1e6) / 10_000)]),
    background: (streams) => startBackground({ h1, h2 }, streams, () => nextPort++),
    answered: async (dscp, packets) => {
      const ping = `ping -q -c ${packets} -i 0.01 -W 2 -s 1172 -Q ${dscp << 2} ${ends.receiver} || true`;
      return Number(/(\d+) received/.exec(await h1.script(ping))?.[1]);
    },
    probed: (overMs) => probed(`http://${receiver.address}:9100/metrics`, overMs),
    byClass,
    stop: frame.stop,
  };
}

const [meter, sender] = [new URL("meter.ts", import.meta.url), new URL("udp-sender.ts", import.meta.url)];

async function startBackground(
  { h1, h2 }: Readonly<Record<"h1" | "h2", Namespace>>,
  streams: number,
  port: () => number,
): Promise<Running> {
  const between = { from: h1, source: ends.sender, to: h2, target: ends.receiver };
  const started = await Promise.all(Array.from({ length: streams }, () => startTcp(between, port(), 10)));
  return {
    stop: async () => {
      await Promise.all(started.map((stream) => stream.stop()));
    },
  };
}

async function probed(url: string, overMs: number): Promise<Probed> {
  const before = await scrape(url);
  await new Promise((resolve) => setTimeout(resolve, overMs));
  const after = await scrape(url);
  const grown = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  const [sent, received] = [grown("probe_sent_total"), grown("probe_latency_seconds_count")];
  const buckets = [...after.keys()].flatMap((name) => {
    const le = /^probe_latency_seconds_bucket\{le="(.+)"\}$/.exec(name)?.[1];
    return le === undefined
      ? []
      : [{ ms: le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le) * 1_000, count: grown(name) }];
  });
  const bucket = buckets.find(({ count }) => count >= 0.99 * received);
  return { p99Ms: bucket?.ms ?? Number.NaN, loss: 1 - received / sent, sent };
}

async function scrape(url: string): Promise<ReadonlyMap<string, number>> {
  const lines = (await (await fetch(url)).text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

async function byClass(query: string): Promise<Readonly<Record<string, number>>> {
  const response = await fetch(`${prometheusUrl}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { data } = (await response.json()) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  return Object.fromEntries(data.result.map(({ metric, value }) => [metric.class ?? "", Number(value[1])]));
}

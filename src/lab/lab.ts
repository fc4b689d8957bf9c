import { randomBytes } from "node:crypto";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../kernel/clock.ts";
import { runAll } from "../kernel/run-all.ts";
import type { DeviceName, LinkName, Prefix } from "../model/inventory.ts";
import { createCertificateAuthority } from "./certificates.ts";
import { startFlowCollector } from "./flow-collector.ts";
import { inventoryFile } from "./inventory-file.ts";
import { startPrometheusServer } from "./prometheus.ts";
import { type Router, startRouter } from "./router.ts";
import { type Scenario, twoTransits } from "./scenarios/two-transits.ts";
import { SeriesHistory } from "./series-history.ts";
import { TrafficModel } from "./traffic.ts";

/**
 * `worse`: once something is changed, senders that loss had held back fill the link again and more, which no prediction knows.
 * `blind`: telemetry stops while its sessions stay open. `dead-router`: the scenario's faulty router drops its sessions and
 * takes no new ones. `lying-commit`: that router says ok to a commit and does not apply it.
 */
export type Fault = "worse" | "blind" | "dead-router" | "lying-commit";

/** The truth of the traffic model at one instant; utilisation and loss are ratios, cost is money per hour. */
export type LabMeasurement = {
  atMs: number;
  utilisation: Record<LinkName, number>;
  loss: Record<Prefix, number>;
  costPerHour: number;
  /** By which link most of the prefix's traffic enters; no entry when none does. */
  entry: Record<Prefix, LinkName>;
};

/** Traffic rises `peakAfterMs` after the start and falls `peakForMs` later; `reactionMs` is how long remote networks take to follow a change. */
export type LabTiming = { intervalMs: number; peakAfterMs: number; peakForMs: number; reactionMs: number };

export type Lab = {
  /** pointsman.yaml in the lab's folder, ready for the controller. */
  readonly configFile: string;
  readonly endpoints: readonly { name: string; protocol: string; url: string }[];
  measure(): LabMeasurement;
  /** The exact text of each router's running configuration. */
  configurations(): Record<DeviceName, string>;
  inject(fault: Fault): void;
  stop(): Promise<void>;
};

const username = "pointsman";
const defaultTiming: LabTiming = { intervalMs: 500, peakAfterMs: 4_000, peakForMs: 600_000, reactionMs: 300 };
const shippedPolicy = fileURLToPath(new URL("../../policies/lab/two-transits.yaml", import.meta.url));

/**
 * Starts the emulated network on free ports of 127.0.0.1 and writes what a controller needs to work with it into `folder`
 * (made with mode 0700): pointsman.yaml, ca.pem and the random password. `policies` are absolute paths.
 */
export async function startLab(options: {
  folder: string;
  seed: number;
  clock: Clock;
  timing?: Partial<LabTiming>;
  policies?: string[];
  /** Told of every NETCONF operation that a router is asked for, as it arrives. */
  onOperation?: (device: DeviceName, name: string) => void;
}): Promise<Lab> {
  const { clock, seed } = options;
  const scenario = twoTransits;
  const timing = { ...defaultTiming, ...options.timing };
  const startMs = clock.now();
  const traffic = createTraffic(scenario, seed, startMs, timing);
  const password = randomBytes(18).toString("base64url");
  const authority = await createCertificateAuthority();
  const originated = scenario.demands.map(({ prefix }) => prefix);
  const stops: (() => Promise<void>)[] = [];
  const stop = () => runAll(stops.splice(0).reverse());
  try {
    const routers: Router[] = [];
    for (const link of scenario.links) {
      const { as } = scenario;
      const router = await startRouter({
        ...{ link, as, originated, traffic, startMs, username, password, authority, clock },
        onOperation: (name) => options.onOperation?.(link.device, name),
      });
      stops.push(() => router.stop());
      routers.push(router);
    }
    const history = new SeriesHistory();
    const prometheus = await startPrometheusServer({ history, clock });
    stops.push(() => prometheus.stop());
    const links = scenario.links.map(({ name }) => name);
    const stopCollector = startFlowCollector({ traffic, links, history, clock, intervalMs: timing.intervalMs });
    stops.push(async () => stopCollector());

    const folder = resolve(options.folder);
    const configFile = join(folder, "pointsman.yaml");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    await writeNew(join(folder, "password"), password);
    await writeNew(join(folder, "ca.pem"), authority.certificate);
    await writeNew(
      configFile,
      inventoryFile({
        scenario,
        routers: routers.map(({ device, netconf, gnmi }) => ({
          device,
          netconfPort: netconf.port,
          gnmiPort: gnmi.port,
          hostKey: netconf.hostKey,
        })),
        prometheusPort: prometheus.port,
        username,
        intervalMs: timing.intervalMs,
        policies: options.policies ?? [shippedPolicy],
      }),
    );

    const inject = (fault: Fault) => {
      const faulty = routers.filter(({ device }) => device === scenario.faulty);
      switch (fault) {
        case "worse":
          traffic.advance(clock.now());
          traffic.reboundAfterChange(scenario.rebound.prefix, scenario.rebound.rate);
          return;
        case "blind":
          for (const { gnmi } of routers) gnmi.faults.blind = true;
          stopCollector();
          return;
        case "dead-router":
          for (const { netconf, gnmi } of faulty) {
            netconf.faults.dead = true;
            gnmi.stop();
          }
          return;
        case "lying-commit":
          for (const { netconf } of faulty) netconf.faults.lieOnCommit = true;
      }
    };
    return {
      configFile,
      endpoints: [
        ...routers.flatMap(({ device, netconf, gnmi }) => [
          { name: device, protocol: "NETCONF over SSH", url: `ssh://127.0.0.1:${netconf.port}` },
          { name: device, protocol: "gNMI over TLS", url: `https://127.0.0.1:${gnmi.port}` },
        ]),
        { name: "prometheus", protocol: "Prometheus HTTP API", url: `http://127.0.0.1:${prometheus.port}` },
      ],
      measure: () => measure(traffic, scenario, clock.now()),
      configurations: () => Object.fromEntries(routers.map(({ device, netconf }) => [device, netconf.runningText()])),
      inject,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function createTraffic(scenario: Scenario, seed: number, startMs: number, timing: LabTiming): TrafficModel {
  const { intervalMs, peakAfterMs, peakForMs, reactionMs } = timing;
  return new TrafficModel({
    seed,
    startMs,
    links: scenario.links,
    demands: scenario.demands,
    // A rise that telemetry sees happen, rather than a jump.
    timing: { peakAfterMs, peakForMs, reactionMs, rampMs: 2 * intervalMs },
    announced: new Map(scenario.links.map(({ name, announced }) => [name, new Map(Object.entries(announced))])),
  });
}

function measure(traffic: TrafficModel, scenario: Scenario, atMs: number): LabMeasurement {
  traffic.advance(atMs);
  const flows = traffic.flows();
  const measurement: LabMeasurement = {
    atMs,
    utilisation: Object.fromEntries(
      scenario.links.map(({ name, capacity }) => [name, (flows.get(name)?.delivered ?? 0) / capacity]),
    ),
    loss: {},
    costPerHour: traffic.costPerHour(),
    entry: {},
  };
  for (const [prefix, offered] of traffic.offered()) {
    let delivered = 0;
    let most = 0;
    for (const [link, flow] of flows) {
      const onLink = flow.offered.get(prefix) ?? 0;
      delivered += onLink * (1 - flow.lossShare);
      if (onLink > most) measurement.entry[prefix] = link;
      most = Math.max(most, onLink);
    }
    const loss = offered > 0 ? 1 - delivered / offered : 0;
    measurement.loss[prefix] = Math.round(loss * 1e9) / 1e9; // a sum of shares is 1 only to the last bits
  }
  return measurement;
}

/** Anew, so that a file left by someone else decides neither owner nor mode. */
async function writeNew(file: string, text: string): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, text, { mode: 0o600, flag: "wx" });
}

import { randomBytes } from "node:crypto";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../kernel/clock.ts";
import { runAll } from "../kernel/run-all.ts";
import type { DeviceName } from "../model/inventory.ts";
import { anycastNetwork } from "./anycast-network.ts";
import { backboneNetwork } from "./backbone-network.ts";
import type { BackboneScenario } from "./backbone-scenario.ts";
import { createCertificateAuthority } from "./certificates.ts";
import { startFlowCollector } from "./flow-collector.ts";
import { inboundNetwork } from "./inbound-network.ts";
import { classesFile, inventoryFile } from "./inventory-file.ts";
import type { NetconfFaults } from "./netconf/server.ts";
import type { EmulatedNetwork, LabMeasurement } from "./network.ts";
import { startPrometheusServer } from "./prometheus.ts";
import { type Router, startRouter } from "./router.ts";
import { computeBound } from "./scenarios/compute-bound.ts";
import { gpuThrottling } from "./scenarios/gpu-throttling.ts";
import { inferenceLatency } from "./scenarios/inference-latency.ts";
import { maintenanceDrain } from "./scenarios/maintenance-drain.ts";
import type { ScenarioName } from "./scenarios/names.ts";
import { slowBurn } from "./scenarios/slow-burn.ts";
import { spikeAdmission } from "./scenarios/spike-admission.ts";
import { staleModel } from "./scenarios/stale-model.ts";
import { trainingVsInference } from "./scenarios/training-vs-inference.ts";
import { twoTransits } from "./scenarios/two-transits.ts";
import { SeriesHistory } from "./series-history.ts";
import type { TrafficStart } from "./traffic.ts";
import { startWebServer, type WebServer } from "./web-server.ts";

export type { LabMeasurement } from "./network.ts";

/**
 * `worse`: once something is changed, senders that were held back fill a link again and more, which no prediction knows.
 * `blind`: telemetry stops while its sessions stay open. `dead-router`: the scenario's faulty router drops its sessions and
 * takes no new ones. `lying-commit`: that router says ok to a commit and does not apply it.
 */
export type Fault = "worse" | "blind" | "dead-router" | "lying-commit";

/** Traffic rises `peakAfterMs` after the start and falls `peakForMs` later; `reactionMs` is how long remote networks take to follow a change. */
export type LabTiming = { intervalMs: number; peakAfterMs: number; peakForMs: number; reactionMs: number };

export type Lab = {
  /** pointsman.yaml in the lab's folder, ready for the controller. */
  readonly configFile: string;
  readonly endpoints: readonly { name: string; protocol: string; url: string }[];
  measure(): LabMeasurement;
  /** The calm before the peak is counted from this moment: whoever is to see it rise is ready. */
  calmFromNow(): void;
  /** Whether the traffic has risen to its peak. */
  peaked(): boolean;
  /** The exact text of each router's running configuration. */
  configurations(): Record<DeviceName, string>;
  inject(fault: Fault): void;
  /** Switches of each router's NETCONF server alone, to flip and flip back while it runs. */
  readonly faults: Readonly<Record<DeviceName, NetconfFaults>>;
  /** What clients have begun on each router and not ended: held locks, edits of the candidate, a commit on trial. */
  unfinished(): Record<DeviceName, readonly string[]>;
  stop(): Promise<void>;
};

const username = "pointsman";
const defaultTiming: LabTiming = { intervalMs: 500, peakAfterMs: 4_000, peakForMs: 600_000, reactionMs: 300 };
const shippedPolicy = (scenario: ScenarioName) =>
  fileURLToPath(new URL(`../../policies/lab/${scenario}.yaml`, import.meta.url));

type Scenario = Readonly<{ network: (start: TrafficStart) => EmulatedNetwork; timing?: BackboneScenario["timing"] }>;
const backbone = (scenario: BackboneScenario): Scenario => ({
  network: (start) => backboneNetwork(scenario, start),
  ...(scenario.timing && { timing: scenario.timing }),
});

const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  "two-transits": { network: (start) => inboundNetwork(twoTransits, start) },
  "training-vs-inference": backbone(trainingVsInference),
  "maintenance-drain": backbone(maintenanceDrain),
  "inference-latency": backbone(inferenceLatency),
  "gpu-throttling": backbone(gpuThrottling),
  "compute-bound": backbone(computeBound),
  "spike-admission": backbone(spikeAdmission),
  "slow-burn": backbone(slowBurn),
  "stale-model": { network: (start) => anycastNetwork(staleModel, start) },
};

/**
 * Starts the emulated network on free ports of 127.0.0.1 and writes what a controller needs to work with it into `folder`
 * (made with mode 0700): pointsman.yaml, ca.pem and the random password. `policies` are absolute paths.
 */
export async function startLab(options: {
  scenario: ScenarioName;
  folder: string;
  seed: number;
  clock: Clock;
  timing?: Partial<LabTiming>;
  policies?: string[];
  /** Told of every NETCONF operation that a router is asked for, as it arrives. */
  onOperation?: (device: DeviceName, name: string) => void;
}): Promise<Lab> {
  const { clock, seed } = options;
  const scenario = scenarios[options.scenario];
  const intervalMs = options.timing?.intervalMs ?? defaultTiming.intervalMs;
  // A rise that telemetry sees happen, rather than a jump.
  const timing = { ...defaultTiming, rampMs: 2 * intervalMs, ...scenario.timing, ...options.timing };
  const calmMs = timing.peakAfterMs;
  const startMs = clock.now();
  const network = scenario.network({ seed, startMs, timing });
  const password = randomBytes(18).toString("base64url");
  const authority = await createCertificateAuthority();
  const stops: (() => Promise<void>)[] = [];
  const stop = () => runAll(stops.splice(0).reverse());
  try {
    const routers: Router[] = [];
    for (const [device, config] of Object.entries(network.configurations)) {
      const router = await startRouter({
        ...{ device, config, network, username, password, authority, clock },
        onOperation: (name) => options.onOperation?.(device, name),
      });
      stops.push(() => router.stop());
      routers.push(router);
    }
    const web: WebServer[] = [];
    for (const service of network.web ?? []) {
      const server = await startWebServer(service, clock);
      stops.push(() => server.stop());
      web.push(server);
    }
    const history = new SeriesHistory();
    const prometheus = await startPrometheusServer({ history, clock });
    stops.push(() => prometheus.stop());
    const stopCollector = startFlowCollector({ network, history, clock, intervalMs });
    stops.push(async () => stopCollector());

    const folder = resolve(options.folder);
    const configFile = join(folder, "pointsman.yaml");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    await writeNew(join(folder, "password"), password);
    await writeNew(join(folder, "ca.pem"), authority.certificate);
    const policies = [...(options.policies ?? [shippedPolicy(options.scenario)])];
    if (network.classDocuments.length > 0) {
      const classes = join(folder, "classes.yaml");
      await writeNew(classes, classesFile(network.classDocuments));
      policies.unshift(classes);
    }
    await writeNew(
      configFile,
      inventoryFile({
        part: network.inventory,
        routers: routers.map(({ device, netconf, gnmi }) => ({
          device,
          netconfPort: netconf.port,
          gnmiPort: gnmi.port,
          hostKey: netconf.hostKey,
        })),
        prometheusPort: prometheus.port,
        webPorts: new Map(web.map(({ name, port }) => [name, port])),
        username,
        intervalMs,
        policies,
      }),
    );

    const inject = (fault: Fault) => {
      const faulty = routers.filter(({ device }) => device === network.faulty);
      switch (fault) {
        case "worse":
          network.rebound(clock.now());
          return;
        case "blind":
          for (const { gnmi } of routers) gnmi.faults.blind = true;
          for (const server of web) server.fallSilent();
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
        ...web.map(({ name, port }) => ({ name, protocol: "HTTP", url: `http://127.0.0.1:${port}` })),
        { name: "prometheus", protocol: "Prometheus HTTP API", url: `http://127.0.0.1:${prometheus.port}` },
      ],
      measure: () => network.measure(clock.now()),
      calmFromNow() {
        timing.peakAfterMs = clock.now() - startMs + calmMs;
      },
      peaked: () => clock.now() - startMs >= timing.peakAfterMs + timing.rampMs,
      configurations: () => Object.fromEntries(routers.map(({ device, netconf }) => [device, netconf.runningText()])),
      inject,
      faults: Object.fromEntries(routers.map(({ device, netconf }) => [device, netconf.faults])),
      unfinished: () => Object.fromEntries(routers.map(({ device, netconf }) => [device, netconf.unfinished()])),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Anew, so that a file left by someone else decides neither owner nor mode. */
async function writeNew(file: string, text: string): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, text, { mode: 0o600, flag: "wx" });
}

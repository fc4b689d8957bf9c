import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Settings } from "../config/settings.ts";
import { frrDevice } from "../device/frr/frr-device.ts";
import { linuxHtbDevice } from "../device/linux-htb/linux-htb-device.ts";
import { linuxSrv6Device } from "../device/linux-srv6/linux-srv6-device.ts";
import { netconfDevice } from "../device/netconf/device.ts";
import type { Clock } from "../kernel/clock.ts";
import { unwrap } from "../kernel/failure.ts";
import type { Random } from "../kernel/random.ts";
import { runAll } from "../kernel/run-all.ts";
import { Loop, type LoopDeps } from "../loop/loop.ts";
import { operatorOf } from "../loop/operator.ts";
import { shedLevels } from "../loop/shed.ts";
import type { Change } from "../model/change.ts";
import type { Controller, PolicyStep } from "../model/controller.ts";
import type { DevicePort } from "../model/device.ts";
import type { Device, Network, ResolveSecret } from "../model/inventory.ts";
import { SeriesTable, type TelemetrySource } from "../model/sample.ts";
import { serviceClasses } from "../model/scope.ts";
import { NetworkFold } from "../state/network-fold.ts";
import { openJournal } from "../store/journal.ts";
import { gnmiSource } from "../telemetry/gnmi/gnmi-source.ts";
import { prometheusSource } from "../telemetry/prometheus.ts";
import { type RouteOriginSource, rtrSource } from "../telemetry/rtr/rtr-source.ts";
import { siteProbe } from "../telemetry/site-probe.ts";
import { journalFile } from "./journal-file.ts";
import { loadTemplates } from "./load-templates.ts";
import { observedDevice, type RouterOperation } from "./observed-device.ts";
import { openApi } from "./open-api.ts";
import { SampleAges } from "./sample-ages.ts";
import { shedWebhooks } from "./shed-webhook.ts";
import type { StateFolder } from "./state-folder.ts";
import { watchOf } from "./watch.ts";

export type RunningController = Readonly<{
  controller: Controller;
  /** On loopback. */
  url: string;
  /** Over TLS, where the configuration asks for it. */
  encryptedUrl?: string;
  /** Rejects when the loop stopped itself because of a bug or a journal that cannot be written. */
  failed: Promise<never>;
  stop(): Promise<void>;
}>;

/** Wires one controller: telemetry into state, the loop over the devices, the journal under it, the API on loopback before it. */
export async function startController(options: {
  settings: Settings;
  /** Claimed by the caller, who releases it once the controller has stopped. */
  stateFolder: StateFolder;
  journalName?: string;
  /** Of loopback; without, the configuration's, or a free one. */
  apiPort?: number;
  resolveSecret: ResolveSecret;
  clock: Clock;
  random: Random;
  /** Called after every transition of a change, those of recovery included. */
  onTransition: (change: Change) => void;
  /** Called after every step of a policy's actor into another state. */
  onPolicyStep?: (step: PolicyStep) => void;
  /** Called after everything that was asked of a router for a change. */
  onOperation?: (operation: RouterOperation) => void;
  onTrouble: LoopDeps["onTrouble"];
  onConclusion: LoopDeps["onConclusion"];
}): Promise<RunningController> {
  const { settings, stateFolder, resolveSecret, clock, random } = options;
  const { network, policies } = settings;
  const journal = await openJournal({ file: join(stateFolder.path, options.journalName ?? journalFile), clock });

  const stops: (() => Promise<unknown>)[] = [() => journal.close()];
  const stop = () => runAll(stops.splice(0).reverse());
  try {
    unwrap(await journal.verify());
    const table = new SeriesTable();
    const fold = new NetworkFold(network, table);
    let onFatal: (error: unknown) => void = () => undefined;
    const failed = new Promise<never>((_, reject) => {
      onFatal = reject;
    });
    failed.catch(() => undefined); // Whoever runs the controller awaits it; nobody has to.
    const parts = { journal, network, clock, templates: await loadTemplates() };
    const onOperation = options.onOperation ?? (() => undefined);
    const observed = { clock, onOperation, open: () => loop.ledger.open() };
    const devices = network.devices.map((device) => driverFor(device, resolveSecret, clock));
    const loop: Loop = new Loop({
      ...parts,
      policies,
      telemetry: fold,
      devices: new Map(devices.map((port) => [port.device, observedDevice(port, observed)])),
      token: () => randomBytes(8).toString("hex"),
      onTrouble: options.onTrouble,
      onConclusion: options.onConclusion,
      onFatal,
    });
    loop.ledger.onTransition(options.onTransition);
    if (options.onPolicyStep) loop.actors.onStep(options.onPolicyStep);
    const webhooks = shedWebhooks({
      urls: network.shedWebhooks,
      levels: () => shedLevels(loop.ledger.all(), network, clock.now()),
      clock,
      onTrouble: options.onTrouble,
    });
    // After the loop, which as it stops takes back what has no verdict: that is told too.
    stops.push(() => webhooks.stop());
    stops.push(() => loop.stop());
    await loop.load();
    const ages = new SampleAges();
    const controller = operatorOf(loop, parts);
    const access = settings.api;
    const watch = watchOf({ ...parts, loop, fold, ages, policies });
    // Before anything is pushed: what it lacks is found, and whoever wants to stop the controller can.
    const { apiPort: port, onTrouble } = options;
    const api = await openApi({ controller, watch, journal, access, port, resolveSecret, clock, onTrouble });
    stops.push(() => api.close());
    await stateFolder.publish(api.local);
    await loop.start();
    loop.ledger.onTransition(webhooks.update);
    webhooks.update();
    const sources = sourcesFor(network, { resolveSecret, table, clock, random });
    stops.push(() => Promise.all(sources.map((source) => source.stop())));
    for (const source of sources) source.start(ages.sink(fold));
    const { local, encryptedUrl } = api;
    return { controller, url: local.url, ...(encryptedUrl && { encryptedUrl }), failed, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function driverFor(device: Device, resolveSecret: ResolveSecret, clock: Clock): DevicePort {
  switch (device.platform) {
    case "openconfig":
      return netconfDevice({ device, resolveSecret, clock });
    case "frr":
      return frrDevice({ device, resolveSecret, clock });
    case "linux-srv6":
      return linuxSrv6Device({ device, resolveSecret, clock });
    case "linux-htb":
      return linuxHtbDevice({ device, resolveSecret, clock });
  }
}

function sourcesFor(
  network: Network,
  shared: { resolveSecret: ResolveSecret; table: SeriesTable; clock: Clock; random: Random },
): readonly (TelemetrySource | RouteOriginSource)[] {
  const { intervalMs, prometheus } = network.telemetry;
  const dialIns = network.devices.flatMap((device) => {
    const links = network.links.filter((link) => link.device === device.name);
    if (!device.gnmi || links.length === 0) return [];
    const interfaces = links.map((link) => link.interface);
    // A router need not have the model of queues, and would then refuse the whole subscription.
    const { queueRate, queueDrops, queueDepth } = prometheus?.queries ?? {};
    const queues =
      queueRate && queueDrops && queueDepth ? [] : links.flatMap((link) => (link.qos ? link.interface : []));
    return [gnmiSource({ ...shared, device: device.name, access: device.gnmi, intervalMs, interfaces, queues })];
  });
  const probes = network.anycast.map((service) => siteProbe({ ...shared, service, intervalMs }));
  const classes = serviceClasses(network);
  const queries = prometheus ? [prometheusSource({ ...shared, access: prometheus, classes, intervalMs })] : [];
  const { rpki, prefixes } = network;
  const origins = rpki ? [rtrSource({ ...shared, caches: rpki.caches, prefixes })] : [];
  return [...dialIns, ...probes, ...queries, ...origins];
}

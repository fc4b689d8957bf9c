import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PrometheusDriver } from "prometheus-query";
import { parse } from "yaml";
import { type Lab, type LabTiming, startLab } from "../../src/lab/lab.ts";
import type { ScenarioName } from "../../src/lab/scenarios/names.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { GnmiTestClient, path } from "./gnmi-client.ts";
import { editConfig, RawClient } from "./netconf-fixture.ts";

type Access = { host: string; port: number; username: string };
/** What the tests read of pointsman.yaml. */
export type Inventory = {
  devices: { name: string; management: Access & { hostKey: string }; gnmi: Access }[];
  links: { name: string; device: string; interface: string }[];
  telemetry: { prometheus: { url: string } };
  policies: string[];
};

/** A lab on simulated time, and the clients that find their way by what it wrote. */
export class LabUnderTest {
  readonly folder: string;
  readonly clock: SimulatedClock;
  readonly lab: Lab;
  readonly #toClose: (() => void)[] = [];

  private constructor(folder: string, clock: SimulatedClock, lab: Lab) {
    this.folder = folder;
    this.clock = clock;
    this.lab = lab;
  }

  static async start(scenario: ScenarioName, timing: Partial<LabTiming> = {}): Promise<LabUnderTest> {
    const folder = await mkdtemp(join(tmpdir(), "lab-"));
    // The Prometheus client puts the wall time into its queries, so simulated time must not run ahead of it.
    const clock = new SimulatedClock(Math.floor(Date.now() / 1000) * 1000 - 60_000);
    return new LabUnderTest(folder, clock, await startLab({ scenario, folder, seed: 1, clock, timing }));
  }

  async stop(): Promise<void> {
    for (const close of this.#toClose) close();
    await this.lab.stop();
    await rm(this.folder, { recursive: true });
  }

  async inventory(): Promise<Inventory> {
    return parse(await readFile(this.lab.configFile, "utf8")) as Inventory;
  }

  async gnmi(device: string): Promise<GnmiTestClient> {
    const { gnmi } = await this.#device(device);
    const [ca, password] = [await this.#read("ca.pem"), await this.#read("password")];
    const client = new GnmiTestClient(gnmi.port, { ca, password, serverName: device });
    this.#toClose.push(() => client.close());
    return client;
  }

  /** Commits `config` on the router over NETCONF. Gives the replies. */
  async commit(device: string, config: string): Promise<string> {
    const { management } = await this.#device(device);
    const client = await RawClient.connect(management.port, { password: await this.#read("password") });
    this.#toClose.push(() => client.drop());
    await client.greet("1.1");
    return (await client.rpc(editConfig(config))).text + (await client.rpc("<commit/>")).text;
  }

  /** The newest sample of each series. */
  async prometheus(query: string): Promise<{ labels: Record<string, string>; value: number; atMs: number }[]> {
    const { url } = (await this.inventory()).telemetry.prometheus;
    const { result } = await new PrometheusDriver({ endpoint: url }).instantQuery(query);
    return (result as { metric: { labels: Record<string, string> }; value: { value: number; time: Date } }[]).map(
      ({ metric, value }) => ({ labels: metric.labels, value: value.value, atMs: value.time.getTime() }),
    );
  }

  async #device(name: string): Promise<Inventory["devices"][number]> {
    const device = (await this.inventory()).devices.find((each) => each.name === name);
    if (!device) throw new Error(`no ${name} in ${this.lab.configFile}`);
    return device;
  }

  #read(name: string): Promise<string> {
    return readFile(join(this.folder, name), "utf8");
  }
}

/** A subscription to one counter of an interface, every 500 ms. */
export const sampling = (name: string, port = "eth1") => ({
  mode: "STREAM",
  encoding: "PROTO",
  subscription: [
    {
      path: path(`/interfaces/interface[name=${port}]/state/counters/${name}`),
      mode: "SAMPLE",
      sample_interval: 500e6,
    },
  ],
});

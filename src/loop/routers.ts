import type { Templates } from "../change/templates.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Result } from "../kernel/failure.ts";
import type { DeviceStatus } from "../model/controller.ts";
import type { Decision } from "../model/decision.ts";
import type { DevicePort } from "../model/device.ts";
import type { FlowName, Network } from "../model/inventory.ts";
import type { Policy } from "../model/policy.ts";
import type { Measured } from "../model/signal.ts";
import { type AspectReading, type NetworkReading, readNetwork, type Wanted } from "./read-network.ts";
import { sharedPaths, watchesSharedPaths } from "./shared-paths.ts";

/** How long a router that is mended, or breaks, may go unnoticed while nothing is decided or read from it. */
const readEveryMs = 60_000;

type Deps = Readonly<{
  network: Network;
  policies: readonly Policy[];
  templates: Templates;
  devices: ReadonlyMap<string, DevicePort>;
  clock: Clock;
}>;

type OnRead = (device: string, read: Result<readonly AspectReading[]>) => void;

/** Reads the routers, and knows what came of the last time. */
export class Routers {
  readonly status = new Map<string, DeviceStatus>();
  /** The signal `path.shared` by flow, as last read; undefined when no policy asks for it. */
  shared: ReadonlyMap<FlowName, Measured> | undefined;
  readonly #deps: Deps;
  readonly #begin: () => OnRead;
  #reads = 0;

  /** `begin` is called before routers are read, and gives whom to tell what came of each. */
  constructor(deps: Deps, begin: () => OnRead) {
    this.#deps = deps;
    this.#begin = begin;
    if (watchesSharedPaths(deps.policies)) this.shared = new Map();
  }

  /** What every router announces and steers now, those beyond a policy's scope included: a prefix may enter there too. */
  async read(wanted: Wanted = {}): Promise<Result<NetworkReading>> {
    const { network, clock } = this.#deps;
    this.#reads += 1;
    try {
      const atMs = clock.now();
      const onRead = this.#begin();
      const read = await readNetwork(this.#deps, wanted, (device, one) => {
        this.status.set(device, { atMs: clock.now(), ...(one.ok ? {} : { failure: one.failure.toJSON() }) });
        onRead(device, one);
      });
      const steeringRead = wanted.action === undefined || wanted.action === "segment-routing";
      const isWhole = wanted.devices === undefined && steeringRead;
      if (read.ok && this.shared && isWhole) this.shared = sharedPaths(network, read.value.facts.steering, atMs);
      return read;
    } finally {
      this.#reads -= 1;
    }
  }

  /**
   * What a decision about `target` rests on. Of anycast sites only the target's own router must answer: another that is cut off
   * makes its own sites unknown, which then count as not serving, and keeps no unwell site where it is.
   */
  readAbout(action: Decision["action"], target: string): Promise<Result<NetworkReading>> {
    if (action !== "anycast-drain") return this.read({ action });
    const sites = this.#deps.network.anycast.flatMap((service) => service.sites);
    return this.read({ action, required: sites.filter(({ name }) => name === target).map(({ device }) => device) });
  }

  /** Opens the sessions, unless that is being done. */
  async visit(): Promise<void> {
    if (this.#reads === 0) await this.read();
  }

  /** Visits now and then, until the returned function is called. `background` takes the work nobody waits for. */
  keepVisiting(background: (work: Promise<void>) => unknown): () => void {
    const { network, clock } = this.#deps;
    const everyMs = this.shared ? Math.min(readEveryMs, network.telemetry.intervalMs) : readEveryMs;
    let stopped = false;
    let cancel = () => {};
    const again = async () => {
      await this.visit();
      if (!stopped) cancel = clock.after(everyMs, () => background(again()));
    };
    background(again());
    return () => {
      stopped = true;
      cancel();
    };
  }
}

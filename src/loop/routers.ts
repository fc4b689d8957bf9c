import type { Templates } from "../change/templates.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Failure, Result } from "../kernel/failure.ts";
import type { DeviceStatus } from "../model/controller.ts";
import type { DevicePort } from "../model/device.ts";
import type { Network } from "../model/inventory.ts";
import { type NetworkReading, readNetwork } from "./read-network.ts";

/** How long a router that is mended, or breaks, may go unnoticed while nothing is decided. */
const readEveryMs = 60_000;

type Deps = Readonly<{
  network: Network;
  templates: Templates;
  devices: ReadonlyMap<string, DevicePort>;
  clock: Clock;
}>;

/** Reads the routers, and knows what came of the last time. */
export class Routers {
  readonly status = new Map<string, DeviceStatus>();
  readonly #deps: Deps;
  readonly #onRead: (device: string, failure: Failure | undefined) => void;
  #reads = 0;

  constructor(deps: Deps, onRead: (device: string, failure: Failure | undefined) => void) {
    this.#deps = deps;
    this.#onRead = onRead;
  }

  /** What every router announces now, those beyond a policy's scope included: a prefix may enter there too. */
  async read(): Promise<Result<NetworkReading>> {
    this.#reads += 1;
    try {
      return await readNetwork(this.#deps, (device, failure) => {
        this.status.set(device, { atMs: this.#deps.clock.now(), ...(failure ? { failure: failure.toJSON() } : {}) });
        this.#onRead(device, failure);
      });
    } finally {
      this.#reads -= 1;
    }
  }

  /** Opens the sessions, unless that is being done. */
  async visit(): Promise<void> {
    if (this.#reads === 0) await this.read();
  }

  /** Visits now and then, until the returned function is called. `background` takes the work nobody waits for. */
  keepVisiting(background: (work: Promise<void>) => unknown): () => void {
    let stopped = false;
    let cancel = () => {};
    const again = async () => {
      await this.visit();
      if (!stopped) cancel = this.#deps.clock.after(readEveryMs, () => background(again()));
    };
    background(again());
    return () => {
      stopped = true;
      cancel();
    };
  }
}

import type { Clock } from "../kernel/clock.ts";
import type { DeviceName } from "../model/inventory.ts";
import type { CertificateAuthority } from "./certificates.ts";
import { type GnmiServer, startGnmiServer } from "./gnmi/server.ts";
import { type NetconfServer, startNetconfServer } from "./netconf/server.ts";
import type { EmulatedNetwork } from "./network.ts";

export type Router = Readonly<{ device: DeviceName; netconf: NetconfServer; gnmi: GnmiServer; stop(): Promise<void> }>;

/** One emulated router: what is committed over NETCONF steers the traffic, and gNMI shows the traffic's counters. */
export async function startRouter(options: {
  device: DeviceName;
  config: string;
  network: EmulatedNetwork;
  username: string;
  password: string;
  authority: CertificateAuthority;
  clock: Clock;
  onOperation: (name: string) => void;
}): Promise<Router> {
  const { device, config, network, username, password, clock, onOperation } = options;
  const netconf = await startNetconfServer({ name: device, username, password, config, clock, onOperation });
  netconf.onRunningChanged((running) => network.configure(device, running, clock.now()));
  const interfaces = (atMs: number) => network.interfaces(device, atMs);
  try {
    const certificate = await options.authority.issue(device);
    const gnmi = await startGnmiServer({ username, password, certificate, interfaces, clock });
    return {
      device,
      netconf,
      gnmi,
      async stop() {
        gnmi.stop();
        await netconf.stop();
      },
    };
  } catch (error) {
    await netconf.stop();
    throw error;
  }
}

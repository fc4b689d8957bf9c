import type { Clock } from "../kernel/clock.ts";
import type { Prefix } from "../model/inventory.ts";
import type { CertificateAuthority } from "./certificates.ts";
import type { InterfaceState } from "./gnmi/leaves.ts";
import { type GnmiServer, startGnmiServer } from "./gnmi/server.ts";
import { type NetconfServer, startNetconfServer } from "./netconf/server.ts";
import { routerConfig } from "./router-config.ts";
import { announcements } from "./routing-policy.ts";
import type { ScenarioLink } from "./scenarios/two-transits.ts";
import type { TrafficModel } from "./traffic.ts";

export type Router = Readonly<{ device: string; netconf: NetconfServer; gnmi: GnmiServer; stop(): Promise<void> }>;

/** One emulated router: what is committed over NETCONF steers the traffic, and gNMI shows the traffic's counters. */
export async function startRouter(options: {
  link: ScenarioLink;
  as: number;
  originated: readonly Prefix[];
  traffic: TrafficModel;
  startMs: number;
  username: string;
  password: string;
  authority: CertificateAuthority;
  clock: Clock;
  onOperation: (name: string) => void;
}): Promise<Router> {
  const { link, as, traffic, username, password, clock } = options;
  const netconf = await startNetconfServer({
    name: link.device,
    username,
    password,
    config: routerConfig(link, as),
    clock,
    onOperation: options.onOperation,
  });
  netconf.onRunningChanged((running) => {
    traffic.announce(link.name, announcements(running, link.exportPolicy, options.originated), clock.now());
  });
  const interfaces = (atMs: number): readonly InterfaceState[] => {
    traffic.advance(atMs);
    const { capacity } = link;
    const counters = traffic.counters(link.name);
    return [{ name: link.interface, operStatus: "UP", capacity, lastClearMs: options.startMs, ...counters }];
  };
  try {
    const certificate = await options.authority.issue(link.device);
    const gnmi = await startGnmiServer({ username, password, certificate, interfaces, clock });
    return {
      device: link.device,
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

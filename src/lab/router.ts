import type { Clock } from "../kernel/clock.ts";
import type { XmlElement } from "../kernel/xml.ts";
import type { Prefix } from "../model/inventory.ts";
import type { CertificateAuthority } from "./certificates.ts";
import type { InterfaceState } from "./gnmi/leaves.ts";
import { type GnmiServer, startGnmiServer } from "./gnmi/server.ts";
import { type NetconfServer, startNetconfServer } from "./netconf/server.ts";
import { routerConfig } from "./router-config.ts";
import { announcements, interfaceEnabled } from "./routing-policy.ts";
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
}): Promise<Router> {
  const { link, as, traffic, username, password, clock } = options;
  const netconf = await startNetconfServer({
    name: link.device,
    username,
    password,
    config: routerConfig(link, as),
    clock,
  });
  const listeners = new Set<() => void>();
  const isUp = (running: XmlElement) => interfaceEnabled(running, link.interface);
  let up = isUp(netconf.running());
  netconf.onRunningChanged((running) => {
    const was = up;
    up = isUp(running);
    // A link that is down has no BGP session, so nothing is announced over it.
    const announced = up ? announcements(running, link.exportPolicy, options.originated) : new Map<Prefix, number>();
    traffic.announce(link.name, announced, clock.now());
    if (up !== was) for (const listener of listeners) listener();
  });
  const read = (): readonly InterfaceState[] => {
    traffic.advance(clock.now());
    return [
      {
        name: link.interface,
        operStatus: up ? "UP" : "DOWN",
        capacity: link.capacity,
        lastClearMs: options.startMs,
        ...traffic.counters(link.name),
      },
    ];
  };
  const onChange = (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  try {
    const certificate = options.authority.issue(link.device);
    const gnmi = await startGnmiServer({ username, password, certificate, interfaces: { read, onChange }, clock });
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

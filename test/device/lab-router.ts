import { netconfDevice } from "../../src/device/netconf/device.ts";
import { commit, discardChanges, editConfig, getConfig, lock } from "../../src/device/netconf/operations.ts";
import { type NetconfSession, openNetconf } from "../../src/device/netconf/session.ts";
import { openSsh } from "../../src/device/ssh-session.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { startNetconfServer } from "../../src/lab/netconf/server.ts";
import type { DevicePort, DeviceStep } from "../../src/model/device.ts";
import type { Device } from "../../src/model/inventory.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

const routingPolicy = "http://openconfig.net/yang/routing-policy";
const query = `<routing-policy xmlns="${routingPolicy}"/>`;
const password = "sw1tchman";

/** The one prepend that these routers have. */
const prepend = (times: number) =>
  `<routing-policy xmlns="${routingPolicy}"><policy-definitions><policy-definition><name>OUT</name><config><name>OUT</name></config><statements><statement><name>ten</name><config><name>ten</name></config><actions><config><policy-result>ACCEPT_ROUTE</policy-result></config><bgp-actions xmlns="http://openconfig.net/yang/bgp-policy"><set-as-path-prepend><config><repeat-n>${times}</repeat-n><asn>65000</asn></config></set-as-path-prepend></bgp-actions></actions></statement></statements></policy-definition></policy-definitions></routing-policy>`;

export type LabRouter = Awaited<ReturnType<typeof startLabRouter>>;

/** A router of the lab on a real socket, a change of its prepend from 1 to 3, and other clients beside ours. */
export async function startLabRouter(name: string, confirmedCommitVersion: "1.0" | "1.1" = "1.1") {
  const clock = new SimulatedClock();
  const awaited: { operation: string; done: () => void }[] = [];
  const onOperation = (operation: string) => {
    for (const one of awaited.filter((each) => each.operation === operation)) one.done();
  };
  const login = { username: "pointsman", password };
  const served = { name, ...login, config: prepend(1), clock, confirmedCommitVersion, onOperation };
  const server = await startNetconfServer(served);
  const { port, hostKey } = server;
  const management = { host: "127.0.0.1", port, username: "pointsman", password: { env: "LAB" }, hostKey };
  const device: Device = { name, platform: "openconfig", management };
  const resolveSecret = async () => password;
  const ports: DevicePort[] = [];
  const sessions: NetconfSession[] = [];

  /** As another controller would; `ofPort` is the clock of its time-outs. */
  function connect(ofPort: Clock = systemClock): DevicePort {
    const made = netconfDevice({ device, resolveSecret, clock: ofPort, rpcTimeoutMs: 5_000 });
    ports.push(made);
    return made;
  }

  async function rival(): Promise<NetconfSession> {
    const ssh = await openSsh({ name, management, resolveSecret });
    const session = await openNetconf({ device: name, ssh, clock: systemClock, rpcTimeoutMs: 5_000 });
    sessions.push(session);
    return session;
  }

  const writer = await rival();
  const basis = await getConfig(writer, "running", query);
  await editConfig(writer, prepend(3));
  const expected = await getConfig(writer, "candidate", query);
  await discardChanges(writer);
  const step: DeviceStep = {
    ...{ device: name, platform: "openconfig", query, basis, expected },
    forward: { config: prepend(3), activate: "" },
    inverse: { config: prepend(1), activate: "" },
  };

  return {
    server,
    clock,
    step,
    connect,
    rival,
    prepends: () => Number(/<repeat-n>(\d+)</.exec(server.runningText())?.[1]),
    /** Someone else sets the prepend. */
    async edit(times: number): Promise<void> {
      await editConfig(writer, prepend(times));
      await commit(writer);
    },
    /** Resolves when the router has next performed that operation, for whomever. */
    performed: (operation: string) => new Promise<void>((done) => awaited.push({ operation, done })),
    /** Throws when anything of ours is locked. */
    async requireUnlocked(): Promise<void> {
      const other = await rival();
      await lock(other, "running");
      await lock(other, "candidate");
      await other.close();
    },
    async stop(): Promise<void> {
      for (const one of [...ports, ...sessions]) await one.close();
      await server.stop();
    },
  };
}

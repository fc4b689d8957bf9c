import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PrometheusDriver } from "prometheus-query";
import { Client as SshClient } from "ssh2";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { parseXml } from "../../src/kernel/xml.ts";
import { type Lab, type LabMeasurement, startLab } from "../../src/lab/lab.ts";
import { announcements } from "../../src/lab/routing-policy.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { GnmiTestClient, path } from "./gnmi-client.ts";

let folder: string;
let clock: SimulatedClock;
let lab: Lab;
const toClose: (() => void)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lab-"));
  // The Prometheus client puts the wall time into its queries, so simulated time must not run ahead of it.
  clock = new SimulatedClock(Math.floor(Date.now() / 1000) * 1000 - 60_000);
  lab = await startLab({ scenario: "two-transits", folder, seed: 1, clock, timing: { peakForMs: 20_000 } });
});

afterEach(async () => {
  for (const close of toClose.splice(0)) close();
  await lab.stop();
  await rm(folder, { recursive: true });
});

type Access = { host: string; port: number; username: string };
const inventory = async () =>
  parse(await readFile(lab.configFile, "utf8")) as {
    devices: { name: string; management: Access & { hostKey: string }; gnmi: Access }[];
    telemetry: { prometheus: { url: string } };
    policies: string[];
  };

async function gnmi(device: string): Promise<GnmiTestClient> {
  const access = (await inventory()).devices.find(({ name }) => name === device)?.gnmi;
  const [ca, password] = await Promise.all(["ca.pem", "password"].map((file) => readFile(join(folder, file), "utf8")));
  const client = new GnmiTestClient(access?.port ?? 0, { ca: ca ?? "", password: password ?? "", serverName: device });
  toClose.push(() => client.close());
  return client;
}

const sampling = (name: string) => ({
  mode: "STREAM",
  encoding: "PROTO",
  subscription: [
    { path: path(`/interfaces/interface[name=eth1]/state/counters/${name}`), mode: "SAMPLE", sample_interval: 500e6 },
  ],
});

/** Commits `config` on the router by NETCONF 1.0, with the name, password and port that the lab wrote. Gives the replies. */
async function commit(device: string, config: string): Promise<string> {
  const access = (await inventory()).devices.find(({ name }) => name === device)?.management;
  const password = await readFile(join(folder, "password"), "utf8");
  const ssh = new SshClient();
  toClose.push(() => ssh.destroy());
  ssh.connect({ host: "127.0.0.1", port: access?.port ?? 0, username: access?.username ?? "", password });
  await once(ssh, "ready");
  const base = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"';
  const messages = [
    `<hello ${base}><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>`,
    `<rpc ${base} message-id="1"><edit-config><target><candidate/></target><config>${config}</config></edit-config></rpc>`,
    `<rpc ${base} message-id="2"><commit/></rpc>`,
    `<rpc ${base} message-id="3"><close-session/></rpc>`,
  ];
  return new Promise((resolve, reject) =>
    ssh.subsys("netconf", (error, channel) => {
      if (error) return reject(error);
      let replies = "";
      channel.on("data", (bytes: Buffer) => {
        replies += bytes.toString();
      });
      channel.on("close", () => resolve(replies));
      for (const message of messages) channel.write(`${message}]]>]]>`);
    }),
  );
}

const prepend = (prefix: string, count: number) => `
  <routing-policy xmlns="http://openconfig.net/yang/routing-policy"><policy-definitions><policy-definition>
    <name>TRANSIT-OUT</name><statements><statement><name>own-${prefix.replace("/", "-")}</name><actions>
      <bgp-actions xmlns="http://openconfig.net/yang/bgp-policy"><set-as-path-prepend><config>
        <repeat-n>${count}</repeat-n><asn>65000</asn></config></set-as-path-prepend></bgp-actions>
    </actions></statement></statements></policy-definition></policy-definitions></routing-policy>`;

const announcedByA = () =>
  Object.fromEntries(
    announcements(parseXml(lab.configurations()["edge-a"] ?? ""), "TRANSIT-OUT", ["10.0.0.0/24", "11.0.0.0/24"]),
  );

function isPeak(measurement: LabMeasurement): void {
  expect(measurement.utilisation["transit-a"]).toBe(1);
  expect(measurement.utilisation["transit-b"]).toBeCloseTo(0.5, 1);
  expect(measurement.loss["11.0.0.0/24"]).toBeCloseTo(0.074, 1);
  expect(measurement.entry).toEqual({
    "10.0.0.0/24": "transit-a",
    "11.0.0.0/24": "transit-a",
    "12.0.0.0/24": "transit-b",
  });
}

test("the folder holds the inventory, the authority and a password that only its owner can read", async () => {
  expect(await inventory()).toMatchObject({
    apiVersion: "pointsman/v1",
    kind: "Network",
    as: 65000,
    devices: [
      {
        name: "edge-a",
        platform: "openconfig",
        management: {
          username: "pointsman",
          password: { file: "password" },
          hostKey: expect.stringMatching(/^SHA256:\S{43}$/),
        },
        gnmi: { ca: "ca.pem", serverName: "edge-a" },
      },
      { name: "edge-b" },
    ],
    links: [
      { name: "transit-a", device: "edge-a", interface: "eth1", role: "transit", capacity: "1 Gbit/s" },
      { name: "transit-b", cost: { perMbitMonth: 0.6, currency: "USD" }, capacity: "10 Gbit/s" },
    ],
    prefixes: ["10.0.0.0/24", "11.0.0.0/24", "12.0.0.0/24"],
    telemetry: { interval: "500ms" },
  });
  const [policy] = (await inventory()).policies;
  expect(parse(await readFile(policy ?? "", "utf8"))).toMatchObject({ kind: "Policy", spec: { mode: "propose" } });
  const modes = await Promise.all(
    ["", "password", "pointsman.yaml"].map(async (name) => (await stat(join(folder, name))).mode & 0o777),
  );
  expect(modes).toEqual([0o700, 0o600, 0o600]);
  expect(await readFile(lab.configFile, "utf8")).not.toContain(await readFile(join(folder, "password"), "utf8"));
});

test("a folder and files that are already there, open to all, are closed to others", async () => {
  const used = join(folder, "used");
  await mkdir(used, { mode: 0o755 });
  await writeFile(join(used, "password"), "old", { mode: 0o644 });
  await chmod(used, 0o755);
  const another = await startLab({
    scenario: "two-transits",
    folder: used,
    seed: 1,
    clock,
    policies: ["/policies/own.yaml"],
  });
  await another.stop();
  expect((await stat(used)).mode & 0o777).toBe(0o700);
  expect((await stat(join(used, "password"))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(used, "password"), "utf8")).not.toBe("old");
  expect(parse(await readFile(another.configFile, "utf8"))).toMatchObject({ policies: ["/policies/own.yaml"] });
});

test("gNMI, Prometheus and the model tell of the same traffic: calm first, then a peak that transit-a cannot carry", async () => {
  const calm = lab.measure();
  expect(calm.utilisation["transit-a"]).toBeCloseTo(0.48, 1);
  expect(calm.loss).toEqual({ "10.0.0.0/24": 0, "11.0.0.0/24": 0, "12.0.0.0/24": 0 });
  clock.advance(8_000);
  isPeak(lab.measure());

  const octets = (await gnmi("edge-a")).subscribe(sampling("in-octets"));
  await octets.synced();
  clock.advance(500);
  await octets.until(() => octets.leaves().length >= 2);
  const [first = 0, second = 0] = octets.leaves().map(([, value]) => Number(value));
  expect((second - first) * 8 * 2).toBeCloseTo(1e9, -2);

  const { url } = (await inventory()).telemetry.prometheus;
  const { result } = await new PrometheusDriver({ endpoint: url }).instantQuery(
    'flow_inbound_bits_per_second{link="transit-a"}',
  );
  const [ten = 0, eleven = 0] = result.map(({ value }) => value.value as number);
  expect(ten + eleven).toBeCloseTo(1e9, -2);
  expect(eleven / ten).toBeCloseTo(5, 0);
  expect(result[0].value.time.getTime()).toBe(clock.now());

  clock.advance(20_000);
  expect(lab.measure().utilisation["transit-a"]).toBeCloseTo(0.48, 1);
});

test("three prepends of 11.0.0.0/24 committed on edge-a move it to transit-b after the reaction time, and end the loss", async () => {
  clock.advance(8_000);
  const before = lab.configurations();
  expect(await commit("edge-a", prepend("11.0.0.0/24", 3))).not.toContain("rpc-error");
  expect(announcedByA()).toEqual({ "10.0.0.0/24": 0, "11.0.0.0/24": 3 });
  expect(lab.configurations()["edge-b"]).toBe(before["edge-b"]);
  clock.advance(299);
  isPeak(lab.measure());
  clock.advance(1);
  const after = lab.measure();
  expect(after.entry["11.0.0.0/24"]).toBe("transit-b");
  expect(after.entry["10.0.0.0/24"]).toBe("transit-a");
  expect(after.utilisation["transit-a"]).toBeCloseTo(0.18, 2);
  expect(after.utilisation["transit-b"]).toBeCloseTo(0.59, 1);
  expect(Math.max(...Object.values(after.loss))).toBe(0);
});

test("worse: after the change transit-a is as full as before and drops more", async () => {
  clock.advance(8_000);
  lab.inject("worse");
  const before = lab.measure();
  isPeak(before);
  await commit("edge-a", prepend("11.0.0.0/24", 3));
  clock.advance(300);
  const after = lab.measure();
  expect(after.entry["11.0.0.0/24"]).toBe("transit-b");
  expect(after.utilisation["transit-a"]).toBe(1);
  expect(after.loss["10.0.0.0/24"]).toBeGreaterThan(2 * (before.loss["11.0.0.0/24"] ?? 1));
});

test("blind: gNMI and Prometheus stand still, and no session ends", async () => {
  const octets = (await gnmi("edge-a")).subscribe(sampling("in-octets"));
  await octets.synced();
  clock.advance(1_000);
  await octets.until(() => octets.leaves().length >= 3);
  const { url } = (await inventory()).telemetry.prometheus;
  const newest = async () =>
    (await new PrometheusDriver({ endpoint: url }).instantQuery("link_inbound_bits_per_second")).result;
  const before = await newest();
  lab.inject("blind");
  clock.advance(5_000);
  expect(await newest()).toEqual(before);
  // The RPC is answered by an error of the session's own making, so it was open; nothing else came before it.
  octets.send({ poll: {} });
  expect(await octets.ended).toBe(3);
  expect(octets.leaves()).toHaveLength(3);
});

test("dead-router: edge-a drops its sessions and takes no new ones; edge-b goes on", async () => {
  const octets = (await gnmi("edge-a")).subscribe(sampling("in-octets"));
  await octets.synced();
  lab.inject("dead-router");
  expect(await octets.ended).not.toBe(0);
  await expect(commit("edge-a", prepend("11.0.0.0/24", 3))).rejects.toThrow();
  await expect((await gnmi("edge-a")).unary("Capabilities", {})).rejects.toMatchObject({ code: 14 });
  expect(await (await gnmi("edge-b")).unary("Capabilities", {})).toMatchObject({ gNMI_version: "0.10.0" });
  expect(await commit("edge-b", prepend("11.0.0.0/24", 3))).not.toContain("rpc-error");
});

test("lying-commit: edge-a says ok and changes nothing", async () => {
  lab.inject("lying-commit");
  const before = lab.configurations();
  const replies = await commit("edge-a", prepend("11.0.0.0/24", 3));
  expect(replies).not.toContain("rpc-error");
  expect(replies.match(/<ok\s*\/>/g)?.length).toBeGreaterThanOrEqual(2);
  expect(lab.configurations()).toEqual(before);
});

test("stop leaves nothing listening, and may be called twice", async () => {
  const ports = lab.endpoints.map(({ url }) => Number(new URL(url).port));
  const reachable = (port: number) =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(socket.destroy() !== undefined));
      socket.on("error", () => resolve(false));
    });
  expect(await Promise.all(ports.map(reachable))).toEqual([true, true, true, true, true]);
  await lab.stop();
  expect(await Promise.all(ports.map(reachable))).toEqual([false, false, false, false, false]);
  await lab.stop();
});

import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { parseXml } from "../../src/kernel/xml.ts";
import { type Lab, type LabMeasurement, startLab } from "../../src/lab/lab.ts";
import { announcements } from "../../src/lab/routing-policy.ts";
import type { SimulatedClock } from "../support/simulated-clock.ts";
import { LabUnderTest, sampling } from "./lab-fixture.ts";

let under: LabUnderTest;
let lab: Lab;
let clock: SimulatedClock;

beforeEach(async () => {
  under = await LabUnderTest.start("two-transits", { peakForMs: 20_000 });
  ({ lab, clock } = under);
});

afterEach(() => under.stop());

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
  expect(await under.inventory()).toMatchObject({
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
  const [policy] = (await under.inventory()).policies;
  expect(parse(await readFile(policy ?? "", "utf8"))).toMatchObject({ kind: "Policy", spec: { mode: "propose" } });
  const modes = await Promise.all(
    ["", "password", "pointsman.yaml"].map(async (name) => (await stat(join(under.folder, name))).mode & 0o777),
  );
  expect(modes).toEqual([0o700, 0o600, 0o600]);
  expect(await readFile(lab.configFile, "utf8")).not.toContain(await readFile(join(under.folder, "password"), "utf8"));
});

test("a folder and files that are already there, open to all, are closed to others", async () => {
  const used = join(under.folder, "used");
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
  expect(calm.latencyP99Ms).toEqual({});
  clock.advance(4_999);
  expect(lab.peaked()).toBe(false);
  clock.advance(1);
  expect(lab.peaked()).toBe(true);
  clock.advance(3_000);
  isPeak(lab.measure());

  const octets = (await under.gnmi("edge-a")).subscribe(sampling("in-octets"));
  await octets.synced();
  clock.advance(500);
  await octets.until(() => octets.leaves().length >= 2);
  const [first = 0, second = 0] = octets.leaves().map(([, value]) => Number(value));
  expect((second - first) * 8 * 2).toBeCloseTo(1e9, -2);

  const samples = await under.prometheus('flow_inbound_bits_per_second{link="transit-a"}');
  const [ten = 0, eleven = 0] = samples.map(({ value }) => value);
  expect(ten + eleven).toBeCloseTo(1e9, -2);
  expect(eleven / ten).toBeCloseTo(5, 0);
  expect(samples[0]?.atMs).toBe(clock.now());

  clock.advance(20_000);
  expect(lab.measure().utilisation["transit-a"]).toBeCloseTo(0.48, 1);
});

test("three prepends of 11.0.0.0/24 committed on edge-a move it to transit-b after the reaction time, and end the loss", async () => {
  clock.advance(8_000);
  const before = lab.configurations();
  expect(await under.commit("edge-a", prepend("11.0.0.0/24", 3))).not.toContain("rpc-error");
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
  await under.commit("edge-a", prepend("11.0.0.0/24", 3));
  clock.advance(300);
  const after = lab.measure();
  expect(after.entry["11.0.0.0/24"]).toBe("transit-b");
  expect(after.utilisation["transit-a"]).toBe(1);
  expect(after.loss["10.0.0.0/24"]).toBeGreaterThan(2 * (before.loss["11.0.0.0/24"] ?? 1));
});

test("blind: gNMI and Prometheus stand still, and no session ends", async () => {
  const octets = (await under.gnmi("edge-a")).subscribe(sampling("in-octets"));
  await octets.synced();
  clock.advance(1_000);
  await octets.until(() => octets.leaves().length >= 3);
  const newest = () => under.prometheus("link_inbound_bits_per_second");
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
  const octets = (await under.gnmi("edge-a")).subscribe(sampling("in-octets"));
  await octets.synced();
  lab.inject("dead-router");
  expect(await octets.ended).not.toBe(0);
  await expect(under.commit("edge-a", prepend("11.0.0.0/24", 3))).rejects.toThrow();
  await expect((await under.gnmi("edge-a")).unary("Capabilities", {})).rejects.toMatchObject({ code: 14 });
  expect(await (await under.gnmi("edge-b")).unary("Capabilities", {})).toMatchObject({ gNMI_version: "0.10.0" });
  expect(await under.commit("edge-b", prepend("11.0.0.0/24", 3))).not.toContain("rpc-error");
});

test("lying-commit: edge-a says ok and changes nothing", async () => {
  lab.inject("lying-commit");
  const before = lab.configurations();
  const replies = await under.commit("edge-a", prepend("11.0.0.0/24", 3));
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

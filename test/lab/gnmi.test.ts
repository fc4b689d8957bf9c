import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createCertificateAuthority } from "../../src/lab/certificates.ts";
import type { InterfaceState } from "../../src/lab/gnmi/leaves.ts";
import { type GnmiServer, startGnmiServer } from "../../src/lab/gnmi/server.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { type Answer, GnmiTestClient, path } from "./gnmi-client.ts";

const clock = new SimulatedClock();
const startMs = clock.now();
const authority = await createCertificateAuthority();
let reads = 0;
const counters = { inPkts: 2, outPkts: 3, inDiscards: 4, outDiscards: 5, outOctets: 6 };
let interfaces: InterfaceState[];
let octets: () => number;
let server: GnmiServer;
let client: GnmiTestClient;

beforeAll(async () => {
  server = await startGnmiServer({
    username: "pointsman",
    password: "right",
    certificate: await authority.issue("edge-a"),
    interfaces: () => {
      reads += 1;
      return interfaces.map((of) => ({ ...of, inOctets: octets() }));
    },
    clock,
  });
  client = new GnmiTestClient(server.port, { ca: authority.certificate, password: "right" });
});

beforeEach(() => {
  octets = () => 9_007_199_254_740_991;
  const common = { operStatus: "UP", capacity: 1e9, lastClearMs: 1_700_000_000_123, inOctets: 0, ...counters } as const;
  interfaces = [
    { name: "eth1", ...common },
    { name: "eth2", ...common, capacity: 10e9 },
  ];
});

afterAll(() => {
  client.close();
  server.stop();
});

const allOf = (name: string) => [
  [`/interfaces/interface[name=${name}]/state/name`, name],
  [`/interfaces/interface[name=${name}]/state/oper-status`, "UP"],
  [`/interfaces/interface[name=${name}]/state/counters/in-octets`, "9007199254740991"],
  [`/interfaces/interface[name=${name}]/state/counters/in-pkts`, "2"],
  [`/interfaces/interface[name=${name}]/state/counters/in-discards`, "4"],
  [`/interfaces/interface[name=${name}]/state/counters/out-octets`, "6"],
  [`/interfaces/interface[name=${name}]/state/counters/out-pkts`, "3"],
  [`/interfaces/interface[name=${name}]/state/counters/out-discards`, "5"],
  [`/interfaces/interface[name=${name}]/state/counters/last-clear`, "1700000000123000000"],
  [`/interfaces/interface[name=${name}]/ethernet/state/port-speed`, name === "eth1" ? "SPEED_1GB" : "SPEED_10GB"],
];
const once = (text: string, more: object = {}) =>
  client.subscribe({ mode: "ONCE", encoding: "PROTO", subscription: [{ path: path(text) }], ...more });
const stream = (text: string, subscription: object, more: object = {}) =>
  client.subscribe({
    mode: "STREAM",
    encoding: "PROTO",
    subscription: [{ path: path(text), ...subscription }],
    ...more,
  });
const updates = (answers: Answer[]) => answers.filter((answer) => answer.update).length;

test("Capabilities names the models, the encodings and the version", async () => {
  expect(await client.unary("Capabilities", {})).toMatchObject({
    gNMI_version: "0.10.0",
    supported_encodings: ["JSON_IETF", "PROTO"],
    supported_models: [
      { name: "openconfig-interfaces" },
      { name: "openconfig-if-ethernet" },
      { name: "openconfig-qos" },
    ],
  });
});

test.each(["/", "/interfaces", "/interfaces/interface", "/interfaces/interface[name=*]", "/*/*"])(
  "ONCE %s gives every leaf of every interface, then sync, and ends",
  async (text) => {
    const subscribed = once(text, { prefix: { target: "edge-a", origin: "openconfig" } });
    expect(await subscribed.ended).toBe(status.OK);
    expect(subscribed.leaves()).toEqual([...allOf("eth1"), ...allOf("eth2")]);
    expect(subscribed.answers.at(-1)).toMatchObject({ sync_response: true });
    expect(subscribed.answers[0]?.update?.prefix).toMatchObject({ target: "edge-a", origin: "openconfig" });
    expect(subscribed.answers[0]?.update?.timestamp).toBe(`${clock.now()}000000`);
  },
);

test("a key selects one interface, and an interface that is not there is no error", async () => {
  const [one, none] = [once("/interfaces/interface[name=eth2]"), once("/interfaces/interface[name=eth9]")];
  expect([await one.ended, await none.ended]).toEqual([status.OK, status.OK]);
  expect(one.leaves()).toEqual(allOf("eth2"));
  expect(none.answers).toMatchObject([{ sync_response: true }]);
});

test("the prefix's elements come before the path's", async () => {
  const prefix = { ...path("/interfaces/interface[name=eth1]"), target: "x" };
  const subscribed = once("/state/oper-status", { prefix });
  await subscribed.ended;
  expect(subscribed.leaves()).toEqual([["/interfaces/interface[name=eth1]/state/oper-status", "UP"]]);
});

test("JSON_IETF writes 64-bit integers as strings and identities with their module", async () => {
  const subscribed = once("/interfaces/interface[name=eth1]", { encoding: "JSON_IETF" });
  await subscribed.ended;
  const values = Object.fromEntries(subscribed.leaves());
  expect(values["/interfaces/interface[name=eth1]/state/counters/in-octets"]).toBe('"9007199254740991"');
  expect(values["/interfaces/interface[name=eth1]/ethernet/state/port-speed"]).toBe(
    '"openconfig-if-ethernet:SPEED_1GB"',
  );
});

test("updates_only leaves the initial set out", async () => {
  const subscribed = once("/interfaces", { updates_only: true });
  await subscribed.ended;
  expect(subscribed.answers).toMatchObject([{ sync_response: true }]);
});

test("POLL answers each poll with the whole set and a sync, and ends when the client is done", async () => {
  const subscribed = client.subscribe({
    mode: "POLL",
    encoding: "PROTO",
    subscription: [{ path: path("/interfaces/interface[name=eth1]/state/oper-status") }],
  });
  await subscribed.synced();
  interfaces = interfaces.map((of) => ({ ...of, operStatus: "DOWN" }));
  subscribed.send({ poll: {} });
  await subscribed.synced(2);
  expect(subscribed.leaves().map(([, value]) => value)).toEqual(["UP", "DOWN"]);
  subscribed.half();
  expect(await subscribed.ended).toBe(status.OK);
});

test("SAMPLE repeats at its interval after the sync, and also what did not change", async () => {
  const begunMs = clock.now();
  const subscribed = stream("/interfaces/interface[name=eth1]/state/counters/in-octets", {
    mode: "SAMPLE",
    sample_interval: 250e6,
  });
  await subscribed.synced();
  clock.advance(800);
  await subscribed.until((answers) => updates(answers) >= 4);
  subscribed.cancel();
  expect(subscribed.answers[1]).toMatchObject({ sync_response: true });
  const times = subscribed.answers.flatMap(({ update }) =>
    update ? [Number(BigInt(update.timestamp) / 1_000_000n) - begunMs] : [],
  );
  expect(times).toEqual([0, 250, 500, 750]);
});

test("suppress_redundant sends only leaves that changed; the heartbeat sends them all", async () => {
  octets = () => Math.floor((clock.now() - startMs) / 200);
  clock.advance(200 - ((clock.now() - startMs) % 200));
  const suppressed = { mode: "SAMPLE", sample_interval: 100e6, suppress_redundant: true };
  const [silent, beating] = [
    stream("/interfaces/interface[name=eth1]/state/counters", suppressed),
    stream("/interfaces/interface[name=eth1]/state/counters", { ...suppressed, heartbeat_interval: 350e6 }),
  ];
  await Promise.all([silent.synced(), beating.synced()]);
  clock.advance(600);
  await Promise.all([
    silent.until((answers) => updates(answers) >= 4),
    beating.until((answers) => updates(answers) >= 5),
  ]);
  silent.cancel();
  beating.cancel();
  const sizes = (answers: Answer[]) => answers.flatMap(({ update }) => (update ? [update.update.length] : []));
  expect(sizes(silent.answers)).toEqual([7, 1, 1, 1]);
  expect(sizes(beating.answers)).toEqual([7, 1, 7, 1, 1]);
});

test("ON_CHANGE tells of a change when it happens and of nothing else; a heartbeat repeats it", async () => {
  const text = "/interfaces/interface/state/oper-status";
  const [plain, beating] = [
    stream(text, { mode: "ON_CHANGE" }, { updates_only: true }),
    stream(text, { mode: "ON_CHANGE", heartbeat_interval: 400e6 }, { updates_only: true }),
  ];
  await Promise.all([plain.synced(), beating.synced()]);
  clock.advance(1_000);
  interfaces = interfaces.map((of) => (of.name === "eth2" ? { ...of, operStatus: "DOWN" } : of));
  clock.advance(100);
  await Promise.all([
    plain.until((answers) => updates(answers) >= 1),
    beating.until((answers) => updates(answers) >= 5),
  ]);
  plain.cancel();
  beating.cancel();
  expect(plain.leaves()).toEqual([["/interfaces/interface[name=eth2]/state/oper-status", "DOWN"]]);
  expect(beating.leaves().map(([, value]) => value)).toEqual(["UP", "UP", "UP", "UP", "DOWN"]);
});

test("TARGET_DEFINED samples what counts and tells of the rest on change", async () => {
  const subscribed = stream("/interfaces/interface[name=eth1]/state", { mode: "TARGET_DEFINED" });
  await subscribed.synced();
  clock.advance(100);
  await subscribed.until((answers) => updates(answers) >= 2);
  subscribed.cancel();
  const sampled = subscribed.answers.filter((answer) => answer.update)[1]?.update?.update;
  expect(sampled?.map(({ path }) => path.elem.at(-1)?.name)).toEqual([
    ...["in-octets", "in-pkts", "in-discards", "out-octets", "out-pkts", "out-discards"],
  ]);
});

test("a cancelled stream leaves no timer behind", async () => {
  const subscribed = stream("/interfaces/interface/state", { mode: "TARGET_DEFINED", heartbeat_interval: 1e9 });
  await subscribed.synced();
  const readsOf = (work: () => void) => {
    const before = reads;
    work();
    return reads - before;
  };
  expect(readsOf(() => clock.advance(10_000))).toBeGreaterThan(100);
  subscribed.cancel();
  await expect.poll(() => readsOf(() => clock.advance(10_000))).toBe(0);
});

test.each([
  ["an unknown leaf", { subscription: [{ path: path("/interfaces/interface/state/mtu") }] }],
  ["a path below a leaf", { subscription: [{ path: path("/interfaces/interface/state/name/more") }] }],
  ["an unknown key", { subscription: [{ path: path("/interfaces/interface[id=eth1]") }] }],
  ["a key where no list is", { subscription: [{ path: path("/interfaces[name=eth1]") }] }],
  ["another origin", { subscription: [{ path: { ...path("/interfaces"), origin: "cli" } }] }],
  ["a target in a path", { subscription: [{ path: { ...path("/interfaces"), target: "edge-a" } }] }],
  ["a deprecated path", { subscription: [{ path: { element: ["interfaces"] } }] }],
  ["no path at all", { subscription: [] }],
  ["an unknown model", { use_models: [{ name: "nokia-state" }], subscription: [{ path: path("/interfaces") }] }],
  ["ON_CHANGE of a counter", { subscription: [{ mode: "ON_CHANGE", path: path("/interfaces/interface/state") }] }],
  [
    "too short an interval",
    { subscription: [{ mode: "SAMPLE", sample_interval: 1e6, path: path("/interfaces/interface/state") }] },
  ],
])("Subscribe refuses %s with INVALID_ARGUMENT", async (_, list) => {
  expect(await client.subscribe({ mode: "STREAM", encoding: "PROTO", ...list }).ended).toBe(status.INVALID_ARGUMENT);
});

test("Subscribe refuses a poll before the subscription and a second subscription, and JSON with UNIMPLEMENTED", async () => {
  const early = client.stream();
  early.send({ poll: {} });
  expect(await early.ended).toBe(status.INVALID_ARGUMENT);
  const twice = stream("/interfaces", {});
  twice.send({ subscribe: { mode: "ONCE", encoding: "PROTO", subscription: [{ path: path("/interfaces") }] } });
  expect(await twice.ended).toBe(status.INVALID_ARGUMENT);
  expect(await once("/interfaces", { encoding: "JSON" }).ended).toBe(status.UNIMPLEMENTED);
});

// Goal: the queues of an interface are found under it, by its name and theirs, as openconfig-qos has them.
test("queues are leaves of their own list", async () => {
  const queues = [
    { name: "interactive", transmitOctets: 7, droppedOctets: 8, maxQueueLen: 9 },
    { name: "batch", transmitOctets: 10, droppedOctets: 11, maxQueueLen: 12 },
  ];
  interfaces = interfaces.map((of) => (of.name === "eth2" ? { ...of, queues } : of));
  const at = (queue: string) => `/qos/interfaces/interface[interface-id=eth2]/output/queues/queue[name=${queue}]/state`;
  const interactive = [
    [`${at("interactive")}/name`, "interactive"],
    [`${at("interactive")}/max-queue-len`, "9"],
    [`${at("interactive")}/transmit-octets`, "7"],
    [`${at("interactive")}/dropped-octets`, "8"],
  ];
  const leavesOf = async (text: string) => {
    const subscribed = once(text);
    expect(await subscribed.ended).toBe(status.OK);
    return subscribed.leaves();
  };
  const every = "/qos/interfaces/interface/output/queues/queue/state";
  expect(await leavesOf(at("interactive"))).toEqual(interactive);
  expect((await leavesOf("/qos")).slice(0, 4)).toEqual(interactive);
  expect((await leavesOf("/")).length).toBe(2 * allOf("eth1").length + 8);
  expect(await leavesOf("/interfaces")).toEqual([...allOf("eth1"), ...allOf("eth2")]);
  expect(await leavesOf(`${every}/transmit-octets`)).toEqual([
    [`${at("interactive")}/transmit-octets`, "7"],
    [`${at("batch")}/transmit-octets`, "10"],
  ]);
  expect(await leavesOf("/qos/interfaces/interface[interface-id=eth1]")).toEqual([]);
  expect(await once("/qos/interfaces/interface[name=eth2]").ended).toBe(status.INVALID_ARGUMENT);
  expect(await stream(`${every}/transmit-octets`, { mode: "ON_CHANGE" }).ended).toBe(status.INVALID_ARGUMENT);
  const get = (text: string, type = "ALL") =>
    client.unary<{ notification: Answer["update"][] }>("Get", { encoding: "PROTO", type, path: [path(text)] });
  expect((await get(at("batch"))).notification[0]?.update.length).toBe(4);
  expect((await get(at("batch"), "CONFIG")).notification[0]?.update.length).toBe(0);
  await expect(get(at("voice"))).rejects.toMatchObject({ code: status.NOT_FOUND });
});

test("Get answers each path with one notification of whole paths", async () => {
  const response = await client.unary<{ notification: Answer["update"][] }>("Get", {
    encoding: "PROTO",
    prefix: { target: "edge-a" },
    path: [path("/interfaces/interface[name=eth2]/state/oper-status"), path("/interfaces/interface/state/name")],
  });
  expect(response.notification.map((each) => each?.update.length)).toEqual([1, 2]);
  expect(response.notification[0]?.update[0]).toMatchObject({
    path: path("/interfaces/interface[name=eth2]/state/oper-status"),
    val: { string_val: "UP" },
  });
  const get = (text: string) => client.unary("Get", { encoding: "PROTO", path: [path(text)] });
  await expect(get("/interfaces/interface[name=eth9]")).rejects.toMatchObject({ code: status.NOT_FOUND });
  await expect(get("/bgp")).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
});

test("a wrong password is UNAUTHENTICATED for every RPC", async () => {
  const stranger = new GnmiTestClient(server.port, { ca: authority.certificate, password: "wrong" });
  const expected = { code: status.UNAUTHENTICATED };
  await expect(stranger.unary("Capabilities", {})).rejects.toMatchObject(expected);
  await expect(stranger.unary("Get", { encoding: "PROTO", path: [] })).rejects.toMatchObject(expected);
  expect(await stranger.subscribe({ mode: "ONCE" }).ended).toBe(status.UNAUTHENTICATED);
  stranger.close();
});

test("TLS is refused by a client that trusts another authority, and for another name", async () => {
  const other = (await createCertificateAuthority()).certificate;
  for (const options of [{ ca: other }, { ca: authority.certificate, serverName: "edge-b" }]) {
    const stranger = new GnmiTestClient(server.port, { password: "right", ...options });
    await expect(stranger.unary("Capabilities", {})).rejects.toMatchObject({ code: status.UNAVAILABLE });
    stranger.close();
  }
});

test("blind stops the samples and keeps the session; sight comes back", async () => {
  const subscribed = stream("/interfaces/interface[name=eth1]/state/counters/in-octets", {
    mode: "SAMPLE",
    sample_interval: 100e6,
  });
  await subscribed.synced();
  octets = () => 1;
  server.faults.blind = true;
  clock.advance(500);
  octets = () => 2;
  server.faults.blind = false;
  clock.advance(100);
  await subscribed.until((answers) => updates(answers) >= 2);
  subscribed.cancel();
  expect(subscribed.leaves().map(([, value]) => value)).toEqual(["9007199254740991", "2"]);
});

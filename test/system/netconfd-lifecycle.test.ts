import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { netconfDevice } from "../../src/device/netconf/device.ts";
import { commit, discardChanges, editConfig, getConfig, lock, unlock } from "../../src/device/netconf/operations.ts";
import { type NetconfSession, openNetconf } from "../../src/device/netconf/session.ts";
import { openSsh } from "../../src/device/ssh-session.ts";
import { sleep, systemClock } from "../../src/kernel/clock.ts";
import { ok, unwrap } from "../../src/kernel/failure.ts";
import { type NetconfServer, startNetconfServer } from "../../src/lab/netconf/server.ts";
import { Ledger } from "../../src/loop/ledger.ts";
import { Runner } from "../../src/loop/runner.ts";
import type { Change } from "../../src/model/change.ts";
import type { Verdict } from "../../src/model/decision.ts";
import type { DevicePort, DeviceStep } from "../../src/model/device.ts";
import type { Device } from "../../src/model/inventory.ts";
import type { Journal } from "../../src/model/journal.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import { openJournal } from "../../src/store/journal.ts";
import { change as journaledChange } from "../store/fixtures.ts";
import { type Netconfd, startNetconfd } from "./netconfd-server.ts";

// The whole lifecycle of a change, journaled and run as the controller does, on yuma123's netconfd beside an emulated router. Only
// what telemetry and guards say is the test's. netconfd applies removals, and answers ok to the commit of a validated addition and
// applies nothing: a change that adds must end rolled back on both, one that removes goes the whole way.

const testModule = "urn:pointsman:test";
const routingPolicy = "http://openconfig.net/yang/routing-policy";
const query = `<routing-policy xmlns="${testModule}"/>`;
const labQuery = `<routing-policy xmlns="${routingPolicy}"/>`;
const operation = 'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation';
const statement = (actions: string) =>
  `<routing-policy xmlns="${testModule}"><statement><name>launch</name><prefix>11.0.0.0/24</prefix>${actions}</statement></routing-policy>`;
const prepended = statement("<set-as-path-prepend><repeat-n>3</repeat-n><asn>65000</asn></set-as-path-prepend>");
const plain = statement(`<set-as-path-prepend ${operation}="remove"/>`);
const prefixes = (second: string) =>
  `<routing-policy xmlns="${routingPolicy}"><defined-sets><prefix-sets><prefix-set><name>LAUNCH</name><config><name>LAUNCH</name></config><prefixes>${prefix("11.0.0.0/24", "")}${second}</prefixes></prefix-set></prefix-sets></defined-sets></routing-policy>`;
const prefix = (text: string, attribute: string) =>
  `<prefix ${attribute}><ip-prefix>${text}</ip-prefix><masklength-range>exact</masklength-range><config><ip-prefix>${text}</ip-prefix><masklength-range>exact</masklength-range></config></prefix>`;

let yuma: Netconfd;
let lab: NetconfServer;
let folder: string;
let journal: Journal;
let ledger: Ledger;
let ports: ReadonlyMap<string, DevicePort>;
let operator: NetconfSession;
let verdict: Verdict;
let runner: Runner;
/** netconfd's running configuration without and with the prepend; the emulated router's without and with a second prefix. */
let texts: { plain: string; prepended: string; one: string; two: string };

beforeAll(async () => {
  yuma = await startNetconfd();
});
afterAll(() => yuma?.stop());

const resolveSecret = async (ref: object) => ("file" in ref ? yuma.privateKey() : "sw1tchman");

beforeEach(async () => {
  lab = await startNetconfServer({
    name: "edge-b",
    username: "pointsman",
    password: "sw1tchman",
    config: prefixes(""),
    clock: systemClock,
  });
  const management = {
    host: "127.0.0.1",
    port: lab.port,
    username: "pointsman",
    password: { env: "LAB" },
    hostKey: lab.hostKey,
  };
  const devices: Device[] = [yuma.device, { name: "edge-b", platform: "openconfig", management }];
  ports = new Map(devices.map((device) => [device.name, netconfDevice({ device, resolveSecret, clock: systemClock })]));
  const ssh = await openSsh({ name: "yuma", management: yuma.device.management, resolveSecret });
  operator = await openNetconf({ device: "yuma", ssh, clock: systemClock, rpcTimeoutMs: 20_000 });
  await discardChanges(operator);
  await editConfig(operator, `<routing-policy xmlns="${testModule}" ${operation}="remove"/>`);
  await commit(operator);
  await reconfigure(statement(""));
  const without = await running();
  await reconfigure(prepended);
  const before = await read("edge-b", labQuery);
  texts = { plain: without, prepended: await running(), one: before, two: withSecond(before) };
  verdict = { outcome: "better", findings: [] };
  folder = await mkdtemp(join(tmpdir(), "pointsman-netconfd-"));
  journal = await openJournal({ file: join(folder, "journal.sqlite"), clock: systemClock });
  ledger = new Ledger(journal, systemClock);
  runner = new Runner({
    ledger,
    devices: ports,
    clock: systemClock,
    state: () => ({}) as NetworkState,
    guards: async () => ok([]),
    earned: () => ({ mode: "auto" }),
    verify: () => verdict,
    nextTelemetry: (signal) => sleep(systemClock, 50, signal),
  });
});
afterEach(async () => {
  for (const port of ports.values()) await port.close();
  await operator.close();
  await lab.stop();
  await journal.close();
  await rm(folder, { recursive: true });
});

/** Without `validate`: after one, this server's commit adds nothing. */
async function reconfigure(config: string): Promise<void> {
  await editConfig(operator, config);
  await commit(operator);
}

const running = () => getConfig(operator, "running", query);
const read = async (device: string, asked: string) => unwrap(await (ports.get(device) as DevicePort).read(asked));

/** The emulated router's text, with the entry after the one there is. */
function withSecond(one: string): string {
  const entry = /( *<prefix>\n(?:.*\n)*? *<\/prefix>\n)/.exec(one)?.[0] ?? "";
  expect(entry).toContain("11.0.0.0/24");
  return one.replace(entry, entry + entry.replaceAll("11.0.0.0/24", "12.0.0.0/24"));
}

const step = (device: string, asked: string, [basis, expected]: [string, string], [forward, inverse]: string[]) =>
  ({
    device,
    platform: "openconfig",
    query: asked,
    basis,
    expected,
    forward: { config: forward ?? "", activate: "" },
    inverse: { config: inverse ?? "", activate: "" },
  }) satisfies DeviceStep;
const onLab = () =>
  step(
    "edge-b",
    labQuery,
    [texts.one, texts.two],
    [prefixes(prefix("12.0.0.0/24", "")), prefixes(prefix("12.0.0.0/24", `${operation}="remove"`))],
  );
const adding = () => step("yuma", query, [texts.plain, texts.prepended], [prepended, plain]);
const removing = () => step("yuma", query, [texts.prepended, texts.plain], [plain, prepended]);

/** Takes a change through the lifecycle, with a person's approval; gives it as it ended, and the states it went through. */
async function carriedOut(...steps: DeviceStep[]): Promise<{ change: Change; states: string[] }> {
  const states: string[] = [];
  ledger.onTransition(({ state }) => states.push(state));
  const id = await journal.nextChangeId();
  await ledger.add({
    ...journaledChange(id, "proposed"),
    origin: { kind: "policy", policy: "test" },
    mode: "propose",
    plan: { steps },
    diffs: {},
    approvals: [],
    createdMs: systemClock.now(),
    trial: { token: `token-${id}`, timeoutMs: 60_000 },
    times: {},
  });
  await ledger.advance(id, "begun");
  await runner.run(id);
  if (ledger.get(id)?.state === "awaiting-approval") {
    await ledger.advance(id, "approved", "alice");
    await runner.run(id);
  }
  return { change: ledger.get(id) as Change, states };
}

async function expectNothingLeft(): Promise<void> {
  for (const datastore of ["running", "candidate"] as const) {
    await lock(operator, datastore);
    await unlock(operator, datastore);
  }
  expect(await getConfig(operator, "candidate", query)).toBe(await running());
  expect(unwrap(await journal.verify()).entries).toBeGreaterThanOrEqual(3);
}

// Goal: what this server does right goes from proposed to confirmed, on it and on the router beside it.
test("a removal is confirmed", async () => {
  const { change, states } = await carriedOut(removing(), onLab());
  expect(change.outcome).toBeUndefined();
  const [before, after] = [
    ["proposed", "dry-run", "awaiting-approval"],
    ["preparing", "committing", "verifying", "confirming", "confirmed"],
  ];
  expect(states).toEqual([...before, ...after]);
  expect(change.diffs.yuma).toMatch(/^- +<repeat-n>3<\/repeat-n>$/m);
  expect(await running()).toBe(texts.plain);
  expect(await read("edge-b", labQuery)).toBe(texts.two);
  await expectNothingLeft();
});

// Goal: the lie is found at the commit, and the router that told the truth goes back too: all or nothing.
test("an addition that is answered with ok and not applied is rolled back on both", async () => {
  await reconfigure(plain);
  expect(await running()).toBe(texts.plain);
  const { change, states } = await carriedOut(onLab(), adding());
  expect(change.outcome).toMatchObject({
    code: "DEVICE_NOT_APPLIED",
    message: expect.stringMatching(/^yuma answered ok, but running is something else/),
  });
  expect(states.slice(-3)).toEqual(["committing", "rolling-back", "rolled-back"]);
  expect(await running()).toBe(texts.plain);
  expect(await read("edge-b", labQuery)).toBe(texts.one);
  await expectNothingLeft();
});

// Goal: a trial that did no good is cancelled by its token, to the byte.
test("a removal that does not help is rolled back", async () => {
  verdict = { outcome: "worse", findings: [] };
  const { change, states } = await carriedOut(removing(), onLab());
  expect(change.outcome?.code).toBe("VERIFY_WORSE");
  expect(states.slice(-3)).toEqual(["verifying", "rolling-back", "rolled-back"]);
  expect(await running()).toBe(texts.prepended);
  expect(await read("edge-b", labQuery)).toBe(texts.one);
  await expectNothingLeft();
});

// Goal: what somebody has changed since the plan ends the change in the dry run, with nothing touched.
test("another writer's edit is found before anything is sent", async () => {
  const planned = removing();
  await reconfigure(statement("<set-as-path-prepend><repeat-n>5</repeat-n><asn>65000</asn></set-as-path-prepend>"));
  const theirs = await running();
  const { change, states } = await carriedOut(planned, onLab());
  expect(change.outcome).toMatchObject({
    code: "DEVICE_CHANGED",
    message: expect.stringMatching(/^yuma: someone else/),
  });
  expect(states).toEqual(["proposed", "dry-run", "aborted"]);
  expect(await running()).toBe(theirs);
  await expectNothingLeft();
});

import { afterEach, beforeEach, expect, test } from "vitest";
import { netconfDevice } from "../../src/device/netconf/device.ts";
import { commit, editConfig, getConfig, lock } from "../../src/device/netconf/operations.ts";
import { type NetconfSession, openNetconf } from "../../src/device/netconf/session.ts";
import { openSsh } from "../../src/device/ssh-session.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { Failure, Result } from "../../src/kernel/failure.ts";
import { type NetconfServer, startNetconfServer } from "../../src/lab/netconf/server.ts";
import type { DevicePort, DeviceStep } from "../../src/model/device.ts";
import type { Device } from "../../src/model/inventory.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

const routingPolicy = "http://openconfig.net/yang/routing-policy";
const bgpPolicy = "http://openconfig.net/yang/bgp-policy";
const query = `<routing-policy xmlns="${routingPolicy}"/>`;

const statement = (actions: string) =>
  `<statement><name>launch</name><config><name>launch</name></config><conditions><match-prefix-set><config><prefix-set>LAUNCH</prefix-set><match-set-options>ANY</match-set-options></config></match-prefix-set></conditions><actions><config><policy-result>ACCEPT_ROUTE</policy-result></config>${actions}</actions></statement>`;
const policy = (actions: string) =>
  `<routing-policy xmlns="${routingPolicy}"><policy-definitions><policy-definition><name>TRANSIT-OUT</name><config><name>TRANSIT-OUT</name></config><statements>${statement(actions)}</statements></policy-definition></policy-definitions></routing-policy>`;
const sets = `<routing-policy xmlns="${routingPolicy}"><defined-sets><prefix-sets><prefix-set><name>LAUNCH</name><config><name>LAUNCH</name></config><prefixes><prefix><ip-prefix>11.0.0.0/24</ip-prefix><masklength-range>exact</masklength-range><config><ip-prefix>11.0.0.0/24</ip-prefix><masklength-range>exact</masklength-range></config></prefix></prefixes></prefix-set></prefix-sets></defined-sets>`;
const initial = sets + policy("").slice(`<routing-policy xmlns="${routingPolicy}">`.length);
const prepend = (times: number) =>
  `<bgp-actions xmlns="${bgpPolicy}"><set-as-path-prepend><config><repeat-n>${times}</repeat-n><asn>65000</asn></config></set-as-path-prepend></bgp-actions>`;
const noPrepend = `<bgp-actions xmlns="${bgpPolicy}"><set-as-path-prepend xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="remove"/></bgp-actions>`;

const trial = { token: "change-7", timeoutMs: 30_000 };
const password = "sw1tchman";
let clock: SimulatedClock;
let server: NetconfServer;
let device: Device;
let port: DevicePort;
let step: DeviceStep;
let rivals: NetconfSession[];

const connect = () =>
  netconfDevice({ device, resolveSecret: async () => password, clock: systemClock, rpcTimeoutMs: 5_000 });

beforeEach(async () => {
  clock = new SimulatedClock();
  server = await startNetconfServer({ name: "edge-a", username: "pointsman", password, config: initial, clock });
  device = {
    name: "edge-a",
    platform: "openconfig",
    management: {
      host: "127.0.0.1",
      port: server.port,
      username: "pointsman",
      password: { env: "LAB" },
      hostKey: server.hostKey,
    },
  };
  port = connect();
  rivals = [];
  const basis = unwrap(await port.read(query));
  const inserted = (pad: string) =>
    [
      `  <bgp-actions xmlns="${bgpPolicy}">`,
      "    <set-as-path-prepend>",
      "      <config>",
      "        <asn>65000</asn>",
      "        <repeat-n>3</repeat-n>",
      "      </config>",
      "    </set-as-path-prepend>",
      "  </bgp-actions>",
    ]
      .map((line) => `${pad}${line}\n`)
      .join("");
  // `bgp-actions` sorts before `config`.
  const expected = basis.replace(/( *)<actions>\n/, (line, pad: string) => `${line}${inserted(pad)}`);
  expect(expected).not.toBe(basis);
  step = {
    device: "edge-a",
    platform: "openconfig",
    query,
    basis,
    expected,
    forward: { config: policy(prepend(3)), activate: "" },
    inverse: { config: policy(noPrepend), activate: "" },
  };
});

afterEach(async () => {
  for (const rival of rivals) await rival.close();
  await port.close();
  await server.stop();
});

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw result.failure;
  return result.value;
}

function failureOf(result: Result<unknown>): Failure {
  if (result.ok) throw new Error(`expected a failure, got ${JSON.stringify(result.value)}`);
  return result.failure;
}

async function openRival(): Promise<NetconfSession> {
  const ssh = await openSsh({ name: device.name, management: device.management, resolveSecret: async () => password });
  const rival = await openNetconf({ device: device.name, ssh, clock: systemClock, rpcTimeoutMs: 5_000 });
  rivals.push(rival);
  return rival;
}

async function rivalChanges(times: number): Promise<void> {
  const rival = await openRival();
  await editConfig(rival, policy(prepend(times)));
  await commit(rival);
}

/** Nothing of ours is left: another writer can take both locks, and the candidate is what running is. */
async function expectNothingLeft(): Promise<void> {
  const rival = await openRival();
  await lock(rival, "running");
  await lock(rival, "candidate");
  expect(await getConfig(rival, "candidate", query)).toBe(await getConfig(rival, "running", query));
  await rival.close();
}

const running = async () => unwrap(await port.read(query));

// Goal: a dry run tells the router's own diff, changes nothing and leaves nothing behind.
test("prepare, then discard", async () => {
  const before = server.runningText();
  const diff = unwrap(await port.prepare(step));
  expect(diff.split("\n").filter((line) => /^[+-] /.test(line))).toHaveLength(8);
  expect(diff).toMatch(/^\+ +<repeat-n>3<\/repeat-n>$/m);
  expect(server.runningText()).toBe(before);
  unwrap(await port.discard());
  unwrap(await port.discard());
  await expectNothingLeft();
  expect(server.runningText()).toBe(before);
});

// Goal: from dry run to confirmed, and the timer no longer bites.
test("commit on trial, confirm", async () => {
  unwrap(await port.prepare(step));
  unwrap(await port.commitOnTrial(step, trial));
  expect(await running()).toBe(step.expected);
  unwrap(await port.confirm(step, trial));
  clock.advance(60_000);
  expect(await running()).toBe(step.expected);
  unwrap(await port.confirm(step, trial)); // idempotent
  await expectNothingLeft();
});

// Goal: what the plan was made from is gone: nothing is edited, nothing stays locked.
test("prepare after another writer", async () => {
  await rivalChanges(1);
  const failure = failureOf(await port.prepare(step));
  expect(failure.code).toBe("DEVICE_CHANGED");
  expect(failure.message).toMatch(/^\+ +<repeat-n>1<\/repeat-n>$/m);
  await expectNothingLeft();
});

// Goal: a lock that someone else holds is told with its holder, and the other lock is given back.
test.each(["running", "candidate"] as const)("%s locked by another session", async (target) => {
  const rival = await openRival();
  await lock(rival, target);
  const failure = failureOf(await port.prepare(step));
  expect(failure).toMatchObject({ code: "DEVICE_LOCKED", retry: "later" });
  expect(failure.message).toContain(`session ${rival.hello.sessionId}`);
  await rival.close();
  await expectNothingLeft();
});

// Goal: while a change is prepared or on trial, nobody else can write.
test("other writers are kept out", async () => {
  unwrap(await port.prepare(step));
  await expect(rivalChanges(1)).rejects.toMatchObject({ code: "DEVICE_LOCKED" });
  unwrap(await port.commitOnTrial(step, trial));
  await expect(rivalChanges(1)).rejects.toMatchObject({ code: "DEVICE_LOCKED" });
  unwrap(await port.undo(step, trial));
  await rivalChanges(1);
});

// Goal: an edit the router will not take is refused in its own words and discarded.
test("refused edit", async () => {
  const bad = { ...step, forward: { config: policy(prepend(3)).replace("65000", "many"), activate: "" } };
  const failure = failureOf(await port.prepare(bad));
  expect(failure.code).toBe("DEVICE_REFUSED");
  expect(failure.message).toContain("edge-a refused edit-config");
  await expectNothingLeft();
});

// Goal: a router that would read something else than the plan expects is caught before the commit.
test("edit with another outcome", async () => {
  const failure = failureOf(await port.prepare({ ...step, forward: { config: policy(prepend(2)), activate: "" } }));
  expect(failure.code).toBe("DEVICE_REFUSED");
  expect(failure.message).toMatch(/^- +<repeat-n>3<[\s\S]*^\+ +<repeat-n>2</m);
  await expectNothingLeft();
});

// Goal: a payload that is no whole XML fragment is not sent at all.
test("payload that breaks out of its element", async () => {
  const config = `${policy(prepend(3))}</config></edit-config><commit/><edit-config><config>`;
  const failure = failureOf(await port.prepare({ ...step, forward: { config, activate: "" } }));
  expect(failure.code).toBe("CHANGE_UNSUPPORTED");
  await expectNothingLeft();
});

// Goal: the router reverts by itself; confirming too late says so, undoing is a no-op.
test("trial expires", async () => {
  unwrap(await port.prepare(step));
  unwrap(await port.commitOnTrial(step, { ...trial, timeoutMs: 29_100 }));
  clock.advance(29_900); // rounded up to 30 s
  expect(await running()).toBe(step.expected);
  clock.advance(200);
  expect(await running()).toBe(step.basis);
  expect(failureOf(await port.confirm(step, trial)).code).toBe("TRIAL_EXPIRED");
  unwrap(await port.undo(step, trial));
  expect(await running()).toBe(step.basis);
  await expectNothingLeft();
});

// Goal: after a restart of the controller the trial is still there, and can be confirmed or undone by its token.
test.each(["confirm", "undo"] as const)("%s on a new session", async (method) => {
  unwrap(await port.prepare(step));
  unwrap(await port.commitOnTrial(step, trial));
  await port.close();
  port = connect();
  expect(await running()).toBe(step.expected);
  unwrap(await port[method](step, trial));
  clock.advance(60_000);
  expect(await running()).toBe(method === "confirm" ? step.expected : step.basis);
  await expectNothingLeft();
});

// Goal: confirming does not commit what someone else left in the candidate.
test("confirm beside a foreign candidate edit", async () => {
  unwrap(await port.prepare(step));
  unwrap(await port.commitOnTrial(step, trial));
  await port.close();
  port = connect();
  const rival = await openRival();
  await editConfig(rival, policy(prepend(9)));
  expect(failureOf(await port.confirm(step, trial)).code).toBe("DEVICE_LOCKED");
  expect(await running()).toBe(step.expected);
});

// Goal: from every stage, on the same session or another, undo leads back to the byte.
test.each([
  ["never sent", async () => {}],
  ["prepared", async () => void unwrap(await port.prepare(step))],
  [
    "on trial",
    async () => {
      unwrap(await port.prepare(step));
      unwrap(await port.commitOnTrial(step, trial));
    },
  ],
  [
    "confirmed",
    async () => {
      unwrap(await port.prepare(step));
      unwrap(await port.commitOnTrial(step, trial));
      unwrap(await port.confirm(step, trial));
    },
  ],
])("undo when %s", async (_, reach) => {
  for (const restart of [false, true]) {
    const before = server.runningText();
    await reach();
    if (restart) {
      await port.close();
      port = connect();
    }
    unwrap(await port.undo(step, trial));
    unwrap(await port.undo(step, trial));
    expect(server.runningText()).toBe(before);
    clock.advance(60_000);
    expect(server.runningText()).toBe(before);
    await expectNothingLeft();
  }
});

// Goal: another writer's later change is never overwritten by an undo.
test("undo after another writer", async () => {
  unwrap(await port.prepare(step));
  unwrap(await port.commitOnTrial(step, trial));
  unwrap(await port.confirm(step, trial));
  await rivalChanges(1);
  const before = server.runningText();
  expect(failureOf(await port.undo(step, trial)).code).toBe("DEVICE_CHANGED");
  expect(server.runningText()).toBe(before);
  await expectNothingLeft();
});

// Goal: a router that says yes and does nothing is found out, and left as it was.
test("lying commit", async () => {
  unwrap(await port.prepare(step));
  server.faults.lieOnCommit = true;
  const failure = failureOf(await port.commitOnTrial(step, trial));
  expect(failure.code).toBe("DEVICE_NOT_APPLIED");
  expect(failure.message).toMatch(/^- +<repeat-n>3</m);
  unwrap(await port.undo(step, trial));
  expect(await running()).toBe(step.basis);
  server.faults.lieOnCommit = false;
  await expectNothingLeft();
});

// Goal: the same lie when a confirmed change is to be taken back.
test("lying commit during undo", async () => {
  unwrap(await port.prepare(step));
  unwrap(await port.commitOnTrial(step, trial));
  unwrap(await port.confirm(step, trial));
  server.faults.lieOnCommit = true;
  expect(failureOf(await port.undo(step, trial)).code).toBe("DEVICE_NOT_APPLIED");
  server.faults.lieOnCommit = false;
  unwrap(await port.undo(step, trial));
  expect(await running()).toBe(step.basis);
});

// Goal: a router that dies at any stage is told as such; once back, the same port goes on with a new session.
test("dead router", async () => {
  unwrap(await port.prepare(step));
  server.faults.dead = true;
  expect(failureOf(await port.commitOnTrial(step, trial)).code).toBe("DEVICE_UNREACHABLE");
  expect(failureOf(await port.read(query)).code).toBe("DEVICE_UNREACHABLE");
  expect(failureOf(await port.undo(step, trial)).code).toBe("DEVICE_UNREACHABLE");
  unwrap(await port.discard());
  server.faults.dead = false;
  expect(failureOf(await port.commitOnTrial(step, trial)).code).toBe("DEVICE_UNREACHABLE");
  unwrap(await port.prepare(step));
  unwrap(await port.commitOnTrial(step, trial));
  server.faults.dead = true;
  expect(failureOf(await port.confirm(step, trial)).code).toBe("DEVICE_UNREACHABLE");
  server.faults.dead = false;
  unwrap(await port.confirm(step, trial));
  expect(await running()).toBe(step.expected);
});

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { netconfDevice } from "../../src/device/netconf/device.ts";
import {
  cancelCommit,
  commit,
  commitConfirmed,
  type Datastore,
  discardChanges,
  editConfig,
  getConfig,
  lock,
  unlock,
} from "../../src/device/netconf/operations.ts";
import { type NetconfSession, openNetconf } from "../../src/device/netconf/session.ts";
import { openSsh } from "../../src/device/ssh-session.ts";
import { sleep, systemClock } from "../../src/kernel/clock.ts";
import type { Failure, Result } from "../../src/kernel/failure.ts";
import type { DevicePort, DeviceStep } from "../../src/model/device.ts";
import { type Netconfd, startNetconfd } from "./netconfd-server.ts";

const namespace = "urn:pointsman:test";
const query = `<routing-policy xmlns="${namespace}"/>`;
const operation = 'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation';
const statement = (actions: string, name = "Großkunde 漢🚂 ]]&gt;") =>
  `<routing-policy xmlns="${namespace}"><statement><name>${name}</name><prefix>11.0.0.0/24</prefix>${actions}</statement></routing-policy>`;
const prepend = (times: number) =>
  statement(`<set-as-path-prepend><repeat-n>${times}</repeat-n><asn>65000</asn></set-as-path-prepend>`);
const noPrepend = statement(`<set-as-path-prepend ${operation}="remove"/>`);

let server: Netconfd;
let port: DevicePort;
let operator: NetconfSession;
let step: DeviceStep;
const trial = { token: "change-7", timeoutMs: 60_000 };

beforeAll(async () => {
  server = await startNetconfd();
});
afterAll(() => server?.stop());

beforeEach(async () => {
  port = connect();
  operator = await openSession();
  await discardChanges(operator);
  await editConfig(operator, `<routing-policy xmlns="${namespace}" ${operation}="remove"/>`);
  await commit(operator);
  await editConfig(operator, statement(""));
  await commit(operator);
  const basis = unwrap(await port.read(query));
  const prepended =
    "    <set-as-path-prepend>\n      <asn>65000</asn>\n      <repeat-n>3</repeat-n>\n    </set-as-path-prepend>\n";
  step = {
    device: "yuma",
    platform: "openconfig",
    query,
    basis,
    expected: basis.replace("  </statement>", `${prepended}  </statement>`),
    forward: { config: prepend(3), activate: "" },
    inverse: { config: noPrepend, activate: "" },
  };
});
afterEach(async () => {
  await port.close();
  await operator.close();
});

const resolveSecret = async () => server.privateKey();
const connect = () => netconfDevice({ device: server.device, resolveSecret, clock: systemClock });

async function openSession(): Promise<NetconfSession> {
  const ssh = await openSsh({ name: "yuma", management: server.device.management, resolveSecret });
  return openNetconf({ device: "yuma", ssh, clock: systemClock, rpcTimeoutMs: 20_000 });
}

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw result.failure;
  return result.value;
}

function failureOf(result: Result<unknown>): Failure {
  if (result.ok) throw new Error(`expected a failure, got ${JSON.stringify(result.value)}`);
  return result.failure;
}

const read = (source: Datastore = "running") => getConfig(operator, source, query);

/** Puts the change on trial as an earlier controller would have, without `validate`: after one, this server's commit adds nothing. */
async function earlierControllerCommits(timeoutMs: number): Promise<void> {
  const earlier = await openSession();
  await lock(earlier, "candidate");
  await editConfig(earlier, step.forward.config);
  await commitConfirmed(earlier, trial.token, timeoutMs);
  await earlier.close();
}

async function expectNothingLeft(): Promise<void> {
  for (const datastore of ["running", "candidate"] as const) {
    await lock(operator, datastore);
    await unlock(operator, datastore);
  }
  expect(await read("candidate")).toBe(await read("running"));
}

// Goal: hello, chunked framing, filters and characters of any width hold against a server we did not write.
test("get-config", async () => {
  expect(operator.hello.chunked).toBe(true);
  expect(operator.hello.explicitDefaults).toBe(true);
  expect(step.basis).toContain("<name>Großkunde 漢🚂 ]]&#62;</name>");
  expect(await getConfig(operator, "running", '<nothing xmlns="urn:nowhere"/>')).toBe("");
  const readings = await Promise.all(Array.from({ length: 50 }, () => read()));
  expect(new Set(readings)).toEqual(new Set([step.basis]));
});

// Goal: the dry run is right, in the server's own words where it refuses, and leaves nothing.
test("prepare and discard", async () => {
  const diff = unwrap(await port.prepare(step));
  expect(diff).toMatch(/^\+ +<repeat-n>3<\/repeat-n>$/m);
  await expect(lock(operator, "running")).rejects.toMatchObject({ code: "DEVICE_LOCKED" });
  unwrap(await port.discard());
  expect(await read()).toBe(step.basis);
  await expectNothingLeft();
  const refused = failureOf(await port.prepare({ ...step, forward: { config: prepend(99), activate: "" } }));
  expect(refused.code).toBe("DEVICE_REFUSED");
  expect(refused.message).toContain("repeat-n");
  await expectNothingLeft();
});

// Goal: a lock held elsewhere is refused with its holder.
test("lock denied", async () => {
  await lock(operator, "candidate");
  const failure = failureOf(await port.prepare(step));
  expect(failure).toMatchObject({ code: "DEVICE_LOCKED", retry: "later" });
  expect(failure.message).toContain(`session ${operator.hello.sessionId}`);
  await unlock(operator, "candidate");
  await expectNothingLeft();
});

// Goal: another writer's change since the plan is detected.
test("changed meanwhile", async () => {
  await editConfig(operator, prepend(1));
  await commit(operator);
  expect(failureOf(await port.prepare(step)).code).toBe("DEVICE_CHANGED");
  await expectNothingLeft();
});

// Goal: this server answers ok to the commit of a validated addition and applies nothing; the read-back finds out.
test("commit that applies nothing", async () => {
  unwrap(await port.prepare(step));
  const failure = failureOf(await port.commitOnTrial(step, trial));
  expect(failure.code).toBe("DEVICE_NOT_APPLIED");
  expect(failure.message).toMatch(/^- +<repeat-n>3<\/repeat-n>$/m);
  unwrap(await port.undo(step, trial));
  expect(await read()).toBe(step.basis);
  await expectNothingLeft();
});

// Goal: a trial outlives its session, and another session confirms it for good, once or twice.
test("confirm by token", async () => {
  await earlierControllerCommits(60_000);
  expect(await read()).toBe(step.expected);
  unwrap(await port.confirm(step, trial));
  unwrap(await port.confirm(step, trial));
  await expect(cancelCommit(operator, trial.token)).rejects.toMatchObject({ code: "DEVICE_REFUSED" }); // no timer is left
  expect(await read()).toBe(step.expected);
  await expectNothingLeft();
});

// Goal: a trial is cancelled by another session, to the byte; a token that is not the trial's does nothing.
test("cancel by token", async () => {
  await earlierControllerCommits(60_000);
  await expect(cancelCommit(operator, "another")).rejects.toMatchObject({ code: "DEVICE_REFUSED" });
  expect(await read()).toBe(step.expected);
  unwrap(await port.undo(step, trial));
  expect(await read()).toBe(step.basis);
  unwrap(await port.undo(step, trial));
  await expectNothingLeft();
});

// Goal: the router goes back by itself, and confirming too late says so.
test("revert on time-out", async () => {
  await earlierControllerCommits(2_000);
  expect(await read()).toBe(step.expected);
  // Its timer only fires when nobody asked anything for a second.
  while ((await read()) !== step.basis) await sleep(systemClock, 2_500);
  expect(failureOf(await port.confirm(step, trial)).code).toBe("TRIAL_EXPIRED");
  unwrap(await port.undo(step, trial));
  await expectNothingLeft();
});

// Goal: taking back a confirmed change: the inverse under both locks, to the byte. (A removal, this server does apply.)
test("undo of a confirmed change", async () => {
  await earlierControllerCommits(60_000);
  unwrap(await port.confirm(step, trial));
  unwrap(await port.undo(step, trial));
  expect(await read()).toBe(step.basis);
  unwrap(await port.undo(step, trial));
  await expectNothingLeft();
});

// Goal: the reason why running is not kept locked during a trial: this server then says ok to cancel-commit and does nothing.
test("lock on running blocks a revert", async () => {
  await lock(operator, "running");
  await editConfig(operator, step.forward.config);
  await commitConfirmed(operator, trial.token, 60_000);
  await cancelCommit(operator, trial.token);
  expect(await read()).toBe(step.expected);
  await unlock(operator, "running");
});

import { afterEach, expect, test } from "vitest";
import { netconfDevice } from "../../src/device/netconf/device.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { Failure, Result } from "../../src/kernel/failure.ts";
import type { DevicePort, DeviceStep } from "../../src/model/device.ts";
import { allCapabilities, helloOf, type Peer, type Script, startScriptedRouter } from "./scripted-router.ts";

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

const prepends = (n: number) => `<prepends xmlns="urn:x">${n}</prepends>`;
const step: DeviceStep = {
  device: "edge-a",
  platform: "openconfig",
  query: '<prepends xmlns="urn:x"/>',
  basis: `${prepends(0)}\n`,
  expected: `${prepends(3)}\n`,
  forward: { config: prepends(3), activate: "" },
  inverse: { config: prepends(0), activate: "" },
};
const trial = { token: `a<b>&'"c`, timeoutMs: 29_100 };

async function connect(script: Script): Promise<DevicePort> {
  const router = await startScriptedRouter(script);
  cleanup.push(router.stop);
  const port = netconfDevice({
    device: router.device,
    resolveSecret: async () => "sw1tchman",
    clock: systemClock,
    rpcTimeoutMs: 20_000,
  });
  cleanup.push(() => port.close());
  return port;
}

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw result.failure;
  return result.value;
}

function failureOf(result: Result<unknown>): Failure {
  if (result.ok) throw new Error(`expected a failure, got ${JSON.stringify(result.value)}`);
  return result.failure;
}

const refuse = (tag: string, message = "") =>
  `<rpc-error><error-type>application</error-type><error-tag>${tag}</error-tag><error-severity>error</error-severity><error-message>${message}</error-message></rpc-error>`;

/** A router with one leaf, right in everything but what `override` answers; `undefined` leaves an RPC to the router. */
function oneLeafRouter(
  override: (text: string, peer: Peer, session: number) => string | "silent" | undefined,
  state = { running: 0, candidate: 0, pending: false },
) {
  const log: string[] = [];
  const onRpc: Script["onRpc"] = ({ id, text, session }, peer) => {
    log.push(`${session} ${text}`);
    const answer = override(text, peer, session) ?? obey(text);
    if (answer !== "silent") peer.reply(id, answer);
  };
  const obey = (text: string) => {
    if (text.startsWith("<get-config>")) {
      return `<data>${prepends(text.includes("<candidate/>") ? state.candidate : state.running)}</data>`;
    }
    if (text.startsWith("<edit-config>")) state.candidate = Number(/>(\d+)<\/prepends>/.exec(text)?.[1]);
    if (text === "<discard-changes/>") state.candidate = state.running;
    if (text.startsWith("<cancel-commit>")) {
      if (!state.pending) return refuse("invalid-value");
      Object.assign(state, { running: 0, pending: false });
    }
    if (text.startsWith("<commit>") && text.includes("<persist-id>")) {
      if (!state.pending) return refuse("invalid-value");
      state.pending = false;
    } else if (text.startsWith("<commit")) {
      Object.assign(state, { running: state.candidate, pending: text.includes("<confirmed/>") });
    }
    return "<ok/>";
  };
  return { log, state, script: { onRpc } satisfies Script };
}

// Goal: a router on which no change could be tried safely is refused before anything is locked, named by what it lacks.
test.each([
  ["candidate", "candidate:1.0", ":candidate"],
  ["confirmed commit", "confirmed-commit", ":confirmed-commit"],
  ["validate", "validate:1.1", ":validate"],
])("router without %s", async (_, lacking, named) => {
  const { log, script } = oneLeafRouter(() => undefined);
  const port = await connect({ ...script, hello: helloOf(allCapabilities.filter((uri) => !uri.includes(lacking))) });
  const failure = failureOf(await port.prepare(step));
  expect(failure.code).toBe("DEVICE_UNSUPPORTED");
  expect(failure.message).toContain(named);
  expect(log).toEqual([]);
  expect(unwrap(await port.read(step.query))).toBe(step.basis);
  unwrap(await port.undo(step, trial)); // never sent: nothing to do
});

// Goal: the operations go out in the order that keeps others out, with the trial's token and whole seconds, rounded up.
test("what is sent", async () => {
  const { log, script } = oneLeafRouter(() => undefined);
  const port = await connect(script);
  unwrap(await port.prepare(step));
  unwrap(await port.commitOnTrial(step, trial));
  unwrap(await port.confirm(step, trial));
  const names = log.map((line) =>
    /^\d+ <([a-z-]+)>?(?:<(?:target|source)><([a-z]+))?/.exec(line)?.slice(1).filter(Boolean).join(" "),
  );
  expect(names).toEqual([
    ...["lock running", "lock candidate", "discard-changes", "get-config running"],
    ...["edit-config candidate", "validate candidate", "get-config candidate"],
    ...["commit", "get-config running", "unlock running"],
    ...["get-config running", "commit", "get-config running", "discard-changes", "unlock candidate"],
  ]);
  expect(log).toContain(
    "1 <commit><confirmed/><confirm-timeout>30</confirm-timeout><persist>a&#60;b&#62;&#38;&#39;&#34;c</persist></commit>",
  );
  expect(log).toContain("1 <commit><persist-id>a&#60;b&#62;&#38;&#39;&#34;c</persist-id></commit>");
});

// Goal: the answer to a confirming commit is lost: the truth is read back on a new session, whatever it is.
test.each([
  ["it was done", true],
  ["it was not done", false],
])("confirm with its answer lost, %s", async (_, done) => {
  const { state, log, script } = oneLeafRouter((text, peer, session) => {
    if (session > 1 || !text.includes("<persist-id>")) return undefined;
    if (done) state.pending = false;
    peer.hangUp();
    return "silent";
  });
  const port = await connect(script);
  unwrap(await port.prepare(step));
  unwrap(await port.commitOnTrial(step, trial));
  unwrap(await port.confirm(step, trial));
  expect(state).toEqual({ running: 3, candidate: 3, pending: false });
  expect(log.some((line) => line.startsWith("2 <commit>"))).toBe(true);
});

// Goal: the same for a rollback whose answer is lost.
test.each([true, false])("undo with its answer lost, done: %s", async (done) => {
  const { state, script } = oneLeafRouter((text, peer, session) => {
    if (session > 1 || !text.startsWith("<cancel-commit>")) return undefined;
    if (done) Object.assign(state, { running: 0, pending: false });
    peer.hangUp();
    return "silent";
  });
  const port = await connect(script);
  unwrap(await port.prepare(step));
  unwrap(await port.commitOnTrial(step, trial));
  unwrap(await port.undo(step, trial));
  expect(state).toMatchObject({ running: 0, pending: false });
});

// Goal: only "no such trial" may pass for confirmed already; any other refusal leaves the timer running and must not.
test.each([
  ["invalid-value", "", undefined],
  ["operation-failed", "No confirmed commit is pending", undefined],
  ["operation-failed", "persistent confirmed-commit not active", undefined],
  ["operation-failed", "cannot perform the operation with confirmed-commit pending", "DEVICE_REFUSED"],
  ["operation-failed", "validation failed", "DEVICE_REFUSED"],
  ["in-use", "", "DEVICE_LOCKED"],
  ["access-denied", "", "DEVICE_REFUSED"],
])("confirm refused with %s %j", async (tag, message, code) => {
  const { script } = oneLeafRouter((text) => (text.includes("<persist-id>") ? refuse(tag, message) : undefined), {
    running: 3,
    candidate: 3,
    pending: true,
  });
  const confirmed = await (await connect(script)).confirm(step, trial);
  expect(confirmed.ok ? undefined : confirmed.failure.code).toBe(code);
});

// Goal: a server that locks nothing while a trial is pending can be confirmed after a restart, but not with a foreign edit.
test.each([
  ["clean", 3, undefined],
  ["edited by someone", 9, "DEVICE_LOCKED"],
])("confirm without a lock, candidate %s", async (_, candidate, code) => {
  const { state, script } = oneLeafRouter((text) => (text.startsWith("<lock>") ? refuse("in-use") : undefined), {
    running: 3,
    candidate,
    pending: true,
  });
  const confirmed = await (await connect(script)).confirm(step, trial);
  expect(confirmed.ok ? undefined : confirmed.failure.code).toBe(code);
  expect(state).toEqual({ running: 3, candidate, pending: code !== undefined });
});

// Goal: a router is free to go back while a trial runs: one that will not while running is locked still does.
test.each(["undo", "timer"])("trial with revert blocked by a lock on running: %s", async (how) => {
  let locked = false;
  const { state, script } = oneLeafRouter((text) => {
    if (text === "<lock><target><running/></target></lock>") locked = true;
    if (text === "<unlock><target><running/></target></unlock>") locked = false;
    return text.startsWith("<cancel-commit>") && locked ? "<ok/>" : undefined;
  });
  const port = await connect(script);
  unwrap(await port.prepare(step));
  expect(locked).toBe(true);
  unwrap(await port.commitOnTrial(step, trial));
  expect(locked).toBe(false);
  if (how === "undo") unwrap(await port.undo(step, trial));
  else {
    Object.assign(state, { running: 0, pending: false });
    expect(failureOf(await port.confirm(step, trial)).code).toBe("TRIAL_EXPIRED");
  }
  expect(state).toEqual({ running: 0, candidate: 0, pending: false });
});

// Goal: another writer's change beside a pending trial is not taken back with it: nothing is sent that could.
test("undo of a trial that someone has changed", async () => {
  const { log, state, script } = oneLeafRouter(() => undefined, { running: 7, candidate: 7, pending: true });
  expect(failureOf(await (await connect(script)).undo(step, trial)).code).toBe("DEVICE_CHANGED");
  expect(state).toEqual({ running: 7, candidate: 7, pending: true });
  expect(log.filter((line) => !line.includes("<get-config>"))).toEqual([]);
});

// Goal: whatever words a server has for nothing to cancel, what is running decides.
test("undo with cancel-commit refused", async () => {
  const { state, script } = oneLeafRouter((text) =>
    text.startsWith("<cancel-commit>") ? refuse("operation-failed", "operation failed") : undefined,
  );
  const port = await connect(script);
  unwrap(await port.undo(step, trial));
  Object.assign(state, { running: 3, candidate: 3 });
  unwrap(await port.undo(step, trial));
  expect(state).toEqual({ running: 0, candidate: 0, pending: false });
});

// Goal: a commit that is refused leaves no lock and no edit.
test("commit refused", async () => {
  const { log, state, script } = oneLeafRouter((text) =>
    text.includes("<confirmed/>") ? refuse("operation-failed", "no space left") : undefined,
  );
  const port = await connect(script);
  unwrap(await port.prepare(step));
  const failure = failureOf(await port.commitOnTrial(step, trial));
  expect(failure).toMatchObject({ code: "DEVICE_REFUSED", message: expect.stringContaining("no space left") });
  expect(log.slice(-3).map((line) => line.slice(2, 10))).toEqual(["<discard", "<unlock>", "<unlock>"]);
  expect(state).toEqual({ running: 0, candidate: 0, pending: false });
});

// Goal: when the router will not give a lock back, ending the session does.
test("unlock refused", async () => {
  const { script, log } = oneLeafRouter((text) =>
    text.startsWith("<unlock>") ? refuse("operation-failed") : undefined,
  );
  const port = await connect(script);
  unwrap(await port.prepare(step));
  unwrap(await port.discard());
  expect(unwrap(await port.read(step.query))).toBe(step.basis);
  expect(log.at(-1)).toMatch(/^2 <get-config>/);
});

// Goal: a router that hangs up on an idle session is not noticed by whoever asks next; two who ask at once share one session.
test("session reopened and shared", async () => {
  let drop = () => {};
  const { script, log } = oneLeafRouter((_, peer) => {
    drop = () => peer.hangUp();
    return undefined;
  });
  const port = await connect(script);
  await Promise.all([port.read(step.query), port.read(step.query)]);
  drop();
  expect(unwrap(await port.read(step.query))).toBe(step.basis);
  const sessions = log.map((line) => line[0]);
  expect(sessions.slice(0, 2)).toEqual(["1", "1"]);
  expect(sessions.at(-1)).toBe("2");
});

// Goal: a port's failures are values, also those of the connection.
test("wrong host key", async () => {
  const router = await startScriptedRouter({});
  cleanup.push(router.stop);
  const management = { ...router.device.management, hostKey: "SHA256:AAAA" };
  const port = netconfDevice({
    device: { ...router.device, management },
    resolveSecret: async () => "sw1tchman",
    clock: systemClock,
  });
  expect(failureOf(await port.read(step.query)).code).toBe("DEVICE_HOST_KEY");
  expect(failureOf(await port.prepare(step)).code).toBe("DEVICE_HOST_KEY");
});

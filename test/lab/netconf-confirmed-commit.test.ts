import { afterEach, beforeEach, expect, test } from "vitest";
import {
  confirmedCommit,
  editConfig,
  getConfig,
  lock,
  type RawClient,
  setPrepend,
  TestRouter,
} from "./netconf-fixture.ts";

let router: TestRouter;
let client: RawClient;
let other: RawClient;
let before: string;
beforeEach(async () => {
  router = await TestRouter.start();
  client = await router.session();
  other = await router.session();
  before = router.server.runningText();
});
afterEach(() => router.stop());

const timeout = (seconds: number) => `<confirm-timeout>${seconds}</confirm-timeout>`;
const persist = (id: string) => `<persist>${id}</persist>`;
const persistId = (id: string) => `<persist-id>${id}</persist-id>`;
const commit = (id: string) => `<commit>${persistId(id)}</commit>`;
const cancel = (id: string) => `<cancel-commit>${persistId(id)}</cancel-commit>`;

/** Prepends on net-10, as running has them. */
const running = () =>
  Number(/net-10<\/name>.*?<repeat-n>(\d+)<.*net-11<\/name>/.exec(router.server.runningText())?.[1] ?? 0);
const changed = () => new Promise<void>((resolve) => router.server.onRunningChanged(() => resolve()));

async function onTrial(prepends: number, parameters: string, from = client): Promise<void> {
  expect((await from.rpc(editConfig(setPrepend(prepends)))).tag).toBe("ok");
  expect((await from.rpc(confirmedCommit(parameters))).tag).toBe("ok");
  expect(running()).toBe(prepends);
}

// Goal: unconfirmed, a commit is undone when its time is up and not before; candidate goes back with it.
test.each([
  ["its own time", timeout(30), 30],
  ["ten minutes when it names none", "", 600],
  ["more than a timer of Node can hold", timeout(4_000_000), 4_000_000],
])("expiry after %s", async (_, parameters, seconds) => {
  await onTrial(3, parameters);
  router.clock.advance(seconds * 1000 - 1);
  expect(running()).toBe(3);
  router.clock.advance(1);
  expect(router.server.runningText()).toBe(before);
  const candidate = await client.rpc(getConfig("candidate"));
  expect(candidate.data).toEqual((await client.rpc(getConfig("running"))).data);
  expect((await client.rpc("<cancel-commit/>")).tag).toBe("operation-failed");
});

// Goal: whoever follows running hears of the trial and of its end.
test("listeners hear of commit, expiry and cancel", async () => {
  const seen: number[] = [];
  router.server.onRunningChanged(() => seen.push(running()));
  await onTrial(3, timeout(30));
  router.clock.advance(30_000);
  await onTrial(4, timeout(30));
  await client.rpc("<cancel-commit/>");
  expect(seen).toEqual([3, 0, 4, 0]);
});

// Goal: confirmed, it stays, and the timer is gone.
test("a plain commit of the same session confirms", async () => {
  await onTrial(3, timeout(30));
  router.clock.advance(29_000);
  expect((await client.rpc("<commit/>")).ok).toBe(true);
  router.clock.advance(3_600_000);
  expect(running()).toBe(3);
  expect((await client.rpc("<cancel-commit/>")).tag).toBe("operation-failed");
  client.drop();
  expect((await other.rpc(lock("running"))).ok).toBe(true);
  expect(running()).toBe(3);
});

// Goal: a follow-up starts the timer anew and goes back, when it must, to before the first (RFC 6241 section 8.4.1).
test("a follow-up confirmed commit resets the timer and keeps the first backup", async () => {
  await onTrial(3, timeout(30));
  router.clock.advance(29_000);
  await onTrial(4, timeout(60));
  router.clock.advance(59_999);
  expect(running()).toBe(4);
  router.clock.advance(1);
  expect(router.server.runningText()).toBe(before);
});

// Goal: without persist the trial ends with its session, however that ends.
test.each([
  ["is lost", () => Promise.resolve(client.drop())],
  ["closes", () => client.rpc("<close-session/>")],
  ["is killed", () => other.rpc(`<kill-session><session-id>${client.sessionId}</session-id></kill-session>`)],
  ["breaks the framing", () => Promise.resolve(client.send("garbage"))],
])("session loss reverts at once when the session %s", async (_, end) => {
  await onTrial(3, timeout(30));
  const reverted = changed();
  await end();
  await reverted;
  expect(router.server.runningText()).toBe(before);
  expect((await other.rpc(lock("running"))).ok).toBe(true);
});

// Goal: with persist it outlives the session, to be confirmed or cancelled by whoever has the token, or to expire.
test.each([
  ["confirm", (by: RawClient) => by.rpc(commit("token")), 3],
  ["cancel", (by: RawClient) => by.rpc(cancel("token")), 0],
  ["expire", () => Promise.resolve(router.clock.advance(30_000)), 0],
])("a persistent trial: %s from another session", async (_, end, prepends) => {
  await onTrial(3, timeout(30) + persist("token"));
  await client.rpc("<close-session/>");
  await client.closed;
  expect(running()).toBe(3);
  await end(other);
  expect(running()).toBe(prepends);
  router.clock.advance(600_000);
  expect(running()).toBe(prepends);
});

// Goal: the token is checked wherever it is given, and needed once a trial has one.
test("persist-id must match", async () => {
  const invalid = [{ type: "protocol", tag: "invalid-value", severity: "error", "bad-element": "persist-id" }];
  expect((await client.rpc(commit("token"))).errors).toEqual(invalid);
  expect((await client.rpc(cancel("token"))).errors).toEqual(invalid);
  await onTrial(3, timeout(30) + persist("token"));
  for (const from of [client, other]) {
    expect((await from.rpc(commit("other"))).errors).toEqual(invalid);
    expect((await from.rpc(cancel("other"))).errors).toEqual(invalid);
    expect((await from.rpc(confirmedCommit(persistId("other")))).errors).toEqual(invalid);
    expect((await from.rpc("<commit/>")).tag).toBe("in-use");
    expect((await from.rpc("<cancel-commit/>")).tag).toBe("in-use");
  }
  router.clock.advance(29_999);
  expect(running()).toBe(3);
  router.clock.advance(1);
  expect(running()).toBe(0);
});

// Goal: a trial without token belongs to its session alone.
test("another session can neither confirm nor cancel nor lock running", async () => {
  await onTrial(3, timeout(30));
  expect((await other.rpc("<commit/>")).tag).toBe("in-use");
  expect((await other.rpc("<cancel-commit/>")).tag).toBe("in-use");
  expect((await other.rpc(commit("token"))).tag).toBe("invalid-value");
  expect((await other.rpc(lock("running"))).errors).toMatchObject([
    { tag: "lock-denied", "session-id": String(client.sessionId) },
  ]);
  expect((await client.rpc(lock("running"))).ok).toBe(true);
  expect((await client.rpc("<cancel-commit/>")).ok).toBe(true);
  expect(router.server.runningText()).toBe(before);
});

// Goal: a persistent trial whose session is gone is held by no session.
test("running is not lockable while an orphaned trial is pending", async () => {
  await onTrial(3, timeout(30) + persist("token"));
  client.drop();
  await expect.poll(async () => (await other.rpc(lock("running"))).errors[0]?.["session-id"]).toBe("0");
  expect((await other.rpc(commit("token"))).ok).toBe(true);
  expect((await other.rpc(lock("running"))).ok).toBe(true);
});

// Goal: a follow-up may hand the trial on: to a new token, or back to a session.
test("a follow-up names its own token, or none", async () => {
  await onTrial(3, timeout(30) + persist("first"));
  await onTrial(4, timeout(30) + persistId("first") + persist("second"), other);
  expect((await client.rpc(commit("first"))).tag).toBe("invalid-value");
  await onTrial(5, timeout(30) + persistId("second"), other);
  const reverted = changed();
  other.drop();
  await reverted;
  expect(router.server.runningText()).toBe(before);
});

// Goal: a lock holds against confirming and cancelling too, and a commit that is refused leaves the trial as it was.
test("a trial and another session's lock", async () => {
  await client.rpc(lock("running"));
  await onTrial(3, timeout(30) + persist("token"));
  expect((await other.rpc(commit("token"))).tag).toBe("in-use");
  expect((await other.rpc(cancel("token"))).tag).toBe("in-use");
  router.clock.advance(30_000);
  expect(router.server.runningText()).toBe(before);
});

// Goal: edits made while a trial runs are nobody's business but the candidate's.
test("a revert keeps a candidate that was edited since", async () => {
  await onTrial(3, timeout(30));
  await client.rpc(editConfig(setPrepend(7, "net-11")));
  router.clock.advance(30_000);
  expect(router.server.runningText()).toBe(before);
  expect((await client.rpc(getConfig("candidate"))).text).toContain("<repeat-n>7</repeat-n>");
  expect((await client.rpc("<discard-changes/>")).ok).toBe(true);
  expect((await client.rpc(getConfig("candidate"))).text).not.toContain("<repeat-n>7</repeat-n>");
});

// Goal: a router that is switched off leaves no timer behind, and a dead one still keeps time.
test("death and stop", async () => {
  await onTrial(3, timeout(30) + persist("token"));
  router.server.faults.dead = true;
  await other.closed;
  expect(running()).toBe(3);
  router.clock.advance(30_000);
  expect(router.server.runningText()).toBe(before);
  router.server.faults.dead = false;
  client = await router.session();
  await onTrial(3, timeout(30));
  await router.server.stop();
  router.clock.advance(30_000);
  expect(running()).toBe(3);
});

import { afterEach, beforeEach, expect, test } from "vitest";
import { writeXml } from "../../src/kernel/xml.ts";
import {
  base,
  confirmedCommit,
  editConfig,
  getConfig,
  initial,
  lock,
  type RawClient,
  setPrepend,
  TestRouter,
  unlock,
} from "./netconf-fixture.ts";

let router: TestRouter;
let client: RawClient;
let other: RawClient;
beforeEach(async () => {
  router = await TestRouter.start();
  client = await router.session();
  other = await router.session("1.0");
});
afterEach(() => router.stop());

// Goal: what is read is what runs, exactly; get and get-config agree; candidate starts as running.
test("get, get-config and runningText give the initial configuration", async () => {
  expect(router.server.runningText()).toBe(`<config xmlns="${base}">${initial}</config>`);
  expect(writeXml(router.server.running())).toBe(router.server.runningText());
  for (const operation of ["<get/>", getConfig("running"), getConfig("candidate")]) {
    expect((await client.rpc(operation)).text).toContain(`<data>${initial}</data>`);
  }
});

// Goal: an edit shows in candidate at once, in running on commit, and discard-changes takes it back.
test("edit, discard, edit, commit", async () => {
  const changes: string[] = [];
  router.server.onRunningChanged((running) => changes.push(writeXml(running)));
  const before = router.server.runningText();
  expect((await client.rpc(editConfig(setPrepend(3)))).ok).toBe(true);
  expect((await client.rpc(getConfig("candidate"))).text).toContain("<repeat-n>3</repeat-n>");
  expect((await client.rpc(getConfig("running"))).text).not.toContain("<repeat-n>3</repeat-n>");
  expect((await client.rpc("<discard-changes/>")).ok).toBe(true);
  expect((await client.rpc("<commit/>")).ok).toBe(true);
  expect(router.server.runningText()).toBe(before);
  expect(changes).toEqual([]);

  await client.rpc(editConfig(setPrepend(3)));
  expect((await client.rpc("<commit/>")).ok).toBe(true);
  expect(router.server.runningText()).toContain("<repeat-n>3</repeat-n>");
  expect(changes).toEqual([router.server.runningText()]);
});

// Goal: a lock keeps others out, names its holder, and is gone with its session.
test("locks", async () => {
  const held = { type: "protocol", tag: "lock-denied", severity: "error", "session-id": String(client.sessionId) };
  for (const target of ["running", "candidate"]) {
    expect((await client.rpc(lock(target))).ok).toBe(true);
    expect((await other.rpc(lock(target))).errors).toEqual([held]);
    expect((await client.rpc(lock(target))).errors).toEqual([held]);
    expect((await other.rpc(unlock(target))).tag).toBe("operation-failed");
  }
  for (const change of [editConfig(setPrepend(3)), "<discard-changes/>", "<commit/>"]) {
    expect((await other.rpc(change)).errors).toEqual([{ type: "protocol", tag: "in-use", severity: "error" }]);
  }
  expect((await other.rpc(getConfig("candidate"))).data.children).toHaveLength(1);
  expect((await client.rpc(unlock("candidate"))).ok).toBe(true);
  expect((await client.rpc(unlock("candidate"))).tag).toBe("operation-failed");
  expect((await other.rpc(editConfig(setPrepend(3)))).ok).toBe(true);
  expect((await other.rpc("<commit/>")).tag).toBe("in-use");
  expect((await client.rpc("<close-session/>")).ok).toBe(true);
  await client.closed;
  expect((await other.rpc("<commit/>")).ok).toBe(true);
  expect((await other.rpc(lock("running"))).ok).toBe(true);
});

// Goal: candidate is not lockable over someone's edits, and edits made under a lock go with it (RFC 6241 7.5 and 8.3.5.2).
test("a modified candidate and its lock", async () => {
  await other.rpc(editConfig(setPrepend(3)));
  expect((await client.rpc(lock("candidate"))).errors).toMatchObject([{ tag: "lock-denied", "session-id": "0" }]);
  expect((await client.rpc("<discard-changes/>")).ok).toBe(true);
  // An edit that changes nothing is nobody's work to protect.
  expect((await other.rpc(editConfig(setPrepend(2, "net-11")))).ok).toBe(true);
  for (const end of [() => client.rpc(unlock("candidate")), async () => client.drop()]) {
    expect((await client.rpc(lock("candidate"))).ok).toBe(true);
    await client.rpc(editConfig(setPrepend(3)));
    await end();
    await expect.poll(async () => (await other.rpc(getConfig("candidate"))).text).toContain(`<data>${initial}</data>`);
  }
});

// Goal: kill-session ends another session and frees what it held; not one's own, and none that is not there.
test("kill-session", async () => {
  await other.rpc(lock("running"));
  for (const id of [client.sessionId, 99]) {
    const { errors } = await client.rpc(`<kill-session><session-id>${id}</session-id></kill-session>`);
    expect(errors).toMatchObject([{ type: "protocol", tag: "invalid-value", "bad-element": "session-id" }]);
  }
  expect((await client.rpc(`<kill-session><session-id>${other.sessionId}</session-id></kill-session>`)).ok).toBe(true);
  await other.closed;
  expect((await client.rpc(lock("running"))).ok).toBe(true);
});

// Goal: every attribute of a request comes back with its reply (RFC 6241 section 4.1).
test("rpc attributes are echoed", async () => {
  client.sendMessage(
    `<n:rpc xmlns:n="${base}" xmlns:u="urn:u" message-id='a "b" &lt;c>' u:user="Zoë" plain="1" xml:lang="de"><n:get/></n:rpc>`,
  );
  const { root } = await client.receiveReply();
  const attributes = root.attributes.map(({ name, namespace, value }) => `{${namespace}}${name}=${value}`).sort();
  expect(attributes).toEqual([
    "{http://www.w3.org/XML/1998/namespace}lang=de",
    "{urn:u}user=Zoë",
    `{}message-id=a "b" <c>`,
    "{}plain=1",
  ]);
});

// Goal: what is wrong with a request itself is answered in the words of RFC 6241 appendix A, and the session goes on.
test.each([
  [
    "no message-id",
    `<rpc xmlns="${base}"><get/></rpc>`,
    { type: "rpc", tag: "missing-attribute", "bad-attribute": "message-id", "bad-element": "rpc" },
  ],
  ["no operation", `<rpc xmlns="${base}" message-id="1"/>`, { type: "protocol", tag: "missing-element" }],
  ["two operations", `<rpc xmlns="${base}" message-id="1"><get/><get/></rpc>`, { type: "rpc", tag: "bad-element" }],
  [
    "rpc in no namespace",
    `<rpc message-id="1"><get/></rpc>`,
    { type: "rpc", tag: "unknown-namespace", "bad-element": "rpc" },
  ],
  [
    "not an rpc",
    `<notification xmlns="${base}"/>`,
    { type: "rpc", tag: "unknown-element", "bad-element": "notification" },
  ],
])("malformed request: %s", async (_, message, expected) => {
  client.sendMessage(message);
  expect((await client.receiveReply()).errors).toEqual([expect.objectContaining({ severity: "error", ...expected })]);
  expect((await client.rpc(getConfig())).data.children).toHaveLength(1);
});

test.each([
  [
    "an operation that is not offered",
    "<copy-config/>",
    { tag: "operation-not-supported", "bad-element": "copy-config" },
  ],
  [
    "an operation of another module",
    `<reboot xmlns="urn:x"/>`,
    { tag: "operation-not-supported", "bad-element": "reboot" },
  ],
  ["a parameter that is not known", "<get><depth>1</depth></get>", { tag: "unknown-element", "bad-element": "depth" }],
  [
    "a parameter of another namespace",
    `<discard-changes><x xmlns="urn:x"/></discard-changes>`,
    { tag: "unknown-element" },
  ],
  ["a parameter twice", "<get><filter/><filter/></get>", { tag: "bad-element", "bad-element": "filter" }],
  ["no source", "<get-config/>", { tag: "missing-element", "bad-element": "source" }],
  ["an empty source", "<get-config><source/></get-config>", { tag: "missing-element" }],
  [
    "two sources",
    "<get-config><source><running/><candidate/></source></get-config>",
    { tag: "bad-element", "bad-element": "source" },
  ],
  ["a datastore that is not offered", getConfig("startup"), { tag: "unknown-element", "bad-element": "startup" }],
  [
    "writing running",
    editConfig(setPrepend(1)).replace("candidate", "running"),
    { tag: "unknown-element", "bad-element": "running" },
  ],
  [
    "no config",
    "<edit-config><target><candidate/></target></edit-config>",
    { tag: "missing-element", "bad-element": "config" },
  ],
  [
    "a default-operation that is none",
    editConfig("", "<default-operation>create</default-operation>"),
    { tag: "bad-element", "bad-element": "default-operation" },
  ],
  [
    "an XPath filter",
    "<get><filter type='xpath' select='/'/></get>",
    { tag: "bad-attribute", "bad-attribute": "type", "bad-element": "filter" },
  ],
  ["no session-id", "<kill-session/>", { tag: "missing-element", "bad-element": "session-id" }],
  [
    "a timeout of zero",
    confirmedCommit("<confirm-timeout>0</confirm-timeout>"),
    { tag: "bad-element", "bad-element": "confirm-timeout" },
  ],
  [
    "a timeout without confirmed",
    "<commit><confirm-timeout>5</confirm-timeout></commit>",
    { tag: "bad-element", "bad-element": "confirm-timeout" },
  ],
  ["nothing to cancel", "<cancel-commit/>", { tag: "operation-failed" }],
  [
    "defaults that are not reported",
    `<get><with-defaults xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults">report-all</with-defaults></get>`,
    { tag: "invalid-value", "bad-element": "with-defaults" },
  ],
])("refused operation: %s", async (_, operation, expected) => {
  expect((await client.rpc(operation)).errors).toEqual([
    expect.objectContaining({ type: "protocol", severity: "error", ...expected }),
  ]);
  expect((await client.rpc(getConfig())).data.children).toHaveLength(1);
});

// Goal: a client that asks for explicit defaults gets what it would anyway.
test("with-defaults explicit", async () => {
  const mode = `<with-defaults xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults">explicit</with-defaults>`;
  expect((await client.rpc(getConfig("running", mode))).text).toContain(`<data>${initial}</data>`);
});

// Goal: the fault of a router that says yes and does nothing, to trial and plain commits alike.
test("lieOnCommit", async () => {
  const before = router.server.runningText();
  await client.rpc(editConfig(setPrepend(3)));
  router.server.faults.lieOnCommit = true;
  for (const commit of ["<commit/>", confirmedCommit("")]) expect((await client.rpc(commit)).ok).toBe(true);
  expect(router.server.runningText()).toBe(before);
  router.server.faults.lieOnCommit = false;
  expect((await client.rpc("<commit/>")).ok).toBe(true);
  expect(router.server.runningText()).toContain("<repeat-n>3</repeat-n>");
});

// Goal: a dead router has no sessions and takes none; alive again it serves.
test("dead", async () => {
  await client.rpc(lock("running"));
  router.server.faults.dead = true;
  await Promise.all([client.closed, other.closed]);
  await expect(router.connect()).rejects.toThrow();
  router.server.faults.dead = false;
  expect((await (await router.session()).rpc(lock("running"))).ok).toBe(true);
});

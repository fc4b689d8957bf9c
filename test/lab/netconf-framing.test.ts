import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Deframer } from "../../src/lab/netconf/framing.ts";
import {
  base,
  chunks,
  editConfig,
  getConfig,
  helloOf,
  initial,
  prefixSet,
  RawClient,
  rpol,
  setsEdit,
  TestRouter,
} from "./netconf-fixture.ts";

let router: TestRouter;
beforeEach(async () => {
  router = await TestRouter.start();
});
afterEach(() => router.stop());

const rpc = (operation: string, id = 1) => `<rpc xmlns="${base}" message-id="${id}">${operation}</rpc>`;
const accented = setsEdit(prefixSet("Zürich-東京-🚦", "12.0.0.0/24"));

// Goal: the greeting says who and what the server is, in 1.0 framing, with nothing that is not so.
test("hello names the capabilities and a session id of its own", async () => {
  const [first, second] = [await router.connect(), await router.connect()];
  const hello = await first.receive();
  for (const capability of [
    "urn:ietf:params:netconf:base:1.0",
    "urn:ietf:params:netconf:base:1.1",
    "urn:ietf:params:netconf:capability:candidate:1.0",
    "urn:ietf:params:netconf:capability:confirmed-commit:1.1",
    "urn:ietf:params:netconf:capability:validate:1.1",
    "urn:ietf:params:netconf:capability:rollback-on-error:1.0",
    "urn:ietf:params:netconf:capability:with-defaults:1.0?basic-mode=explicit",
  ]) {
    expect(hello).toContain(`<capability>${capability}</capability>`);
  }
  expect(hello).toContain(`<capability>${rpol}?module=openconfig-routing-policy&#38;revision=`);
  expect(hello).not.toContain("writable-running");
  expect(hello).toContain("<session-id>1</session-id>");
  expect(await second.receive()).toContain("<session-id>2</session-id>");
});

// Goal: a client can pin the key it is told of, and a wrong password is refused.
test("the host key's fingerprint is the one announced; the password counts", async () => {
  const client = await router.connect();
  const fingerprint = createHash("sha256")
    .update(client.hostKeys[0] ?? "")
    .digest("base64")
    .replace(/=+$/, "");
  expect(router.server.hostKey).toBe(`SHA256:${fingerprint}`);
  for (const wrong of [{ password: "lab passwor" }, { password: "" }, { username: "root" }]) {
    await expect(RawClient.connect(router.server.port, wrong)).rejects.toThrow(/authentication/i);
  }
});

// Goal: where a packet or a chunk ends means nothing, inside a delimiter, a header or a character.
test.each(["1.0", "1.1"] as const)("one byte a packet, framing %s", async (version) => {
  const client = await router.session(version);
  const message = Buffer.from(rpc(editConfig(accented)));
  const framed = version === "1.1" ? chunks(message, 7) : Buffer.concat([message, Buffer.from("]]>]]>")]);
  for (const byte of framed) client.send(Buffer.from([byte]));
  expect((await client.receiveReply()).ok).toBe(true);
  expect((await client.rpc(getConfig("candidate"))).text).toContain("<name>Zürich-東京-🚦</name>");
});

// Goal: the same for every way of cutting the bytes into packets and chunks.
test("any cut into packets and chunks reads the same", async () => {
  const client = await router.session();
  const message = Buffer.from(rpc(editConfig(accented)));
  const cut = fc.asyncProperty(
    fc.integer({ min: 1, max: 300 }),
    fc.array(fc.nat(2_000), { maxLength: 8 }),
    async (size, cuts) => {
      const bytes = chunks(message, size);
      let from = 0;
      for (const to of [...cuts.sort((a, b) => a - b), bytes.length]) {
        client.send(bytes.subarray(from, to));
        from = Math.min(to, bytes.length);
      }
      expect((await client.receiveReply()).ok).toBe(true);
    },
  );
  await fc.assert(cut, { numRuns: 50 });
});

// Goal: delimiters standing in data are data.
test("`]]>]]>` and `##` inside a chunk do not end the message", async () => {
  const client = await router.session();
  client.sendRpc(editConfig(setsEdit("<!-- ]]>]]> \n##\n -->")));
  expect((await client.receiveReply()).ok).toBe(true);
});

// Goal: requests may come right behind the hello and behind each other; replies keep the order.
test("pipelined requests are answered in order", async () => {
  const client = await router.connect();
  const requests = Array.from({ length: 200 }, (_, id) => chunks(Buffer.from(rpc(getConfig(), id))));
  client.send(Buffer.concat([Buffer.from(helloOf("1.1")), ...requests]));
  await client.receive();
  client.useChunks();
  for (let id = 0; id < 200; id++) expect((await client.receiveReply()).messageId).toBe(String(id));
});

// Goal: once a frame cannot be trusted the session ends, rather than guess where the next begins (RFC 6242 4.2).
test.each([
  ["a size with a leading zero", "\n#05\nhello\n##\n"],
  ["a size of zero", "\n#0\n\n##\n"],
  ["an end without a chunk", "\n##\n"],
  ["no line feed first", "#5\nhello\n##\n"],
  ["a size in hexadecimal", "\n#a\nhellohello\n##\n"],
  ["a size over 32 bits", "\n#4294967296\n"],
  ["a size of eleven digits", "\n#10000000000\n"],
  ["a carriage return", "\n#5\r\nhello\n##\n"],
  ["a chunk shorter than its size", "\n#4\nhello\n##\n"],
  ["a message longer than any router takes", "\n#4294967295\n"],
  ["1.0 framing after a 1.1 hello", `${rpc(getConfig())}]]>]]>`],
])("framing error: %s", async (_, bytes) => {
  const client = await router.session();
  expect((await client.rpc(getConfig())).data.children).toHaveLength(1);
  client.send(bytes);
  if (bytes.startsWith("\n#4294967295")) for (let sent = 0; sent < 65; sent++) client.send(Buffer.alloc(1 << 20, "x"));
  await client.closed;
  expect(router.server.runningText()).toContain(initial);
  expect((await (await router.session()).rpc(getConfig())).data.children).toHaveLength(1);
});

// Goal: what is framed well but is no XML in UTF-8 is answered where the client knows the answer, else the session ends.
test.each([
  ["not well-formed", Buffer.from(`<rpc xmlns="${base}" message-id="1"><get></rpc>`)],
  ["not UTF-8", Buffer.from(rpc("<get>\xc3(</get>"), "latin1")],
  ["a document type", Buffer.from(`<!DOCTYPE rpc [<!ENTITY a "b">]>${rpc("<get/>")}`)],
  ["too deep", Buffer.from(rpc(`${"<a>".repeat(50_000)}${"</a>".repeat(50_000)}`))],
  ["empty", Buffer.from(" ")],
])("malformed message: %s", async (_, message) => {
  const client = await router.session("1.1");
  client.sendMessage(message);
  expect((await client.receiveReply()).errors).toEqual([{ type: "rpc", tag: "malformed-message", severity: "error" }]);
  expect((await client.rpc(getConfig())).data.children).toHaveLength(1);

  const old = await router.session("1.0");
  old.sendMessage(message);
  await old.closed;
});

// Goal: without a proper hello there is no session.
test.each([
  ["a request first", rpc(getConfig())],
  ["no base capability", `<hello xmlns="${base}"><capabilities><capability>urn:x</capability></capabilities></hello>`],
  ["a session id from a client", helloOf("1.1").replace("</hello>]]>]]>", "<session-id>4</session-id></hello>")],
  ["a hello in no namespace", helloOf("1.1").replace(` xmlns="${base}"`, "").replace("]]>]]>", "")],
])("refused greeting: %s", async (_, hello) => {
  const client = await router.connect();
  client.send(`${hello}]]>]]>`);
  await client.closed;
});

// Goal: reading takes time in proportion to the bytes, however small the pieces. A rescan of what is there would take days.
test.each(["end-of-message", "chunked"] as const)("half a megabyte in packets of one byte, framing %s", (framing) => {
  const deframer = new Deframer();
  deframer.framing = framing;
  const message = Buffer.alloc(500_000, "]");
  const framed = framing === "chunked" ? chunks(message, 1_000) : Buffer.concat([message, Buffer.from(" ]]>]]>")]);
  let whole: Buffer | undefined;
  for (let at = 0; at < framed.length; at++) {
    if (whole) throw new Error(`whole ${framed.length - at} bytes too early`);
    deframer.push(framed.subarray(at, at + 1));
    whole = deframer.next();
  }
  expect(whole?.toString().trimEnd()).toBe(message.toString());
});

// Goal: a configuration with thousands of entries goes in by one edit and comes out by one reply.
test("a large edit and a large reply", async () => {
  const sets = Array.from({ length: 3_000 }, (_, index) => prefixSet(`東京-${index}`, "12.0.0.0/24"));
  const client = await router.session();
  client.send(chunks(Buffer.from(rpc(editConfig(setsEdit(sets.join(""))))), 16));
  expect((await client.receiveReply()).ok).toBe(true);
  const { text } = await client.rpc(getConfig("candidate"));
  expect(sets.filter((set) => !text.includes(set))).toEqual([]);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { DecodeError, Deframer, frame } from "../../src/device/netconf/framing.ts";
import { MessageReader } from "../../src/device/netconf/message-reader.ts";
import { escapeXml, textOf } from "../../src/kernel/xml.ts";
import { fuzz } from "../support/fuzz.ts";

const marker = Buffer.from("]]>]]>");

/** Bytes rich in what framing is made of. */
const nasty = fc
  .array(
    fc.oneof(
      fc
        .constantFrom("]", "]]>", "]]>]]", ">", "\n", "##", "\n##\n", "\n#4\n", "\n#", "é", "漢", "🚂")
        .map((t) => Buffer.from(t)),
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts));
const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 });

/** Cuts `bytes` into pieces of these sizes, over and over. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

function inChunks(message: Buffer, sizes: readonly number[]): Buffer {
  const chunks = cut(message, sizes).map((chunk) => Buffer.concat([Buffer.from(`\n#${chunk.length}\n`), chunk]));
  return Buffer.concat([...chunks, Buffer.from("\n##\n")]);
}

function deframe(pieces: readonly Buffer[], chunkedFrom: number): Buffer[] {
  const messages: Buffer[] = [];
  let parts: Buffer[] = [];
  const deframer = new Deframer({
    data: (bytes) => parts.push(Buffer.from(bytes)),
    end() {
      messages.push(Buffer.concat(parts));
      parts = [];
      if (messages.length === chunkedFrom) deframer.useChunks();
    },
  });
  if (chunkedFrom === 0) deframer.useChunks();
  for (const piece of pieces) deframer.push(piece);
  expect(parts).toEqual([]);
  return messages;
}

// Goal: any bytes survive chunked framing, however they are chunked and however the stream is cut.
test("chunked framing", () => {
  const messages = fc.array(
    nasty.filter((bytes) => bytes.length > 0),
    { maxLength: 4 },
  );
  const property = fc.property(messages, cuts, cuts, (sent, chunkSizes, packetSizes) => {
    const stream = Buffer.concat(sent.map((message) => inChunks(message, chunkSizes)));
    expect(deframe(cut(stream, packetSizes), 0)).toEqual(sent);
  });
  fc.assert(property, fuzz(1_000));
});

// Goal: any bytes that do not hold the marker survive the old framing; a hello in it is followed by chunks in the same packet.
test("end-of-message framing, then chunks", () => {
  const carriable = nasty.filter((bytes) => Buffer.concat([bytes, marker]).indexOf(marker) === bytes.length);
  const chunky = nasty.filter((bytes) => bytes.length > 0);
  const property = fc.property(
    fc.array(carriable, { minLength: 1, maxLength: 3 }),
    chunky,
    cuts,
    (old, last, sizes) => {
      const stream = Buffer.concat([...old.flatMap((message) => [message, marker]), inChunks(last, sizes)]);
      expect(deframe(cut(stream, sizes), old.length)).toEqual([...old, last]);
      expect(deframe([stream], old.length)).toEqual([...old, last]);
    },
  );
  fc.assert(property, fuzz(1_000));
});

// Goal: what we send is framed by bytes, not by characters.
test("frame", () => {
  expect(frame("<a>é🚂</a>", true)).toBe("\n#13\n<a>é🚂</a>\n##\n");
  expect(deframe([Buffer.from(frame("<a>é🚂</a>", true))], 0)).toEqual([Buffer.from("<a>é🚂</a>")]);
  expect(deframe([Buffer.from(frame("<a>é🚂</a>", false))], 9)).toEqual([Buffer.from("<a>é🚂</a>")]);
});

// Goal: whatever is no chunk header is refused, at the latest at its line's end, however it is cut.
test.each([
  "\n#0\n",
  "\n#05\n",
  "\n#-5\n",
  "\n#5 \n",
  "\n#5\r\n",
  "\n#\n",
  "\n##\n",
  "\n###\n",
  "\n#4294967296\n",
  "\n#99999999999",
  "#5\n",
  "\n\n#5\n",
  "<rpc-reply",
  "\n#3\nabcd",
  "\n#3\nabc\n##x",
])("malformed chunk %j", (text) => {
  for (const size of [1, 2, 3, 100]) {
    expect(() => deframe(cut(Buffer.from(text), [size]), 0)).toThrow(DecodeError);
  }
});

const xmlText = fc
  .string({ unit: "grapheme" })
  .map((text) =>
    text.replaceAll("\r", "").replace(/[^\n\t\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, ""),
  );

// Goal: characters cut anywhere, between chunks or packets, come out whole, and the marker may stand in data.
test("messages", () => {
  const property = fc.property(
    fc.array(xmlText, { minLength: 1, maxLength: 3 }),
    cuts,
    cuts,
    (texts, chunks, packets) => {
      const read: (string | undefined)[] = [];
      const reader = new MessageReader((root) => read.push(textOf(root), root.attributes[0]?.value));
      reader.useChunks();
      const documents = texts.map(
        (text) => `\n<?xml version='1.0'?><nc:m xmlns:nc="urn:x" a=']]>]]>'>${escapeXml(text)}</nc:m>`,
      );
      const stream = Buffer.concat(documents.map((document) => inChunks(Buffer.from(document), chunks)));
      for (const packet of cut(stream, packets)) reader.push(packet);
      expect(read).toEqual(texts.flatMap((text) => [text, "]]>]]>"]));
    },
  );
  fc.assert(property, fuzz(300));
});

// Goal: what is not UTF-8, not XML, or too much ends the reading with a reason.
test.each([
  ["cut character", Buffer.from("\n#8\n<a/><!--\n#1\n\xc3\n##\n", "latin1"), "UTF-8"],
  ["not UTF-8", Buffer.from("\n#8\n<a>\xff</a>\n##\n", "latin1"), "UTF-8"],
  ["not XML", Buffer.from("\n#4\n<a>b\n##\n"), "malformed XML"],
  ["nothing", Buffer.from("\n#1\n \n##\n"), "root element"],
  ["document type", inChunks(Buffer.from('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), [99]), "document type"],
  ["many bytes", inChunks(Buffer.from(`<a>${"b".repeat(200)}</a>`), [7]), "more than 100 bytes"],
  ["many elements", inChunks(Buffer.from(`<a>${"<b/>".repeat(20)}</a>`), [7]), "more than 10 elements"],
  ["many levels", inChunks(Buffer.from("<a>".repeat(9)), [7]), "more than 5 elements deep"],
])("refuses %s", (_, stream, reason) => {
  const read = () => {
    const reader = new MessageReader(() => {}, { bytes: 100, elements: 10, depth: 5 });
    reader.useChunks();
    reader.push(stream);
  };
  expect(read).toThrow(DecodeError);
  expect(read).toThrow(reason);
});

// Goal: the bounds are for each message, not for a session.
test("many messages within bounds", () => {
  let read = 0;
  const reader = new MessageReader(() => (read += 1), { bytes: 100, elements: 10, depth: 5 });
  reader.useChunks();
  for (let sent = 1; sent <= 20; sent += 1) {
    reader.push(inChunks(Buffer.from("<a><b/><b/><b/>and text</a>"), [99]));
    expect(read).toBe(sent);
  }
});

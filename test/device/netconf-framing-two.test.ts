import fc from "fast-check";
import { expect, test } from "vitest";
import { DecodeError, Deframer, frame } from "../../src/device/netconf/framing.ts";
import { MessageReader } from "../../src/device/netconf/message-reader.ts";
import { FramingError, Deframer as LabDeframer, frame as labFrame } from "../../src/lab/netconf/framing.ts";
import { fuzz } from "../support/fuzz.ts";

// Two implementations of RFC 6242 4.2 and 4.3, ours and the lab's, share no line: each reads what the other writes, and
// whatever bytes come, they agree on every message and on whether the stream is broken.

/** Messages in hexadecimal, which is compared faster than buffers are. */
type Read = Readonly<{ messages: readonly string[]; broken: boolean }>;

function ours(pieces: readonly Buffer[], chunked: boolean): Read {
  const messages: string[] = [];
  let parts: Buffer[] = [];
  const deframer = new Deframer({
    data: (bytes) => parts.push(Buffer.from(bytes)),
    end() {
      messages.push(Buffer.concat(parts).toString("hex"));
      parts = [];
    },
  });
  if (chunked) deframer.useChunks();
  try {
    for (const piece of pieces) deframer.push(piece);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { messages, broken: true };
  }
  return { messages, broken: false };
}

function theirs(pieces: readonly Buffer[], chunked: boolean): Read {
  const messages: string[] = [];
  const deframer = new LabDeframer();
  deframer.framing = chunked ? "chunked" : "end-of-message";
  try {
    for (const piece of pieces) {
      deframer.push(piece);
      for (let message = deframer.next(); message; message = deframer.next()) messages.push(message.toString("hex"));
    }
  } catch (error) {
    if (!(error instanceof FramingError)) throw error;
    return { messages, broken: true };
  }
  return { messages, broken: false };
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, nth = 0; at < bytes.length; nth++) {
    const size = sizes[nth % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 });
const token = fc.constantFrom(
  ...[
    "\n#",
    "\n##\n",
    "\n#1\n",
    "\n#3\n",
    "\n#12\n",
    "\n#4294967295\n",
    "\n#4294967296\n",
    "\n#0",
    "#",
    "\n",
    "0",
    "7",
  ],
  ...["]]>]]>", "]]>", "]", ">", "<a/>", "é", "🚂", " ", "\r\n", "-1"],
);
const piece = fc.oneof(
  { weight: 4, arbitrary: token.map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)) },
  // A chunk that is what it says, so that the rest of the stream is looked at as well.
  {
    weight: 3,
    arbitrary: fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => {
      return Buffer.concat([Buffer.from(`\n#${bytes.length}\n`), bytes]);
    }),
  },
);
const soup = fc.array(piece, { maxLength: 12 }).map((pieces) => Buffer.concat(pieces));
/** A stream as it should be, but for one place: what is wrong is met in the middle of what is right. */
const almost = fc
  .tuple(
    fc.array(fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 3,
    }),
    fc.nat(),
    fc.nat(2),
    fc.constantFrom("", "0", "\n", "#", "1", " ", "\n#0\n", "\n##\n"),
  )
  .map(([messages, at, remove, insert]) => {
    const chunk = (size: number) => Buffer.concat([Buffer.from(`\n#${size}\n`), Buffer.alloc(size, "x")]);
    const whole = Buffer.concat(messages.flatMap((sizes) => [...sizes.map(chunk), Buffer.from("\n##\n")]));
    // At the ends of chunks, mostly: there the headers are.
    const ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a || byte === 0x23).map(([index]) => index);
    const from = ends[at % ends.length] ?? 0;
    return Buffer.concat([whole.subarray(0, from), Buffer.from(insert), whole.subarray(from + remove)]);
  });
const stream = fc.oneof(soup, almost);

/** Ends every header that is open: the one tells of a bad one at its first wrong byte, the other at the latest at its end. */
const headerEnd = Buffer.from("\n\n\n");

// Goal: on any bytes, cut anywhere, the same messages and the same verdict; nothing is thrown but the errors meant for it.
test.each([true, false])("garbage is read alike, chunked %s", (chunked) => {
  const property = fc.property(stream, cuts, cuts, (bytes, ourCuts, theirCuts) => {
    const whole = chunked ? Buffer.concat([bytes, headerEnd]) : bytes;
    const [a, b] = [ours(cut(whole, ourCuts), chunked), theirs(cut(whole, theirCuts), chunked)];
    expect(a).toEqual(b);
  });
  fc.assert(property, fuzz(1_000));
});

// Goal: what the one frames the other reads, and back; `]]>]]>` is the one thing that the old framing cannot carry.
test.each([true, false])("each reads what the other frames, chunked %s", (chunked) => {
  const text = fc.oneof(
    { weight: 5, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }) },
    { weight: 5, arbitrary: fc.array(token, { minLength: 1, maxLength: 12 }).map((tokens) => tokens.join("")) },
    // The lab ends a chunk inside this character, or beside it.
    { weight: 1, arbitrary: fc.integer({ min: 16_380, max: 16_386 }).map((length) => `${"x".repeat(length)}🚂é`) },
  );
  const carried = text.filter((one) => chunked || `${one}]]>]]>`.indexOf("]]>]]>") === one.length);
  const property = fc.property(fc.array(carried, { minLength: 1, maxLength: 3 }), cuts, (texts, sizes) => {
    const sent = texts.map((one) => Buffer.from(one).toString("hex"));
    const fromUs = Buffer.concat(texts.map((one) => Buffer.from(frame(one, chunked))));
    const fromThem = Buffer.concat(texts.map((one) => labFrame(one, chunked ? "chunked" : "end-of-message")));
    const wide = sizes.map((size) => size * size + 20);
    expect(theirs(cut(fromUs, wide), chunked)).toEqual({ messages: sent, broken: false });
    expect(ours(cut(fromThem, wide), chunked)).toEqual({ messages: sent, broken: false });
  });
  fc.assert(property, fuzz(150));
});

// Goal: a reader that is handed anything at all gives messages or DecodeError, never another error.
test("any bytes are messages or a DecodeError", () => {
  const xmlish = fc.constantFrom(
    ...["<a>", "</a>", "<a b='", "'>", "<!DOCTYPE a [", "<!ENTITY x 'y'>", "]>", "&x;", "&#0;", "&#xD800;", "&amp;"],
    ...[
      "<![CDATA[",
      "]]>",
      "<?xml version='1.0'?>",
      "<?p",
      "?>",
      "<!--",
      "-->",
      "xmlns:p='u'",
      "<p:a/>",
      "\ufeff",
      "\u0000",
    ],
  );
  const document = fc.array(fc.oneof(xmlish, fc.string({ unit: "grapheme", maxLength: 3 })), { maxLength: 15 });
  const content = fc.oneof(
    document.map((parts) => Buffer.from(parts.join(""))),
    fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
  );
  const property = fc.property(fc.array(content, { maxLength: 3 }), stream, cuts, (contents, rest, sizes) => {
    const framed = contents
      .filter(({ length }) => length > 0)
      .flatMap((one) => [Buffer.from(`\n#${one.length}\n`), one, Buffer.from("\n##\n")]);
    const reader = new MessageReader((root) => expect(typeof root.name).toBe("string"));
    reader.useChunks();
    try {
      for (const packet of cut(Buffer.concat([...framed, rest]), sizes)) reader.push(packet);
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError);
    }
  });
  fc.assert(property, fuzz(1_000));
});

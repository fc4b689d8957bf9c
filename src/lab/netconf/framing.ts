/** The peer broke the framing. Where a message ends is no longer known, so the session has to end (RFC 6242 section 4.2). */
export class FramingError extends Error {}

/** `end-of-message` puts `]]>]]>` behind each message; `chunked` counts bytes (RFC 6242 sections 4.3 and 4.2). */
export type Framing = "end-of-message" | "chunked";

const endOfMessage = Buffer.from("]]>]]>");
const endOfChunks = Buffer.from("\n##\n");

/** Small enough that a long reply has many chunks and a client meets the borders, some of them inside a character. */
const chunkBytes = 16_384;

/** A server without a limit can be made to hold whatever a peer cares to send. */
const longestMessageBytes = 64 * 1024 * 1024;

const [lineFeed, hash, zero, nine] = [0x0a, 0x23, 0x30, 0x39];

/** One message as it goes on the wire. */
export function frame(message: string, framing: Framing): Buffer {
  const bytes = Buffer.from(message);
  if (framing === "end-of-message") return Buffer.concat([bytes, endOfMessage]);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes);
    parts.push(Buffer.from(`\n#${chunk.length}\n`), chunk);
  }
  return Buffer.concat([...parts, endOfChunks]);
}

/**
 * Bytes as they come to whole messages, still as bytes: a packet or a chunk may end inside a character.
 * `framing` may be changed between two messages; bytes that are already here are then read in the new way, which
 * is what a client that sends its first request right behind its hello needs.
 */
export class Deframer {
  framing: Framing = "end-of-message";
  /** Received and not yet looked at, oldest first. */
  #input: Buffer[] = [];
  /** Content of the message under way. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  /** End of the bytes already searched that may be the beginning of a delimiter. */
  #tail: Buffer = Buffer.alloc(0);
  #header = "";
  #chunkLeft = 0;
  #chunks = 0;

  push(bytes: Buffer): void {
    if (bytes.length > 0) this.#input.push(bytes);
  }

  /** The next whole message, or undefined until more bytes come. Throws FramingError. */
  next(): Buffer | undefined {
    for (let bytes = this.#input.shift(); bytes; bytes = this.#input.shift()) {
      const message = this.framing === "chunked" ? this.#chunked(bytes) : this.#delimited(bytes);
      if (message) return message;
    }
    return undefined;
  }

  #delimited(bytes: Buffer): Buffer | undefined {
    const scan = this.#tail.length > 0 ? Buffer.concat([this.#tail, bytes]) : bytes;
    const end = scan.indexOf(endOfMessage);
    if (end === -1) {
      const sure = Math.max(0, scan.length - (endOfMessage.length - 1));
      this.#keep(scan.subarray(0, sure));
      this.#tail = scan.subarray(sure);
      return undefined;
    }
    this.#keep(scan.subarray(0, end));
    this.#tail = Buffer.alloc(0);
    this.#giveBack(scan.subarray(end + endOfMessage.length));
    return this.#complete();
  }

  #chunked(bytes: Buffer): Buffer | undefined {
    let at = 0;
    while (at < bytes.length) {
      if (this.#chunkLeft > 0) {
        const content = bytes.subarray(at, at + this.#chunkLeft);
        this.#keep(content);
        this.#chunkLeft -= content.length;
        at += content.length;
      } else {
        const ended = this.#headerByte(bytes[at] as number);
        at += 1;
        if (ended) {
          this.#giveBack(bytes.subarray(at));
          return this.#complete();
        }
      }
    }
    return undefined;
  }

  /** Takes one byte of `LF # size LF` or `LF ## LF`; true when it closes the message. */
  #headerByte(byte: number): boolean {
    const sofar = this.#header;
    const fits = headerAllows(sofar, byte, this.#chunks > 0);
    if (!fits) throw new FramingError(`byte 0x${byte.toString(16)} after ${JSON.stringify(sofar)} in a chunk header`);
    this.#header += String.fromCharCode(byte);
    if (byte !== lineFeed || sofar === "") return false;
    this.#header = "";
    if (sofar === "\n##") return true;
    const size = Number(sofar.slice(2));
    if (size > 4_294_967_295)
      throw new FramingError(`a chunk of ${size} bytes is over the 4294967295 that RFC 6242 allows`);
    this.#chunkLeft = size;
    this.#chunks += 1;
    return false;
  }

  #keep(bytes: Buffer): void {
    this.#partBytes += bytes.length;
    if (this.#partBytes > longestMessageBytes) {
      throw new FramingError(`a message is longer than ${longestMessageBytes} bytes`);
    }
    if (bytes.length > 0) this.#parts.push(bytes);
  }

  #giveBack(bytes: Buffer): void {
    if (bytes.length > 0) this.#input.unshift(bytes);
  }

  #complete(): Buffer {
    const message = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    this.#chunks = 0;
    return message;
  }
}

function headerAllows(sofar: string, byte: number, afterChunk: boolean): boolean {
  const digit = byte >= zero && byte <= nine;
  switch (sofar) {
    case "":
    case "\n##":
      return byte === lineFeed;
    case "\n":
      return byte === hash;
    case "\n#":
      return (digit && byte !== zero) || (byte === hash && afterChunk);
    default:
      return byte === lineFeed || (digit && sofar.length < "\n#4294967295".length);
  }
}

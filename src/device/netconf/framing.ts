/** The peer sent what RFC 6242 does not allow; there is no way to find the next message, so the session must end. */
export class DecodeError extends Error {}

/** What a message is made of, as it arrives: pieces of bytes, cut anywhere, and then its end. */
export type MessageSink = { data(bytes: Buffer): void; end(): void };

const endOfMessage = Buffer.from("]]>]]>");
/** RFC 6242 4.2: a chunk's size has at most ten digits. */
const maxHeaderBytes = "\n#4294967295\n".length;
const maxChunkBytes = 4_294_967_295;
const lf = 0x0a;

export function frame(message: string, chunked: boolean): string {
  return chunked ? `\n#${Buffer.byteLength(message)}\n${message}\n##\n` : `${message}]]>]]>`;
}

/**
 * Takes the byte stream apart into messages (RFC 6242 4.2 and 4.3). Keeps no more than a marker's worth of bytes itself, and
 * looks at each byte once, however it arrives. `push` throws DecodeError.
 */
export class Deframer {
  readonly #sink: MessageSink;
  #chunked = false;
  /** Unchunked: the last bytes, which may be the first half of the marker. Chunked: the header so far. */
  #held: Buffer = Buffer.alloc(0);
  #chunkBytesLeft = 0;
  #chunksSeen = 0;

  constructor(sink: MessageSink) {
    this.#sink = sink;
  }

  /** From the next message on, chunked framing; called from `end()` of the hello, or between two messages. */
  useChunks(): void {
    this.#chunked = true;
  }

  push(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) rest = this.#chunked ? this.#pushChunked(rest) : this.#pushUnchunked(rest);
  }

  #pushUnchunked(bytes: Buffer): Buffer {
    const heldBytes = this.#held.length;
    const window = heldBytes === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const at = window.indexOf(endOfMessage);
    if (at === -1) {
      const keep = Math.min(window.length, endOfMessage.length - 1);
      this.#pass(window.subarray(0, window.length - keep));
      this.#held = Buffer.from(window.subarray(window.length - keep));
      return window.subarray(window.length);
    }
    this.#held = Buffer.alloc(0);
    this.#pass(window.subarray(0, at));
    this.#sink.end();
    return window.subarray(at + endOfMessage.length);
  }

  #pushChunked(bytes: Buffer): Buffer {
    if (this.#chunkBytesLeft > 0) {
      const part = bytes.subarray(0, this.#chunkBytesLeft);
      this.#chunkBytesLeft -= part.length;
      this.#pass(part);
      return bytes.subarray(part.length);
    }
    // "\n#" and then the "\n" that ends the header.
    const from = Math.max(0, 2 - this.#held.length);
    const lineEnd = bytes.indexOf(lf, from);
    const taken = lineEnd === -1 ? bytes.length : lineEnd + 1;
    const room = maxHeaderBytes - this.#held.length - taken;
    if (room < 0 || (room === 0 && lineEnd === -1)) throw new DecodeError("a chunk header without an end");
    this.#held = Buffer.concat([this.#held, bytes.subarray(0, taken)]);
    if (lineEnd === -1) this.#refuseBadHeader(this.#held);
    else this.#readHeader();
    return bytes.subarray(taken);
  }

  /** Told early, so that a peer that speaks something else does not leave us waiting for a line's end. */
  #refuseBadHeader(start: Buffer): void {
    if (!/^\n?$|^\n#(#|[1-9]\d*)?$/.test(start.toString("latin1"))) throw this.#badHeader(start);
  }

  #readHeader(): void {
    const header = this.#held;
    this.#held = Buffer.alloc(0);
    const text = header.toString("latin1");
    if (text === "\n##\n") {
      if (this.#chunksSeen === 0) throw new DecodeError("an end of chunks without a chunk");
      this.#chunksSeen = 0;
      this.#sink.end();
      return;
    }
    const size = Number(/^\n#([1-9]\d*)\n$/.exec(text)?.[1]);
    if (!(size <= maxChunkBytes)) throw this.#badHeader(header);
    this.#chunkBytesLeft = size;
    this.#chunksSeen += 1;
  }

  #badHeader(header: Buffer): DecodeError {
    return new DecodeError(`a malformed chunk header: ${JSON.stringify(header.toString("latin1"))}`);
  }

  #pass(bytes: Buffer): void {
    if (bytes.length > 0) this.#sink.data(bytes);
  }
}

import { type XmlElement, type XmlLimits, XmlReader, XmlSyntaxError } from "../../kernel/xml.ts";
import { DecodeError, Deframer } from "./framing.ts";

/**
 * Far above any configuration section that is read here; a router that sends more is broken or hostile. YANG models nest some 20
 * deep. Elements, at some 170 bytes each, are what the tree of a hostile message weighs.
 */
const defaultLimits = { bytes: 32 * 1024 * 1024, elements: 1_000_000, depth: 64 };

/**
 * Bytes to messages. A message is decoded and parsed as it arrives: its text is never held whole beside its tree.
 * `push` throws DecodeError for bad framing, bad UTF-8, bad XML and too large a message; the session must then end.
 */
export class MessageReader {
  readonly #limits: XmlLimits & { bytes: number };
  readonly #deframer: Deframer;
  readonly #onMessage: (root: XmlElement) => void;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #xml: XmlReader;
  #bytes = 0;
  #started = false;

  constructor(onMessage: (root: XmlElement) => void, limits = defaultLimits) {
    this.#limits = limits;
    this.#onMessage = onMessage;
    this.#xml = new XmlReader(limits);
    this.#deframer = new Deframer({ data: (bytes) => this.#data(bytes), end: () => this.#end() });
  }

  useChunks(): void {
    this.#deframer.useChunks();
  }

  push(bytes: Buffer): void {
    try {
      this.#deframer.push(bytes);
    } catch (error) {
      if (error instanceof XmlSyntaxError) throw new DecodeError(`malformed XML: ${error.message}`);
      throw error;
    }
  }

  #data(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (this.#bytes > this.#limits.bytes) throw new DecodeError(`a message of more than ${this.#limits.bytes} bytes`);
    this.#write(this.#decode(bytes));
  }

  #end(): void {
    this.#write(this.#decode());
    const root = this.#xml.close();
    this.#xml = new XmlReader(this.#limits);
    this.#bytes = 0;
    this.#started = false;
    this.#onMessage(root);
  }

  #decode(bytes?: Buffer): string {
    try {
      return bytes ? this.#decoder.decode(bytes, { stream: true }) : this.#decoder.decode();
    } catch (error) {
      throw new DecodeError("a message that is not UTF-8", { cause: error });
    }
  }

  #write(text: string): void {
    // Many servers put a newline after `]]>]]>`, which XML forbids before an XML declaration.
    const piece = this.#started ? text : text.trimStart();
    if (piece === "") return;
    this.#started = true;
    this.#xml.write(piece);
  }
}

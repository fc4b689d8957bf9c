/** The bytes are not protobuf, or not the message they should be. Never leaves this folder: the reader turns it into a Failure. */
export class WireError extends Error {}

/**
 * A cursor over protobuf bytes (protobuf.dev, "Encoding"). No objects, strings, Long or BigInt: 64-bit integers come out
 * as doubles, rounded once, so exact to 2^53. Reading past the end yields `undefined`, which no comparison accepts, so
 * that a varint cut short ends as WireError without a bounds check per byte.
 */
export class WireReader {
  bytes: Buffer = Buffer.alloc(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  pos = 0;
  #low = 0;
  #high = 0;

  load(bytes: Buffer): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.pos = 0;
  }

  /** Field number << 3 | wire type. */
  tag(): number {
    const first = this.bytes[this.pos] as number;
    if (first < 0x80) this.pos++;
    const tag = first < 0x80 ? first : this.unsigned();
    if (!(tag >= 8 && tag < 2 ** 32)) throw new WireError(`field tag ${tag}`);
    return tag;
  }

  /** uint64, and any smaller unsigned type. */
  unsigned(): number {
    const first = this.bytes[this.pos] as number;
    if (first < 0x80) {
      this.pos++;
      return first;
    }
    this.#varint();
    return (this.#high >>> 0) * 2 ** 32 + (this.#low >>> 0);
  }

  /** int64: two's complement over ten bytes when negative. */
  signed(): number {
    this.#varint();
    return this.#high * 2 ** 32 + (this.#low >>> 0);
  }

  #varint(): void {
    const { bytes } = this;
    let at = this.pos;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[at++] as number;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.pos = at;
        this.#low = low;
        this.#high = 0;
        return;
      }
    }
    const middle = bytes[at++] as number;
    low |= (middle & 0x7f) << 28;
    let high = (middle & 0x7f) >> 4;
    let more = !(middle < 0x80);
    for (let shift = 3; more && shift < 32; shift += 7) {
      const byte = bytes[at++] as number;
      high |= (byte & 0x7f) << shift;
      more = !(byte < 0x80);
    }
    if (more) throw new WireError(`a varint at byte ${this.pos} does not end`);
    this.pos = at;
    this.#low = low;
    this.#high = high;
  }

  float(): number {
    const at = this.#take(4);
    return this.view.getFloat32(at, true);
  }

  double(): number {
    const at = this.#take(8);
    return this.view.getFloat64(at, true);
  }

  /** Reads a length and returns where the field ends; its content begins at `pos`. `within` is where the enclosing message ends. */
  delimited(within: number): number {
    const end = this.unsigned() + this.pos;
    if (!(end <= within)) throw new WireError(`a field at byte ${this.pos} is longer than what holds it`);
    return end;
  }

  /** A delimited field as text. */
  text(within: number): string {
    const end = this.delimited(within);
    const text = this.bytes.toString("utf8", this.pos, end);
    this.pos = end;
    return text;
  }

  skip(tag: number, within: number): void {
    switch (tag & 7) {
      case 0:
        this.unsigned();
        return;
      case 1:
        this.#take(8);
        return;
      case 2:
        this.pos = this.delimited(within);
        return;
      case 5:
        this.#take(4);
        return;
      default:
        // Groups (3, 4) are in no gNMI message, and 6 and 7 in no message at all.
        throw new WireError(`wire type ${tag & 7} at byte ${this.pos}`);
    }
  }

  /** Every nested message must end exactly where its length said. */
  endAt(end: number): void {
    if (this.pos !== end) throw new WireError(`a message overran its end at byte ${end}`);
  }

  #take(count: number): number {
    const at = this.pos;
    if (at + count > this.bytes.length) throw new WireError(`cut short at byte ${at}`);
    this.pos = at + count;
    return at;
  }
}

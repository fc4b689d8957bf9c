import { WireError, type WireReader } from "./wire-reader.ts";

/** What a `TypedValue` held. `unread` is a kind that is neither number nor text, or nothing at all. */
export const ValueKind = { unread: 0, number: 1, text: 2, json: 3 } as const;
export type ValueKind = (typeof ValueKind)[keyof typeof ValueKind];

/** Encodings of the deprecated `Update.value`, as the enum `Encoding` has them. */
const jsonEncodings: readonly number[] = [0, 4];
const asciiEncoding = 3;

/** Reads one value; the answer stays in its fields until the next, so that nothing is made per update. */
export class ValueReader {
  number = 0;
  text = "";

  /** A `TypedValue` from `wire.pos` to `end`. It is a oneof: the last field wins. */
  typed(wire: WireReader, end: number): ValueKind {
    let kind: ValueKind = ValueKind.unread;
    while (wire.pos < end) {
      const tag = wire.tag();
      switch (tag) {
        case 0x10: // int64
          this.number = wire.signed();
          kind = ValueKind.number;
          break;
        case 0x18: // uint64
          this.number = wire.unsigned();
          kind = ValueKind.number;
          break;
        case 0x20: // bool
          this.number = wire.unsigned() === 0 ? 0 : 1;
          kind = ValueKind.number;
          break;
        case 0x35: // float, deprecated
          this.number = wire.float();
          kind = ValueKind.number;
          break;
        case 0x3a: // Decimal64, deprecated
          this.#decimal(wire, wire.delimited(end));
          kind = ValueKind.number;
          break;
        case 0x71: // double
          this.number = wire.double();
          kind = ValueKind.number;
          break;
        case 0x0a: // string
        case 0x62: // ascii
          this.text = wire.text(end);
          kind = ValueKind.text;
          break;
        case 0x52: // json
        case 0x5a: // json_ietf
          kind = this.#json(wire, wire.delimited(end));
          break;
        default: // bytes, leaf-list, Any, proto_bytes, and what gNMI may yet add
          wire.skip(tag, end);
          kind = ValueKind.unread;
      }
    }
    wire.endAt(end);
    return kind;
  }

  /** The deprecated `Value { bytes value = 1; Encoding type = 2 }`. */
  old(wire: WireReader, end: number): ValueKind {
    let from = end;
    let to = end;
    let encoding = 0;
    while (wire.pos < end) {
      const tag = wire.tag();
      if (tag === 0x0a) {
        to = wire.delimited(end);
        from = wire.pos;
        wire.pos = to;
      } else if (tag === 0x10) encoding = wire.unsigned();
      else wire.skip(tag, end);
    }
    wire.endAt(end);
    if (encoding === asciiEncoding) {
      this.text = wire.bytes.toString("utf8", from, to);
      return ValueKind.text;
    }
    if (!jsonEncodings.includes(encoding)) return ValueKind.unread;
    wire.pos = from;
    const kind = this.#json(wire, to);
    wire.pos = end;
    return kind;
  }

  #decimal(wire: WireReader, end: number): void {
    let digits = 0;
    let precision = 0;
    while (wire.pos < end) {
      const tag = wire.tag();
      if (tag === 0x08) digits = wire.signed();
      else if (tag === 0x10) precision = wire.unsigned();
      else wire.skip(tag, end);
    }
    wire.endAt(end);
    // RFC 7950 9.3.4: at most 18 fraction digits.
    if (precision > 18) throw new WireError(`a decimal64 with ${precision} fraction digits`);
    this.number = digits / 10 ** precision;
  }

  /** Counters are most of what comes, as digits, quoted or bare: those need no JSON.parse. Past 15 digits rounding is left to it. */
  #json(wire: WireReader, end: number): ValueKind {
    const { bytes, pos } = wire;
    wire.pos = end;
    const quoted = end - pos > 2 && bytes[pos] === 0x22 && bytes[end - 1] === 0x22 ? 1 : 0;
    const digits = end - pos - 2 * quoted;
    // A leading zero is no JSON number; the parser may say so.
    if (digits > 0 && digits <= 15 && (bytes[pos + quoted] !== 0x30 || digits === 1)) {
      let value = 0;
      let at = pos + quoted;
      for (; at < end - quoted; at++) {
        const digit = (bytes[at] as number) - 0x30;
        if (digit < 0 || digit > 9) break;
        value = value * 10 + digit;
      }
      if (at === end - quoted) {
        this.number = value;
        return ValueKind.number;
      }
    }
    this.text = bytes.toString("utf8", pos, end);
    return ValueKind.json;
  }
}

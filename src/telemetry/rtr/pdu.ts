import { type AddressBlock, addressBits } from "../../kernel/prefix.ts";

/** What router and cache say to each other: RFC 8210 5 (version 1) and RFC 6810 5 (version 0), which only lacks some of it. */
export type Version = 0 | 1;

export type Pdu = Readonly<
  | { type: "serial-notify" | "serial-query"; session: number; serial: number }
  | { type: "reset-query" | "cache-reset" | "router-key" }
  | { type: "cache-response"; session: number }
  | { type: "prefix"; announce: boolean; block: AddressBlock; maxLength: number; as: number }
  /** Version 0 has no intervals. */
  | { type: "end-of-data"; session: number; serial: number; intervals?: Intervals }
  | { type: "error-report"; code: number; text: string }
>;

/** In seconds, as the cache wrote them. */
export type Intervals = Readonly<{ refresh: number; retry: number; expire: number }>;

/** RFC 8210 5.10 and 12. */
export const errorCodes = {
  corruptData: 0,
  noDataAvailable: 2,
  unsupportedVersion: 4,
  unsupportedType: 5,
  unknownWithdrawal: 6,
  duplicateAnnouncement: 7,
  unexpectedVersion: 8,
} as const;

/** The cache broke the protocol: the session ends with an Error Report of this code, but where the cache reports an error itself. */
export class RtrError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const headerBytes = 8;
/** A Router Key holds one public key, an Error Report a PDU and a sentence: neither has a limit in the RFC. */
const mostBytes = 64 << 10;

type Layout = Readonly<{ least: number; most: number }>;
const fixed = (bytes: number): Layout => ({ least: bytes, most: bytes });

const layouts: Readonly<Record<number, (version: Version) => Layout | undefined>> = {
  0: () => fixed(12),
  1: () => fixed(12),
  2: () => fixed(8),
  3: () => fixed(8),
  4: () => fixed(20),
  6: () => fixed(32),
  7: (version) => fixed(version === 0 ? 12 : 24),
  8: () => fixed(8),
  9: (version) => (version === 0 ? undefined : { least: 32, most: mostBytes }),
  10: () => ({ least: 16, most: mostBytes }),
};

const errorReport = 10;

/**
 * Cuts a stream into PDUs. Throws RtrError at the first byte that no PDU can have there: what claims to be longer than its type is
 * not waited for. Fields that must be zero are not looked at.
 */
export class PduReader {
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes without which there is nothing to read. */
  #needed = headerBytes;

  *read(chunk: Buffer): Generator<Readonly<{ version: Version; pdu: Pdu }>> {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#needed) return;
    let rest = Buffer.concat(this.#chunks);
    for (;;) {
      this.#needed = rest.length < headerBytes ? headerBytes : lengthOf(rest);
      if (rest.length < this.#needed) break;
      yield decode(rest.subarray(0, this.#needed));
      rest = rest.subarray(this.#needed);
    }
    this.#chunks = [rest];
    this.#size = rest.length;
  }
}

/** Of the PDU that begins here. */
function lengthOf(bytes: Buffer): number {
  const [version, type, length] = [bytes.readUInt8(0), bytes.readUInt8(1), bytes.readUInt32BE(4)];
  // A cache that knows only other versions says so in one of them (RFC 8210 7).
  if (!isVersion(version) && type !== errorReport) {
    throw new RtrError(errorCodes.unsupportedVersion, `speaks version ${version}`);
  }
  const layout = layouts[type]?.(isVersion(version) ? version : 1);
  if (!layout) throw new RtrError(errorCodes.unsupportedType, `sent a PDU of type ${type} in version ${version}`);
  if (length < layout.least || length > layout.most) {
    throw new RtrError(errorCodes.corruptData, `sent a PDU of type ${type} with ${length} bytes`);
  }
  return length;
}

const isVersion = (version: number): version is Version => version === 0 || version === 1;

function decode(bytes: Buffer): { version: Version; pdu: Pdu } {
  const version = bytes.readUInt8(0);
  return { version: isVersion(version) ? version : 1, pdu: body(bytes) };
}

function body(bytes: Buffer): Pdu {
  const session = bytes.readUInt16BE(2);
  switch (bytes.readUInt8(1)) {
    case 0:
      return { type: "serial-notify", session, serial: bytes.readUInt32BE(8) };
    case 1:
      return { type: "serial-query", session, serial: bytes.readUInt32BE(8) };
    case 2:
      return { type: "reset-query" };
    case 3:
      return { type: "cache-response", session };
    case 4:
      return prefix(bytes, 4, BigInt(bytes.readUInt32BE(12)));
    case 6:
      return prefix(bytes, 6, (bytes.readBigUInt64BE(12) << 64n) | bytes.readBigUInt64BE(20));
    case 7: {
      const end = { type: "end-of-data", session, serial: bytes.readUInt32BE(8) } as const;
      if (bytes.length === 12) return end;
      const [refresh, retry, expire] = [bytes.readUInt32BE(12), bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
      return { ...end, intervals: { refresh, retry, expire } };
    }
    case 8:
      return { type: "cache-reset" };
    case 9:
      return { type: "router-key" };
    default:
      return { type: "error-report", code: session, text: errorText(bytes) };
  }
}

/** Flags, prefix length, maximum length and a zero; the prefix; the AS. */
function prefix(bytes: Buffer, family: 4 | 6, bits: bigint): Pdu {
  const [length, maxLength] = [bytes.readUInt8(9), bytes.readUInt8(10)];
  const most = addressBits[family];
  if (length > maxLength || maxLength > most) {
    throw new RtrError(errorCodes.corruptData, `sent an IPv${family} prefix of length ${length} to ${maxLength}`);
  }
  if (BigInt.asUintN(most - length, bits) !== 0n) {
    throw new RtrError(errorCodes.corruptData, `sent an IPv${family} prefix with bits beyond its length ${length}`);
  }
  const announce = (bytes.readUInt8(8) & 1) === 1;
  return {
    type: "prefix",
    announce,
    block: { family, bits, length },
    maxLength,
    as: bytes.readUInt32BE(bytes.length - 4),
  };
}

/** The sentence after the PDU in error; only printable text of at most a line, as it is shown to people. */
function errorText(bytes: Buffer): string {
  const start = 16 + bytes.readUInt32BE(8);
  const length = start <= bytes.length ? bytes.readUInt32BE(start - 4) : 0;
  const text = bytes.subarray(start, Math.min(bytes.length, start + length)).toString("utf8");
  return text.replaceAll(/\p{C}/gu, " ").trim().slice(0, 200);
}

export function resetQuery(version: Version): Buffer {
  return header(version, 2, 0, headerBytes);
}

export function serialQuery(version: Version, session: number, serial: number): Buffer {
  const bytes = Buffer.concat([header(version, 1, session, 12), Buffer.alloc(4)]);
  bytes.writeUInt32BE(serial, 8);
  return bytes;
}

/** Without the PDU in error, which may be left out (RFC 8210 5.11). */
export function errorReportOf(version: Version, { code, message }: RtrError): Buffer {
  const text = Buffer.from(message);
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(text.length, 4);
  return Buffer.concat([header(version, errorReport, code, headerBytes + 8 + text.length), lengths, text]);
}

function header(version: Version, type: number, session: number, length: number): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.writeUInt8(version, 0);
  bytes.writeUInt8(type, 1);
  bytes.writeUInt16BE(session, 2);
  bytes.writeUInt32BE(length, 4);
  return bytes;
}

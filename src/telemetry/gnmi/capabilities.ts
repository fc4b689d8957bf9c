import { Encoding } from "./request.ts";
import { WireReader } from "./wire-reader.ts";

/** The encodings in a `CapabilityResponse`, packed or not. Throws WireError. */
export function supportedEncodings(response: Buffer): readonly number[] {
  const wire = new WireReader();
  wire.load(response);
  const encodings: number[] = [];
  while (wire.pos < response.length) {
    const tag = wire.tag();
    if (tag === 0x10) encodings.push(wire.unsigned());
    else if (tag === 0x12) {
      const end = wire.delimited(response.length);
      while (wire.pos < end) encodings.push(wire.unsigned());
      wire.endAt(end);
    } else wire.skip(tag, response.length);
  }
  return encodings;
}

/** PROTO costs least to read and is exact; JSON_IETF is what every OpenConfig target must have. */
export function preferredEncoding(supported: readonly number[]): number | undefined {
  return [Encoding.proto, Encoding.jsonIetf].find((encoding) => supported.includes(encoding));
}

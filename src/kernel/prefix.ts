import { assert } from "./assert.ts";

/** An address block as numbers, so that two ways to write it are equal. `bits` has the host part cleared. */
export type AddressBlock = Readonly<{ family: 4 | 6; bits: bigint; length: number }>;

/** Blocks within `block` whose length is from `min` to `max`: one line of a prefix list. */
export type PrefixRange = Readonly<{ block: AddressBlock; min: number; max: number }>;

export const addressBits = { 4: 32, 6: 128 } as const;

/** `"11.0.0.0/24"` or `"2001:db8::/32"`; undefined when the text is neither. Host bits are cleared, as routers do. */
export function parsePrefix(text: string): AddressBlock | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(text.slice(0, slash));
  const length = parseNumber(text.slice(slash + 1));
  if (slash < 0 || !address || length === undefined || length > addressBits[address.family]) return undefined;
  return { family: address.family, bits: clearHost(address.bits, address.family, length), length };
}

/** A prefix of the allow-list, which the configuration's reader has checked. */
export function parseAllowed(prefix: string): AddressBlock {
  const block = parsePrefix(prefix);
  assert(block, `an allow-listed prefix is a prefix: ${JSON.stringify(prefix)}`);
  return block;
}

/** An IPv4 or IPv6 address without a zone (RFC 4291 2.2); undefined when the text is neither. */
export function parseAddress(text: string): Readonly<{ family: 4 | 6; bits: bigint }> | undefined {
  const family = text.includes(":") ? 6 : 4;
  const bits = family === 6 ? parseIpv6(text) : parseIpv4(text);
  return bits === undefined ? undefined : { family, bits };
}

/** `inner` is `outer` or a more specific of it. */
export function covers(outer: AddressBlock, inner: AddressBlock): boolean {
  return inRange({ block: outer, min: 0, max: addressBits[outer.family] }, inner);
}

/** Canonical text (RFC 5952 for IPv6). */
export function formatPrefix({ family, bits, length }: AddressBlock): string {
  return `${family === 4 ? formatIpv4(bits) : formatIpv6(bits)}/${length}`;
}

export function inRange(range: PrefixRange, prefix: AddressBlock): boolean {
  const { block, min, max } = range;
  if (block.family !== prefix.family || prefix.length < Math.max(min, block.length) || prefix.length > max)
    return false;
  return clearHost(prefix.bits, prefix.family, block.length) === block.bits;
}

/** The range holds this prefix and no other. */
export function isExactly(range: PrefixRange, prefix: AddressBlock): boolean {
  return inRange(range, prefix) && range.block.length === prefix.length && range.max === prefix.length;
}

/** A decimal number without sign or leading zero. */
export function parseNumber(text: string): number | undefined {
  return /^(0|[1-9]\d{0,9})$/.test(text) ? Number(text) : undefined;
}

function formatIpv4(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join(".");
}

/** The URL standard's serialiser compresses as RFC 5952 asks, and writes an embedded IPv4 address as two groups. */
function formatIpv6(bits: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => (bits >> BigInt(112 - index * 16)) & 0xffffn);
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(":")}]`).hostname.slice(1, -1);
}

function clearHost(bits: bigint, family: 4 | 6, length: number): bigint {
  const host = BigInt(addressBits[family] - length);
  return (bits >> host) << host;
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".").map(parseNumber);
  if (parts.length !== 4) return undefined;
  let bits = 0n;
  for (const part of parts) {
    if (part === undefined || part > 255) return undefined;
    bits = (bits << 8n) | BigInt(part);
  }
  return bits;
}

function parseIpv6(written: string): bigint | undefined {
  const text = withoutDottedTail(written);
  const halves = text?.split("::") ?? [];
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map(parseGroups);
  if (left === undefined || (halves.length === 2 && right === undefined)) return undefined;
  const missing = 8 - left.length - (right?.length ?? 0);
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array<bigint>(missing).fill(0n), ...(right ?? [])];
  return groups.reduce((bits, group) => (bits << 16n) | group, 0n);
}

/** The last 32 bits, and only these, may be written as an IPv4 address; here they become two groups. */
function withoutDottedTail(text: string): string | undefined {
  if (!text.includes(".")) return text;
  const start = text.lastIndexOf(":") + 1;
  const tail = parseIpv4(text.slice(start));
  return tail === undefined
    ? undefined
    : `${text.slice(0, start)}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`;
}

/** Groups of 16 bits. */
function parseGroups(text: string): bigint[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  if (!parts.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return undefined;
  return parts.map((part) => BigInt(`0x${part}`));
}

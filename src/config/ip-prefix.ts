import { isIP } from "node:net";

export type PrefixReading = Readonly<{ prefix: string } | { wrong: string; mend: string }>;

/** Reads an IPv4 or IPv6 prefix and holds it to its one canonical text (RFC 5952 for IPv6): host bits zero, no leading zeros. */
export function readPrefix(text: string): PrefixReading {
  const [address = "", length = "", ...rest] = text.split("/");
  const version = address.includes("%") ? 0 : isIP(address);
  const bits = version === 4 ? 32 : 128;
  if (version === 0 || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > bits) {
    return { wrong: "is not an IP prefix", mend: "write network/length, for example 192.0.2.0/24 or 2001:db8::/32" };
  }
  if (Number(length) === 0) {
    return { wrong: "is the default route", mend: "list the prefixes that are your own" };
  }
  const numeric = version === 4 ? readIpv4(address) : readIpv6(address);
  const hostBits = BigInt(bits - Number(length));
  const network = (numeric >> hostBits) << hostBits;
  const prefix = `${version === 4 ? writeIpv4(network) : writeIpv6(network)}/${length}`;
  if (network !== numeric)
    return { wrong: `has host bits set: /${length} of it is ${prefix}`, mend: `write ${prefix}` };
  if (prefix !== text) return { wrong: "is not in canonical form", mend: `write ${prefix}` };
  return { prefix };
}

function readIpv4(address: string): bigint {
  return address.split(".").reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
}

function writeIpv4(numeric: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (numeric >> shift) & 0xffn).join(".");
}

/** The URL standard's serialiser compresses as RFC 5952 asks, and writes an embedded IPv4 address as two groups. */
const compress = (address: string): string => new URL(`http://[${address}]`).hostname.slice(1, -1);

function readIpv6(address: string): bigint {
  const [left = "", right = ""] = compress(address).split("::");
  const groups = (side: string) => (side === "" ? [] : side.split(":"));
  const zeros = 8 - groups(left).length - groups(right).length;
  return [...groups(left), ...Array<string>(zeros).fill("0"), ...groups(right)].reduce(
    (sum, group) => (sum << 16n) | BigInt(`0x${group}`),
    0n,
  );
}

function writeIpv6(numeric: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => (numeric >> BigInt(112 - index * 16)) & 0xffffn);
  return compress(groups.map((group) => group.toString(16)).join(":"));
}

import { formatPrefix, parseAddress, parsePrefix } from "../kernel/prefix.ts";

export type PrefixReading = Readonly<{ prefix: string } | { wrong: string; mend: string }>;

/** Reads an IPv4 or IPv6 prefix and holds it to its one canonical text (RFC 5952 for IPv6): host bits zero, no leading zeros. */
export function readPrefix(text: string): PrefixReading {
  const block = parsePrefix(text);
  if (!block) {
    return { wrong: "is not an IP prefix", mend: "write network/length, for example 192.0.2.0/24 or 2001:db8::/32" };
  }
  if (block.length === 0) {
    return { wrong: "is the default route", mend: "list the prefixes that are your own" };
  }
  const prefix = formatPrefix(block);
  if (parseAddress(text.slice(0, text.indexOf("/")))?.bits !== block.bits) {
    return { wrong: `has host bits set: /${block.length} of it is ${prefix}`, mend: `write ${prefix}` };
  }
  if (prefix !== text) return { wrong: "is not in canonical form", mend: `write ${prefix}` };
  return { prefix };
}

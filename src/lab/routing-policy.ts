import { childElement, descend, elements, leafAt, type XmlElement } from "../kernel/xml.ts";
import type { Prefix } from "../model/inventory.ts";
import type { Announcements } from "./inbound-choice.ts";

/**
 * What a router with this running configuration announces under `policyName`, of the prefixes it originates: the first
 * statement that matches decides, and what no statement accepts is not announced. Reads `/routing-policy` of
 * openconfig-routing-policy with `set-as-path-prepend` of openconfig-bgp-policy, as a router does: shapes that the
 * controller refuses to edit (ranges, sets of many prefixes) are honoured here.
 */
export function announcements(running: XmlElement, policyName: string, originated: readonly Prefix[]): Announcements {
  const policy = listEntry(descend(running, "routing-policy", "policy-definitions"), "policy-definition", policyName);
  const statements = entries(policy && childElement(policy, "statements"), "statement");
  const announced = new Map<Prefix, number>();
  for (const prefix of originated) {
    const first = statements.find((statement) => matches(running, statement, prefix));
    if (!first || leafAt(first, "actions", "config", "policy-result") !== "ACCEPT_ROUTE") continue;
    const repeat = leafAt(first, "actions", "bgp-actions", "set-as-path-prepend", "config", "repeat-n");
    announced.set(prefix, repeat === undefined ? 0 : Number(repeat));
  }
  return announced;
}

function matches(running: XmlElement, statement: XmlElement, prefix: Prefix): boolean {
  const setName = leafAt(statement, "conditions", "match-prefix-set", "config", "prefix-set");
  if (setName === undefined) return true;
  const set = listEntry(descend(running, "routing-policy", "defined-sets", "prefix-sets"), "prefix-set", setName);
  return entries(set && childElement(set, "prefixes"), "prefix").some((entry) =>
    covers(leafAt(entry, "config", "ip-prefix") ?? "", leafAt(entry, "config", "masklength-range") ?? "exact", prefix),
  );
}

/** `range` is `exact` or `24..32`. The lab's own prefixes are IPv4; of any other family only the very same text matches. */
function covers(configured: string, range: string, prefix: Prefix): boolean {
  if (range === "exact") return configured === prefix;
  const [from, to] = range.split("..").map(Number);
  const [wide, narrow] = [ipv4Prefix(configured), ipv4Prefix(prefix)];
  if (!wide || !narrow || from === undefined || to === undefined) return false;
  const inside =
    narrow.length >= wide.length && narrow.address >> (32n - wide.length) === wide.address >> (32n - wide.length);
  return inside && narrow.length >= BigInt(from) && narrow.length <= BigInt(to);
}

function ipv4Prefix(text: string): { address: bigint; length: bigint } | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  if (!match) return undefined;
  const [a, b, c, d, length] = match.slice(1).map(BigInt) as [bigint, bigint, bigint, bigint, bigint];
  return { address: (a << 24n) | (b << 16n) | (c << 8n) | d, length };
}

function entries(parent: XmlElement | undefined, name: string): XmlElement[] {
  return parent ? elements(parent).filter((child) => child.name === name) : [];
}

function listEntry(parent: XmlElement | undefined, name: string, key: string): XmlElement | undefined {
  return entries(parent, name).find((entry) => leafAt(entry, "name") === key);
}

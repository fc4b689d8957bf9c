import {
  type AddressBlock,
  addressBits,
  inRange,
  type PrefixRange,
  parseNumber,
  parsePrefix,
} from "../kernel/prefix.ts";
import { type Coverage, coverageOf } from "./export-policy.ts";

type Line = Readonly<{ sequence: number; permit: boolean; range: PrefixRange }>;

/** The lines of each list by `"ip NAME"` or `"ipv6 NAME"`, in order; undefined when one of them is not understood. */
export type PrefixLists = ReadonlyMap<string, readonly Line[] | undefined>;

const listLine = /^(ip|ipv6) prefix-list (\S+) (.*)$/;
const ruleWords = /^(?:seq (\d+) )?(permit|deny) (\S+)(?: ge (\d+))?(?: le (\d+))?$/;

/** From the lines of `show running-config`: `ip prefix-list NAME seq 5 permit 11.0.0.0/24 le 28`. */
export function readPrefixLists(lines: readonly string[]): PrefixLists {
  const lists = new Map<string, readonly Line[] | undefined>();
  for (const line of lines) {
    const [, family, name, rest] = listLine.exec(line) ?? [];
    if (family === undefined || rest === undefined || rest.startsWith("description ")) continue;
    const key = `${family} ${name}`;
    const before = lists.has(key) ? lists.get(key) : [];
    const rule = readRule(family === "ip" ? 4 : 6, rest);
    lists.set(key, before && rule && [...before, rule].sort((a, b) => a.sequence - b.sequence));
  }
  return lists;
}

/**
 * Whether a list lets a prefix through: its first line that matches says so, and none means no. A list that is named but not
 * there is `perhaps`: FRR's versions have not always agreed.
 */
export function listCoverage(lists: PrefixLists, family: 4 | 6, name: string, prefix: AddressBlock): Coverage {
  // A list of one family holds no route of the other, whatever it says.
  if (prefix.family !== family) return "no";
  const lines = lists.get(`${family === 4 ? "ip" : "ipv6"} ${name}`);
  if (!lines) return "perhaps";
  const first = lines.find((line) => inRange(line.range, prefix));
  if (!first?.permit) return "no";
  const coverage = coverageOf([first.range], prefix);
  return lines.length > 1 ? "with-others" : coverage;
}

function readRule(family: 4 | 6, words: string): Line | undefined {
  const [, sequence, action, text = "", ge, le] = ruleWords.exec(words) ?? [];
  const most = addressBits[family];
  const block = text === "any" ? { family, bits: 0n, length: 0 } : parsePrefix(text);
  if (action === undefined || !block || block.family !== family) return undefined;
  const least = ge === undefined ? block.length : parseNumber(ge);
  // Without `le`, a list goes on to the longest prefix if it has `ge` or is `any`, and is exact otherwise.
  const open = ge !== undefined || text === "any" ? most : block.length;
  const limit = le === undefined ? open : parseNumber(le);
  if (least === undefined || limit === undefined) return undefined;
  return { sequence: Number(sequence ?? 0), permit: action === "permit", range: { block, min: least, max: limit } };
}

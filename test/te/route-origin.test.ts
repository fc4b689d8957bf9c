import fc from "fast-check";
import { expect, test } from "vitest";
import { formatPrefix } from "../../src/kernel/prefix.ts";
import type { Vrp } from "../../src/model/route-origins.ts";
import { originValidity } from "../../src/te/route-origin.ts";

const vrp = (prefix: string, maxLength: number, as: number): Vrp => ({ prefix, maxLength, as });
const judge = (prefix: string, ...vrps: Vrp[]) => originValidity(vrps, { prefix, as: 65000 }).validity;

// Goal: RFC 6811 2, case by case.
test.each<[string, string, readonly Vrp[], string]>([
  ["nobody has said anything", "192.0.2.0/24", [], "not-found"],
  ["a VRP of another prefix", "192.0.2.0/24", [vrp("192.0.3.0/24", 24, 65000)], "not-found"],
  ["a VRP of a more specific", "192.0.2.0/24", [vrp("192.0.2.0/25", 25, 65000)], "not-found"],
  ["ours", "192.0.2.0/24", [vrp("192.0.2.0/24", 24, 65000)], "valid"],
  ["ours within a shorter one", "192.0.2.0/24", [vrp("192.0.0.0/16", 24, 65000)], "valid"],
  ["ours, too long", "192.0.2.0/24", [vrp("192.0.0.0/16", 23, 65000)], "invalid"],
  ["another's", "192.0.2.0/24", [vrp("192.0.2.0/24", 24, 65001)], "invalid"],
  ["another's and ours", "192.0.2.0/24", [vrp("192.0.2.0/24", 24, 65001), vrp("192.0.0.0/8", 24, 65000)], "valid"],
  ["nobody's", "192.0.2.0/24", [vrp("192.0.0.0/8", 32, 0)], "invalid"],
  ["IPv6", "2001:db8:1::/48", [vrp("2001:db8::/32", 48, 65000)], "valid"],
  ["the other family's bits", "192.0.2.0/24", [vrp("c000:200::/24", 128, 65001)], "not-found"],
])("%s", (_, prefix, vrps, expected) => {
  expect(judge(prefix, ...vrps)).toBe(expected);
});

test("AS 0 is nobody, also where it is asked about", () => {
  expect(originValidity([vrp("192.0.2.0/24", 24, 0)], { prefix: "192.0.2.0/24", as: 0 }).validity).toBe("invalid");
});

// Goal: the same as the RFC's definition spelt out on strings of bits. Method: short prefixes, so that they often meet.
test("agrees with the definition on bits, whatever the table", () => {
  const bitsOf = (family: 4 | 6) =>
    fc.string({ unit: fc.constantFrom("0", "1"), maxLength: 5 }).map((bits) => ({ family, bits }));
  const block = fc.oneof(bitsOf(4), bitsOf(6));
  const written = ({ family, bits }: { family: 4 | 6; bits: string }) => {
    const width = family === 4 ? 32 : 128;
    return formatPrefix({ family, bits: BigInt(`0b${bits.padEnd(width, "0")}`), length: bits.length });
  };
  const row = fc.record({ block, more: fc.nat(3), as: fc.nat(2) });
  const seen = new Set<string>();
  const property = fc.property(fc.array(row, { maxLength: 6 }), block, fc.nat(2), (table, route, as) => {
    const vrps = table.map((one) => vrp(written(one.block), one.block.bits.length + one.more, one.as));
    const covering = table.filter((one) => one.block.family === route.family && route.bits.startsWith(one.block.bits));
    const matched = covering.filter(
      (one) => one.as === as && as !== 0 && route.bits.length <= one.block.bits.length + one.more,
    );
    const expected = covering.length === 0 ? "not-found" : matched.length > 0 ? "valid" : "invalid";
    const judged = originValidity(vrps, { prefix: written(route), as });
    seen.add(judged.validity);
    expect(judged.validity).toBe(expected);
    expect(judged.covering.length).toBe(covering.length);
  });
  fc.assert(property, { numRuns: 2_000 });
  expect(seen.size).toBe(3);
});

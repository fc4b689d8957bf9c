import { isIP } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAddress, parsePrefix } from "../../src/kernel/prefix.ts";

test.each([
  ["11.0.0.0/24", "11.0.0.77/24"],
  ["2001:db8::/32", "2001:0DB8:0:0:0:0:0:1/32"],
  ["::/0", "1::/0"],
  ["::ffff:11.0.0.0/120", "::ffff:b00:1/120"],
  ["1:2:3:4:5:6:7::/128", "1:2:3:4:5:6:7:0/128"],
])("%s and %s are one prefix", (left, right) => {
  expect(parsePrefix(left)).toBeDefined();
  expect(parsePrefix(left)).toEqual(parsePrefix(right));
});

test.each([
  "11.0.0.0",
  "11.0.0.0/33",
  "11.0.0/24",
  "11.0.0.0/024",
  "11.0.0.0/ 8",
  "::/129",
  "1:::/16",
  "/24",
  "11.0.0.0/",
  "",
])("%j is no prefix", (text) => {
  expect(parsePrefix(text)).toBeUndefined();
});

// Goal: the same texts are addresses as Node takes for one (zones aside), in random almost-addresses.
test("addresses are told from other text as Node does", () => {
  const part = fc.constantFrom("", ":", "::", ".", "0", "00", "1", "255", "256", "ab", "ffff", "12345", "1.2.3.4", "g");
  const property = fc.property(fc.array(part, { maxLength: 17 }), fc.constantFrom("", ":", "."), (parts, glue) => {
    const text = parts.join(glue);
    expect(parseAddress(text)?.family ?? 0).toBe(isIP(text));
  });
  fc.assert(property, { numRuns: 20_000 });
});

import { isIP } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readPrefix } from "../../src/config/ip-prefix.ts";

// Goal: one text per prefix, and what to write when it is another one.
test.each([
  ["192.0.2.0/24", "192.0.2.0/24"],
  ["192.0.2.1/32", "192.0.2.1/32"],
  ["128.0.0.0/1", "128.0.0.0/1"],
  ["2001:db8::/32", "2001:db8::/32"],
  ["2001:db8:0:1::/64", "2001:db8:0:1::/64"],
  ["::1/128", "::1/128"],
  ["192.0.2.1/24", "write 192.0.2.0/24"],
  ["255.255.255.255/1", "write 128.0.0.0/1"],
  ["2001:db8::1/32", "write 2001:db8::/32"],
  ["2001:0db8::/32", "write 2001:db8::/32"],
  ["2001:db8:0:0::/64", "write 2001:db8::/64"],
  ["2001:db8:1:2:3:4:5:6/64", "write 2001:db8:1:2::/64"],
  ["::ffff:192.0.2.0/120", "write ::ffff:c000:200/120"],
  ["0.0.0.0/0", "list the prefixes that are your own"],
  ["::/0", "list the prefixes that are your own"],
])("%s: %s", (written, expected) => {
  const reading = readPrefix(written);
  expect("prefix" in reading ? reading.prefix : reading.mend).toBe(expected);
});

test.each([
  "",
  "10.0.0.0",
  "10.0.0/24",
  "10.0.0.0/33",
  "10.0.0.0/024",
  "10.0.0.0/-1",
  "010.0.0.0/8",
  "::/129",
  "fe80::%eth0/64",
  "10.0.0.0/8/8",
  " 10.0.0.0/8",
])("%j is not a prefix", (written) => {
  expect(readPrefix(written)).toMatchObject({ wrong: "is not an IP prefix" });
});

// Goal: for any address and length, what the mend says to write is accepted, and is the network of that address.
test("the mend is always right", () => {
  const property = fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 128 }), (address, length) => {
    const bits = isIP(address) === 4 ? Math.min(length, 32) : length;
    const reading = readPrefix(`${address}/${bits}`);
    const prefix = "prefix" in reading ? reading.prefix : reading.mend.replace("write ", "");
    expect(readPrefix(prefix)).toEqual({ prefix });
    const [network = ""] = prefix.split("/");
    expect(isIP(network)).toBe(isIP(address));
    expect(toBits(network)).toBe(
      toBits(address)
        .slice(0, bits)
        .padEnd(isIP(address) === 4 ? 32 : 128, "0"),
    );
  });
  fc.assert(property, { numRuns: 500 });
});

/** An address as a text of bits, by another way than the code's. */
function toBits(address: string): string {
  const binary = (value: number, width: number) => value.toString(2).padStart(width, "0");
  if (isIP(address) === 4)
    return address
      .split(".")
      .map((octet) => binary(Number(octet), 8))
      .join("");
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...octets) => {
    const [a, b, c, d] = octets.slice(0, 4).map((octet) => Number(octet).toString(16).padStart(2, "0"));
    return `${a}${b}:${c}${d}`;
  });
  const [left = "", right = ""] = plain.split("::");
  const groups = (side: string) => side.split(":").filter((group) => group !== "");
  const gap = Array<string>(8 - groups(left).length - groups(right).length).fill("0");
  return [...groups(left), ...gap, ...groups(right)].map((group) => binary(Number.parseInt(group, 16), 16)).join("");
}

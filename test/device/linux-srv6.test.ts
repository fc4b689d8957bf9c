import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { linuxSrv6Device } from "../../src/device/linux-srv6/linux-srv6-device.ts";
import { addLine, readCommand, readRoute, selectRoutes } from "../../src/device/linux-srv6/routes.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { startScriptedRouter } from "./scripted-router.ts";

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

const route = "2001:db8:6::/64 metric 19 segs fc00:0:3::1,fc00:0:6::d6 dev eth1";
const line =
  "route add 2001:db8:6::/64 encap seg6 mode encap segs fc00:0:3::1,fc00:0:6::d6 dev eth1 proto 200 metric 19";

// Goal: what may be sent is exactly what reads back as the same text, for the inverse finds its route by that text.
describe("a line that may be sent", () => {
  test("is the route that it adds", () => {
    expect(readCommand(line)).toMatchObject({ verb: "add", route: { words: route } });
    const standing = readRoute(route) ?? expect.fail();
    expect(addLine(standing)).toBe(`${line}\n`);
  });

  test.each([
    line.replace("add", "replace"),
    line.replace("add", "append"),
    line.replace("2001:db8:6::/64", "default"),
    line.replace("2001:db8:6::/64", "::/0"),
    line.replace("2001:db8:6::/64", "2001:db8:6::1"),
    line.replace("2001:db8:6::/64", "2001:db8:6::1/64"),
    line.replace("2001:db8:6::/64", "2001:db8:6::/129"),
    line.replace("2001:db8:6::/64", "2001:0db8:6::/64"),
    line.replace("2001:db8:6::/64", "192.0.2.0/24"),
    line.replace("2001:db8:6::/64", "::ffff:192.0.2.0/120"),
    line.replace("fc00:0:3::1", "FC00:0:3::1"),
    line.replace("fc00:0:3::1", "fc00:0:3:0:0:0:0:1"),
    line.replace("fc00:0:3::1", "fe80::1%eth1"),
    line.replace("fc00:0:3::1,", ","),
    line.replace("eth1", "lo"),
    line.replace("eth1", "-eth1"),
    line.replace("eth1", "a-name-of-17-letters"),
    line.replace("eth1", "eth1;id"),
    line.replace("proto 200", "proto 201"),
    line.replace("metric 19", "metric 20"),
    line.replace("metric 19", "metric 0"),
    line.replace("metric 19", "metric 019"),
    line.replace("mode encap", "mode inline"),
    `${line} table 100`,
    ` ${line}`,
    `${line}\r`,
    `${line}\n${line}`,
    line.replace(" dev", "\tdev"),
    "",
  ])("is not %j", (odd) => {
    expect(readCommand(odd)).toBeUndefined();
  });

  test("has no host bits, whatever its length", () => {
    const property = fc.property(
      fc.bigInt({ min: 1n, max: (1n << 124n) - 1n }),
      fc.integer({ min: 4, max: 128 }),
      fc.boolean(),
      (low, length, masked) => {
        const host = BigInt(128 - length);
        const bits = masked ? (((2n << 124n) | low) >> host) << host : (2n << 124n) | low;
        const groups = Array.from({ length: 8 }, (_, at) => ((bits >> BigInt(112 - at * 16)) & 0xffffn).toString(16));
        const address = new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
        const clean = (bits >> host) << host === bits;
        const parsed = readCommand(line.replace("2001:db8:6::/64", `${address}/${length}`));
        expect(parsed !== undefined).toBe(clean);
      },
    );
    fc.assert(property, { numRuns: 300 });
    for (const prefix of ["2000::/3", "2001:db8:8000::/33", "2001:db8::1/128", "2001:db8:0:1::/64"]) {
      expect(readCommand(line.replace("2001:db8:6::/64", prefix))?.route.prefix).toBe(prefix);
    }
  });
});

test("a reading has the queried prefixes by prefix and metric, and needs its end", () => {
  const shown = ["b:2::/48 metric 19 x", "b:1::/48 metric 19 x", "b:1::/48 metric 3 x", "b:3::/48 metric 1 x", ""];
  const read = "b:1::/48 metric 3 x\nb:1::/48 metric 19 x\nb:2::/48 metric 19 x\n";
  expect(selectRoutes([...shown, "end", ""].join("\n"), "b:1::/48\nb:2::/48\nb:9::/48\n")).toBe(read);
  expect(selectRoutes("end\n", "b:1::/48\n")).toBe("");
  expect(selectRoutes(shown.join("\n"), "b:1::/48\n")).toBeUndefined();
  expect(selectRoutes("", "b:1::/48\n")).toBeUndefined();
});

// Goal: half a table is no reading, and what `ip` said is told.
test.each([
  [`running\n${route}\n`, "the output was cut short"],
  ['failed\nError: argument "254" is wrong\n', 'Error: argument "254" is wrong'],
])("reading %j fails", async (printed, told) => {
  const router = await startScriptedRouter({ onExec: () => printed });
  cleanup.push(router.stop);
  const device = { ...router.device, platform: "linux-srv6" } as const;
  const port = linuxSrv6Device({ device, resolveSecret: async () => "sw1tchman", clock: systemClock });
  cleanup.push(() => port.close());
  const message = `edge-a: ip -6 route show failed: ${told}`;
  expect(await port.read("2001:db8:6::/64\n")).toMatchObject({
    ok: false,
    failure: { code: "DEVICE_PROTOCOL", message },
  });
});

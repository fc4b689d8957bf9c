import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planChange } from "../../src/change/plan.ts";
import { qosQuery, readQos } from "../../src/change/qos.ts";
import { unsupportedPayload } from "../../src/device/linux-htb/queues.ts";
import { unwrap } from "../../src/kernel/failure.ts";
import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { ClassShare, Decision, QosChange } from "../../src/model/decision.ts";
import type { DeviceStep } from "../../src/model/device.ts";
import type { Link, Network, ServedClass } from "../../src/model/inventory.ts";
import { device, link, network, templates } from "./fixtures.ts";

const golden = (name: string) => `../golden/change/linux-htb-${name}.txt`;

const served = (name: string, dscp: number, priority: number): ServedClass => ({
  name,
  prefers: "latency",
  service: {
    dscp,
    queue: name,
    priority,
    floor: ratio(0.1),
    sheds: [],
    budget: { changes: 4, perMs: 3_600_000 },
    fanOut: 1,
    signals: [],
    objectives: [],
    conditions: [],
  },
});
const classes = [served("interactive", 46, 0), served("standard", 26, 1), served("batch", 0, 7)];

const queued = (name: string, dev: string, capacity = 10e6): Link => ({
  ...link(name, "", "", "r1"),
  interface: dev,
  capacity: bitsPerSecond(capacity),
  qos: true,
});
const inventory = (links: readonly Link[] = [queued("r1-r2", "eth1"), queued("r1-r3", "eth2")]): Network => ({
  ...network([device("linux-htb", "r1")], [...links, { ...link("plain", "", "", "r1"), interface: "eth3" }], []),
  classes: [...classes, { name: "training", prefers: "capacity" }],
});
const [net, r1] = [inventory(), device("linux-htb", "r1")];

const share = (name: string, guaranteed: number, ceiling: number, priority: number): ClassShare => ({
  class: name,
  guaranteed: bitsPerSecond(guaranteed),
  ceiling: bitsPerSecond(ceiling),
  priority,
  mark: { minBytes: 15_000, maxBytes: 45_000 },
});
const two = [share("interactive", 3e6, 10e6, 0), share("batch", 7e6, 10e6, 7)];
const three = [share("interactive", 10e6 / 3, 10e6, 0), share("standard", 1e6, 8e6, 1), share("batch", 0, 5e6, 7)];

const change = (from: readonly ClassShare[], to: readonly ClassShare[], on = "r1-r2"): QosChange => ({
  action: "qos",
  device: "r1",
  link: on,
  from,
  to,
});
const unsupported = (message: string | RegExp) =>
  expect.objectContaining({ code: "CHANGE_UNSUPPORTED", message: expect.stringMatching(message) });

/** What is planned for r1 from a reading, which the driver must be ready to send; throws the failure. */
function edit(inNet: Network, basis: string, ...changes: readonly QosChange[]): DeviceStep {
  const decision = { action: "qos", changes } as unknown as Decision;
  const query = qosQuery(templates, inNet, r1);
  const { steps } = unwrap(planChange(templates, inNet, decision, new Map([["r1", { query, text: basis }]])));
  const [step] = steps;
  if (!step) return expect.fail("no step");
  expect(unsupportedPayload(step)).toBeUndefined();
  return step;
}
const sharesOf = (inNet: Network, reading: string) =>
  Object.fromEntries(unwrap(readQos(inNet, r1, reading)).map((one) => [one.link, one.shares]));

const plain = "eth1 plain default\neth2 plain default\n";
const shaped = "eth1 plain tbf 8001: rate 10Mbit burst 32Kb lat 50ms\neth2 plain default\n";

test("the query names the interfaces of the links with queues", async () => {
  await expect(qosQuery(templates, net, r1)).toMatchFileSnapshot(golden("query"));
  expect(qosQuery(templates, net, device("linux-htb", "r2"))).toBe("");
});

// Goal: the bytes that are sent for the first queues, for others in their place and for none; both ways.
describe("the change", () => {
  const standing = (basis: string, shares: readonly ClassShare[]) => edit(net, basis, change([], shares)).expected;

  test.each([
    ["first", plain, change([], two)],
    ["in-place-of-a-shaper", shaped, change([], three)],
    ["grown", standing(plain, two), change(two, three)],
    ["given-up", standing(shaped, three), change(three, [])],
  ])("%s", async (label, basis, made) => {
    const step = edit(net, basis, made);
    await expect(step.forward.config).toMatchFileSnapshot(golden(`forward-${label}`));
    await expect(step.inverse.config).toMatchFileSnapshot(golden(`inverse-${label}`));
    expect(sharesOf(net, step.expected)).toEqual({ "r1-r2": made.to, "r1-r3": [] });
    expect([step.forward.activate, step.inverse.activate]).toEqual(["", ""]);
  });

  test("of queues that stand leaves the root alone, and drops a class only after the rules have left it", () => {
    const { forward } = edit(net, standing(plain, three), change(three, two));
    expect(forward.config).not.toContain("root handle");
    const lines = forward.config.split("\n");
    expect(lines.findIndex((line) => line.startsWith("tc class del"))).toBeGreaterThan(
      lines.findLastIndex((line) => line.startsWith("nft ")),
    );
  });

  // Goal: shares of what is left go by rates, one packet at least, and the kernel has nothing to warn of; all eight priorities fit behind control traffic.
  test("of any rates has a quantum of a packet to 200000 bytes, and control traffic goes first", () => {
    const levels = classes.map((one) => one.name);
    for (const capacity of [1e5, 10e6, 400e9]) {
      const inNet = inventory([queued("r1-r2", "eth1", capacity), queued("r1-r3", "eth2")]);
      const shares = levels.map((name, at) => share(name, (capacity * 10 ** -at) / 2, capacity, at));
      const { forward } = edit(inNet, plain, change([], shares));
      const quanta = [...forward.config.matchAll(/^tc class .* c8:fff[e] classid .* prio (\d) quantum (\d+)$/gm)];
      expect(quanta.map(([, prio]) => prio)).toEqual(["0", "1", "2", "3"]);
      const [, ...values] = quanta.map(([, , quantum]) => Number(quantum));
      for (const quantum of values) expect(quantum).toSatisfy((bytes) => bytes >= 1514 && bytes <= 200_000);
      if (capacity === 400e9) expect(values).toEqual([100_000, 10_000, 1_514]);
    }
  });

  test("from queues that are not there any more is refused", () => {
    for (const from of [two, [...three].reverse()]) {
      expect(() => edit(net, standing(plain, three), change(from, []))).toThrow(
        expect.objectContaining({ code: "DEVICE_CHANGED" }),
      );
    }
  });

  test("random changes read as they were decided, and lead back to the basis byte for byte", () => {
    const seed = Number(process.env.SEED ?? 1_311_768_467);
    const rate = fc.double({ min: 0, max: 1e12, noNaN: true }).map((value) => (value < 1e-3 ? 0 : value));
    const some = fc.record({
      guaranteed: rate,
      ceiling: rate,
      min: fc.integer({ min: 1, max: 1e7 }),
      more: fc.double({ min: 0, max: 1e7, noNaN: true }).map((value) => (value < 1e-3 ? 0 : value)),
    });
    const shares = fc
      .tuple(fc.shuffledSubarray(classes), fc.array(some, { minLength: 3, maxLength: 3 }))
      .map(([chosen, values]) =>
        chosen.map((each, at): ClassShare => {
          const { guaranteed, ceiling, min, more } = values[at] as (typeof values)[number];
          const { priority } = each.service;
          const mark = { minBytes: min, maxBytes: min + more };
          return {
            class: each.name,
            guaranteed: bitsPerSecond(guaranteed),
            ceiling: bitsPerSecond(ceiling),
            priority,
            mark,
          };
        }),
      );
    const property = fc.property(fc.constantFrom(plain, shaped), shares, shares, shares, (start, from, to, other) => {
      const basis = edit(net, start, change([], from), change([], other, "r1-r3")).expected;
      expect(sharesOf(net, basis)).toEqual({ "r1-r2": from, "r1-r3": other });
      const { expected } = edit(net, basis, change(from, to));
      expect(sharesOf(net, expected)).toEqual({ "r1-r2": to, "r1-r3": other });
      const back = edit(net, expected, change(to, from));
      expect(back.expected).toBe(basis);
      expect(edit(net, basis, change(from, []), change(other, [], "r1-r3")).expected).toBe(start);
    });
    console.log(`seed ${seed}`);
    fc.assert(property, { numRuns: 100, seed });
  });
});

describe("hostile or strange input", () => {
  const head = "eth1 htb rate 10000000 before default\n";
  const ours = `${head}eth1 control rate 100000 quantum 1514 limit 150000\n`;
  const last =
    "eth1 class ffff dscp 0 rate 7000000 ceil 10000000 prio 1 priority 7 quantum 8750 marks 15000 to 45000\n";

  test("is told from what Pointsman makes", () => {
    expect(sharesOf(net, `${ours}${last}eth2 plain default\n`)).toEqual({ "r1-r2": two.slice(1), "r1-r3": [] });
  });

  test.each([
    ["another root", "eth1 other cake 8001: bandwidth 10Mbit\n", /not Pointsman's: cake/],
    ["half of ours", "eth1 partial table pointsman-eth1 is not whole\n", /not Pointsman's: table/],
    ["no interface", "eth1 missing\n", /no interface eth1/],
    [
      "a class without its root",
      "eth1 class 1 dscp 46 rate 1 ceil 1 prio 1 priority 0 quantum 1514 marks 1 to 2\n",
      /not Pointsman's/,
    ],
    [
      "another link's class",
      `${ours}eth2 class 1 dscp 46 rate 1 ceil 1 prio 1 priority 0 quantum 1514 marks 1 to 2\n`,
      /eth2/,
    ],
    [
      "another DSCP",
      `${ours}eth1 class ffff dscp 12 rate 1 ceil 1 prio 1 priority 0 quantum 1514 marks 1 to 2\n`,
      /DSCP 12/,
    ],
    ["no class for control traffic", `${head}${last}`, /no class for .* control traffic/],
    [
      "less for control traffic",
      `${ours.replace("rate 100000 ", "rate 50000 ")}${last}`,
      /would not have made: eth1 control/,
    ],
    [
      "a shorter queue for control traffic",
      `${ours.replace("150000", "3000")}${last}`,
      /would not have made: eth1 control/,
    ],
    [
      "a class served with control traffic",
      `${ours}${last.replace("prio 1", "prio 0")}`,
      /would not have made: eth1 class/,
    ],
    ["another quantum", `${ours}${last.replace("8750", "60000")}`, /would not have made: eth1 class/],
    ["nothing", "", /was not asked about eth1/],
  ])("a reading of %s", (_, reading, message) => {
    const both = reading === "" ? "" : `${reading}eth2 plain default\n`;
    expect(readQos(net, r1, both)).toMatchObject({ ok: false, failure: unsupported(message) });
  });

  test("a shaper of another rate than the link's capacity, with what to do", () => {
    const odd = inventory([queued("r1-r2", "eth1", 20e6), queued("r1-r3", "eth2")]);
    expect(() => edit(odd, shaped, change([], two))).toThrow(
      expect.objectContaining({
        code: "CHANGE_UNSUPPORTED",
        message: expect.stringContaining("is shaped to 10 Mbit/s"),
        mend: expect.stringContaining("capacity in the inventory"),
      }),
    );
  });

  const bad = ["eth1 root", "eth1\nqdisc del dev eth0 root", "eth1;id", "$(id)", "", "eth1#", "e\u0000", 'e"'];
  test.each(bad)("an interface called %j", (dev) => {
    const odd = inventory([queued("r1-r2", dev)]);
    expect(() => qosQuery(templates, odd, r1)).toThrow(unsupported("cannot stand in"));
  });
});

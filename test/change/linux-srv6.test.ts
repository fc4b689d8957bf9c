import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planChange } from "../../src/change/plan.ts";
import { readSteering, steeringQuery } from "../../src/change/steering.ts";
import { unwrap } from "../../src/kernel/failure.ts";
import { ratio } from "../../src/kernel/units.ts";
import type { CandidatePath, Decision, SegmentRoutingChange } from "../../src/model/decision.ts";
import type { DeviceStep } from "../../src/model/device.ts";
import type { Device, Flow, Link, Network } from "../../src/model/inventory.ts";
import { device, link, network, templates } from "./fixtures.ts";

const golden = (name: string) => `../golden/change/linux-srv6-${name}.txt`;
const nodes = ["r1", "r2", "r3", "r4", "r5", "r6"];

const router = (name: string): Device => {
  const locator = `fc00:0:${name.slice(1)}::`;
  return {
    ...device("linux-srv6", name),
    segmentRouting: { address: `${locator}1`, sid: `${locator}1`, serviceSid: `${locator}d6` },
  };
};
const backbone = (from: string, to: string, dev: string): Link => ({
  ...link(`${from}-${to}`, "", "", from),
  interface: dev,
  role: "backbone",
  backbone: { to, metric: 10, delayMs: 1, loss: ratio(0) },
});
const flow = (name: string, prefix: string, headend = "r1", endpoint = "r6"): Flow => ({
  name,
  class: "training",
  headend,
  endpoint,
  color: 100,
  prefix,
});
const training = flow("training", "2001:db8:6::/64");
const batch = flow("batch", "2001:db8:60::/48");
const elsewhere = flow("back", "2001:db8:1::/64", "r6", "r1");

function inventory(changes: Partial<Network> = {}): Network {
  const links = [backbone("r1", "r2", "eth1"), backbone("r1", "r4", "eth2")];
  return {
    ...network(nodes.map(router), links, []),
    classes: [{ name: "training", prefers: "capacity" }],
    flows: [training, batch, elsewhere],
    ...changes,
  };
}
const [net, r1] = [inventory(), router("r1")];

const path = (preference: number, ...segments: string[]): CandidatePath => ({ preference, segments });
const move = (of: Flow, from: CandidatePath[], to: CandidatePath[]): SegmentRoutingChange => ({
  action: "segment-routing",
  device: "r1",
  color: of.color,
  endpoint: of.endpoint,
  flow: of.name,
  from,
  to,
});
const unsupported = (message: string | RegExp) =>
  expect.objectContaining({ code: "CHANGE_UNSUPPORTED", message: expect.stringMatching(message) });

/** What is planned for r1 from a reading; throws the failure. */
function edit(net: Network, basis: string, changes: readonly SegmentRoutingChange[]): DeviceStep {
  const decision = { action: "segment-routing", changes } as unknown as Decision;
  const { steps } = unwrap(planChange(templates, net, decision, new Map([["r1", { query: "", text: basis }]])));
  return steps[0] ?? expect.fail("no step");
}

/** `ip -6 -batch` on a reading, by a second opinion. */
function apply(basis: string, config: string): string {
  const lines = new Set(basis.split("\n").filter((line) => line !== ""));
  for (const command of config.split("\n").filter((line) => line !== "")) {
    const [, verb, prefix, segs, dev, metric] =
      /^route (add|del) (\S+) encap seg6 mode encap segs (\S+) dev (\S+) proto 200 metric (\d+)$/.exec(command) ??
      expect.fail(command);
    const line = `${prefix} metric ${metric} segs ${segs} dev ${dev}`;
    expect(lines.has(line), command).toBe(verb === "del");
    if (verb === "add") lines.add(line);
    else lines.delete(line);
  }
  const keyed = [...lines].map((line) => [line.split(" ")[0] ?? "", Number(line.split(" ")[2]), line] as const);
  keyed.sort((a, b) => (a[0] === b[0] ? a[1] - b[1] : a[0] < b[0] ? -1 : 1));
  return keyed.map(([, , line]) => `${line}\n`).join("");
}

test("the query names the prefixes of the flows that start there", async () => {
  await expect(steeringQuery(templates, net, r1)).toMatchFileSnapshot(golden("query"));
  expect(steeringQuery(templates, net, router("r2"))).toBe("");
});

// Goal: the bytes that are sent for a first move, a second one above it, and a return to the IGP; both ways.
describe("the change", () => {
  const [short, long] = [path(100, "r3", "r6"), path(101, "r4", "r5", "r6")];
  const first = "2001:db8:6::/64 metric 19 segs fc00:0:3::1,fc00:0:6::d6 dev eth1\n";
  const second = "2001:db8:6::/64 metric 18 segs fc00:0:4::1,fc00:0:5::1,fc00:0:6::d6 dev eth1\n";
  const other = "2001:db8:60::/48 metric 19 segs fc00:0:6::d6 dev eth2\n";

  test.each([
    ["first", other, move(training, [], [short]), other + first],
    ["second", first, move(training, [short], [long, short]), second + first],
    ["third", second + first, move(training, [long, short], [path(102, "r6"), long]), undefined],
    ["return", other + second + first, move(training, [long, short], []), other],
  ])("%s", async (label, basis, change, expected) => {
    const made = edit(net, basis, [change]);
    await expect(made.forward.config).toMatchFileSnapshot(golden(`forward-${label}`));
    await expect(made.inverse.config).toMatchFileSnapshot(golden(`inverse-${label}`));
    if (expected !== undefined) expect(made.expected).toBe(expected);
    expect([made.forward.activate, made.inverse.activate]).toEqual(["", ""]);
    expect(apply(basis, made.forward.config)).toBe(made.expected);
    expect(apply(made.expected, made.inverse.config)).toBe(basis);
    const read = unwrap(readSteering(net, r1, made.expected));
    expect(read.find((each) => each.flow === "training")?.paths).toEqual(change.to);
  });

  test("of two flows adds everything before it removes anything", () => {
    const changes = [move(training, [short], [long]), move(batch, [path(100, "r6")], [path(101, "r5", "r6")])];
    const { forward, inverse } = edit(net, other + first, changes);
    const verbs = (config: string) => config.match(/(?<=^route )\w+/gm);
    expect(verbs(forward.config)).toEqual(["add", "add", "del", "del"]);
    expect(verbs(inverse.config)).toEqual(["add", "add", "del", "del"]);
  });

  test("from paths that are not there any more is refused", () => {
    for (const from of [[], [long, short], [path(100, "r2", "r6")]]) {
      expect(() => edit(net, first, [move(training, from, [long])])).toThrow(
        expect.objectContaining({ code: "DEVICE_CHANGED" }),
      );
    }
  });

  test.each([99, 119, 100.5])("to preference %d is refused, with what can be done", (preference) => {
    const change = move(training, [], [path(preference, "r6")]);
    expect(() => edit(net, "", [change])).toThrow(
      expect.objectContaining({
        code: "CHANGE_UNSUPPORTED",
        mend: expect.stringContaining("return the flow to the IGP"),
      }),
    );
  });

  test("random changes lead there and back, and only the flow's own paths change", () => {
    const segments = fc
      .subarray(["r2", "r3", "r4", "r5"], { maxLength: 2 })
      .chain((chosen) => fc.shuffledSubarray(chosen, { minLength: chosen.length }))
      .map((chosen) => [...chosen, "r6"]);
    const paths = fc
      .uniqueArray(fc.record({ preference: fc.integer({ min: 100, max: 118 }), segments }), {
        selector: ({ preference }) => preference,
        maxLength: 3,
      })
      .map((all) => all.toSorted((a, b) => b.preference - a.preference));
    const property = fc.property(paths, paths, paths, (before, after, others) => {
      const start = edit(net, "", [move(training, [], before), move(batch, [], others)]);
      // A preference that is in use keeps its path.
      const to = after.map((each) => before.find(({ preference }) => preference === each.preference) ?? each);
      const made = edit(net, start.expected, [move(training, before, to)]);
      expect(apply(start.expected, made.forward.config)).toBe(made.expected);
      expect(apply(made.expected, made.inverse.config)).toBe(start.expected);
      expect(unwrap(readSteering(net, r1, made.expected))).toEqual([
        { flow: "training", device: "r1", paths: to },
        { flow: "batch", device: "r1", paths: others },
      ]);
    });
    fc.assert(property, { numRuns: 200 });
  });
});

describe("hostile or strange input", () => {
  test.each([
    ["an unknown segment", "segs fc00:0:99::1,fc00:0:6::d6", /unknown segment fc00:0:99::1/],
    ["an end that is not the endpoint's service", "segs fc00:0:3::1,fc00:0:6::1", /ends at fc00:0:6::1/],
    ["another endpoint", "segs fc00:0:3::1,fc00:0:5::d6", /not where r6 takes it/],
    ["a service on the way", "segs fc00:0:3::d6,fc00:0:6::d6", /unknown segment fc00:0:3::d6/],
  ])("a reading with %s", (_, segs, message) => {
    const read = readSteering(net, r1, `2001:db8:6::/64 metric 19 ${segs} dev eth1\n`);
    expect(read).toMatchObject({ ok: false, failure: unsupported(message) });
  });

  test("a reading with another kind of route, or a metric that is no preference of ours", () => {
    const blackhole = "2001:db8:6::/64 metric 19 other 6 2001:db8:6::/64 dev lo metric 19 pref medium\n";
    expect(readSteering(net, r1, blackhole)).toMatchObject({ ok: false, failure: unsupported("no segment list") });
    const low = "2001:db8:6::/64 metric 1024 segs fc00:0:6::d6 dev eth1\n";
    expect(readSteering(net, r1, low)).toMatchObject({ ok: false, failure: unsupported("metric 1024") });
  });

  const bad = ["eth1 metric 1", "eth1\nroute del default", "eth1;id", "$(id)", "", "eth1#", "e\u0000", "<a>"];
  test.each(bad)("an interface called %j", (dev) => {
    const odd = inventory({ links: [backbone("r1", "r2", dev)] });
    expect(() => edit(odd, "", [move(training, [], [path(100, "r6")])])).toThrow(unsupported("cannot stand in"));
  });

  test.each(["fc00::1 dev eth9", "fc00::1\nroute del ::/0", "$(id)"])("a SID that reads %j", (sid) => {
    const devices = net.devices.map((each) =>
      each.name === "r3" ? { ...each, segmentRouting: { address: "fc00:0:3::1", sid } } : each,
    );
    const change = move(training, [], [path(100, "r3", "r6")]);
    expect(() => edit(inventory({ devices }), "", [change])).toThrow(unsupported(/cannot stand in|no SRv6 SID/));
  });

  test("a prefix that is more than a prefix", () => {
    const odd = inventory({ flows: [flow("training", "2001:db8:6::/64\n::/0")] });
    expect(() => steeringQuery(templates, odd, r1)).toThrow(unsupported("cannot stand in"));
  });

  test("a label for a SID, no segment at all, and no backbone link", () => {
    const label = net.devices.map((each) =>
      each.name === "r3" ? { ...each, segmentRouting: { address: "10.255.0.3", sid: 16_003 } } : each,
    );
    const change = [move(training, [], [path(100, "r3", "r6")])];
    const from = (changes: Partial<Network>) => () => edit(inventory(changes), "", change);
    expect(from({ devices: label })).toThrow(unsupported("r3 has no SRv6 SID"));
    const { segmentRouting: _, ...bare } = router("r6");
    const without = net.devices.map((each) => (each.name === "r6" ? bare : each));
    expect(from({ devices: without })).toThrow(unsupported("r6 has no node segment"));
    expect(from({ links: [] })).toThrow(unsupported("no backbone link"));
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planChange } from "../../src/change/plan.ts";
import { readSteering, steeringQuery } from "../../src/change/steering.ts";
import { unwrap } from "../../src/kernel/failure.ts";
import { canonicalXml, elements, parseXml } from "../../src/kernel/xml.ts";
import { applyFilter } from "../../src/lab/netconf/subtree-filter.ts";
import type { CandidatePath, Decision, SegmentRoutingChange } from "../../src/model/decision.ts";
import type { DeviceStep } from "../../src/model/device.ts";
import type { Flow, Network } from "../../src/model/inventory.ts";
import { apply } from "./apply.ts";
import { device, network, templates } from "./fixtures.ts";

const golden = (name: string) => `../golden/change/openconfig-steering-${name}.xml`;
const router = (number: number) => ({
  ...device("openconfig", `r${number}`),
  segmentRouting: { address: `10.255.0.${number}`, sid: 16_000 + number },
});
const flow = (name: string, color: number, endpoint = "r6"): Flow => ({
  ...{ name, class: "training", headend: "r1", endpoint, color },
});
const net: Network = {
  ...network([1, 2, 3, 4, 5, 6].map(router), [], []),
  classes: [{ name: "training", prefers: "capacity" }],
  flows: [flow("training", 100), flow("batch", 300), flow("other-end", 100, "r5")],
};
const r1 = router(1);

/** What a router gives for the query: what stands under its name, by RFC 6241 section 6. */
function reading(policies: string): string {
  const instances = "http://openconfig.net/yang/network-instance";
  const running = `<data><network-instances xmlns="${instances}"><network-instance><name>DEFAULT</name><config><name>DEFAULT</name></config>
    <policy-forwarding><policies><policy><policy-id>operators-own</policy-id><config><policy-id>operators-own</policy-id></config></policy>${policies}</policies></policy-forwarding>
  </network-instance></network-instances></data>`;
  const found = applyFilter(parseXml(running.replace(/>\s+</g, "><")), parseXml(`<filter>${query}</filter>`));
  return elements(found)
    .map((one) => canonicalXml(one))
    .join("");
}
const query = steeringQuery(templates, net, r1);
const empty = reading("");

const path = (preference: number, ...segments: string[]): CandidatePath => ({ preference, segments });
const move = (of: string, from: CandidatePath[], to: CandidatePath[]): SegmentRoutingChange => ({
  ...{
    action: "segment-routing",
    device: "r1",
    color: 100,
    endpoint: of === "other-end" ? "r5" : "r6",
    flow: of,
    from,
    to,
  },
});

/** Throws the failure. */
function plan(basis: string, ...changes: SegmentRoutingChange[]): DeviceStep {
  const decision = { action: "segment-routing", changes } as unknown as Decision;
  const { steps } = unwrap(planChange(templates, net, decision, new Map([["r1", { query, text: basis }]])));
  return steps[0] ?? expect.fail("no step");
}
const pathsOf = (text: string) =>
  Object.fromEntries(unwrap(readSteering(net, r1, text)).map(({ flow: name, paths }) => [name, paths]));

/** A step does what it says, by the second opinion of the emulated router, and its inverse leads back to the byte. */
function checked(step: DeviceStep): DeviceStep {
  expect(apply("openconfig", step.basis, step.forward)).toBe(step.expected);
  expect(apply("openconfig", step.expected, step.inverse)).toBe(step.basis);
  return step;
}

// Goal: the bytes that are sent; that only Pointsman's own policy is read and written; make before break.
describe("a move to a path, to another, and back to the IGP", () => {
  const [first, second] = [path(100, "r3", "r6"), path(101, "r4", "r5", "r6")];
  const one = checked(plan(empty, move("training", [], [first])));
  const two = checked(plan(one.expected, move("training", [first], [second, first])));
  const three = checked(plan(two.expected, move("training", [second, first], [path(102, "r2", "r6"), second])));
  const back = checked(plan(three.expected, move("training", [path(102, "r2", "r6"), second], [])));

  test.each([
    ["first", one],
    ["second", two],
    ["third", three],
    ["back", back],
  ])("%s", async (label, step) => {
    await expect(step.forward.config).toMatchFileSnapshot(golden(`forward-${label}`));
    await expect(step.inverse.config).toMatchFileSnapshot(golden(`inverse-${label}`));
    expect(step.forward.activate).toBe("");
  });

  test("is read as planned", async () => {
    await expect(query).toMatchFileSnapshot(golden("query"));
    expect(pathsOf(empty)).toEqual({ training: [], batch: [], "other-end": [] });
    expect(pathsOf(one.expected).training).toEqual([first]);
    expect(pathsOf(two.expected)).toEqual({ training: [second, first], batch: [], "other-end": [] });
    expect(pathsOf(three.expected).training).toEqual([path(102, "r2", "r6"), second]);
    expect(back.expected).toBe(empty);
  });

  test("the path in use is not touched", () => {
    const rules = (text: string) => elements(parseXml(text)).length && text.match(/<rule>.*?<\/rule>/gs);
    expect(rules(two.expected)).toEqual(expect.arrayContaining(rules(one.expected) || []));
    expect(two.forward.config).not.toContain("remove");
  });
});

test("two flows in one step, one of the same color to another endpoint", () => {
  const step = checked(
    plan(empty, move("training", [], [path(100, "r3", "r6")]), move("other-end", [], [path(100, "r3", "r5")])),
  );
  expect(pathsOf(step.expected)).toMatchObject({
    training: [path(100, "r3", "r6")],
    "other-end": [path(100, "r3", "r5")],
  });
});

test("a headend that has something else by now", () => {
  const { expected } = plan(empty, move("training", [], [path(100, "r3", "r6")]));
  expect(() => plan(expected, move("training", [], [path(100, "r4", "r6")]))).toThrow(
    expect.objectContaining({ code: "DEVICE_CHANGED" }),
  );
});

// Goal: a rollback of a flow that has left the inventory is refused with the mend, and stops nothing.
test("a flow that is no longer in the inventory", () => {
  const { expected } = plan(empty, move("training", [], [path(100, "r3", "r6")]));
  const decision = { action: "segment-routing", changes: [move("training", [path(100, "r3", "r6")], [])] };
  const without = { ...net, flows: net.flows.filter(({ name }) => name !== "training") };
  const reading = new Map([["r1", { query, text: expected }]]);
  expect(planChange(templates, without, decision as unknown as Decision, reading)).toMatchObject({
    ok: false,
    failure: { code: "CONFIG_INVALID", mend: expect.stringContaining("put training back") },
  });
});

// Goal: what somebody else has written into our policy is not understood half and overwritten.
test.each([
  ["an unknown label", "<value>16003</value>", "<value>17003</value>", "unknown segment 17003"],
  ["another end", "<value>16006</value>", "<value>16005</value>", "ends at 16005"],
  [
    "a second match",
    "<srte-color>",
    "<mpls-bsid>17</mpls-bsid><srte-color>",
    "not a candidate path as Pointsman writes it",
  ],
  ["a weight of its own", "<weight>1</weight>", "<weight>7</weight>", "not a candidate path as Pointsman writes it"],
])("%s", (_, from, to, message) => {
  const { expected } = plan(empty, move("training", [], [path(100, "r3", "r6")]));
  expect(expected).toContain(from);
  const edited = parseXml(`<data>${expected.replace(from, to)}</data>`);
  const text = elements(edited)
    .map((one) => canonicalXml(one))
    .join("");
  expect(readSteering(net, r1, text)).toMatchObject({
    ok: false,
    failure: { code: "CHANGE_UNSUPPORTED", message: expect.stringContaining(message) },
  });
});

test("a node without a segment", () => {
  const bare = { ...net, devices: net.devices.map((one) => (one.name === "r3" ? device("openconfig", "r3") : one)) };
  const decision = { action: "segment-routing", changes: [move("training", [], [path(100, "r3", "r6")])] };
  const planned = planChange(
    templates,
    bare,
    decision as unknown as Decision,
    new Map([["r1", { query, text: empty }]]),
  );
  expect(planned).toMatchObject({ ok: false, failure: { code: "CHANGE_UNSUPPORTED" } });
});

// Goal: whatever the policies were and become, the plan reads as promised and leads back to the byte.
test("random policies: plan, invert and read agree", () => {
  const segments = (end: string) => fc.subarray(["r2", "r3", "r4"], { maxLength: 2 }).map((chosen) => [...chosen, end]);
  const policy = (end: string) =>
    fc
      .uniqueArray(fc.record({ preference: fc.integer({ min: 1, max: 300 }), segments: segments(end) }), {
        selector: ({ preference }) => preference,
        maxLength: 3,
      })
      .map((all) => all.toSorted((a, b) => b.preference - a.preference));
  const property = fc.property(
    policy("r6"),
    policy("r6"),
    policy("r6"),
    policy("r5"),
    (before, after, batch, other) => {
      const start = plan(empty, move("batch", [], batch), move("training", [], before), move("other-end", [], other));
      const step = checked(plan(checked(start).expected, move("training", before, after)));
      expect(pathsOf(step.expected)).toEqual({ training: after, batch, "other-end": other });
    },
  );
  fc.assert(property, { numRuns: 100 });
});

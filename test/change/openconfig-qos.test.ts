import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planChange } from "../../src/change/plan.ts";
import { qosQuery, readQos } from "../../src/change/qos.ts";
import { unwrap } from "../../src/kernel/failure.ts";
import type { BitsPerSecond } from "../../src/kernel/units.ts";
import { canonicalXml, elements, parseXml, textOf } from "../../src/kernel/xml.ts";
import { brokenConstraints } from "../../src/lab/netconf/constraints.ts";
import { applyEdit } from "../../src/lab/netconf/edit.ts";
import { applyFilter } from "../../src/lab/netconf/subtree-filter.ts";
import { interfaceQueues } from "../../src/lab/qos-config.ts";
import type { ClassShare, Decision, QosChange } from "../../src/model/decision.ts";
import type { DeviceStep } from "../../src/model/device.ts";
import type { Link, Network } from "../../src/model/inventory.ts";
import { apply } from "./apply.ts";
import { device, network, templates } from "./fixtures.ts";
import { batch, interactive, qosLink, served } from "./openconfig-qos-fixture.ts";

const golden = (name: string) => `../golden/change/openconfig-qos-${name}.xml`;
const namespace = "http://openconfig.net/yang/qos";
const r1 = device("openconfig", "r1");
const classes = [interactive, served("standard", 26, "assured"), batch];
const inventory = (links: Link[], has = classes): Network => ({ ...network([r1], links), classes: has });
const net = inventory([
  qosLink("r1-r2", "eth1"),
  qosLink("r1-r3", "eth2"),
  { ...qosLink("elsewhere", "eth1"), device: "r2" },
]);

const share = (name: string, priority: number, guaranteed: number, ceiling = 1e9): ClassShare => ({
  ...{ class: name, priority, guaranteed: guaranteed as BitsPerSecond, ceiling: ceiling as BitsPerSecond },
  mark: { minBytes: 30_000 * (priority + 1), maxBytes: 300_000 },
});
const calm = [share("interactive", 0, 1e8), share("standard", 1, 1e8), share("batch", 7, 5e7)];
const held = [share("interactive", 0, 4e8), share("standard", 1, 1e8, 5e8), share("batch", 7, 5e7, 2e8)];

const data = (inside: string) => parseXml(`<data>${inside.replace(/>\s+</g, "><")}</data>`);
const text = (tree: ReturnType<typeof data>) =>
  elements(tree)
    .map((one) => canonicalXml(one))
    .join("");
/** What a router gives for the query, by RFC 6241 section 6. */
function reading(of: Network, inside: string): string {
  const running = applyEdit(data(""), data(`<qos xmlns="${namespace}">${inside}</qos>`), "merge");
  expect(running.errors).toEqual([]);
  return text(applyFilter(running.config, data(qosQuery(templates, of, r1))));
}
const empty = reading(net, "");

const change = (on: string, from: readonly ClassShare[], to: readonly ClassShare[]): QosChange => ({
  ...{ action: "qos", device: "r1", link: on, from, to },
});
const tryPlan = (of: Network, basis: string, ...changes: QosChange[]) => {
  const decision = { action: "qos", changes } as unknown as Decision;
  return planChange(templates, of, decision, new Map([["r1", { query: "", text: basis }]]));
};
/** A step does what it says, by the second opinion of the emulated router, and its inverse leads back to the byte. */
function plan(of: Network, basis: string, ...changes: QosChange[]): DeviceStep {
  const step = unwrap(tryPlan(of, basis, ...changes)).steps[0] ?? expect.fail("no step");
  expect(apply("openconfig", step.basis, step.forward)).toBe(step.expected);
  expect(apply("openconfig", step.expected, step.inverse)).toBe(step.basis);
  // Every reference leads somewhere, and every key is repeated.
  expect(brokenConstraints(data(step.expected))).toEqual([]);
  return step;
}
const sharesOf = (of: Network, from: string) =>
  Object.fromEntries(unwrap(readQos(of, r1, from)).map((each) => [each.link, each.shares]));

// Goal: the bytes that are sent; that what two interfaces share comes with the first and goes with the last.
describe("queues of one interface, changed, of a second one, and away again", () => {
  const first = plan(net, empty, change("r1-r2", [], calm));
  const tighter = plan(net, first.expected, change("r1-r2", calm, held));
  const both = plan(net, tighter.expected, change("r1-r3", [], held.slice(0, 2)));
  const one = plan(net, both.expected, change("r1-r2", held, []));
  const none = plan(net, one.expected, change("r1-r3", held.slice(0, 2), []));

  test.each([
    ["first", first],
    ["tighter", tighter],
    ["both", both],
    ["one", one],
    ["none", none],
  ])("%s", async (label, step) => {
    await expect(step.forward.config).toMatchFileSnapshot(golden(`forward-${label}`));
    await expect(step.inverse.config).toMatchFileSnapshot(golden(`inverse-${label}`));
    expect(step.forward.activate).toBe("");
  });

  test("are read as planned", async () => {
    await expect(qosQuery(templates, net, r1)).toMatchFileSnapshot(golden("query"));
    expect(sharesOf(net, empty)).toEqual({ "r1-r2": [], "r1-r3": [] });
    expect(sharesOf(net, first.expected)).toEqual({ "r1-r2": calm, "r1-r3": [] });
    expect(sharesOf(net, tighter.expected)).toEqual({ "r1-r2": held, "r1-r3": [] });
    expect(sharesOf(net, both.expected)).toEqual({ "r1-r2": held, "r1-r3": held.slice(0, 2) });
    expect(sharesOf(net, one.expected)).toEqual({ "r1-r2": [], "r1-r3": held.slice(0, 2) });
    expect(none.expected).toBe(empty);
    await expect(both.expected).toMatchFileSnapshot(golden("expected-both"));
  });

  test("of both in one step, and back", () => {
    const step = plan(net, empty, change("r1-r2", [], calm), change("r1-r3", [], held));
    expect(sharesOf(net, step.expected)).toEqual({ "r1-r2": calm, "r1-r3": held });
    const away = plan(net, step.expected, change("r1-r2", calm, []), change("r1-r3", held, []));
    expect(away.expected).toBe(empty);
  });
});

// Goal: what others have configured is neither shown to the planner nor touched.
test("others' things stay", () => {
  const others = `<interfaces><interface><interface-id>eth1</interface-id><config><interface-id>eth1</interface-id></config>
      <input><classifiers><classifier><type>IPV4</type><config><name>edge</name><type>IPV4</type></config></classifier></classifiers></input></interface>
    <interface><interface-id>eth9</interface-id><config><interface-id>eth9</interface-id></config></interface></interfaces>
    <classifiers><classifier><name>edge</name><config><name>edge</name></config></classifier></classifiers>
    <queues><queue><name>voice</name><config><name>voice</name></config></queue></queues>`;
  const basis = reading(net, others);
  expect(basis).toContain("edge");
  expect(basis).not.toMatch(/eth9|voice/);
  // The edit is made on all that the router has, not only on what was read.
  const running = text(applyEdit(data(""), data(`<qos xmlns="${namespace}">${others}</qos>`), "merge").config);
  const put = unwrap(tryPlan(net, basis, change("r1-r2", [], calm))).steps[0] ?? expect.fail("no step");
  const after = apply("openconfig", running, put.forward);
  expect(text(applyFilter(data(after), data(qosQuery(templates, net, r1))))).toBe(put.expected);
  expect(apply("openconfig", after, put.inverse)).toBe(running);
  expect(brokenConstraints(data(after))).toEqual([]);
  const away = unwrap(tryPlan(net, put.expected, change("r1-r2", calm, []))).steps[0] ?? expect.fail("no step");
  expect(apply("openconfig", after, away.forward)).toBe(running);
  expect(away.expected).toBe(basis);
});

// Goal: an interface on which somebody else has set queues is left alone, and the failure says what to do.
test.each([
  [
    "scheduler policy",
    "<scheduler-policy><config><name>gold</name></config></scheduler-policy>",
    "gold is on the output of eth1",
  ],
  [
    "queue",
    "<queues><queue><name>voice</name><config><name>voice</name></config></queue></queues>",
    "voice is on the output of eth1",
  ],
  [
    "classifier",
    "<classifiers><classifier><type>MPLS</type><config><name>exp</name><type>MPLS</type></config></classifier></classifiers>",
    "exp is on the output of eth1",
  ],
])("somebody else's %s", (_, output, message) => {
  const basis = reading(
    net,
    `<interfaces><interface><interface-id>eth1</interface-id><output>${output}</output></interface></interfaces>`,
  );
  expect(tryPlan(net, basis, change("r1-r2", [], calm))).toMatchObject({
    ok: false,
    failure: {
      code: "CHANGE_UNSUPPORTED",
      message: expect.stringContaining(message),
      mend: expect.stringContaining("take qos off r1-r2"),
    },
  });
});

// Goal: what somebody has changed in our things is not understood half and overwritten.
describe("things in our name that we would not have made", () => {
  const { expected } = plan(net, empty, change("r1-r2", [], calm));
  test.each([
    ["a strict scheduler", "<sequence>0</sequence>\n", "<priority>STRICT</priority>$&"],
    ["another DSCP", "<dscp>46</dscp>", "<dscp>47</dscp>"],
    ["another queue", "<queue>pointsman-assured</queue>", "<queue>pointsman-scavenger</queue>"],
    ["another group's queue", "<output-queue>pointsman-assured<", "<output-queue>pointsman-scavenger<"],
    ["no marks", "<enable-ecn>true<", "<enable-ecn>false<"],
    ["a rate in percent", /<cir>100000000<\/cir>/, "<cir-pct>10</cir-pct>"],
    ["a rate beyond whole numbers", "<cir>100000000<", "<cir>18446744073709551615<"],
    ["a threshold of nothing", /<min-threshold>\d+<\/min-threshold>/, ""],
    ["a queue-id", "<name>pointsman-assured</name>", "$&<queue-id>3</queue-id>"],
    ["a class that is none", /<id>batch<\/id>/g, "<id>bulk</id>"],
    [
      "an interface without its policy",
      /<scheduler-policy>\s*<config>\s*<name>pointsman-eth1<\/name>\s*<\/config>\s*<\/scheduler-policy>/,
      "",
    ],
    ["queues of no interface", /<interfaces>.*<\/interfaces>/s, ""],
    ["another number of the same", /<sequence>1<\/sequence>/g, "<sequence>5</sequence>"],
    ["control traffic that is sure of less", "<cir>10000000<", "<cir>1000000<"],
    ["control traffic that is held back", /(<cir>10000000<\/cir>\s*<pir>)\d+/, "$150000000"],
    ["half of control traffic", /<dscp>56<\/dscp>/g, "<dscp>57</dscp>"],
    ["control traffic that is thinned out", "<min-threshold>150000<", "<min-threshold>50000<"],
  ])("%s", (_, from, to) => {
    const edited = text(data(expected.replace(from, to)));
    expect(edited).not.toBe(expected);
    expect(readQos(net, r1, edited)).toMatchObject({ ok: false, failure: { code: "CHANGE_UNSUPPORTED" } });
  });

  test("no policy but what belongs to it", () => {
    const edited = text(data(expected.replace(/<scheduler-policies>.*<\/scheduler-policies>/s, "")));
    expect(readQos(net, r1, edited)).toMatchObject({ ok: false, failure: { code: "CHANGE_UNSUPPORTED" } });
  });

  test("no queue for control traffic", () => {
    const without = (element: ReturnType<typeof data>): ReturnType<typeof data> => {
      const left = elements(element).filter((child) => {
        return !elements(child).some((leaf) => /^(0|_control(-\d+)?|pointsman-_control(-eth1)?)$/.test(textOf(leaf)));
      });
      return { ...element, children: left.length > 0 ? left.map(without) : element.children };
    };
    const edited = text(without(data(expected)));
    expect(edited).not.toContain("_control");
    const failure = { code: "CHANGE_UNSUPPORTED", message: expect.stringContaining("control traffic") };
    expect(readQos(net, r1, edited)).toMatchObject({ ok: false, failure });
  });

  // Entries are system-ordered in this module: a router may give them as it likes.
  test("but any order of entries is ours", () => {
    const turned = data(expected);
    const turn = (element: typeof turned): typeof turned => ({
      ...element,
      children: elements(element).length > 0 ? elements(element).toReversed().map(turn) : element.children,
    });
    expect(text(turn(turned))).not.toBe(expected);
    expect(sharesOf(net, text(turn(turned)))).toEqual({ "r1-r2": calm, "r1-r3": [] });
  });
});

// Goal: control traffic is before all and sure of its share of the line as it is now; the reading of queues does not need the line as it was.
test("a line of another capacity than when its queues were made", () => {
  const { expected } = plan(net, empty, change("r1-r2", [], calm));
  const grown = inventory(net.links.map((link) => ({ ...link, capacity: 1e10 as BitsPerSecond })));
  expect(sharesOf(grown, expected)).toEqual({ "r1-r2": calm, "r1-r3": [] });
  const { expected: after } = plan(grown, expected, change("r1-r2", calm, held));
  const [first] = interfaceQueues(data(after)).get("eth1") ?? [];
  const limits = { cir: 1e8, pir: 1e10, maxBytes: 150_000 };
  expect(first).toEqual({ queue: "pointsman-_control", dscps: [48, 56], sequence: 0, ...limits });
});

test("a router that has something else by now", () => {
  const { expected } = plan(net, empty, change("r1-r2", [], calm));
  expect(tryPlan(net, expected, change("r1-r2", [], held))).toMatchObject({ failure: { code: "DEVICE_CHANGED" } });
});

test("a class that is no longer in the inventory", () => {
  const without = inventory([...net.links], classes.slice(0, 2));
  expect(tryPlan(without, empty, change("r1-r2", [], calm))).toMatchObject({
    failure: { code: "CONFIG_INVALID", mend: expect.stringContaining("put batch back") },
  });
});

// Goal: no name breaks out of its place, and none is taken for another: interface "a" with class "b-c" is not "a-b" with "c".
test("hostile names", async () => {
  const hostile = inventory(
    [qosLink("one", `a<b>&"c"`), qosLink("two", "eth1-46"), qosLink("three", "eth1")],
    [served(`</id><dscp>0</dscp>`, 46, "eth1]]>"), served("ipv4-eth1", 8, "{{ 7 * 7 }}"), served("c", 1, "1-eth1")],
  );
  const shares = hostile.classes.map(({ name }, priority) => share(name, priority, 1e7));
  const step = plan(hostile, "", ...hostile.links.map(({ name }) => change(name, [], shares)));
  await expect(step.forward.config).toMatchFileSnapshot(golden("forward-hostile"));
  expect(sharesOf(hostile, step.expected)).toEqual({ one: shares, two: shares, three: shares });
  const less = plan(hostile, step.expected, change("one", shares, []));
  expect(sharesOf(hostile, less.expected)).toEqual({ one: [], two: shares, three: shares });
});

// Goal: whatever the queues were and become, the plan reads as promised and leads back to the byte.
test("random queues: plan, invert and read agree", () => {
  const rate = fc.integer({ min: 0, max: 400_000_000_000 }).map((value) => value as BitsPerSecond);
  const shares = fc
    .subarray(classes.map(({ name }) => name))
    .chain((names) =>
      fc.tuple(
        ...names.map((name) =>
          fc.record({
            ...{ class: fc.constant(name), guaranteed: rate, ceiling: rate, priority: fc.integer({ min: 0, max: 7 }) },
            mark: fc.record({ minBytes: fc.nat(), maxBytes: fc.nat() }),
          }),
        ),
      ),
    )
    .map((all): ClassShare[] => all.toSorted((a, b) => a.priority - b.priority || (a.class < b.class ? -1 : 1)));
  const property = fc.property(shares, shares, shares, (before, after, other) => {
    const start = plan(net, empty, change("r1-r2", [], before), change("r1-r3", [], other));
    const step = plan(net, start.expected, change("r1-r2", before, after));
    expect(sharesOf(net, step.expected)).toEqual({ "r1-r2": after, "r1-r3": other });
    const away = plan(net, step.expected, change("r1-r2", after, []), change("r1-r3", other, []));
    expect(away.expected).toBe(empty);
  });
  fc.assert(property, { numRuns: 30 });
});

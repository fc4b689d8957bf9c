import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { planChange } from "../../src/change/plan.ts";
import { qosQuery } from "../../src/change/qos.ts";
import { unwrap } from "../../src/kernel/failure.ts";
import { canonicalXml, elements } from "../../src/kernel/xml.ts";
import { backboneConfig } from "../../src/lab/backbone-config.ts";
import { interfaceQueues } from "../../src/lab/qos-config.ts";
import type { ClassShare, Decision } from "../../src/model/decision.ts";
import { device, network, templates } from "../change/fixtures.ts";
import { batch, interactive, qosLink } from "../change/openconfig-qos-fixture.ts";
import { confirmedCommit, editConfig, getConfig, type RawClient, TestRouter, validate } from "./netconf-fixture.ts";
import {
  boundClassifier,
  boundPolicy,
  boundQueue,
  classifierXml,
  groupXml,
  outputXml,
  policyXml,
  qosEdit,
  qosNamespace,
  queueXml,
  twoQueues,
} from "./qos-fixture.ts";

let router: TestRouter;
let client: RawClient;
let initial: string;
beforeEach(async () => {
  router = await TestRouter.start(backboneConfig);
  client = await router.session();
  initial = router.server.runningText();
});
afterEach(() => router.stop());

const written = qosEdit(twoQueues).replace(/ xmlns:nc="[^"]*"/, "");
const queues = () =>
  [...interfaceQueues(router.server.running()).values()].flat().map(({ queue, pir }) => [queue, pir]);
const edit = async (config: string) => expect((await client.rpc(editConfig(config))).tag).toBe("ok");
async function commit(config: string): Promise<void> {
  await edit(config);
  expect((await client.rpc("<commit/>")).tag).toBe("ok");
}

test("the hello names the module", async () => {
  const hello = await (await router.connect()).receive();
  expect(hello).toContain(`<capability>${qosNamespace}?module=openconfig-qos&#38;revision=`);
});

// Goal: an edit does what it says, by the other reading of the lab, and its inverse leads back to the same bytes.
test("queues come, change and go", async () => {
  await commit(qosEdit(twoQueues));
  expect(router.server.runningText()).toContain(written);
  expect(queues()).toEqual([
    ["fast", 1e9],
    ["slow", 2e8],
  ]);
  const tighter = policyXml("s", [{ sequence: 2, queue: "fast", rates: "<pir>300000000</pir>" }]);
  await commit(
    qosEdit({
      "scheduler-policies": tighter.replace("<scheduler-policy>", '<scheduler-policy nc:operation="replace">'),
    }),
  );
  expect(queues()).toEqual([["fast", 3e8]]);
  await commit(
    `<qos xmlns="${qosNamespace}" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="remove"/>`,
  );
  expect(router.server.runningText()).toBe(initial);
});

// Goal: queues on trial go by themselves when nobody confirms them, and stay when somebody does.
test("commit confirmed, let lapse and confirmed", async () => {
  await edit(qosEdit(twoQueues));
  expect((await client.rpc(validate)).ok).toBe(true);
  expect(router.server.runningText()).toBe(initial);
  await client.rpc(confirmedCommit("<confirm-timeout>60</confirm-timeout>"));
  expect(queues()).toHaveLength(2);
  await router.clock.advance(60_000);
  expect(router.server.runningText()).toBe(initial);

  await commit(qosEdit(twoQueues));
  await router.clock.advance(3_600_000);
  expect(queues()).toHaveLength(2);
});

test.each([
  ["a DSCP of 7 bits", qosEdit({ classifiers: classifierXml("c", "ipv4", [{ id: "t", dscp: 64, group: "g" }]) })],
  ["a DSCP by name", qosEdit({ classifiers: classifierXml("c", "ipv4", [{ id: "t", dscp: "EF", group: "g" }]) })],
  [
    "a negative rate",
    qosEdit({ "scheduler-policies": policyXml("s", [{ sequence: 1, queue: "q", rates: "<cir>-1</cir>" }]) }),
  ],
  [
    "a rate with a unit",
    qosEdit({ "scheduler-policies": policyXml("s", [{ sequence: 1, queue: "q", rates: "<pir>1G</pir>" }]) }),
  ],
  [
    "a rate of 65 bits",
    qosEdit({
      "scheduler-policies": policyXml("s", [{ sequence: 1, queue: "q", rates: "<pir>18446744073709551616</pir>" }]),
    }),
  ],
  [
    "ECN perhaps",
    qosEdit({ "queue-management-profiles": twoQueues["queue-management-profiles"].replace("true", "maybe") }),
  ],
  [
    "a classifier of no type",
    qosEdit({ interfaces: outputXml("eth1", `<classifiers>${boundClassifier("c", "IP")}</classifiers>`) }),
  ],
])("refused edit: %s", async (_, config) => {
  expect((await client.rpc(editConfig(config))).tag).toBe("invalid-value");
});

test.each([
  ["a queue without its name", qosEdit({ queues: "<queue/>" }), "missing-element"],
  [
    "a leaf that is elsewhere",
    qosEdit({ queues: queueXml("q").replace("</config>", "<cir>1</cir>$&") }),
    "unknown-element",
  ],
  ["another module's leaf", qosEdit({ queues: '<queue xmlns="urn:x"/>' }), "unknown-namespace"],
  [
    "what is not there deleted",
    qosEdit({ queues: '<queue nc:operation="delete"><name>q</name></queue>' }),
    "data-missing",
  ],
])("refused edit: %s", async (_, config, tag) => {
  expect((await client.rpc(editConfig(config))).tag).toBe(tag);
});

test("the largest rate there can be", async () => {
  const rates = "<cir>0</cir><pir>18446744073709551615</pir>";
  await commit(
    qosEdit({ queues: queueXml("q"), "scheduler-policies": policyXml("s", [{ sequence: 1, queue: "q", rates }]) }),
  );
  expect(router.server.runningText()).toContain(rates);
});

// Goal: every reference is one, and to the right list: the lists of one interface's queues and classifiers have the same names.
describe("validate and commit refuse", () => {
  const bound = (inside: string) => qosEdit({ interfaces: outputXml("eth1", inside) });
  test.each([
    ["a term without its group", qosEdit({ classifiers: twoQueues.classifiers })],
    ["a group without its queue", qosEdit({ "forwarding-groups": groupXml("g", "q") })],
    ["a scheduler without its queue", qosEdit({ "scheduler-policies": policyXml("s", [{ sequence: 1, queue: "q" }]) })],
    ["an interface without its classifier", bound(`<classifiers>${boundClassifier("IPV4", "IPV4")}</classifiers>`)],
    ["an interface without its policy", bound(boundPolicy("s"))],
    ["an interface without its profile", bound(`<queues>${boundQueue("q", "p")}</queues>`)],
    [
      "a group whose queue is an interface's only",
      qosEdit({
        interfaces: outputXml("eth1", "<queues><queue><name>q</name><config><name>q</name></config></queue></queues>"),
        "forwarding-groups": groupXml("g", "q"),
      }),
    ],
    [
      "a key that its config does not repeat",
      qosEdit({ queues: "<queue><name>q</name><config><name>r</name></config></queue>" }),
    ],
    ["a queue gone from under its group", qosEdit({ ...twoQueues, queues: queueXml("fast") })],
  ])("%s", async (_, config) => {
    await edit(config);
    expect((await client.rpc(validate)).errors[0]).toMatchObject({ tag: "data-missing" });
    expect((await client.rpc("<commit/>")).ok).toBe(false);
    expect(router.server.runningText()).toBe(initial);
  });
});

// Goal: a classifier is known by its name, and on an interface by its type.
test("a filter by name shows keys as each list has them", async () => {
  await commit(qosEdit(twoQueues));
  const filter = `<filter type="subtree"><qos xmlns="${qosNamespace}"><interfaces><interface><interface-id>eth1</interface-id><output><classifiers><classifier><config><name>c6</name></config></classifier></classifiers></output></interface></interfaces><classifiers><classifier><name>c6</name><config/></classifier></classifiers></qos></filter>`;
  const { text } = await client.rpc(getConfig("running", filter));
  expect(text).toContain(
    `<classifiers><classifier><name>c6</name><config><name>c6</name><type>IPV6</type></config></classifier></classifiers>`,
  );
  expect(text).toContain("<type>IPV6</type><config><name>c6</name><type>IPV6</type></config>");
});

// Goal: what Pointsman plans is what a router does, on a real socket and by the lab's own reading, and the way back is exact.
test("a planned change and its inverse", async () => {
  const r1 = device("openconfig", "r1");
  const inventory = { ...network([r1], [qosLink("r1-r2", "eth1")]), classes: [interactive, batch] };
  const query = qosQuery(templates, inventory, r1);
  const read = async () => {
    const { data } = await client.rpc(getConfig("running", `<filter type="subtree">${query}</filter>`));
    return elements(data)
      .map((one) => canonicalXml(one))
      .join("");
  };
  const to = [
    { class: "interactive", guaranteed: 4e8, ceiling: 1e9, priority: 0, mark: { minBytes: 30_000, maxBytes: 300_000 } },
    { class: "batch", guaranteed: 5e7, ceiling: 2e8, priority: 7, mark: { minBytes: 60_000, maxBytes: 600_000 } },
  ] as unknown as ClassShare[];
  const decision = { action: "qos", changes: [{ action: "qos", device: "r1", link: "r1-r2", from: [], to }] };
  const basis = new Map([["r1", { query, text: await read() }]]);
  const [step] = unwrap(planChange(templates, inventory, decision as unknown as Decision, basis)).steps;
  if (!step) expect.fail("no step");

  await commit(step.forward.config);
  expect(await read()).toBe(step.expected);
  expect(Object.fromEntries(interfaceQueues(router.server.running()))).toEqual({
    eth1: [
      { queue: "pointsman-_control", dscps: [48, 56], sequence: 0, cir: 1e7, pir: 1e9, maxBytes: 150_000 },
      {
        ...{ queue: "pointsman-interactive", dscps: [46], sequence: 1, cir: 4e8, pir: 1e9 },
        ...{ ecnMinBytes: 30_000, maxBytes: 300_000 },
      },
      {
        ...{ queue: "pointsman-scavenger", dscps: [8], sequence: 701, cir: 5e7, pir: 2e8 },
        ...{ ecnMinBytes: 60_000, maxBytes: 600_000 },
      },
    ],
  });
  await commit(step.inverse.config);
  expect(router.server.runningText()).toBe(initial);
});

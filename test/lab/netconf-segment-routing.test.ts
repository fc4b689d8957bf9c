import { afterEach, beforeEach, expect, test } from "vitest";
import { backboneConfig } from "../../src/lab/backbone-config.ts";
import { segmentRoutingRules } from "../../src/lab/policy-forwarding.ts";
import { editConfig, getConfig, type RawClient, TestRouter, validate } from "./netconf-fixture.ts";
import { netInst, pfSrte, policiesEdit, policyXml, ruleXml } from "./segment-routing-fixture.ts";

let router: TestRouter;
let client: RawClient;
let initial: string;
beforeEach(async () => {
  router = await TestRouter.start(backboneConfig);
  client = await router.session();
  initial = router.server.runningText();
});
afterEach(() => router.stop());

const nc = (operation: string) => ` nc:operation="${operation}"`;
const path = { endpoint: "10.255.0.6", color: 100, preference: 100, sids: [16003, 16006] };
const better = { ...path, preference: 101, sids: [16004, 16006] };
const pointsman = (rules: string, operation = "") => policiesEdit(policyXml("pointsman", rules, operation));
const foreign = { endpoint: "10.255.0.1", color: 900, preference: 50, sids: ["16001"] };

/** Commits the edit, which must go through. */
async function commit(config: string): Promise<void> {
  expect((await client.rpc(editConfig(config))).tag).toBe("ok");
  expect((await client.rpc("<commit/>")).tag).toBe("ok");
}
/** The rules that steer, the operators' own left out. */
const rules = () => {
  const [own, ...others] = segmentRoutingRules(router.server.running());
  expect(own).toEqual(foreign);
  return others.map(({ color, preference, sids }) => `${color} ${preference} ${sids.join(",")}`);
};

test("the hello names both modules", async () => {
  const hello = await (await router.connect()).receive();
  for (const [namespace, module] of [
    [netInst, "openconfig-network-instance"],
    [pfSrte, "openconfig-pf-srte"],
  ]) {
    expect(hello).toContain(`<capability>${namespace}?module=${module}&#38;revision=`);
  }
});

// Goal: rules come and go one by one, others beside them stay, and the way back leads to the same bytes.
test("add, add above, delete and remove rules", async () => {
  await commit(pointsman(ruleXml({ sequence: 1, ...path })));
  expect(rules()).toEqual(["100 100 16003,16006"]);
  const once = router.server.runningText();
  expect(once).toContain(policyXml("pointsman", ruleXml({ sequence: 1, ...path })));
  // Numbers as numbers: 2 before 10.
  await commit(pointsman(ruleXml({ sequence: 10, ...better })));
  await commit(pointsman(ruleXml({ sequence: 2, ...path, color: 200 })));
  expect(rules()).toEqual(["100 100 16003,16006", "200 100 16003,16006", "100 101 16004,16006"]);
  const deleted = (sequence: number) => `<rule${nc("delete")}><sequence-id>${sequence}</sequence-id></rule>`;
  await commit(pointsman(deleted(10) + deleted(2)));
  expect(router.server.runningText()).toBe(once);
  await commit(policiesEdit(`<policy${nc("remove")}><policy-id>pointsman</policy-id></policy>`));
  expect(router.server.runningText()).toBe(initial);
});

// Goal: a merge into a rule adds labels to its list, a replace leaves only what it brings.
test("replace of a rule and of a whole policy", async () => {
  await commit(pointsman(ruleXml({ sequence: 1, ...path, sids: [16002, 16003, 16006] })));
  await commit(pointsman(ruleXml({ sequence: 1, ...path, sids: [16004] })));
  expect(rules()).toEqual(["100 100 16004,16003,16006"]);
  await commit(pointsman(ruleXml({ sequence: 1, ...better }).replace("<rule>", `<rule${nc("replace")}>`)));
  expect(rules()).toEqual(["100 101 16004,16006"]);
  await commit(pointsman(ruleXml({ sequence: 3, ...path }), nc("replace")));
  expect(rules()).toEqual(["100 100 16003,16006"]);
});

const inRule = (inside: string) =>
  pointsman(`<rule><sequence-id>1</sequence-id><config><sequence-id>1</sequence-id></config>${inside}</rule>`);
const srte = (inside: string) => inRule(`<srte xmlns="${pfSrte}"><config>${inside}</config></srte>`);
const list = (inside: string) => inRule(`<action><segment-lists xmlns="${pfSrte}">${inside}</segment-lists></action>`);
const sid = (value: string) =>
  list(
    `<segment-list><index>1</index><sids><sid><index>0</index><config><index>0</index><value>${value}</value></config></sid></sids></segment-list>`,
  );

test.each([
  ["a rule without its key", pointsman("<rule><config/></rule>"), "missing-element"],
  ["a policy without its key", policiesEdit("<policy/>"), "missing-element"],
  ["a sequence of words", pointsman("<rule><sequence-id>first</sequence-id></rule>"), "invalid-value"],
  ["a reserved label", sid("15"), "invalid-value"],
  ["a label over 20 bits", sid("1048576"), "invalid-value"],
  ["an IPv4 address for a label", sid("10.0.0.1"), "invalid-value"],
  ["an endpoint that is no address", srte("<srte-endpoint>r6</srte-endpoint>"), "invalid-value"],
  ["a color over 32 bits", srte("<srte-color>4294967296</srte-color>"), "invalid-value"],
  ["a second segment list", list("<segment-list><index>2</index></segment-list>"), "invalid-value"],
  ["srte of the wrong module", inRule("<srte/>"), "unknown-element"],
  ["create of what is there", policiesEdit(policyXml("operators-own", "", nc("create"))), "data-exists"],
  ["delete of what is not", pointsman("", nc("delete")), "data-missing"],
])("refused edit: %s", async (_, config, tag) => {
  expect((await client.rpc(editConfig(config, "<error-option>rollback-on-error</error-option>"))).tag).toBe(tag);
  expect((await client.rpc("<commit/>")).ok).toBe(true);
  expect(router.server.runningText()).toBe(initial);
});

test.each([
  ["an IPv6 segment", sid("fc00:0:1::1")],
  ["the highest label", sid("1048575")],
  ["an IPv6 endpoint", srte("<srte-endpoint>2001:db8::6</srte-endpoint>")],
])("accepted edit: %s", async (_, config) => {
  expect((await client.rpc(editConfig(config))).ok).toBe(true);
});

// Goal: each key is a leafref to the leaf of its name in `config`, all the way down.
test.each([
  ["policy", pointsman("").replace("<config><policy-id>pointsman", "<config><policy-id>other")],
  ["rule", inRule("").replace("<config><sequence-id>1", "<config><sequence-id>2")],
  ["segment list", list("<segment-list><index>1</index></segment-list>")],
  [
    "sid",
    sid("16001")
      .replace("<segment-list><index>1</index>", "$&<config><index>1</index></config>")
      .replace("<config><index>0", "<config><index>3"),
  ],
])("validate refuses a key that its config does not repeat: %s", async (_, config) => {
  expect((await client.rpc(editConfig(config))).ok).toBe(true);
  expect((await client.rpc(validate)).errors).toMatchObject([{ tag: "data-missing" }]);
  await client.rpc("<discard-changes/>");
});

test("a subtree filter picks one policy, with the keys above it", async () => {
  await commit(pointsman(ruleXml({ sequence: 1, ...path })));
  const filter = `<filter type="subtree"><network-instances xmlns="${netInst}"><network-instance><name>DEFAULT</name><policy-forwarding><policies><policy><policy-id>pointsman</policy-id></policy></policies></policy-forwarding></network-instance></network-instances></filter>`;
  const { text } = await client.rpc(getConfig("running", filter));
  expect(text).toContain(
    `<data>${policiesEdit(policyXml("pointsman", ruleXml({ sequence: 1, ...path }))).replace(/ xmlns:nc="[^"]*"/, "")}</data>`,
  );
});

import { afterEach, beforeEach, expect, test } from "vitest";
import {
  base,
  bgpPol,
  editConfig,
  getConfig,
  initial,
  prefixSet,
  type RawClient,
  setPrepend,
  setsEdit,
  statementEdit,
  TestRouter,
  validate,
} from "./netconf-fixture.ts";

let router: TestRouter;
let client: RawClient;
beforeEach(async () => {
  router = await TestRouter.start();
  client = await router.session();
});
afterEach(() => router.stop());

const nc = (operation: string) => ` nc:operation="${operation}"`;
const set = (name: string, operation = "", inside = "") =>
  setsEdit(`<prefix-set${operation}><name>${name}</name>${inside}</prefix-set>`);
const keys = "<ip-prefix>10.0.0.0/24</ip-prefix><masklength-range>exact</masklength-range>";
const inPrefix = (operation: string, key = keys) =>
  set("NET-10", "", `<prefixes><prefix${operation}>${key}</prefix></prefixes>`);
const prependPath =
  "/routing-policy/policy-definitions/policy-definition[name='TRANSIT-OUT']/statements/statement[name='net-10']/actions/bgp-actions/set-as-path-prepend";
const prependConfig = (inside: string) =>
  statementEdit(
    `<actions><bgp-actions xmlns="${bgpPol}"><set-as-path-prepend><config>${inside}</config></set-as-path-prepend></bgp-actions></actions>`,
  );

// Goal: each refused edit says what is wrong and where, in the tags of RFC 6241 appendix A and RFC 7950 section 8.3.1, and leaves no trace.
test.each([
  [
    "create what is there",
    set("NET-10", nc("create")),
    { tag: "data-exists", path: "/routing-policy/defined-sets/prefix-sets/prefix-set[name='NET-10']" },
  ],
  [
    "delete what is not",
    set("NET-12", nc("delete")),
    { tag: "data-missing", path: "/routing-policy/defined-sets/prefix-sets/prefix-set[name='NET-12']" },
  ],
  [
    "delete a container that is not there",
    statementEdit(`<actions><bgp-actions xmlns="${bgpPol}"${nc("delete")}/></actions>`),
    { tag: "data-missing" },
  ],
  [
    "delete an entry under one of two keys",
    inPrefix(nc("delete"), keys.replace("exact", "24..32")),
    { tag: "data-missing" },
  ],
  [
    "delete a key",
    setsEdit(`<prefix-set><name${nc("delete")}>NET-10</name></prefix-set>`),
    { tag: "bad-attribute", "bad-element": "name" },
  ],
  [
    "no key",
    setsEdit("<prefix-set><config/></prefix-set>"),
    { tag: "missing-element", "bad-element": "name", path: "/routing-policy/defined-sets/prefix-sets/prefix-set" },
  ],
  [
    "half a key",
    inPrefix("", "<ip-prefix>10.0.0.0/24</ip-prefix>"),
    { tag: "missing-element", "bad-element": "masklength-range" },
  ],
  [
    "an unknown element",
    set("NET-10", "", "<colour>red</colour>"),
    {
      tag: "unknown-element",
      "bad-element": "colour",
      path: "/routing-policy/defined-sets/prefix-sets/prefix-set[name='NET-10']/colour",
    },
  ],
  [
    "an element of the wrong module",
    statementEdit("<actions><bgp-actions/></actions>"),
    { tag: "unknown-element", "bad-element": "bgp-actions" },
  ],
  [
    "a namespace that no module has",
    `<interfaces xmlns="urn:x"/>`,
    { tag: "unknown-namespace", "bad-namespace": "urn:x", path: "/interfaces" },
  ],
  [
    "an element inside a leaf",
    set("NET-10", "", "<config><name><b/></name></config>"),
    { tag: "unknown-element", "bad-element": "b" },
  ],
  [
    "text inside a container",
    set("NET-10", "", "<config>text</config>"),
    { tag: "bad-element", "bad-element": "config" },
  ],
  ["an unknown operation", set("NET-10", nc("upsert")), { tag: "bad-attribute", "bad-attribute": "operation" }],
  [
    "an operation in no namespace",
    set("NET-10", ` operation="delete"`),
    { tag: "unknown-attribute", "bad-attribute": "operation" },
  ],
  ["too many prepends", setPrepend(11), { tag: "invalid-value", path: `${prependPath}/config/repeat-n` }],
  ["no prepends", setPrepend(0), { tag: "invalid-value" }],
  ["a part of a prepend", prependConfig("<repeat-n>1.5</repeat-n>"), { tag: "invalid-value" }],
  [
    "an AS number over 32 bits",
    prependConfig("<asn>4294967296</asn>"),
    { tag: "invalid-value", path: `${prependPath}/config/asn` },
  ],
  ["a negative AS number", prependConfig("<asn>-1</asn>"), { tag: "invalid-value" }],
  ["a prefix that is none", setsEdit(prefixSet("X", "10.0.0.0/33")), { tag: "invalid-value" }],
  [
    "a result that is none",
    statementEdit("<actions><config><policy-result>ACCEPT</policy-result></config></actions>"),
    { tag: "invalid-value" },
  ],
])("refused edit: %s", async (_, config, expected) => {
  const { errors } = await client.rpc(editConfig(config, "<error-option>rollback-on-error</error-option>"));
  expect(errors).toEqual([expect.objectContaining({ type: "application", severity: "error", ...expected })]);
  expect((await client.rpc(getConfig("candidate"))).text).toContain(`<data>${initial}</data>`);
});

// Goal: each operation of RFC 6241 section 7.2 does to the data what it says.
test.each([
  [
    "merge adds beside what is there",
    set("NET-10", nc("merge"), "<config><mode>IPV4</mode></config>"),
    (text: string) => text.replace("<config><name>NET-10</name>", "$&<mode>IPV4</mode>"),
  ],
  [
    "replace leaves only what it brings",
    set("NET-10", nc("replace"), "<config><name>NET-10</name></config>"),
    (text: string) => text.replace(/(<name>NET-10<\/name><\/config>)<prefixes>.*?<\/prefixes>/, "$1"),
  ],
  [
    "create makes",
    setsEdit(prefixSet("NET-12", "12.0.0.0/24").replace("<prefix-set", `$&${nc("create")}`)),
    (text: string) => text.replace("</prefix-sets>", `${prefixSet("NET-12", "12.0.0.0/24")}$&`),
  ],
  [
    "delete takes away, and the containers that it empties",
    inPrefix(nc("delete")),
    (text: string) => text.replace(/<prefixes>.*?<\/prefixes>/, ""),
  ],
  ["remove takes away", inPrefix(nc("remove")), (text: string) => text.replace(/<prefixes>.*?<\/prefixes>/, "")],
  ["remove of nothing is fine", set("NET-12", nc("remove")), (text: string) => text],
  [
    "an empty container means nothing",
    statementEdit(`<actions><bgp-actions xmlns="${bgpPol}"><config/></bgp-actions></actions>`),
    (text: string) => text,
  ],
  [
    "numbers are kept in one form",
    prependConfig("<repeat-n> +03 </repeat-n><asn>0065000</asn>"),
    (text: string) =>
      text.replace(
        "</actions>",
        `<bgp-actions xmlns="${bgpPol}"><set-as-path-prepend><config><repeat-n>3</repeat-n><asn>65000</asn></config></set-as-path-prepend></bgp-actions>$&`,
      ),
  ],
  [
    "siblings stand in the model's order",
    statementEdit(
      `<actions><bgp-actions xmlns="${bgpPol}"><config><set-med>5</set-med></config></bgp-actions></actions>`,
      "net-11",
    ),
    (text: string) => text.replace(`<bgp-actions xmlns="${bgpPol}">`, "$&<config><set-med>5</set-med></config>"),
  ],
])("edit: %s", async (_, config, change) => {
  const expected = change(initial);
  expect((await client.rpc(editConfig(config))).ok).toBe(true);
  expect((await client.rpc(getConfig("candidate"))).text).toContain(`<data>${expected}</data>`);
  expect((await client.rpc("<commit/>")).ok).toBe(true);
  expect(router.server.runningText()).toBe(`<config xmlns="${base}">${expected}</config>`);
});

// Goal: default-operation governs what carries no operation of its own.
test("default-operation none and replace", async () => {
  const none = "<default-operation>none</default-operation>";
  expect((await client.rpc(editConfig(set("NET-12"), none))).errors).toMatchObject([
    { tag: "data-missing", path: "/routing-policy/defined-sets/prefix-sets/prefix-set[name='NET-12']" },
  ]);
  expect((await client.rpc(editConfig(set("NET-10", "", "<config><mode>IPV4</mode></config>"), none))).tag).toBe(
    "data-missing",
  );
  expect((await client.rpc(editConfig(inPrefix(nc("delete")), none))).ok).toBe(true);
  expect((await client.rpc(getConfig("candidate"))).text).not.toContain("<ip-prefix>10.0.0.0/24</ip-prefix>");
  const only = setsEdit(prefixSet("NET-12", "12.0.0.0/24"));
  expect((await client.rpc(editConfig(only, "<default-operation>replace</default-operation>"))).ok).toBe(true);
  expect((await client.rpc(getConfig("candidate"))).text).toContain(`<data>${only}</data>`);
  expect((await client.rpc(editConfig("", "<default-operation>replace</default-operation>"))).ok).toBe(true);
  expect((await client.rpc(getConfig("candidate"))).data.children).toEqual([]);
});

// Goal: error-option decides what of a partly wrong edit stays: up to the error, nothing, or all but the wrong.
test.each([
  ["stop-on-error", ["NET-20"], 1],
  ["rollback-on-error", [], 1],
  ["continue-on-error", ["NET-20", "NET-30"], 2],
] as const)("error-option %s", async (option, stay, errors) => {
  const edit = ["NET-20", "NET-10", "NET-30", "NET-11"].map(
    (name) => `<prefix-set${nc("create")}><name>${name}</name></prefix-set>`,
  );
  const reply = await client.rpc(editConfig(setsEdit(edit.join("")), `<error-option>${option}</error-option>`));
  expect(reply.errors.map(({ tag }) => tag)).toEqual(Array(errors).fill("data-exists"));
  const { text } = await client.rpc(getConfig("candidate"));
  expect(["NET-20", "NET-30"].filter((name) => text.includes(`<name>${name}</name>`))).toEqual(stay);
});

// Goal: references and key copies are looked at on validate and commit; test-option brings it forward.
test("validate and commit refuse a candidate that breaks a constraint", async () => {
  const dangling = statementEdit(
    "<conditions><match-prefix-set><config><prefix-set>GONE</prefix-set></config></match-prefix-set></conditions>",
  );
  const broken = {
    type: "application",
    tag: "data-missing",
    severity: "error",
    path: prependPath.replace(/actions.*/, "conditions/match-prefix-set/config/prefix-set"),
  };
  expect((await client.rpc(editConfig(dangling, "<test-option>test-then-set</test-option>"))).errors).toEqual([broken]);
  expect((await client.rpc(editConfig(dangling, "<test-option>test-only</test-option>"))).errors).toEqual([broken]);
  expect((await client.rpc(editConfig(setPrepend(3), "<test-option>test-only</test-option>"))).ok).toBe(true);
  expect((await client.rpc(getConfig("candidate"))).text).toContain(`<data>${initial}</data>`);

  expect((await client.rpc(validate)).ok).toBe(true);
  expect((await client.rpc(editConfig(dangling))).ok).toBe(true);
  const refused = await client.rpc(validate);
  expect(refused.errors).toEqual([broken]);
  expect(refused.text).toContain("<error-app-tag>instance-required</error-app-tag>");
  const before = router.server.runningText();
  expect((await client.rpc("<commit/>")).errors).toEqual([broken]);
  expect(router.server.runningText()).toBe(before);

  await client.rpc("<discard-changes/>");
  await client.rpc(editConfig(set("NET-12")));
  expect((await client.rpc(validate)).errors).toMatchObject([
    { tag: "data-missing", path: expect.stringContaining("[name='NET-12']/name") },
  ]);
});

// Goal: a configuration can be validated without touching anything.
test("validate of an inline configuration", async () => {
  const inline = (config: string) => `<validate><source><config>${config}</config></source></validate>`;
  expect((await client.rpc(inline(initial))).ok).toBe(true);
  expect((await client.rpc(inline(setsEdit("<prefix-set><colour/></prefix-set>")))).tag).toBe("missing-element");
  expect((await client.rpc(inline(setPrepend(12)))).tag).toBe("invalid-value");
  expect(
    (await client.rpc(inline(initial.replace("<name>NET-10</name><config>", "<name>NET-9</name><config>")))).errors
      .length,
  ).toBe(2);
});

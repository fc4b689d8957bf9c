import { afterEach, beforeEach, expect, test } from "vitest";
import { writeXml } from "../../src/kernel/xml.ts";
import {
  bgpPol,
  getConfig,
  initial,
  prefixSet,
  type RawClient,
  rpol,
  setsEdit,
  TestRouter,
} from "./netconf-fixture.ts";

let router: TestRouter;
let client: RawClient;
beforeEach(async () => {
  router = await TestRouter.start();
  client = await router.session();
});
afterEach(() => router.stop());

const filter = (inside: string) => `<filter type="subtree">${inside}</filter>`;
const selected = async (inside: string) => {
  const reply = await client.rpc(getConfig("running", filter(inside)));
  return reply.data.children.map((child) => (typeof child === "string" ? child : writeXml(child))).join("");
};
const inPolicy = (inside: string) => `<routing-policy xmlns="${rpol}">${inside}</routing-policy>`;
const inSets = (inside: string) => inPolicy(`<defined-sets><prefix-sets>${inside}</prefix-sets></defined-sets>`);
const inStatements = (inside: string) =>
  inPolicy(
    `<policy-definitions><policy-definition><name>TRANSIT-OUT</name><statements>${inside}</statements></policy-definition></policy-definitions>`,
  );

// Goal: subtree filters as RFC 6241 section 6 has them.
test.each([
  ["an empty filter selects nothing", "", ""],
  ["a selection node takes its whole subtree", `<routing-policy xmlns="${rpol}"/>`, initial],
  [
    "containment narrows",
    inPolicy("<defined-sets/>"),
    setsEdit(prefixSet("NET-10", "10.0.0.0/24") + prefixSet("NET-11", "11.0.0.0/24")),
  ],
  [
    "a content match alone takes its entry whole",
    inSets("<prefix-set><name>NET-11</name></prefix-set>"),
    setsEdit(prefixSet("NET-11", "11.0.0.0/24")),
  ],
  [
    "white space round a match means nothing",
    inSets("<prefix-set><name>\n NET-11 </name></prefix-set>"),
    setsEdit(prefixSet("NET-11", "11.0.0.0/24")),
  ],
  ["a failed match takes nothing", inSets("<prefix-set><name>NET-12</name></prefix-set>"), ""],
  [
    "all matches must hold",
    inSets("<prefix-set><config><name>NET-11</name><mode>IPV4</mode></config></prefix-set>"),
    "",
  ],
  [
    "a match that fails further down takes away its own branch",
    inSets("<prefix-set><name>NET-11</name><config><name>NET-10</name></config></prefix-set>"),
    inSets("<prefix-set><name>NET-11</name></prefix-set>"),
  ],
  [
    "a match beside selections takes those, and the key",
    inSets("<prefix-set><name>NET-11</name><config/></prefix-set>"),
    inSets("<prefix-set><name>NET-11</name><config><name>NET-11</name></config></prefix-set>"),
  ],
  [
    "a selection in each entry brings its key",
    inSets("<prefix-set><config><name/></config></prefix-set>"),
    inSets(
      "NET-10 NET-11"
        .replaceAll(/\S+/g, "<prefix-set><name>$&</name><config><name>$&</name></config></prefix-set>")
        .replace(" ", ""),
    ),
  ],
  [
    "two filters for one list are joined, in the data's order and without repeats",
    inSets(
      "<prefix-set><name>NET-11</name></prefix-set><prefix-set><name>NET-10</name></prefix-set><prefix-set><name>NET-11</name><config/></prefix-set>",
    ),
    setsEdit(prefixSet("NET-10", "10.0.0.0/24") + prefixSet("NET-11", "11.0.0.0/24")),
  ],
  ["a wrong namespace selects nothing", `<routing-policy xmlns="${bgpPol}"/>`, ""],
  ["the NETCONF namespace is not a wildcard", "<routing-policy/>", ""],
  ["no namespace is", `<routing-policy xmlns=""/>`, initial],
  ["prefixes do not matter", `<x:routing-policy xmlns:x="${rpol}"/>`, initial],
  ["an attribute must be in the data", `<routing-policy xmlns="${rpol}" a="b"/>`, ""],
  ["a selection of what is not there takes nothing", inSets("<prefix-set><state/></prefix-set>"), ""],
  [
    "the namespace may change on the way down",
    inStatements(`<statement><actions><bgp-actions xmlns="${bgpPol}"/></actions></statement>`),
    inStatements(
      `<statement><name>net-11</name><actions><bgp-actions xmlns="${bgpPol}"><set-as-path-prepend><config><repeat-n>2</repeat-n><asn>65000</asn></config></set-as-path-prepend></bgp-actions></actions></statement>`,
    ),
  ],
])("filter: %s", async (_, inside, expected) => {
  expect(await selected(inside)).toBe(expected);
});

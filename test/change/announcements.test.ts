import { describe, expect, test } from "vitest";
import { readAnnouncements } from "../../src/change/announcements.ts";
import { canonical, device, link, network, prefixSet, reading, unwrap } from "./fixtures.ts";

const links = [link("transit-a", "OUT")];
const frr = device("frr");
const openconfig = device("openconfig");
const allowed = ["11.0.0.0/24", "2001:db8::/32"];

const readFrr = (...lines: string[]) =>
  readAnnouncements(network([frr], links, allowed), frr, lines.map((line) => `${line}\n`).join(""));

/** Statements given by their content; the prefix sets `exact`, `two`, `wide` and `other` are there. */
function readOpenconfig(...statements: string[]) {
  const sets = [
    prefixSet("exact", ["11.0.0.0/24"]),
    prefixSet("spelled", ["11.0.0.0/24 24..24"]),
    prefixSet("six", ["2001:0DB8:0::/32"]),
    prefixSet("two", ["11.0.0.0/24", "13.0.0.0/24"]),
    prefixSet("wide", ["11.0.0.0/8 8..24"]),
    prefixSet("longer", ["11.0.0.0/24 25..32"]),
    prefixSet("shorter", ["11.0.0.0/25 8..25"]),
    prefixSet("other", ["13.0.0.0/24"]),
    prefixSet("strange", ["a-block-of-ours"]),
  ];
  const list = statements.map((content, index) => `<statement><name>s${index}</name>${content}</statement>`);
  const text = canonical(`<routing-policy xmlns="http://openconfig.net/yang/routing-policy">
    <defined-sets><prefix-sets>${sets.join("")}</prefix-sets></defined-sets>
    <policy-definitions><policy-definition><name>OUT</name><statements>${list.join("")}</statements></policy-definition></policy-definitions>
  </routing-policy>`);
  return readAnnouncements(network([openconfig], links, allowed), openconfig, text);
}
const matches = (set: string, more = "", options = "ANY") =>
  `<conditions>${more}<match-prefix-set><config><prefix-set>${set}</prefix-set>
   <match-set-options>${options}</match-set-options></config></match-prefix-set></conditions>`;
const acts = (result: string, bgp = "") =>
  `<actions><config><policy-result>${result}</policy-result></config>
   <bgp-actions xmlns="http://openconfig.net/yang/bgp-policy">${bgp}</bgp-actions></actions>`;
const prepends = (config: string, more = "") =>
  acts("ACCEPT_ROUTE", `<set-as-path-prepend><config>${config}</config>${more}</set-as-path-prepend>`);
const accept = acts("ACCEPT_ROUTE");
const reject = acts("REJECT_ROUTE");

const counts = (result: ReturnType<typeof readAnnouncements>) =>
  Object.fromEntries(unwrap(result).map(({ prefix, prepends: count }) => [prefix, count]));

function expectUnsupported(result: ReturnType<typeof readAnnouncements>, words: string): void {
  expect(result).toMatchObject({ ok: false, failure: { code: "CHANGE_UNSUPPORTED" } });
  if (result.ok) return;
  expect(result.failure.message).toContain(words);
  expect(result.failure.mend).not.toBe("");
}

describe("openconfig", () => {
  test.each([
    ["an exact statement", [matches("exact") + accept], { "11.0.0.0/24": 0 }],
    ["with prepends", [matches("exact") + prepends("<repeat-n>2</repeat-n><asn>65000</asn>")], { "11.0.0.0/24": 2 }],
    [
      "the AS left out, which means our own",
      [matches("exact") + prepends("<repeat-n>2</repeat-n>")],
      { "11.0.0.0/24": 2 },
    ],
    ["an exact length written as a range", [matches("spelled") + accept], { "11.0.0.0/24": 0 }],
    ["another way to write the prefix", [matches("six") + accept], { "2001:db8::/32": 0 }],
    ["no statement for it", [matches("other") + accept], {}],
    ["longer prefixes only", [matches("longer") + accept], { "11.0.0.0/25": 0 }],
    ["a range that begins above its own prefix", [matches("shorter") + accept], { "11.0.0.0/25": 0 }],
    ["denied", [matches("exact") + reject, matches("exact") + accept], {}],
    ["denied with others", [matches("two") + reject, matches("exact") + accept], {}],
    ["denied by the rest", [reject, matches("exact") + accept], {}],
    ["before a wide one", [matches("exact") + accept, matches("wide") + reject], { "11.0.0.0/24": 0 }],
    [
      "all others are accepted first",
      [matches("exact", "", "INVERT") + reject, matches("exact") + accept],
      { "11.0.0.0/24": 0 },
    ],
    [
      "other conditions on other prefixes",
      [`${matches("other", "<match-tag-set><config><tag-set>t</tag-set></config></match-tag-set>")}${accept}`],
      {},
    ],
  ])("%s", (_, statements, expected) => {
    expect(counts(readOpenconfig(...statements))).toEqual(expected);
  });

  test.each([
    ["a set of two", "s0", [matches("two") + accept]],
    ["a range", "s1", [matches("other") + accept, matches("wide") + accept]],
    ["an inverted set", "s0", [matches("other", "", "INVERT") + accept]],
    ["no conditions", "s0", [accept]],
    ["a set that is not there", "s0", [matches("nowhere") + accept]],
    ["a set that is not understood", "s0", [matches("strange") + accept]],
    ["match options that are not understood", "s0", [matches("exact", "", "SOME") + accept]],
    [
      "a further condition",
      "s0",
      [
        `${matches("exact", '<bgp-conditions xmlns="http://openconfig.net/yang/bgp-policy"><config><med-eq>5</med-eq></config></bgp-conditions>')}${accept}`,
      ],
    ],
    [
      "a denial that hangs on more",
      "s0",
      [`${matches("exact", "<config><call-policy>p</call-policy></config>")}${reject}`],
    ],
    [
      "only another condition",
      "s0",
      [`<conditions><match-tag-set><config><tag-set>t</tag-set></config></match-tag-set></conditions>${reject}`],
    ],
    ["a statement that goes on", "s0", [matches("exact") + acts("NEXT_STATEMENT")]],
    ["no result", "s0", [matches("exact")]],
    ["another AS prepended", "AS 64999", [matches("exact") + prepends("<repeat-n>2</repeat-n><asn>64999</asn>")]],
    ["a count of nothing", "s0", [matches("exact") + prepends("<asn>65000</asn>")]],
    ["a count that is no number", "s0", [matches("exact") + prepends("<repeat-n>0</repeat-n>")]],
    ["a vendor's addition", "s0", [matches("exact") + prepends('<repeat-n>2</repeat-n><x xmlns="urn:v">1</x>')]],
    [
      "a vendor's addition beside",
      "s0",
      [matches("exact") + prepends("<repeat-n>2</repeat-n>", '<x xmlns="urn:v">1</x>')],
    ],
  ])("refused: %s", (_, words, statements) => {
    expectUnsupported(readOpenconfig(...statements), words);
  });

  test("refused: the policy is not there, or nothing is", () => {
    const net = network([openconfig], [link("transit-a", "ELSEWHERE")], allowed);
    const text = reading("openconfig", { OUT: [{ set: ["11.0.0.0/24"], accept: true, prepends: 0 }] });
    expectUnsupported(readAnnouncements(net, openconfig, text), "ELSEWHERE");
    expectUnsupported(readAnnouncements(net, openconfig, ""), "ELSEWHERE");
  });

  test("names are those of the namespace, not those of a vendor's addition", () => {
    const decoy = `<actions xmlns="urn:v"><config><policy-result>REJECT_ROUTE</policy-result></config></actions>`;
    expect(counts(readOpenconfig(matches("exact") + decoy + accept))).toEqual({ "11.0.0.0/24": 0 });
  });

  test("refused: a reading that would not come out the same again", () => {
    const net = network([openconfig], links, allowed);
    for (const text of ["<a>", "<a> x</a>\n", `<a>&#13;</a>\n`, "stray"]) {
      expectUnsupported(readAnnouncements(net, openconfig, text), "edge-a");
    }
  });
});

describe("frr", () => {
  const list = "ip prefix-list L seq 5 permit 11.0.0.0/24";
  const permit = ["route-map OUT permit 10", " match ip address prefix-list L"];

  test.each([
    ["an exact statement", [list, ...permit, "exit"], { "11.0.0.0/24": 0 }],
    ["with prepends", [list, ...permit, " set as-path prepend 65000 65000", "exit"], { "11.0.0.0/24": 2 }],
    [
      "with a description and other actions",
      [
        list,
        "ip prefix-list L description ours",
        permit[0] ?? "",
        " description match all",
        permit[1] ?? "",
        " set metric 5",
        "exit",
      ],
      { "11.0.0.0/24": 0 },
    ],
    [
      "IPv6",
      ["ipv6 prefix-list L seq 5 permit 2001:db8::/32", "route-map OUT permit 10", " match ipv6 address prefix-list L"],
      { "2001:db8::/32": 0 },
    ],
    ["of two families with one name", [list, "ipv6 prefix-list L seq 5 permit any", ...permit], { "11.0.0.0/24": 0 }],
    [
      "an exact length written as a range",
      ["ip prefix-list L seq 5 permit 11.0.0.0/24 ge 24 le 24", ...permit],
      { "11.0.0.0/24": 0 },
    ],
    ["no entry for it", ["ip prefix-list L seq 5 permit 13.0.0.0/24", ...permit], {}],
    ["longer prefixes only", ["ip prefix-list L seq 5 permit 11.0.0.0/24 ge 25", ...permit], { "11.0.0.0/25": 0 }],
    [
      "denied by the list",
      ["ip prefix-list L seq 5 deny 11.0.0.0/24", "ip prefix-list L seq 10 permit any", ...permit],
      {},
    ],
    [
      "denied by the map, whatever the order of the text",
      [
        list,
        "route-map OUT permit 20",
        " match ip address prefix-list L",
        "exit",
        "route-map OUT deny 10",
        " match ip address prefix-list L",
        "exit",
      ],
      {},
    ],
    ["denied with all", ["route-map OUT deny 10"], {}],
    [
      "of another route-map",
      [list, "route-map OUT permit 5", ` match ip address prefix-list L`, "exit", "route-map OUT-2 permit 1", "exit"],
      { "11.0.0.0/24": 0 },
    ],
  ])("%s", (_, lines, expected) => {
    expect(counts(readFrr(...lines))).toEqual(expected);
  });

  test.each([
    ["two lines in a list", "route-map OUT permit 10", [list, "ip prefix-list L seq 10 permit 13.0.0.0/24", ...permit]],
    [
      "a hole in a list that is exact otherwise",
      "OUT permit 10",
      ["ip prefix-list L seq 1 deny 13.0.0.0/24", list, ...permit],
    ],
    ["ge", "OUT permit 10", ["ip prefix-list L seq 5 permit 11.0.0.0/8 ge 16", ...permit]],
    ["le", "OUT permit 10", ["ip prefix-list L seq 5 permit 11.0.0.0/24 le 28", ...permit]],
    ["any", "OUT permit 10", ["ip prefix-list L seq 5 permit any", ...permit]],
    ["no match", "OUT permit 10", ["route-map OUT permit 10", " set metric 5"]],
    ["a list that is not there", "OUT permit 10", permit],
    ["a list that is not understood", "OUT permit 10", ["ip prefix-list L seq 5 permit ours", ...permit]],
    ["a further condition", "OUT permit 10", [list, ...permit, " match community C"]],
    ["another condition only", "OUT deny 5", [list, "route-map OUT deny 5", " match community C", "exit", ...permit]],
    ["call", "OUT permit 10", [list, " call X", ...permit, " call X"]],
    ["on-match", "OUT permit 10", [list, ...permit, " on-match next"]],
    ["a line that is not known", "OUT permit 10", [list, ...permit, " reverse everything"]],
    ["another AS prepended", "set as-path prepend 65000 64999", [list, ...permit, " set as-path prepend 65000 64999"]],
    ["last-as", "last-as 3", [list, ...permit, " set as-path prepend last-as 3"]],
    ["exclude", "exclude 65001", [list, ...permit, " set as-path exclude 65001"]],
    ["both", "set as-path", [list, ...permit, " set as-path exclude 65001", " set as-path prepend 65000"]],
  ])("refused: %s", (_, words, lines) => {
    expectUnsupported(readFrr(...lines), words);
  });

  test("refused: the route-map is not there, though one of a longer name is", () => {
    expectUnsupported(
      readFrr(list, "route-map OUT-2 permit 10", " match ip address prefix-list L"),
      "no export policy OUT",
    );
  });
});

test("links without BGP and links of other routers are left alone", () => {
  const { bgp: _, ...plain } = link("backbone", "NONE");
  const net = network([frr, device("frr", "edge-b")], [plain, link("transit-b", "ELSEWHERE", "192.0.2.5", "edge-b")]);
  expect(readAnnouncements(net, frr, "")).toEqual({ ok: true, value: [] });
});

// Goal: what is announced inside a listed prefix is told, where a statement names it and decides for it; what only a wide statement lets
// through, or something else decides, is not.
describe("more specifics", () => {
  const own = "11.0.0.0/24";
  const list = (name: string, ...rules: string[]) =>
    rules.map((rule, index) => `ip prefix-list ${name} seq ${5 * (index + 1)} ${rule}`);
  const map = (sequence: number, action: string, ...body: string[]) => [
    `route-map OUT ${action} ${sequence}`,
    ...body.map((line) => ` ${line}`),
  ];
  const ours = [...list("OWN", `permit ${own}`), ...map(10, "permit", "match ip address prefix-list OWN")];
  const more = [...list("MORE", "permit 11.0.0.128/25"), ...map(20, "permit", "match ip address prefix-list MORE")];
  const wide = [...list("WIDE", "permit 0.0.0.0/0 le 32"), ...map(30, "permit", "match ip address prefix-list WIDE")];
  test.each([
    ["named", [...ours, ...more], { [own]: 0, "11.0.0.128/25": 0 }],
    ["let through by a wide one", [...ours, ...wide], { [own]: 0 }],
    ["denied before", [...ours, ...more.map((line) => line.replace("permit 20", "deny 20")), ...wide], { [own]: 0 }],
    ["of another prefix", [...ours, ...more.map((line) => line.replace("11.0.0.128", "13.0.0.128"))], { [own]: 0 }],
    ["if something else holds too", [...ours, ...more, " match community X"], { [own]: 0 }],
  ])("frr: %s", (_, lines, expected) => expect(counts(readFrr(...lines))).toEqual(expected));

  test("openconfig", () => {
    const [exact, longer] = [matches("exact") + accept, matches("longer") + accept];
    expect(counts(readOpenconfig(exact, longer))).toEqual({ [own]: 0, "11.0.0.0/25": 0 });
    expect(counts(readOpenconfig(exact, matches("longer") + reject, longer))).toEqual({ [own]: 0 });
  });
});

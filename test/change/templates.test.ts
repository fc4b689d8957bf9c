import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { queryFor } from "../../src/change/query.ts";
import { Templates } from "../../src/change/templates.ts";
import { childElement, descend, elements, parseXml, textOf, type XmlElement } from "../../src/kernel/xml.ts";
import { applyFilter } from "../../src/lab/netconf/subtree-filter.ts";
import { apply } from "./apply.ts";
import {
  device,
  link,
  network,
  type Policies,
  plan,
  prepend,
  reading,
  templateFiles,
  templates,
  unwrap,
} from "./fixtures.ts";

const hostile = `<a>&"'\n]]> {{ 7 * 7 }} {% raw %} <!-- ${"\u00e9\u{1f980}"} </name>`;
const shapes = [
  { set: ["10.0.0.0/24"], accept: true, prepends: 2 },
  { set: ["11.0.0.0/24"], accept: true, prepends: 0 },
];
const golden = (name: string) => `../golden/change/${name}`;

// Goal: the bytes that are sent, for a plain and a hostile configuration; under CI a missing golden fails.
describe.each([
  ["plain", "TRANSIT-OUT"],
  ["hostile", hostile],
])("openconfig, %s names", (label, policy) => {
  const router = device("openconfig");
  const net = network([router], [link("transit-a", policy), link("transit-b", `Z ${policy}`, "192.0.2.9")]);
  const basis = reading("openconfig", { [policy]: shapes, [`Z ${policy}`]: shapes });
  const changes = [
    prepend("11.0.0.0/24", 0, 3),
    prepend("10.0.0.0/24", 2, 0),
    prepend("11.0.0.0/24", 0, 1, "transit-b"),
  ];

  test("query", async () => {
    const query = queryFor(templates, net, router);
    await expect(query).toMatchFileSnapshot(golden(`openconfig-query-${label}.xml`));
    const names = elements(descend(parseXml(query), "policy-definitions") ?? expect.fail()).map(nameOf);
    expect(names).toEqual([policy, `Z ${policy}`]);
    // A server that follows RFC 6241 section 6 gives all of these policies and no other, and every prefix set.
    const data = (policies: Policies) => parseXml(`<data>${reading("openconfig", policies)}</data>`);
    const all = data({ [policy]: shapes, [`Z ${policy}`]: shapes, [`ZZ ${policy}`]: shapes });
    const found = applyFilter(all, parseXml(`<filter>${query}</filter>`));
    const definitions = descend(found, "routing-policy", "policy-definitions") ?? expect.fail();
    expect(elements(definitions).map(nameOf)).toEqual([policy, `Z ${policy}`]);
    expect(elements(descend(found, "routing-policy", "defined-sets", "prefix-sets") ?? expect.fail())).toHaveLength(6);
  });

  test("forward and inverse", async () => {
    const [step] = unwrap(plan(net, router, basis, ...changes)).steps;
    expect(step?.forward.activate).toBe("");
    await expect(step?.forward.config).toMatchFileSnapshot(golden(`openconfig-forward-${label}.xml`));
    await expect(step?.inverse.config).toMatchFileSnapshot(golden(`openconfig-inverse-${label}.xml`));
    const root = parseXml(step?.forward.config ?? "");
    expect(readEdit(root)).toEqual([
      [policy, `${policy}-1`, "3"],
      [policy, `${policy}-0`, "0"],
      [`Z ${policy}`, `Z ${policy}-1`, "1"],
    ]);
    expect(step && apply("openconfig", basis, step.forward)).toBe(step?.expected);
    expect(step && apply("openconfig", step.expected, step.inverse)).toBe(basis);
  });
});

function nameOf(entry: XmlElement): string {
  return textOf(childElement(entry, "name") ?? expect.fail("a list entry has a name"));
}

/** Policy, statement and prepends of each edit. */
function readEdit(root: XmlElement): string[][] {
  return elements(descend(root, "policy-definitions") ?? expect.fail()).flatMap((policy) =>
    elements(descend(policy, "statements") ?? expect.fail()).map((statement) => {
      const repeat = descend(statement, "actions", "bgp-actions", "set-as-path-prepend", "config", "repeat-n");
      return [nameOf(policy), nameOf(statement), repeat ? textOf(repeat) : "0"];
    }),
  );
}

describe("frr", () => {
  const router = device("frr");
  const net = network([router], [link("transit-a", "TRANSIT-OUT"), link("transit-b", "B_out.2:x", "2001:db8:ffff::1")]);
  const six = { set: ["2001:db8::/32"], accept: true, prepends: 0 };
  const basis = reading("frr", { "TRANSIT-OUT": shapes, "B_out.2:x": [...shapes, six] });

  test("query", async () => {
    await expect(queryFor(templates, net, router)).toMatchFileSnapshot(golden("frr-query.txt"));
    const four = network([router], [link("transit-a", "OUT")], ["10.0.0.0/24"]);
    expect(queryFor(templates, four, router)).toBe("route-map OUT\nip prefix-list\n");
  });

  test("forward, inverse and activation", async () => {
    const changes = [
      prepend("11.0.0.0/24", 0, 3),
      prepend("10.0.0.0/24", 2, 0),
      prepend("11.0.0.0/24", 0, 1, "transit-b"),
      prepend("2001:db8::/32", 0, 2, "transit-b"),
    ];
    const [step] = unwrap(plan(net, router, basis, ...changes)).steps;
    await expect(step?.forward.config).toMatchFileSnapshot(golden("frr-forward.txt"));
    await expect(step?.inverse.config).toMatchFileSnapshot(golden("frr-inverse.txt"));
    await expect(step?.forward.activate).toMatchFileSnapshot(golden("frr-activate.txt"));
    expect(step?.inverse.activate).toBe(step?.forward.activate);
  });

  const bad = [
    "A B",
    "A\nrouter bgp 1",
    "A\rB",
    "A\tB",
    "A!",
    "#A",
    'A"',
    "A'",
    "A`id`",
    "A;B",
    "A|B",
    "$(id)",
    "A\\",
    "A?",
    "<a>",
    "é",
    "",
    "A\u0000B",
    "A\u2028B",
    hostile,
  ];

  test.each(bad)("a policy called %j is refused, in the query and in the change", (name) => {
    const odd = network([router], [link("transit-a", name)]);
    expect(() => queryFor(templates, odd, router)).toThrow(expect.objectContaining({ code: "CHANGE_UNSUPPORTED" }));
    const readings = reading("frr", { [name]: shapes });
    expect(() => unwrapOrThrow(plan(odd, router, readings, prepend("11.0.0.0/24", 0, 3)))).toThrow(
      expect.objectContaining({ code: "CHANGE_UNSUPPORTED" }),
    );
  });

  test.each([...bad, "peer-group", "192.0.2.1/32", "192.0.2.1 soft in", "fe80::1%eth0"])(
    "a neighbour called %j is refused",
    (neighbor) => {
      const odd = network([router], [link("transit-a", "TRANSIT-OUT", neighbor)]);
      const result = plan(odd, router, basis, prepend("11.0.0.0/24", 0, 3));
      expect(result).toMatchObject({ ok: false, failure: { code: "CHANGE_UNSUPPORTED" } });
    },
  );
});

/** One with queues, one with the operator's shaper, one with neither. */
function interfaces(value: string): readonly object[] {
  const sizes = { minBytes: value, maxBytes: value, limit: value };
  const rates = { rate: value, ceil: value, shaped: value, limited: value };
  const classes = [
    { id: value, leaf: value, dscp: value, priority: value, prio: value, quantum: value, ...rates, ...sizes },
  ];
  const control = { ...rates, quantum: value, limit: value, dscps: [value] };
  const each = {
    dev: value,
    before: [value],
    surplus: [value],
    reading: [[value]],
    fresh: true,
    htb: false,
    tbf: false,
  };
  const tbf = { handle: value, rate: value, burst: value, latency: value };
  return [{ ...each, htb: { ...rates, quantum: value, control, classes } }, { ...each, tbf }, each];
}

// Goal: whatever stands in a value, the line count of a command text is the template's.
test("no value can add a line to a command text", () => {
  const names = [...templateFiles.keys()].filter((name) => !name.endsWith(".xml.j2"));
  expect(names).toHaveLength(7);
  const word = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("A", "A\nB", "A\r", "\u0085", " "));
  const property = fc.property(fc.constantFrom(...names), word, (name, value) => {
    const values = {
      policies: [value],
      families: [value],
      statements: [{ policy: value, sequence: value, action: value, path: [value], gracefulShutdown: null }],
      sessions: [{ family: value, neighbor: value }],
      prefixes: [value],
      added: [{ prefix: value, segments: [value], dev: value, metric: value }],
      removed: [{ prefix: value, segments: [value], dev: value, metric: value }],
      interfaces: name.includes(".query.") ? [value] : interfaces(value),
    };
    const render = (given: object) => templates.render(name, { ...given });
    let text: string;
    try {
      text = render(values);
    } catch (failure) {
      expect(failure).toMatchObject({ code: "CHANGE_UNSUPPORTED" });
      return;
    }
    const plain = render(JSON.parse(JSON.stringify(values).replaceAll(JSON.stringify(value), '"x"')) as object);
    expect(text.split(/\s+/)).toHaveLength(plain.split(/\s+/).length);
  });
  fc.assert(property, { numRuns: 300 });
});

test("XML that cannot carry a value exactly is not written", () => {
  for (const name of ["a\u0000b", "a\rb", "a\u0008", "a\ud800b", "a\uffff"]) {
    const router = device("openconfig");
    expect(() => queryFor(templates, network([router], [link("transit-a", name)]), router)).toThrow(
      expect.objectContaining({ code: "CHANGE_UNSUPPORTED" }),
    );
  }
});

test("a template that is missing, wrong, endless or lacks a value is named", () => {
  const invalid = (name: string) =>
    expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(name) });
  expect(() => new Templates(new Map([["frr/a.j2", "{{ open"]]))).toThrow(invalid("frr/a.j2"));
  const own = new Templates(
    new Map([
      ["frr/a.j2", "{{ nothing }}"],
      ["frr/b.j2", "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"],
    ]),
  );
  expect(() => own.render("frr/a.j2", {})).toThrow(invalid("frr/a.j2"));
  expect(() => own.render("frr/b.j2", {})).toThrow(invalid("frr/b.j2"));
  expect(() => own.render("frr/c.j2", {})).toThrow(invalid("frr/c.j2"));
});

function unwrapOrThrow(result: ReturnType<typeof plan>) {
  if (!result.ok) throw result.failure;
  return result.value;
}

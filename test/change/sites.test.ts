import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readAnnouncements } from "../../src/change/announcements.ts";
import { planChange } from "../../src/change/plan.ts";
import { readSites, sitesQuery } from "../../src/change/sites.ts";
import type { SiteState } from "../../src/model/anycast.ts";
import type { AnycastChange, Decision } from "../../src/model/decision.ts";
import type { AnycastService, Device, Network } from "../../src/model/inventory.ts";
import { apply } from "./apply.ts";
import { device, link, network, reading, type Shape, templates, unwrap } from "./fixtures.ts";

const prefix = "11.0.0.0/24";
const chat: AnycastService = {
  name: "chat",
  prefix,
  minSites: 1,
  registry: "http://127.0.0.1:1/",
  maxLatencyMs: 500,
  sites: [{ name: "paris", device: "edge-a", links: ["transit-a"], probe: "http://127.0.0.1:2/" }],
};
const withSites = (router: Device): Network => ({
  ...network([router], [link("transit-a", "TRANSIT-OUT"), link("transit-b", "TRANSIT-Z", "192.0.2.9")]),
  anycast: [chat],
});
const shape = (set: string, prepends = 0, accept = true): Shape => ({ set: [set], accept, prepends });

function change(from: SiteState, to: SiteState, prepends = 3): AnycastChange {
  return { action: "anycast-drain", device: "edge-a", link: "transit-a", site: "paris", prefix, prepends, from, to };
}

function planFor(net: Network, router: Device, text: string, ...changes: AnycastChange[]) {
  const query = sitesQuery(templates, net, router);
  const decision = { action: "anycast-drain", changes } as unknown as Decision;
  return planChange(templates, net, decision, new Map([[router.name, { query, text }]]));
}
function stepFor(...args: Parameters<typeof planFor>) {
  const [step] = unwrap(planFor(...args)).steps;
  return step ?? expect.fail("one router, one step");
}

describe.each(["openconfig", "frr"] as const)("%s", (platform) => {
  const router = device(platform);
  const net = withSites(router);
  const statements = [shape("10.0.0.0/24", 2), shape(prefix, 1), shape("2001:db8::/32")];
  const basis = reading(platform, { "TRANSIT-OUT": statements, "TRANSIT-Z": [shape(prefix)] });
  const stateOf = (text: string) => unwrap(readSites(net, router, text)).map(({ state }) => state);

  test("only what the site's links need is asked for", async () => {
    const ending = platform === "frr" ? "txt" : "xml";
    await expect(sitesQuery(templates, net, router)).toMatchFileSnapshot(
      `../golden/change/${platform}-sites-query.${ending}`,
    );
  });

  // Goal: out in two steps and back in two, the bytes that are sent for each, every step the exact inverse of the other way, and by
  // another's reckoning (the lab's edit-config, a small vtysh) what the plan expects.
  test("out and back leaves what was there, byte for byte, and no other prefix notices", async () => {
    const path: [SiteState, SiteState][] = [
      ["announced", "drained"],
      ["drained", "withdrawn"],
      ["withdrawn", "drained"],
      ["drained", "announced"],
    ];
    const others = (text: string) =>
      unwrap(readAnnouncements(net, router, text)).filter((one) => one.prefix !== prefix || one.link === "transit-b");
    let now = basis;
    const seen: string[] = [basis];
    for (const [from, to] of path) {
      expect(stateOf(now)).toEqual([from]);
      const step = stepFor(net, router, now, change(from, to));
      const ending = platform === "frr" ? "txt" : "xml";
      await expect(step.forward.config).toMatchFileSnapshot(
        `../golden/change/${platform}-sites-${from}-to-${to}.${ending}`,
      );
      expect(apply(platform, now, step.forward)).toBe(step.expected);
      expect(apply(platform, step.expected, step.inverse)).toBe(now);
      expect(others(step.expected)).toEqual(others(basis));
      now = step.expected;
      seen.push(now);
    }
    expect(now).toBe(basis);
    expect(seen[3]).toBe(seen[1]);
    const back = stepFor(net, router, seen[1] ?? "", change("drained", "announced"));
    expect(back.forward, "the way back is the inverse").toEqual(
      stepFor(net, router, basis, change("announced", "drained")).inverse,
    );
  });

  test("what a drained site prepends comes on top of what it had", () => {
    const { expected } = stepFor(net, router, basis, change("announced", "drained", 4));
    const [drained] = unwrap(readAnnouncements(net, router, expected)).filter((one) => one.prefix === prefix);
    expect(drained?.prepends).toBe(5);
  });

  test("the router has something else than the decision was made from: DEVICE_CHANGED", () => {
    const result = planFor(net, router, basis, change("drained", "withdrawn"));
    expect(result).toMatchObject({ ok: false, failure: { code: "DEVICE_CHANGED", retry: "later" } });
  });

  test.each<[string, Shape[], AnycastChange]>([
    [
      "with others in one statement",
      [{ set: [prefix, "10.0.0.0/24"], accept: true, prepends: 0 }],
      change("announced", "drained"),
    ],
    ["not at all", [shape("10.0.0.0/24")], change("announced", "drained")],
    [
      "denied with all others",
      [{ set: ["11.0.0.0/8 8..32", "10.0.0.0/24"], accept: false, prepends: 0 }],
      change("withdrawn", "drained"),
    ],
    ["denied by someone else", [shape(prefix, 0, false)], change("withdrawn", "drained")],
    ["with too many prepends", [shape(prefix, 99)], change("announced", "drained")],
  ])("announced %s: CHANGE_UNSUPPORTED, with a mend", (_, shapes, wanted) => {
    const text = reading(platform, {
      "TRANSIT-OUT": platform === "frr" ? shapes.map(plain) : shapes,
      "TRANSIT-Z": [shape(prefix)],
    });
    const result = planFor(net, router, text, wanted);
    expect(result).toMatchObject({
      ok: false,
      failure: { code: "CHANGE_UNSUPPORTED", mend: expect.stringMatching(/\w/) },
    });
  });

  test("two links with one export policy cannot be told apart", () => {
    const shared = { ...net, links: [link("transit-a", "TRANSIT-OUT"), link("transit-b", "TRANSIT-OUT", "192.0.2.9")] };
    const result = planFor(shared, router, basis, change("announced", "drained"));
    expect(result).toMatchObject({ ok: false, failure: { code: "CHANGE_UNSUPPORTED" } });
  });

  test("a leap over a step is a bug", () => {
    expect(() => planFor(net, router, basis, change("announced", "withdrawn"))).toThrow("invariant broken");
  });

  // Goal: whatever else stands in the policy, a step touches one statement and undoes itself.
  test("random policies: each step out has its way back", () => {
    const other = fc.record({
      set: fc.constantFrom("10.0.0.0/24", "12.0.0.0/24", "2001:db8::/32").map((one) => [one]),
      accept: fc.boolean(),
      prepends: fc.integer({ min: 0, max: 5 }),
      community: fc.boolean(),
    });
    const property = fc.property(
      fc.array(other, { maxLength: 4 }),
      fc.array(other, { maxLength: 4 }),
      fc.nat(4),
      (before, after, prepends) => {
        const start = reading(platform, {
          "TRANSIT-OUT": [...before, shape(prefix, prepends), ...after],
          "TRANSIT-Z": [shape(prefix)],
        });
        const drained = stepFor(net, router, start, change("announced", "drained"));
        expect(apply(platform, start, drained.forward)).toBe(drained.expected);
        expect(apply(platform, drained.expected, drained.inverse)).toBe(start);
        const withdrawn = stepFor(net, router, drained.expected, change("drained", "withdrawn"));
        expect(apply(platform, drained.expected, withdrawn.forward)).toBe(withdrawn.expected);
        expect(apply(platform, withdrawn.expected, withdrawn.inverse)).toBe(drained.expected);
        expect(stateOf(withdrawn.expected)).toEqual(["withdrawn"]);
      },
    );
    fc.assert(property, { numRuns: 40 });
  });
});

/** A list of FRR cannot say 8..32 in the fixture's words. */
const plain = (one: Shape): Shape => ({ ...one, set: one.set.map((text) => text.replace(" 8..32", " le 32")) });

// Goal: communities of other people are neither overwritten nor taken for ours.
test.each([
  [" set community 65000:7 additive"],
  [" set community graceful-shutdown"],
  [" set community 65000:9 graceful-shutdown additive"],
  [" set community none"],
  [" set comm-list OLD delete"],
])("frr: a statement with %s is not edited", (line) => {
  const router = device("frr");
  const text = `ip prefix-list P seq 5 permit ${prefix}\nroute-map TRANSIT-OUT permit 10\n match ip address prefix-list P\n${line}\nexit\n`;
  expect(readSites(withSites(router), router, text)).toMatchObject({
    ok: false,
    failure: { code: "CHANGE_UNSUPPORTED", message: expect.stringContaining(line.trim()) },
  });
});

test.each([
  [
    "<config><method>INLINE</method><options>REPLACE</options></config><inline><config><communities>65535:0</communities></config></inline>",
  ],
  [
    "<config><method>INLINE</method><options>ADD</options></config><inline><config><communities>65535:0</communities><communities>65000:1</communities></config></inline>",
  ],
  ["<config><method>REFERENCE</method><options>ADD</options></config>"],
])("openconfig: a statement with set-community %s is not edited", (content) => {
  const router = device("openconfig");
  const drained = stepFor(
    withSites(router),
    router,
    reading("openconfig", { "TRANSIT-OUT": [shape(prefix)], "TRANSIT-Z": [shape(prefix)] }),
    change("announced", "drained"),
  ).expected;
  const text = drained.replace(
    /(<set-community>)[\s\S]*?(\s*<\/set-community>)/,
    (_, open, close) => `${open}${content}${close}`,
  );
  expect(text).not.toBe(drained);
  const canonical = apply("openconfig", text, { config: "", activate: "" });
  expect(readSites(withSites(router), router, canonical)).toMatchObject({
    ok: false,
    failure: { code: "CHANGE_UNSUPPORTED" },
  });
});

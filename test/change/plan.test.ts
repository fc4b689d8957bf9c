import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readAnnouncements } from "../../src/change/announcements.ts";
import { planChange } from "../../src/change/plan.ts";
import type { ChangePlan } from "../../src/model/change.ts";
import { apply } from "./apply.ts";
import {
  decide,
  device,
  link,
  network,
  plan,
  prefixes,
  prepend,
  reading,
  type Shape,
  templates,
  unwrap,
} from "./fixtures.ts";

/** The plan that undoes `plan`, last step first. */
function invertPlan(plan: ChangePlan): ChangePlan {
  return {
    steps: plan.steps.toReversed().map((step) => ({
      ...step,
      basis: step.expected,
      expected: step.basis,
      forward: step.inverse,
      inverse: step.forward,
    })),
  };
}

const announced = (prefix: string, prepends: number): Shape => ({ set: [prefix], accept: true, prepends });

describe.each(["openconfig", "frr"] as const)("%s", (platform) => {
  const router = device(platform);
  const net = network([router], [link("transit-a", "TRANSIT-OUT")]);
  const basis = reading(platform, {
    "TRANSIT-OUT": [announced("10.0.0.0/24", 0), announced("11.0.0.0/24", 0), announced("2001:db8::/32", 2)],
  });

  test("a prepend goes to the one prefix, and back", () => {
    const { steps } = unwrap(plan(net, router, basis, prepend("11.0.0.0/24", 0, 3)));
    expect(steps).toHaveLength(1);
    const [step] = steps;
    expect(step).toMatchObject({ device: "edge-a", platform, basis });
    expect(step && apply(platform, basis, step.forward)).toBe(step?.expected);
    expect(step && apply(platform, step.expected, step.inverse)).toBe(basis);
    expect(unwrap(readAnnouncements(net, router, step?.expected ?? ""))).toEqual([
      { prefix: "10.0.0.0/24", link: "transit-a", device: "edge-a", prepends: 0 },
      { prefix: "11.0.0.0/24", link: "transit-a", device: "edge-a", prepends: 3 },
      { prefix: "2001:db8::/32", link: "transit-a", device: "edge-a", prepends: 2 },
    ]);
  });

  test("what the router announces is not what the decision was made from: DEVICE_CHANGED", () => {
    const stale = plan(net, router, basis, prepend("11.0.0.0/24", 1, 3));
    expect(stale).toMatchObject({ ok: false, failure: { code: "DEVICE_CHANGED", retry: "later" } });
    const gone = plan(net, router, basis, prepend("12.0.0.0/24", 0, 3));
    expect(gone).toMatchObject({ ok: false, failure: { code: "DEVICE_CHANGED" } });
  });

  test("more prepends than a router's command line takes are refused", () => {
    const result = plan(net, router, basis, prepend("11.0.0.0/24", 0, 101));
    expect(result).toMatchObject({ ok: false, failure: { code: "CHANGE_UNSUPPORTED" } });
  });

  test("two links with one export policy cannot be told apart", () => {
    const shared = network([router], [link("transit-a", "TRANSIT-OUT"), link("transit-b", "TRANSIT-OUT", "192.0.2.9")]);
    const result = plan(shared, router, basis, prepend("11.0.0.0/24", 0, 3));
    expect(result).toMatchObject({ ok: false, failure: { code: "CHANGE_UNSUPPORTED" } });
    if (!result.ok) expect(result.failure.message).toMatch(/transit-a.*transit-b.*TRANSIT-OUT/);
  });

  test("a decision that changes nothing, or something twice, is a bug", () => {
    expect(() => plan(net, router, basis, prepend("11.0.0.0/24", 0, 0))).toThrow("invariant broken");
    const twice = [prepend("11.0.0.0/24", 0, 1), prepend("11.0.0.0/24", 0, 2)];
    expect(() => plan(net, router, basis, ...twice)).toThrow("invariant broken");
    expect(() => plan(net, router, basis, prepend("13.0.0.0/24", 0, 2))).toThrow("invariant broken");
  });

  test("a router that is no longer in the inventory, or has nothing to change there", () => {
    expect(planChange(templates, net, decide(prepend("11.0.0.0/24", 0, 1)), new Map())).toMatchObject({
      ok: false,
      failure: { code: "CONFIG_INVALID", mend: expect.stringContaining("edge-a") },
    });
  });

  // Goal: forward leads to `expected` and inverse back to `basis` by another's reckoning, and only what was asked for changes.
  test("random policies: plan, invert and read agree", () => {
    const shape = fc.record({
      set: fc.constantFrom(...prefixes, "172.16.0.0/12").map((prefix) => [prefix]),
      accept: fc.boolean(),
      prepends: fc.integer({ min: 0, max: 5 }),
      community: fc.boolean(),
    });
    const policy = fc.array(shape, { maxLength: 8 });
    const wanted = fc.dictionary(
      fc.constantFrom("transit-a", "transit-b"),
      fc.dictionary(fc.constantFrom(...prefixes), fc.nat(6)),
    );
    const property = fc.property(policy, policy, wanted, (first, second, targets) => {
      // An empty route-map does not exist; this one says what an empty policy says.
      const deny = { set: ["172.16.0.0/12"], accept: false, prepends: 0 };
      const start = reading(platform, { A: [...first, deny], B: [...second, deny] });
      const both = network([router], [link("transit-a", "A"), link("transit-b", "B", "2001:db8:ffff::1")]);
      const before = unwrap(readAnnouncements(both, router, start));
      const decisive = [first, second].flatMap((shapes, index) =>
        prefixes.flatMap((prefix) => {
          const found = shapes.find(({ set }) => set[0] === prefix);
          const on = index === 0 ? "transit-a" : "transit-b";
          return found?.accept ? [{ prefix, link: on, device: "edge-a", prepends: found.prepends }] : [];
        }),
      );
      expect(before).toEqual(decisive);

      const changes = before.flatMap((each) => {
        const to = targets[each.link]?.[each.prefix];
        return to === undefined || to === each.prepends ? [] : [prepend(each.prefix, each.prepends, to, each.link)];
      });
      const made = unwrap(plan(both, router, start, ...changes));
      expect(made.steps).toHaveLength(changes.length > 0 ? 1 : 0);
      expect(invertPlan(invertPlan(made))).toEqual(made);
      for (const step of made.steps) {
        expect(apply(platform, start, step.forward)).toBe(step.expected);
        expect(apply(platform, step.expected, step.inverse)).toBe(start);
        const after = unwrap(readAnnouncements(both, router, step.expected));
        expect(after).toEqual(
          before.map((each) => {
            const change = changes.find(({ link: on, prefix }) => on === each.link && prefix === each.prefix);
            return change ? { ...each, prepends: change.to } : each;
          }),
        );
        // Planned the other way round, from what is expected: the same texts change places.
        const backwards = changes.map(({ prefix, from, to, link: on }) => prepend(prefix, to, from, on));
        expect(plan(both, router, step.expected, ...backwards)).toEqual({ ok: true, value: invertPlan(made) });
      }
    });
    fc.assert(property, { numRuns: 150 });
  });
});

test("openconfig: where the operator left our AS out of a prepend, it stays out, both ways", () => {
  const router = device("openconfig");
  const net = network([router], [link("transit-a", "OUT")]);
  const basis = reading("openconfig", { OUT: [announced("11.0.0.0/24", 2)] }).replace(/ *<asn>65000<\/asn>\n/, "");
  expect(basis).not.toContain("65000");
  for (const to of [3, 0]) {
    const [step] = unwrap(plan(net, router, basis, prepend("11.0.0.0/24", 2, to))).steps;
    expect(step?.expected).not.toContain("65000");
    expect(step && apply("openconfig", basis, step.forward)).toBe(step?.expected);
    expect(step && apply("openconfig", step.expected, step.inverse)).toBe(basis);
  }
});

test("one step per device, in the decision's order; undone in the reverse order", () => {
  const [a, b] = [device("openconfig", "edge-a"), device("frr", "edge-b")];
  const links = [link("transit-a", "OUT"), link("transit-b", "OUT", "192.0.2.5", "edge-b")];
  const net = network([a, b], links);
  const shapes = { OUT: [announced("10.0.0.0/24", 1), announced("11.0.0.0/24", 0)] };
  const readings = new Map([a, b].map((each) => [each.name, { query: "q", text: reading(each.platform, shapes) }]));
  const decision = decide(
    prepend("11.0.0.0/24", 0, 3, "transit-b", "edge-b"),
    prepend("11.0.0.0/24", 0, 2, "transit-a", "edge-a"),
    prepend("10.0.0.0/24", 1, 0, "transit-b", "edge-b"),
  );
  const made = unwrap(planChange(templates, net, decision, readings));
  expect(made.steps.map((step) => step.device)).toEqual(["edge-b", "edge-a"]);
  const inverse = invertPlan(made);
  expect(inverse.steps.map((step) => step.device)).toEqual(["edge-a", "edge-b"]);
  for (const [index, step] of made.steps.entries()) {
    const back = inverse.steps.at(-1 - index);
    expect(back).toMatchObject({ basis: step.expected, expected: step.basis, forward: step.inverse, query: "q" });
  }
});

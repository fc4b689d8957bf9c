import fc from "fast-check";
import { expect, test } from "vitest";
import { approvalsNeeded } from "../../src/guard/approvals.ts";
import type { Decision } from "../../src/model/decision.ts";
import type { Network } from "../../src/model/inventory.ts";
import type { Policy } from "../../src/model/policy.ts";

// Goal: two people, and never none, where BGP exports change at more than one site or where something is deleted; else as the policy says.

const network = {
  devices: [
    { name: "edge-a", site: "east" },
    { name: "edge-b", site: "east" },
    { name: "edge-c", site: "west" },
    { name: "edge-d" },
  ],
} as unknown as Network;

type Made = Parameters<typeof approvalsNeeded>[0];
const byPolicy = { kind: "policy", policy: "p" } as const;
function needed(action: string, changes: readonly object[], approve: object = {}, origin: Made["origin"] = byPolicy) {
  const policy = { approve: { people: 1, expiresMs: 1, ...approve } } as Policy;
  return approvalsNeeded({ origin, policy, decision: { action, changes } as unknown as Decision }, network);
}
const prepend = (device: string) => ({ device, link: "l", prefix: "10.0.0.0/24", from: 0, to: 1 });
const site = (device: string, from: string, to: string) => ({
  device,
  link: `${device}-up`,
  prefix: "10.9.0.0/24",
  from,
  to,
});
const path = { preference: 100, segments: ["b"] };
const steer = (from: object[], to: object[]) => ({ device: "edge-a", flow: "f1", from, to });
const queue = (from: object[], to: object[]) => ({ device: "edge-a", link: "core-1", from, to });

test.each<[string, string, object[], number, string[]]>([
  ["prepends on one router", "bgp-prepend", [prepend("edge-a"), prepend("edge-a")], 1, []],
  ["prepends on two routers of one site", "bgp-prepend", [prepend("edge-a"), prepend("edge-b")], 1, []],
  [
    "prepends at two sites",
    "bgp-prepend",
    [prepend("edge-a"), prepend("edge-c")],
    2,
    ["it changes what BGP exports at 2 sites (east, west)"],
  ],
  [
    "prepends on a router without a site",
    "bgp-prepend",
    [prepend("edge-a"), prepend("edge-d")],
    2,
    ["it changes what BGP exports at 2 sites (east, edge-d)"],
  ],
  ["a drain", "anycast-drain", [site("edge-a", "announced", "drained")], 1, []],
  [
    "a withdrawal",
    "anycast-drain",
    [site("edge-a", "drained", "withdrawn")],
    2,
    ["it withdraws 10.9.0.0/24 from edge-a-up"],
  ],
  ["the way back from one", "anycast-drain", [site("edge-a", "withdrawn", "drained")], 1, []],
  ["a path on top", "segment-routing", [steer([path], [path, path])], 1, []],
  ["a first path", "segment-routing", [steer([], [path])], 1, []],
  ["the lower of two paths gone", "segment-routing", [steer([path, path], [path])], 1, []],
  [
    "the last path gone",
    "segment-routing",
    [steer([], [path]), steer([path], [])],
    2,
    ["it deletes the SR policy of f1"],
  ],
  ["queues set anew", "qos", [queue([{}], [{}, {}])], 1, []],
  ["queues gone", "qos", [queue([{}], [])], 2, ["it deletes the queues of core-1"]],
])("%s", (_name, action, changes, people, reasons) => {
  expect(needed(action, changes)).toEqual({ people, reasons });
});

test("a policy may ask for more, and may treat deletions as any change, but not what several sites announce", () => {
  expect(needed("qos", [queue([{}], [])], { people: 3 }).people).toBe(3);
  expect(needed("qos", [queue([{}], [])], { deletions: "like-any-change" })).toEqual({ people: 1, reasons: [] });
  const two = [prepend("edge-a"), prepend("edge-c")];
  expect(needed("bgp-prepend", two, { deletions: "like-any-change" }).people).toBe(2);
});

test("a person's rollback needs nobody else", () => {
  const origin = { kind: "operator", by: "ann", undoes: "c1" } as const;
  expect(needed("qos", [queue([{}], [])], {}, origin)).toEqual({ people: 0, reasons: [] });
});

// Method: the rule in one line, from the changes as generated.
test("for any prepends", () => {
  const device = fc.constantFrom("edge-a", "edge-b", "edge-c", "edge-d");
  const property = fc.property(
    fc.array(device, { minLength: 1, maxLength: 6 }),
    fc.integer({ min: 1, max: 4 }),
    (on, people) => {
      const sites = new Set(on.map((name) => (name === "edge-b" ? "edge-a" : name)));
      const found = needed("bgp-prepend", on.map(prepend), { people });
      expect(found.people).toBe(sites.size > 1 ? Math.max(2, people) : people);
      expect(found.reasons.length).toBe(sites.size > 1 ? 1 : 0);
    },
  );
  fc.assert(property);
});

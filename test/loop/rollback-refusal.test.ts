import { expect, test } from "vitest";
import { laterOn } from "../../src/loop/displacements.ts";
import { refusedRollback } from "../../src/loop/rollback-refusal.ts";
import type { Value } from "../../src/loop/values.ts";
import type { Change, ChangeState } from "../../src/model/change.ts";

type More = Readonly<{ state?: ChangeState; undoes?: string; sets?: Partial<Value> }>;
const prepend = { action: "bgp-prepend", link: "transit", prefix: "10.0.0.0/24" } as const;

const change = (id: string, device: string, { sets = prepend, ...more }: More = {}) =>
  ({
    ...{ id, state: more.state ?? "confirmed" },
    origin:
      more.undoes === undefined
        ? { kind: "policy", policy: "p" }
        : { kind: "operator", by: "ann", undoes: more.undoes },
    decision: { action: sets.action, intent: { kind: "relieve" }, changes: [{ device, ...sets }] },
    plan: { steps: [{ device, query: "bgp", basis: "0\n", expected: `${id}\n` }] },
  }) as unknown as Change;

// Goal: whoever cannot take a change back is told what to take back first, if that is a change of ours. Method: histories, newest first.
test.each<[string, Change[], string | undefined]>([
  ["none later", [], undefined],
  ["one later", [change("c2", "a")], "c2"],
  ["two later: the latest first", [change("c3", "a"), change("c2", "a")], "c3"],
  ["on another router", [change("c2", "b")], undefined],
  ["not confirmed", [change("c2", "a", { state: "rolled-back" })], undefined],
  ["undone by now", [change("c3", "a", { undoes: "c2" }), change("c2", "a")], undefined],
])("what stands on it: %s", (_, later, id) => {
  const first = change("c1", "a");
  expect(laterOn([...later, first], first)?.id).toBe(id);
});

// Goal: nobody is sent to take back a change that is innocent: one of another value, on the same router and in the same section of it.
test.each<[string, Partial<Value>, Partial<Value>]>([
  ["prefix", prepend, { ...prepend, prefix: "11.0.0.0/24" }],
  ["link", prepend, { ...prepend, link: "other" }],
  ["flow", { action: "segment-routing", flow: "f" }, { action: "segment-routing", flow: "g" }],
  ["interface", { action: "qos", link: "l" }, { action: "qos", link: "m" }],
  ["site", { action: "anycast-drain", site: "s", link: "l" }, { action: "anycast-drain", site: "t", link: "l" }],
  [
    "way to a site",
    { action: "anycast-drain", site: "s", link: "l" },
    { action: "anycast-drain", site: "s", link: "m" },
  ],
])("a later change of another %s does not stand on it", (_, sets, other) => {
  const first = change("c1", "a", { sets });
  const [same, innocent] = [change("c2", "a", { sets }), change("c3", "a", { sets: other })];
  expect(laterOn([innocent, first], first)).toBeUndefined();
  expect(laterOn([innocent, same, first], first)?.id).toBe("c2");
});

// Goal: the refusal shows what it was, what the change made of it and what it is now, of the routers that differ and no other.
test("the three-way difference", () => {
  const made = {
    ...change("c1", "a"),
    plan: { steps: [...change("c1", "a").plan.steps, ...change("c1", "b").plan.steps] },
  };
  const readings = new Map(
    Object.entries({ a: "theirs\n", b: "c1\n" }).map(([name, text]) => [name, { query: "bgp", text }]),
  );
  const refusal = refusedRollback(made, undefined, readings);
  expect(refusal.message.split("\n").filter((line) => /^[-+]/.test(line))).toEqual([
    ...["--- a (before)", "+++ a (as the change made it)", "-0", "+c1"],
    ...["--- a (as the change made it)", "+++ a (now)", "-c1", "+theirs"],
  ]);
  expect(refusal).toMatchObject({ code: "DEVICE_CHANGED", mend: expect.stringContaining("see who changed a;") });
  const ours = refusedRollback(made, change("c2", "a"), readings);
  expect(ours.mend).toBe("pointsman rollback c2 first, then pointsman rollback c1");
});

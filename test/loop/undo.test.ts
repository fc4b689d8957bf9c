import { expect, test } from "vitest";
import { planChange } from "../../src/change/plan.ts";
import type { Templates } from "../../src/change/templates.ts";
import { shedLevels } from "../../src/loop/shed.ts";
import { inverted, leftToUndo } from "../../src/loop/undo.ts";
import type { Decision, RouterFacts } from "../../src/model/decision.ts";
import { change, free, held, network } from "./shedding.ts";

const made = change({ id: "c1", state: "confirmed", to: { a: held, b: held } });
const predicted = {
  ...made.decision.predicted,
  links: [],
  flows: [],
  costPerHour: { before: 0, after: 0, currency: "" },
};
const undo = inverted({ ...made.decision, predicted }, "ann takes c1 back");
const has = (links: readonly string[]): RouterFacts => ({
  ...{ announcements: [], steering: [], sites: [] },
  qos: [...made.decision.changes].flatMap((one) => {
    return one.action === "qos"
      ? { link: one.link, device: one.device, shares: links.includes(one.link) ? one.to : [] }
      : [];
  }),
});
const linksOf = (facts: RouterFacts) => [...leftToUndo(undo, facts).changes].map((one) => "link" in one && one.link);

// Goal: what a reboot has undone already is not undone again, nor what nobody has read. Method: queues on both links, one, and none.
test("only what is there is taken back", () => {
  expect(linksOf(has(["a", "b"]))).toEqual(["a", "b"]);
  expect(linksOf(has(["b"]))).toEqual(["b"]);
  expect(linksOf(has([]))).toEqual([]);
  expect(linksOf({ ...has([]), qos: [] })).toEqual(["a", "b"]);
});

// Goal: the same of every other action: what is there is left out, what is elsewhere or not read is not. Method: facts as read when it
// is undone, and when it is not.
const nothing: RouterFacts = { announcements: [], steering: [], qos: [], sites: [] };
const prefix = "11.0.0.0/24";
test.each([
  ["bgp-prepend", { link: "a", prefix, to: 0 }, { announcements: [{ link: "a", prefix, prepends: 0 }] }],
  ["segment-routing", { flow: "f", to: [] }, { steering: [{ flow: "f", paths: [] }] }],
  [
    "anycast-drain",
    { site: "s", link: "a", to: "announced" },
    { sites: [{ site: "s", link: "a", state: "announced" }] },
  ],
])("%s that is undone by hand", (action, one, read) => {
  const decision = { action, changes: [{ action, ...one }] } as unknown as Decision;
  const left = (facts: object) => leftToUndo(decision, { ...nothing, ...facts } as RouterFacts).changes.length;
  expect(left(read)).toBe(0);
  expect(left({})).toBe(1);
  const [[kind, [fact]]] = Object.entries(read) as [[string, [object]]];
  for (const name of Object.keys(fact)) expect(left({ [kind]: [{ ...fact, [name]: ["other"] }] }), name).toBe(1);
});

// Goal: an undo with nothing to push is no failure, and ends what the change asked of others.
test("nothing left to push", () => {
  const plan = planChange({} as Templates, network, leftToUndo(undo, has([])), new Map());
  expect(plan).toEqual({ ok: true, value: { steps: [] } });
  const back = {
    ...change({ id: "c2", state: "confirmed", to: { a: free, b: free }, atMs: 1, tookBack: "c1" }),
    decision: undo,
  };
  const levels = (changes: Parameters<typeof shedLevels>[0]) =>
    shedLevels(changes, network, 2).find((one) => one.class === "batch")?.level;
  expect(levels([made])).toBe(2);
  expect(levels([back, made])).toBe(0);
});

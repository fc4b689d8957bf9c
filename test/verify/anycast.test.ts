import { expect, test } from "vitest";
import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { AnycastChange, AnycastDecision, Intent } from "../../src/model/decision.ts";
import { verifyChange } from "../../src/verify/verify.ts";
import { giveBackOf, intent, network, policy, siteChange, stateOf } from "../te/anycast-sites.ts";
import { nowMs as pushedMs } from "../te/two-transits.ts";

const endMs = pushedMs + 60_000;
function decisionOf(changes: readonly AnycastChange[], about: Intent = intent): AnycastDecision {
  const costPerHour = { before: 0, after: 0, currency: "" };
  const predicted = { links: [], flows: [], costPerHour, moved: bitsPerSecond(0), movedShare: ratio(0) };
  return { action: "anycast-drain", intent: about, changes, reason: "", predicted, alternatives: [] };
}
const drain = decisionOf([siteChange("transit-p1", "announced", "drained")]);
const back = decisionOf([siteChange("transit-p1", "drained", "announced")], giveBackOf(drain.changes));
type Wrong = Parameters<typeof stateOf>[0];

const verdict = (
  now: Wrong,
  { decision = drain, before = undefined as Wrong, atMs = endMs - 1_000, nowMs = endMs } = {},
) =>
  verifyChange({
    policy,
    network,
    decision,
    before: stateOf(before, pushedMs - 1_000),
    now: stateOf(now, atMs),
    pushedMs,
    nowMs,
  })?.outcome ?? null;

// Goal: the others must be well and stay well; what is taken out may be as unwell as it is, or gone.
test("of a drain the other sites are judged", () => {
  expect(verdict({ paris: "stale", london: null, tokyo: null })).toBe("better");
  expect(verdict({ london: null, tokyo: null }), "the drained site is not heard of").toBe("better");
  expect(verdict({ paris: "stale", london: "answered in 900 ms", tokyo: null })).toBe("worse");
});

test("one that was unwell before is not the change's doing", () => {
  const both = { paris: "stale", london: "stale", tokyo: null };
  expect(verdict(both, { before: both })).toBe("better");
});

test("a probe from before the push says nothing, and silence is failure", () => {
  const well = { paris: "stale", london: null, tokyo: null };
  expect(verdict(well, { atMs: pushedMs - 1 })).toBeNull();
  expect(verdict(well, { atMs: pushedMs - 1, nowMs: endMs + 40_000 })).toBe("silent");
  expect(verdict({ paris: null, london: null }, { nowMs: endMs + 40_000, atMs: endMs + 39_000 })).toBe("silent");
});

test("a probe right after the push counts: it looks at one moment, with no window behind it", () => {
  const soon = { ...policy, verify: { ...policy.verify, observeMs: 1_000 } };
  const now = stateOf({ paris: "stale", london: null, tokyo: null }, pushedMs + 500);
  const input = { policy: soon, network, decision: drain, before: stateOf(), now, pushedMs, nowMs: pushedMs + 1_000 };
  expect(verifyChange(input)?.outcome).toBe("better");
});

// Goal: that a site which comes back is well is asked whatever the policy requires.
test("a site comes back under a policy that requires nothing", () => {
  const easy = { ...policy, verify: { ...policy.verify, require: [] } };
  const before = stateOf(undefined, pushedMs - 1_000);
  const judged = (paris: string | null) =>
    verifyChange({
      ...{ policy: easy, network, decision: back, before, pushedMs, nowMs: endMs },
      now: stateOf({ paris, london: null, tokyo: null }, endMs - 1_000),
    });
  expect(judged(null)?.outcome).toBe("better");
  expect(judged("stale")).toMatchObject({
    outcome: "worse",
    findings: expect.arrayContaining([{ text: "paris: well once back: site.unwell 100%", held: false }]),
  });
});

test("a site that comes back must be well itself", () => {
  const well = { paris: null, london: null, tokyo: null };
  expect(verdict(well, { decision: back, before: well })).toBe("better");
  expect(verdict({ ...well, paris: "stale" }, { decision: back, before: well })).toBe("worse");
});

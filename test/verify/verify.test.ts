import { expect, test } from "vitest";
import type { Condition } from "../../src/model/policy.ts";
import { verifyChange } from "../../src/verify/verify.ts";
import {
  a,
  b,
  decisionOf,
  intervalMs,
  network,
  type PolicyParts,
  policyOf,
  prepend,
  relieveA,
  stateOf,
} from "../te/two-transits.ts";

const pushedMs = Date.UTC(2026, 10, 20, 12, 0, 0);
const endMs = pushedMs + 60_000;

/** `onA` and `onB`: Mbit/s measured over the interval that ends at `toMs`. */
const measured = (onA: number, onB: number, toMs: number, fromMs = toMs - intervalMs) =>
  stateOf([a, b], [], { "transit-a": onA, "transit-b": onB }, { fromMs, toMs });

const before = measured(1_000, 5_000, pushedMs - 1_000);
const decision = decisionOf([prepend("11.0.0.0/24", a, 0, 3)]);
const forbid: Condition = {
  text: "link.utilisation.in above 90%",
  signal: "link.utilisation.in",
  comparator: "above",
  threshold: 0.9,
};

type Given = Partial<Parameters<typeof verifyChange>[0]>;
const verdictOn = (now: ReturnType<typeof measured>, nowMs: number, more: Given = {}) =>
  verifyChange({ policy: policyOf(), network, decision, before, now, pushedMs, nowMs, ...more });
const outcomeOn = (...args: Parameters<typeof verdictOn>) => verdictOn(...args)?.outcome ?? null;
const withVerify = (verify: PolicyParts["verify"]) => ({ policy: policyOf(verify ? { verify } : {}) });

// Goal: what was promised happened, and each condition is named with its figure.
test("better", () => {
  expect(verdictOn(measured(180, 5_900, endMs), endMs)).toEqual({
    outcome: "better",
    findings: [
      { text: "transit-a: required link.utilisation.in below 85%: 18%", held: true },
      { text: "transit-b: required link.utilisation.in below 85%: 59%", held: true },
      { text: "transit-a: link.utilisation.in is lower: 100% before, 18% now", held: true },
      { text: "transit-b: link.utilisation.in did not rise above 85%: 50% before, 59% now", held: true },
    ],
  });
});

// Goal: it takes the whole observe window, and then every condition on every link.
test.each([
  ["too early to tell", measured(180, 5_900, endMs - 1), endMs - 1, null],
  ["the relieved link is not below", measured(860, 5_900, endMs), endMs, "worse"],
  ["another link is not below", measured(180, 8_600, endMs), endMs, "worse"],
  ["nothing moved", measured(1_000, 5_000, endMs), endMs, "worse"],
])("%s", (_, now, nowMs, outcome) => {
  expect(outcomeOn(now, nowMs)).toBe(outcome);
});

// Goal: each harm is seen by itself, with no requirement that would see it too.
test.each([
  ["the relieved link carries no less", measured(1_000, 5_000, endMs), "transit-a: link.utilisation.in is not lower"],
  ["another link rises above the trigger", measured(180, 8_600, endMs), "transit-b: link.utilisation.in did not rise"],
])("without requirements, %s: worse", (_, now, text) => {
  const verdict = verdictOn(now, endMs, withVerify({ require: [] }));
  expect(verdict?.outcome).toBe("worse");
  expect(verdict?.findings.filter((finding) => !finding.held).map((finding) => finding.text)).toEqual([
    expect.stringContaining(text),
  ]);
});

// Goal: samples that began before the push, or ended too long ago, tell nothing; silence is a failure, after patience.
test.each([
  ["a window that began before the push", measured(180, 5_900, endMs, pushedMs - 1)],
  ["a stream that died after its first sample", measured(180, 5_900, pushedMs + intervalMs)],
  ["one link of two", stateOf([a], [], { "transit-a": 180 }, { fromMs: endMs - 1, toMs: endMs })],
])("%s: waits, then silent", (_, now) => {
  const patienceMs = 4 * intervalMs;
  expect(outcomeOn(now, endMs)).toBe(null);
  expect(outcomeOn(now, endMs + patienceMs - 1)).toBe(null);
  const verdict = verdictOn(now, endMs + patienceMs);
  expect(verdict?.outcome).toBe("silent");
  expect(verdict?.findings[0]?.text).toContain("no link.utilisation.in measured since the change");
});

// Goal: a reading without a span counts only when its unknown window can have begun after the push.
test.each([
  [2 * intervalMs, null],
  [3 * intervalMs - 1, null],
  [3 * intervalMs, "better"],
])("an instantaneous reading %i ms after the push: %s", (afterMs, outcome) => {
  const at = pushedMs + afterMs;
  const now = measured(180, 5_900, at, at);
  const short = withVerify({ observeMs: 5_000 });
  const nowMs = Math.min(at + 1_000, pushedMs + 5_000 + 4 * intervalMs - 1);
  expect(outcomeOn(now, nowMs, short)).toBe(outcome);
});

// Goal: what is forbidden and new ends it at once; what the change is there to end has until the window closes.
test("forbidden", () => {
  const rules = withVerify({ require: [], forbid: [forbid] });
  const soonMs = pushedMs + intervalMs;
  expect(outcomeOn(measured(180, 9_100, soonMs), soonMs, rules)).toBe("worse");
  expect(outcomeOn(measured(180, 9_100, soonMs, pushedMs - 1), soonMs, rules)).toBe(null);
  expect(outcomeOn(measured(950, 5_000, soonMs), soonMs, rules)).toBe(null);
  expect(outcomeOn(measured(950, 5_000, endMs), endMs, rules)).toBe("worse");
  expect(outcomeOn(measured(890, 5_000, endMs), endMs, rules)).toBe("better");
});

// Goal: another link's old trouble is not held against the change, unless it got worse.
test.each([
  [9_000, "better"],
  [9_400, "better"],
  [9_500, "worse"],
])("B was at 90%% before and carries %i Mbit/s now: %s", (onB, outcome) => {
  const troubled = { before: measured(1_000, 9_000, pushedMs - 1_000) };
  expect(outcomeOn(measured(180, onB, endMs), endMs, troubled)).toBe(outcome);
});

// Goal: given back traffic makes the link fuller, which is its point; above the trigger it is not.
test.each([
  [480, "better"],
  [860, "worse"],
])("give-back leaves A at %i Mbit/s: %s", (onA, outcome) => {
  const intent = { ...relieveA, kind: "give-back", changeId: "change-1", changes: decision.changes } as const;
  const given = {
    decision: decisionOf([prepend("11.0.0.0/24", a, 3, 0)], intent),
    before: measured(180, 5_300, pushedMs),
  };
  expect(outcomeOn(measured(onA, 5_000, endMs), endMs, { ...given, ...withVerify({ require: [] }) })).toBe(outcome);
});

// Goal: without a reading from before there is nothing to be better than.
test("no reading before", () => {
  const nothing = { before: stateOf([], [], {}) };
  expect(outcomeOn(measured(180, 5_900, endMs), endMs, nothing)).toBe("worse");
});

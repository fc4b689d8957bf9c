import { expect, test } from "vitest";
import { ratio } from "../../src/kernel/units.ts";
import type { Change } from "../../src/model/change.ts";
import type { Verdict } from "../../src/model/decision.ts";
import type { Policy } from "../../src/model/policy.ts";
import { earnedMode } from "../../src/policy/autonomy.ts";
import { policy as asks } from "./fixtures.ts";

const policy: Policy = { ...asks, mode: "auto" };

const change = (verdict: Verdict | undefined, by: Change["origin"] = { kind: "policy", policy: policy.name }): Change =>
  ({ origin: by, ...(verdict ? { verdict } : {}) }) as Change;
/** A change whose verdict has this error, in per cent of the link. */
const off = (percent: number, outcome: Verdict["outcome"] = "better", by?: Change["origin"]) =>
  change({ outcome, findings: [], predictionError: { of: "l", predicted: 0, measured: 0, error: percent / 100 } }, by);
const blank = (outcome: Verdict["outcome"]) => change({ outcome, findings: [] });

// Goal: where auto ends, and where it comes back. Newest first, as the ledger has them; the limit is 10% over 5 changes.
test.each([
  ["nothing is known", [], "auto"],
  ["all went as predicted", [off(1), off(2), off(0)], "auto"],
  ["just at the limit", [off(10)], "auto"],
  ["the only one missed", [off(11)], "propose"],
  ["it grows past the limit", [off(30), off(12), off(8), off(4), off(1)], "propose"],
  ["one miss among good ones", [off(30), off(2), off(2), off(2), off(2)], "auto"],
  ["good ones since push it out", [off(9), off(9), off(9), off(9), off(9), off(90)], "auto"],
  ["what has no verdict does not", [change(undefined), change(undefined), off(30)], "propose"],
  ["what could not be measured does not count for it", [blank("better"), blank("better"), off(30)], "propose"],
  ["nor pushes out what was", [...Array(5).fill(blank("better")), off(30)], "propose"],
  ["what was measured since does", [...Array(5).fill(blank("better")), ...Array(5).fill(off(2)), off(90)], "auto"],
  ["silence is telemetry's fault", [blank("silent"), blank("silent"), blank("silent")], "auto"],
  ["worse once", [blank("worse")], "auto"],
  ["worse twice", [blank("worse"), off(0), blank("worse")], "propose"],
  ["worse twice, long ago", [off(0), off(0), off(0), off(0), blank("worse"), blank("worse")], "auto"],
  ["another policy's", [off(90, "better", { kind: "policy", policy: "other" })], "auto"],
  ["a person's rollback", [off(90, "better", { kind: "operator", by: "ann", undoes: "c1" })], "auto"],
] as const)("%s", (_, changes, mode) => {
  const earned = earnedMode(policy, changes);
  expect(earned.mode).toBe(mode);
  expect(earned.lowered !== undefined).toBe(mode === "propose");
});

// Goal: a person learns the figures, and the policy's own limits count.
test("says why, by the policy's own limits", () => {
  expect(earnedMode(policy, [off(20), off(14)])).toEqual({
    ...{ mode: "propose", meanError: expect.closeTo(0.17) },
    lowered:
      "its last 2 changes on average missed the prediction by 17% of a link's capacity, over the 10% of its policy",
  });
  expect(earnedMode(policy, [off(20)]).lowered).toContain("its last change missed the prediction by 20%");
  expect(earnedMode(policy, [blank("worse"), blank("worse")]).lowered).toBe(
    "2 of its last 2 changes made things worse and were taken back",
  );
  const strict = { ...policy, autonomy: { maxPredictionError: ratio(0.03), over: 1 } };
  expect(earnedMode(strict, [off(4), off(0)]).mode).toBe("propose");
  expect(earnedMode(strict, [off(2), off(90)]).mode).toBe("auto");
});

// Goal: a policy that asks anyway is not lowered, whatever it predicts; the error is still known.
test.each(["observe", "propose"] as const)("a policy in %s", (mode) => {
  expect(earnedMode({ ...policy, mode }, [off(90)])).toEqual({ mode, meanError: 0.9 });
});

import { expect, test } from "vitest";
import { approvalsText } from "../../src/cli/show-change.ts";
import type { Change } from "../../src/model/change.ts";

const change = (made: object) =>
  ({
    state: "awaiting-approval",
    approvals: [],
    policy: { name: "quick", approve: { people: 1 } },
    ...made,
  }) as unknown as Change;
const needs = { people: 2, reasons: ["it deletes the queues of core-1", "it deletes the queues of core-2"] };

// Goal: whoever is asked to approve reads that they are not enough, why, and who has approved; where one is enough, nothing.
test.each<[object, string | undefined]>([
  [{ needs }, "needs 2 people: it deletes the queues of core-1; it deletes the queues of core-2"],
  [
    { needs: { people: 3, reasons: [] }, approvals: [{ by: "ann" }] },
    "needs 3 people: policy quick says so; approved by ann",
  ],
  [{ policy: { name: "old", approve: { people: 2 } } }, "needs 2 people: policy old says so"],
  [{ needs: { people: 1, reasons: [] } }, undefined],
  [{ needs, state: "confirmed" }, undefined],
])("%j", (made, text) => {
  expect(approvalsText(change(made))).toBe(text);
});

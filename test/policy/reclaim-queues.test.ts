import { expect, test } from "vitest";
import { bitsPerSecond } from "../../src/kernel/units.ts";
import type { QosChange } from "../../src/model/decision.ts";
import { predictReclaim } from "../../src/policy/reclaim.ts";
import { type Loads, networkOf, nowMs, policyOf, share, stateOf } from "../te/queued-network.ts";

const network = networkOf(["a-b"]);
const made: QosChange = {
  ...{ action: "qos", device: "a", link: "a-b", from: [] },
  to: [share("interactive", 20, 0), share("standard", 10, 1), share("batch", 10, 7)],
};
const calm: Loads = { interactive: [10, 0], standard: [10, 0], batch: [40, 0] };
const predicted = (
  loads: Loads,
  pathMs: number | undefined,
  risk = 0.01,
  change = made,
  atMs = nowMs,
  held?: number,
) => {
  const state = stateOf({ "a-b": loads }, pathMs, undefined, { risk });
  return predictReclaim(policyOf(), "interactive", { ...state, atMs }, network, {
    changeId: "change-1",
    changes: [change],
    ...(held === undefined ? {} : { demands: [{ link: "a-b", class: "batch", offered: bitsPerSecond(held) }] }),
  });
};

// Goal: with room for all in a plain queue, it is the path's delay as a share of what it may be: 1 ms and what the wait grows by, of 10 ms.
test("a plain queue that holds", () => {
  const value = predicted(calm, 1) ?? Number.NaN;
  expect(value).toBeGreaterThan(0.1);
  expect(value).toBeLessThan(0.2);
  expect(predicted({ ...calm, batch: [60, 0] }, 1)).toBeGreaterThan(value);
});

// Goal: a class that is at risk for another reason is not calm.
test("no less than the signal is now", () => {
  expect(predicted(calm, 1, 0.7)).toBe(0.7);
});

// Goal: who drops or takes all that is left now would fill a plain queue, and so would one that its ceiling holds back.
test("a plain queue that would be full", () => {
  expect(predicted({ ...calm, batch: [80, 20] }, 1)).toBe(1000);
  expect(predicted({ ...calm, batch: [80, 0] }, 1)).toBe(1000);
  const to = [...made.to.slice(0, 2), share("batch", 10, 7, 20)];
  expect(predicted({ ...calm, batch: [20, 0] }, 1, 0.01, { ...made, to })).toBe(1000);
});

// Goal: back to other queues is worked out with those.
test("back to earlier queues", () => {
  const from = [share("interactive", 5, 0), share("standard", 10, 1), share("batch", 10, 7)];
  expect(predicted(calm, 1, 0.01, { ...made, from })).toBeLessThan(predicted(calm, 1) ?? 0);
});

// Goal: what is not known, or old, is undefined and never calm.
test("not known", () => {
  expect(predicted(calm, undefined)).toBeUndefined();
  expect(predicted(calm, 1, 0.01, made, nowMs + 31_000)).toBeUndefined();
  expect(predicted(calm, 1, 0.01, { ...made, link: "gone" })).toBeUndefined();
  const { batch: _, ...part } = calm;
  expect(predicted(part, 1)).toBeUndefined();
});

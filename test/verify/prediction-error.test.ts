import { expect, test } from "vitest";
import { bitsPerSecond, type Ratio } from "../../src/kernel/units.ts";
import type { Decision, QueuePrediction } from "../../src/model/decision.ts";
import type { SignalName } from "../../src/model/signal.ts";
import { predictionError } from "../../src/verify/prediction-error.ts";
import { verifyChange } from "../../src/verify/verify.ts";
import { a, b, decisionOf, intervalMs, network, policyOf, prepend, stateOf } from "../te/two-transits.ts";

const pushedMs = Date.UTC(2026, 10, 20, 12, 0, 0);
const endMs = pushedMs + 60_000;

const onLink = (link: string, before: number, after: number) => {
  const at = (utilisation: number) => ({ utilisation: utilisation as Ratio, costPerHour: 0 });
  return { link, before: at(before), after: at(after), afterWorstFailure: 0 as Ratio };
};
const made = decisionOf([prepend("11.0.0.0/24", a, 0, 3)]);
const predicting = (...links: ReturnType<typeof onLink>[]): Decision => ({
  ...made,
  predicted: { ...made.predicted, links },
});
/** Mbit/s; A holds 1000 and B 10000. */
const measured = (onA: number, onB: number, toMs: number) =>
  stateOf([a, b], [], { "transit-a": onA, "transit-b": onB }, { fromMs: toMs - intervalMs, toMs });

const errorOn = (
  decision: Decision,
  before: readonly [onA: number, onB: number],
  after: Readonly<Record<string, number>>,
) => {
  const fresh = (signal: SignalName, name: string) => (signal === "link.utilisation.in" ? after[name] : undefined);
  return predictionError({ decision, network, before: measured(...before, pushedMs) }, fresh);
};

// Goal: the definition, by hand: the worst of the links that were to change, from where they were when it was pushed.
test.each([
  ["as predicted", [900, 5_000], { "transit-a": 0.1, "transit-b": 0.58 }, { of: "transit-a", error: 0 }],
  ["B gets more", [900, 5_000], { "transit-a": 0.1, "transit-b": 0.7 }, { of: "transit-b", error: 0.12 }],
  ["B gets less", [900, 5_000], { "transit-a": 0.1, "transit-b": 0.5 }, { of: "transit-b", error: 0.08 }],
  ["A keeps half", [900, 5_000], { "transit-a": 0.5, "transit-b": 0.54 }, { of: "transit-a", error: 0.4 }],
  ["B was fuller by the push", [900, 6_000], { "transit-a": 0.1, "transit-b": 0.69 }, { of: "transit-b", error: 0.01 }],
  ["A was full", [1_000, 5_000], { "transit-a": 0.9, "transit-b": 0.6 }, { of: "transit-b", error: 0.02 }],
  [
    "A was emptier by the push",
    [450, 5_000],
    { "transit-a": 0.03, "transit-b": 0.58 },
    { of: "transit-a", error: 0.03 },
  ],
  ["only B is known", [900, 5_000], { "transit-b": 0.6 }, { of: "transit-b", error: 0.02 }],
] as const)("%s", (_, before, after, expected) => {
  const decision = predicting(onLink("transit-a", 0.9, 0.1), onLink("transit-b", 0.5, 0.58));
  const found = errorOn(decision, before, after);
  expect(found).toMatchObject({ of: expected.of, error: expect.closeTo(expected.error) });
  expect(Math.abs((found?.predicted ?? 0) - (found?.measured ?? 0))).toBeCloseTo(expected.error);
});

// Goal: what is not known is not an error, and what was not to change is nobody's.
test.each([
  ["nothing is measured", predicting(onLink("transit-b", 0.5, 0.58)), {}],
  ["nothing was to change", predicting(onLink("transit-b", 0.5, 0.5)), { "transit-b": 0.9 }],
  ["nothing is predicted", predicting(), { "transit-b": 0.9 }],
  ["a link that is no longer there", predicting(onLink("gone", 0.5, 0.6)), { gone: 0.9 }],
])("%s: unknown", (_, decision, after) => {
  expect(errorOn(decision, [900, 5_000], after)).toBeUndefined();
});

// Goal: of queues, more than was promised is an error, and so is less while packets are dropped; less for want of traffic is not.
test.each([
  ["as promised", 300, 0, 0],
  ["more", 400, 0, 0.1],
  ["less, and drops", 200, 50, 0.1],
  ["less, as it is offered less", 200, 0, 0],
])("a queue that carries %s", (_, carried, dropped, error) => {
  const queue: QueuePrediction = {
    ...{ link: "transit-a", class: "batch", offered: bitsPerSecond(9e8) },
    ...{ before: { carried: bitsPerSecond(8e8) }, after: { carried: bitsPerSecond(3e8) } },
  };
  const decision = { ...made, predicted: { ...made.predicted, queues: [queue] } };
  const values: Partial<Record<SignalName, number>> = { "queue.rate": carried * 1e6, "queue.drops": dropped * 1e6 };
  const fresh = (signal: SignalName) => values[signal];
  const found = predictionError({ decision, network, before: measured(900, 5_000, pushedMs) }, fresh);
  expect(found).toMatchObject({ of: "transit-a/batch", error: expect.closeTo(error) });
  expect(
    predictionError({ decision, network, before: measured(900, 5_000, pushedMs) }, () => undefined),
  ).toBeUndefined();
});

// Goal: a verdict brings the error of samples measured since the push, and only of those.
test("in the verdict", () => {
  const decision = predicting(onLink("transit-a", 0.9, 0.1), onLink("transit-b", 0.5, 0.58));
  const judge = (now: ReturnType<typeof measured>, forbid: ReturnType<typeof policyOf>["verify"]["forbid"] = []) =>
    verifyChange({
      ...{ policy: policyOf({ verify: { forbid } }), network, decision, pushedMs, nowMs: now.atMs },
      ...{ before: measured(900, 5_000, pushedMs - 1_000), now },
    });
  expect(judge(measured(100, 7_000, endMs))).toMatchObject({
    outcome: "better",
    predictionError: { of: "transit-b", measured: 0.7, error: expect.closeTo(0.12) },
  });
  const forbid = {
    ...{ text: "link.utilisation.in above 65%", signal: "link.utilisation.in" as const },
    ...{ comparator: "above" as const, threshold: 0.65 },
  };
  const soon = judge(measured(100, 7_000, pushedMs + intervalMs), [forbid]);
  expect(soon).toMatchObject({ outcome: "worse", predictionError: { of: "transit-b" } });
});

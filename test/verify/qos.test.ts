import { describe, expect, test } from "vitest";
import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { QosDecision } from "../../src/model/decision.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import type { Condition } from "../../src/model/policy.ts";
import { verifyChange } from "../../src/verify/verify.ts";
import {
  intent,
  interactive,
  intervalMs,
  type Loads,
  networkOf,
  nowMs,
  objective as objectiveOf,
  policyOf,
  share,
  stateOf,
} from "../te/queued-network.ts";

const pushedMs = nowMs;
const endMs = pushedMs + 60_000;
const condition = (signal: Condition["signal"], comparator: Condition["comparator"], threshold: number): Condition => ({
  ...{ text: `${signal} ${comparator} ${threshold}`, signal, comparator, threshold },
});
const base = policyOf();
const policy = { ...base, verify: { ...base.verify, require: [condition("class.stress", "below", 1)] } };
const network = networkOf(["a-b", "b-c"]);
const decision: QosDecision = {
  ...{ action: "qos", intent, reason: "", alternatives: [] },
  changes: [
    {
      ...{ action: "qos", device: "a", link: "a-b", from: [] },
      to: [share("interactive", 75, 0), share("standard", 10, 1), share("batch", 10, 7, 10)],
    },
  ],
  predicted: {
    ...{ links: [], flows: [], costPerHour: { before: 0, after: 0, currency: "" } },
    ...{ moved: bitsPerSecond(0), movedShare: ratio(0) },
  },
};
const measured = (loads: Loads, stress: number, fromMs: number, toMs: number) =>
  stateOf({ "a-b": loads }, 1, { fromMs, toMs }, { stress, risk: 9 });
const before = measured(
  { interactive: [40, 20], standard: [30, 10], batch: [30, 30] },
  5,
  nowMs - 20_000,
  nowMs - 1_000,
);
const good: Loads = { interactive: [60, 0], standard: [30, 0], batch: [10, 50] };
const verdictOn = (loads: Loads, stress = 0.2, more: Partial<Parameters<typeof verifyChange>[0]> = {}) => {
  const now = measured(loads, stress, endMs - intervalMs, endMs);
  return verifyChange({ policy, network, decision, before, now, pushedMs, nowMs: endMs, ...more });
};
const failed = (verdict: ReturnType<typeof verifyChange>) =>
  verdict?.findings.filter(({ held }) => !held).map(({ text }) => text);

// Goal: judged by class.stress, although class.risk, whose windows reach back, is as high as ever.
test("better", () => {
  expect(verdictOn(good)).toEqual({
    outcome: "better",
    findings: [
      { text: "interactive: required class.stress below 1: 20%", held: true },
      { text: "interactive: class.stress is lower: 500% before, 20% now", held: true },
      {
        text: "interactive on a-b: carries 60 Mbit/s and drops 0 bit/s, of 60 Mbit/s that it offered and is sure of",
        held: true,
      },
      {
        text: "standard on a-b: carries 30 Mbit/s and drops 0 bit/s, of 10 Mbit/s that it offers and is sure of",
        held: true,
      },
      {
        text: "batch on a-b: carries 10 Mbit/s and drops 50 Mbit/s, of 10 Mbit/s that it offers and is sure of",
        held: true,
      },
    ],
  });
});

// Goal: each thing that must come of it, missing, is "worse" and named.
test.each<[string, Loads, number, string]>([
  ["no less stress", good, 5, "class.stress is not lower: 500% before, 500% now"],
  ["still over its limit", good, 1.5, "required class.stress below 1: 150%"],
  ["drops under what it is sure of", { ...good, interactive: [53, 1] }, 0.2, "interactive on a-b: carries 53 Mbit/s"],
  ["a queue that leads nowhere", { ...good, interactive: [0, 0] }, 0.2, "interactive on a-b: carries 0 bit/s"],
  [
    "drops under its floor",
    { ...good, batch: [8.9, 5] },
    0.2,
    "batch on a-b: drops packets under its floor of 10 Mbit/s",
  ],
])("worse: %s", (_, loads, stress, text) => {
  const verdict = verdictOn(loads, stress);
  expect(verdict?.outcome).toBe("worse");
  expect(failed(verdict)?.join()).toContain(text);
});

// Goal: traffic breathes: a class that loses nothing may send less by itself.
test("less traffic is no harm", () => {
  expect(verdictOn({ ...good, interactive: [35, 0] })?.outcome).toBe("better");
  expect(verdictOn({ ...good, batch: [9.1, 5] })?.outcome).toBe("better");
});

// Goal: a class that was asked to send less, and does, is no fault of the change; one that drops before it has what it is sure of is.
test("others offer what they like", () => {
  expect(verdictOn({ ...good, batch: [0, 0] })?.outcome).toBe("better");
  expect(verdictOn({ ...good, standard: [2, 0] })?.outcome).toBe("better");
  expect(failed(verdictOn({ ...good, standard: [5, 1] }))).toEqual([
    "standard on a-b: carries 5 Mbit/s and drops 1 Mbit/s, of 6 Mbit/s that it offers and is sure of",
    "standard on a-b: drops packets under its floor of 10 Mbit/s",
  ]);
});

// Goal: the change must not bring another class to its limit, unless it holds that back on purpose. Method: stress of one other
// class before and after; undefined: unknown.
test.each<[string, string, number | undefined, number | undefined, string]>([
  ["a bystander ruined", "standard", 0.3, 40, "worse"],
  ["a bystander that was over before", "standard", 1.5, 40, "better"],
  ["a bystander that stays under", "standard", 0.3, 0.9, "better"],
  ["a bystander of which nothing was known", "standard", undefined, 1.1, "worse"],
  ["a bystander of which nothing is known any more", "standard", 0.3, undefined, "waits"],
  ["one that is held back on purpose", "batch", 0.3, 40, "better"],
  ["one without objectives", "standard", undefined, undefined, "better"],
])("%s", (_, name, was, is, outcome) => {
  const stressed = (state: NetworkState, value: number | undefined): NetworkState => {
    const own = state.signals.get("class.stress")?.get("interactive");
    if (!own) throw new Error("no stress");
    const stress = new Map([
      ["interactive", own],
      ...(value === undefined ? [] : [[name, { ...own, value }] as const]),
    ]);
    return { ...state, signals: new Map(state.signals).set("class.stress", stress) };
  };
  const now = stressed(measured(good, 0.2, endMs - intervalMs, endMs), is);
  const verdict = verifyChange({
    policy,
    network,
    decision,
    before: stressed(before, was),
    now,
    pushedMs,
    nowMs: endMs,
  });
  expect(verdict?.outcome ?? "waits").toBe(outcome);
  if (outcome === "worse") expect(failed(verdict)?.join()).toContain("standard: class.stress did not rise above 100%");
});

// Goal: nothing measured before the push counts, and silence is failure. Method: a window that begins before it, and one signal gone.
test("silent", () => {
  const late = endMs + 5 * intervalMs;
  const old = measured(good, 0.2, pushedMs - 1, late);
  expect(verifyChange({ policy, network, decision, before, now: old, pushedMs, nowMs: endMs })).toBeNull();
  const verdict = verifyChange({ policy, network, decision, before, now: old, pushedMs, nowMs: late });
  expect(verdict?.outcome).toBe("silent");
  expect(failed(verdict)?.[0]).toContain("interactive: no class.stress measured since the change");
  const whole = measured(good, 0.2, endMs, late);
  const signals = new Map(whole.signals).set("queue.drops", new Map());
  const gone = verifyChange({ policy, network, decision, before, now: { ...whole, signals }, pushedMs, nowMs: late });
  expect(failed(gone)).toContain("a-b/batch: no queue.drops measured since the change and recent enough");
});

// Goal: what was not known before neither passes nor fails the change and is named; what was and is silent now fails it.
// Method: a second objective, of a signal that is there before, now, in both or in neither; it is broken whenever it is there.
describe("an objective that is not always known", () => {
  const other = { ...objectiveOf(20), text: "jitter p95 below 20ms", signal: "jitter" };
  const wide = { ...interactive, service: { ...interactive.service, objectives: [objectiveOf(10), other] } };
  const classes = network.classes.map((one) => (one.name === "interactive" ? wide : one));
  const withOther = (state: NetworkState, value: number | undefined): NetworkState => {
    const health = state.classes.get("interactive");
    if (!health) throw new Error("interactive stands somehow");
    const { atMs } = state;
    const recent = value === undefined ? {} : { recent: { value, fromMs: atMs - 1_000, toMs: atMs } };
    const objectives = [...health.objectives, { objective: other.text, ...recent, burn: {} }];
    return { ...state, classes: new Map([["interactive", { ...health, objectives }]]) };
  };
  const lateMs = endMs + 5 * intervalMs;
  const judge = (was: number | undefined, is: number | undefined) =>
    verifyChange({
      ...{ policy, network: { ...network, classes }, decision, pushedMs, nowMs: lateMs },
      before: withOther(before, was),
      now: withOther(measured(good, 0.2, lateMs - intervalMs, lateMs), is),
    });
  const named = {
    text: "interactive: jitter p95 below 20ms is not judged: it was not known before the change",
    held: true,
  };

  test.each([
    ["unknown before and now", undefined],
    ["unknown before, broken now", 900],
  ])("%s", (_, is) => {
    const verdict = judge(undefined, is);
    expect(verdict?.outcome).toBe("better");
    expect(verdict?.findings).toContainEqual(named);
  });
  test("known before and silent now", () => {
    expect(judge(30, undefined)?.outcome).toBe("silent");
  });
  test("known before and broken now", () => {
    const verdict = judge(30, 900);
    expect(verdict?.outcome).toBe("worse");
    expect(verdict?.findings).not.toContainEqual(named);
    expect(judge(30, 10)?.outcome).toBe("better");
  });
});

// Goal: conditions on queues are about the class's own on the links that are changed, those on links about all with qos.
test("conditions on queues", () => {
  const verify = { ...policy.verify, require: [], forbid: [condition("queue.drops", "above", 1e6)] };
  expect(verdictOn(good, 0.2, { policy: { ...policy, verify } })?.findings[0]?.text).toContain(
    "a-b/interactive: forbidden",
  );
  expect(verdictOn(good, 0.2, { policy: { ...policy, verify } })?.outcome).toBe("better");
  const dropping = verdictOn({ ...good, interactive: [60, 2] }, 0.2, { policy: { ...policy, verify } });
  expect(dropping?.outcome).toBe("worse");
});

// Goal: what is given back must not bring the class to its limit.
test("giving back", () => {
  const back = { ...intent, kind: "give-back" as const, changeId: "change-1", changes: [] };
  const [change] = decision.changes;
  const plain = change ? [{ ...change, from: change.to, to: [] }] : [];
  const given = { decision: { ...decision, intent: back, changes: plain }, before: measured(good, 0.2, 0, nowMs - 1) };
  const free = { ...policy, verify: { ...policy.verify, require: [] } };
  expect(verdictOn(good, 0.9, { ...given, policy: free })?.outcome).toBe("better");
  const risen = verdictOn(good, 1.1, { ...given, policy: free });
  expect(failed(risen)).toEqual(["interactive: class.stress did not rise above 100%: 20% before, 110% now"]);
});

import { expect, test } from "vitest";
import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { SegmentRoutingDecision } from "../../src/model/decision.ts";
import type { Network } from "../../src/model/inventory.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import type { Policy } from "../../src/model/policy.ts";
import type { SignalName } from "../../src/model/signal.ts";
import { verifyChange } from "../../src/verify/verify.ts";

const pushedMs = Date.UTC(2026, 10, 20, 12, 0, 0);
const observeMs = 60_000;
const endMs = pushedMs + observeMs;
const intervalMs = 10_000;

const link = (device: string, to: string) => ({
  ...{ name: `${device}-${to}`, device, interface: to, role: "backbone" as const, capacity: bitsPerSecond(10e9) },
  backbone: { to, metric: 10, delayMs: 1, loss: ratio(0) },
});
const network: Network = {
  as: 65_000,
  devices: [],
  links: [link("a", "b"), link("a", "c"), link("c", "b")],
  prefixes: [],
  classes: [
    { name: "inference", prefers: "latency" },
    { name: "training", prefers: "capacity" },
  ],
  flows: [
    { name: "answers", class: "inference", headend: "a", endpoint: "b", color: 1 },
    { name: "weights", class: "training", headend: "a", endpoint: "b", color: 2 },
  ],
  telemetry: { intervalMs },
  freezes: [],
  anycast: [],
  shedWebhooks: [],
};
const policy: Policy = {
  name: "keep-inference-fast",
  description: "",
  mode: "propose",
  scope: { flows: { class: "inference" } },
  trigger: { signal: "path.latency.p99", above: 10, clear: 8, for: { count: 3, of: 5 }, everyMs: intervalMs },
  decide: { action: "segment-routing", target: ratio(0.75), maxSegments: 3 },
  guard: {
    ...{ maxDevices: 2, maxTrafficMoved: ratio(1), freshnessIntervals: 3, coverage: ratio(0.9) },
    surviveAnyLinkFailure: true,
  },
  approve: { people: 1, expiresMs: 900_000 },
  verify: {
    observeMs,
    require: [{ text: "path.latency.p99 below 10ms", signal: "path.latency.p99", comparator: "below", threshold: 10 }],
    forbid: [
      { text: "link.utilisation.out above 90%", signal: "link.utilisation.out", comparator: "above", threshold: 0.9 },
    ],
  },
  holdMs: 600_000,
};
const load = (name: string, before: number, after: number) => ({
  link: name,
  before: { utilisation: ratio(before / 10), costPerHour: 0 },
  after: { utilisation: ratio(after / 10), costPerHour: 0 },
  afterWorstFailure: ratio(after / 10),
});
const decision: SegmentRoutingDecision = {
  action: "segment-routing",
  intent: {
    kind: "relieve",
    policy: policy.name,
    target: "answers",
    signal: "path.latency.p99",
    threshold: 10,
    evidence: [],
  },
  changes: [
    {
      action: "segment-routing",
      device: "a",
      color: 2,
      endpoint: "b",
      flow: "weights",
      from: [],
      to: [{ preference: 100, segments: ["c", "b"] }],
    },
  ],
  reason: "",
  alternatives: [],
  predicted: {
    links: [load("a-b", 9, 1), load("a-c", 0, 8), load("c-b", 1, 9)],
    flows: [
      {
        flow: "weights",
        rate: bitsPerSecond(8e9),
        before: { links: ["a-b"], delayMs: 1 },
        after: { links: ["a-c", "c-b"], delayMs: 2 },
      },
    ],
    costPerHour: { before: 0, after: 0, currency: "" },
    moved: bitsPerSecond(8e9),
    movedShare: ratio(0.8),
  },
};

/** Gbit/s by link, and what inference feels; as PromQL gives the latter, without a span. */
function stateOf(
  latencyMs: number | undefined,
  gbits: Record<string, number>,
  toMs: number,
  weights = 8,
): NetworkState {
  const measured = (value: number) => ({ value, fromMs: toMs - intervalMs, toMs });
  const entries = Object.entries(gbits);
  const signals = new Map<SignalName, Map<string, ReturnType<typeof measured>>>([
    ["link.rate.out", new Map(entries.map(([name, gbit]) => [name, measured(gbit * 1e9)]))],
    ["link.utilisation.out", new Map(entries.map(([name, gbit]) => [name, measured(gbit / 10)]))],
  ]);
  signals.set("flow.rate", new Map([["weights", { value: weights * 1e9, fromMs: toMs, toMs }]]));
  const latency = latencyMs === undefined ? [] : [["answers", { value: latencyMs, fromMs: toMs, toMs }] as const];
  return {
    atMs: toMs,
    signals: signals.set("path.latency.p99", new Map(latency)),
    prefixes: [],
    targets: new Map(),
    classes: new Map(),
    sites: new Map(),
  };
}

const before = stateOf(40, { "a-b": 9, "a-c": 0, "c-b": 1 }, pushedMs - 1_000);
const verdictOn = (now: NetworkState, more: Partial<Parameters<typeof verifyChange>[0]> = {}) =>
  verifyChange({ policy, network, decision, before, now, pushedMs, nowMs: endMs, ...more });
const moved = { "a-b": 1, "a-c": 8, "c-b": 9 };

// Goal: the flow that suffered is faster, no link is too full, and the new path is seen carrying what was moved.
test("better", () => {
  expect(verdictOn(stateOf(4, moved, endMs))).toEqual({
    outcome: "better",
    findings: [
      { text: "answers: required path.latency.p99 below 10ms: 4 ms", held: true },
      { text: "a-b: forbidden link.utilisation.out above 90%: 10%", held: true },
      { text: "a-c: forbidden link.utilisation.out above 90%: 80%", held: true },
      { text: "c-b: forbidden link.utilisation.out above 90%: 90%", held: true },
      { text: "answers: path.latency.p99 is lower: 40 ms before, 4 ms now", held: true },
      { text: "weights: its headend takes in 8 Gbit/s, 8 Gbit/s before", held: true },
      { text: "a-c: carries 8 Gbit/s more, of 8 Gbit/s that new paths bring", held: true },
      { text: "c-b: carries 8 Gbit/s more, of 8 Gbit/s that new paths bring", held: true },
    ],
    predictionError: { of: "a-b", predicted: expect.closeTo(0.1), measured: 0.1, error: expect.closeTo(0) },
  });
});

// Goal: a path that is up and carries nothing is no path; each other harm is seen too.
test.each([
  [
    "the new path does not carry",
    stateOf(4, { "a-b": 1, "a-c": 8, "c-b": 1 }, endMs),
    "c-b: carries 0 bit/s more, of 8 Gbit/s",
  ],
  ["it carries too little", stateOf(4, { "a-b": 1, "a-c": 3.9, "c-b": 9 }, endMs), "a-c: carries 3.9 Gbit/s more"],
  [
    "the flow ends at its headend",
    stateOf(4, moved, endMs, 3.9),
    "weights: its headend takes in 3.9 Gbit/s, 8 Gbit/s before",
  ],
  ["inference is still slow", stateOf(11, moved, endMs), "answers: required path.latency.p99 below 10ms: 11 ms"],
])("%s: worse", (_, now, text) => {
  const verdict = verdictOn(now);
  expect(verdict?.outcome).toBe("worse");
  expect(verdict?.findings.filter(({ held }) => !held).map((finding) => finding.text)).toEqual([
    expect.stringContaining(text),
  ]);
});

test("a link that the policy forbids to fill ends it at once", () => {
  const early = pushedMs + 2 * intervalMs;
  const verdict = verdictOn(stateOf(4, { ...moved, "a-c": 9.5 }, early), { nowMs: early });
  expect(verdict).toMatchObject({ outcome: "worse", findings: [{ text: expect.stringContaining("a-c: forbidden") }] });
});

test("a flow whose latency nobody measures is silence", () => {
  const nowMs = endMs + 4 * intervalMs;
  expect(verdictOn(stateOf(undefined, moved, nowMs), { nowMs })).toMatchObject({
    outcome: "silent",
    findings: [{ text: "answers: no path.latency.p99 measured since the change and recent enough" }],
  });
});

// Goal: of a drain only what is drained must be lower; that others carry more than the trigger is what it is for.
test("a drain", () => {
  const drain: Policy = {
    ...policy,
    scope: { drain: "a-b" },
    trigger: { ...policy.trigger, signal: "link.utilisation.out", above: 0.02, clear: 0.01 },
    verify: {
      observeMs,
      require: policy.verify.forbid.map((one) => ({ ...one, comparator: "below" as const })),
      forbid: [],
    },
  };
  const intent = { ...decision.intent, target: "a-b", signal: "link.utilisation.out" } as const;
  const given = { policy: drain, decision: { ...decision, intent } };
  expect(verdictOn(stateOf(4, { "a-b": 0.1, "a-c": 8, "c-b": 8.9 }, endMs), given)?.outcome).toBe("better");
  const verdict = verdictOn(stateOf(4, { "a-b": 8.9, "a-c": 8, "c-b": 8.9 }, endMs), {
    ...given,
    before: stateOf(40, { "a-b": 8.9, "a-c": 0, "c-b": 0.9 }, pushedMs - 1_000),
  });
  expect(verdict?.findings.filter(({ held }) => !held)).toEqual([
    { text: "a-b: carries 0 bit/s less, of 8 Gbit/s that are led around it", held: false },
  ]);
});

// Goal: where old and new path join again, what goes on is looked at too: a path can break behind its new links.
test("a path that breaks on a link that it had before", () => {
  const [flow] = decision.predicted.flows;
  const joined = {
    ...decision,
    predicted: {
      ...decision.predicted,
      links: [load("a-b", 9, 1), load("a-c", 0, 8)],
      flows: flow ? [{ ...flow, before: { links: ["a-b", "c-b"], delayMs: 1 } }] : [],
    },
  };
  const [then, now] = [stateOf(40, { "a-b": 9, "a-c": 0, "c-b": 8 }, pushedMs - 1_000), { "a-b": 1, "a-c": 8 }];
  const on = (rest: number) =>
    verdictOn(stateOf(4, { ...now, "c-b": rest }, endMs), { decision: joined, before: then });
  expect(on(8)?.outcome).toBe("better");
  expect(on(0)?.findings.filter(({ held }) => !held)).toEqual([
    { text: "c-b: goes on carrying 0 bit/s, of 8 Gbit/s expected", held: false },
  ]);
});

// Goal: what a flow has shrunk by while the change waited for approval is not asked of its new path.
test("a flow that sends less by now", () => {
  const less = stateOf(9.9, { "a-b": 4, "a-c": 0, "c-b": 1 }, pushedMs - 1_000, 3);
  expect(verdictOn(stateOf(4, { "a-b": 1, "a-c": 3, "c-b": 4 }, endMs, 3), { before: less })?.outcome).toBe("better");
});

// Goal: traffic that has to stay on a drained router does not make a good drain look bad.
test("a drain beside traffic that stays", () => {
  const policyOfDrain: Policy = {
    ...policy,
    scope: { drain: "c" },
    trigger: { ...policy.trigger, signal: "link.utilisation.out", above: 0.02, clear: 0.01 },
    verify: { observeMs, require: [], forbid: [] },
  };
  const [flow] = decision.predicted.flows;
  const back = {
    ...decision,
    predicted: {
      ...decision.predicted,
      links: [load("a-b", 1, 4), load("a-c", 3, 0)],
      flows: flow ? [{ ...flow, rate: bitsPerSecond(3e9), before: flow.after, after: flow.before }] : [],
    },
  };
  const then = stateOf(4, { "a-b": 1, "a-c": 3, "c-b": 6 }, pushedMs - 1_000, 3);
  const given = { policy: policyOfDrain, decision: back, before: then };
  expect(verdictOn(stateOf(4, { "a-b": 4, "a-c": 0, "c-b": 6.1 }, endMs, 3), given)?.outcome).toBe("better");
});

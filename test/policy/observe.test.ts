import { expect, test } from "vitest";
import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { Measured, SignalName } from "../../src/model/signal.ts";
import { observe } from "../../src/policy/observe.ts";
import { predictReclaim } from "../../src/policy/reclaim.ts";
import * as site from "../te/anycast-sites.ts";
import { intervalMs, moved, network, policy, stateAt } from "./fixtures.ts";

const nowMs = 1_000_000;
const sample = (value: number, ageMs = 0) => ({ value, fromMs: nowMs - ageMs - intervalMs, toMs: nowMs - ageMs });

// Goal: a value is seen with its source time, up to and including the age that the policy allows.
test.each([
  [0, true],
  [3 * intervalMs, true],
  [3 * intervalMs + 1, false],
  [-3 * intervalMs, true],
  [-3 * intervalMs - 1, false],
])("a sample that is %i ms old is seen: %s", (ageMs, isSeen) => {
  const observation = observe(policy, "transit-a", stateAt(nowMs, sample(0.9, ageMs)), network);
  expect(observation.kind).toBe(isSeen ? "seen" : "blind");
  if (isSeen) expect(observation).toEqual({ kind: "seen", value: 0.9, measuredMs: nowMs - ageMs });
});

// Goal: no data is never zero, and the reason names the source that is silent.
test("a link without a sample is blind", () => {
  const targets = {
    "edge-a": { state: "down", reason: "connection refused" },
    prometheus: { state: "synced" },
  } as const;
  expect(observe(policy, "transit-a", stateAt(nowMs, undefined, [], targets), network)).toEqual({
    kind: "blind",
    reason: "no sample of link.utilisation.in for transit-a; edge-a is down (connection refused)",
  });
});

// Goal: a give-back is predicted from what the moved prefixes carry now, wherever they enter, and from nothing less.
const displacement = { changeId: "c-1", changes: [moved] };
const entering = (link: string, mbits: number, ageMs = 0, prefix = "11.0.0.0/24") => ({
  prefix,
  link,
  rate: bitsPerSecond(mbits * 1e6),
  measuredMs: nowMs - ageMs,
});
const old = 3 * intervalMs + 1;
test.each([
  ["its traffic enters elsewhere", sample(0.2), [entering("transit-b", 300)], 0.5],
  ["over two links", sample(0.2), [entering("transit-b", 300), entering("transit-c", 100)], 0.6],
  ["what still enters here counts once", sample(0.2), [entering("transit-a", 50), entering("transit-b", 300)], 0.5],
  ["an old rate here is left behind", sample(0.2), [entering("transit-a", 900, old), entering("transit-b", 300)], 0.5],
  [
    "other prefixes stay where they are",
    sample(0.2),
    [entering("transit-b", 300), entering("transit-b", 9, 0, "10.0.0.0/24")],
    0.5,
  ],
  ["an old rate elsewhere is unknown", sample(0.2), [entering("transit-b", 300, old)], undefined],
  ["one old rate of two is unknown", sample(0.2), [entering("transit-b", 1), entering("transit-c", 1, old)], undefined],
  ["an unmeasured prefix is unknown", sample(0.2), [entering("transit-b", 300, 0, "10.0.0.0/24")], undefined],
  ["an old link sample is unknown", sample(0.2, old), [entering("transit-b", 300)], undefined],
])("give-back: %s", (_case, inbound, rates, expected) => {
  const predicted = predictReclaim(policy, "transit-a", stateAt(nowMs, inbound, rates), network, displacement);
  if (expected === undefined) expect(predicted).toBeUndefined();
  else expect(predicted).toBeCloseTo(expected, 12);
});

// Goal: the prediction is in the unit of the policy's own signal, and unknown for one that prepends do not move.
test("give-back in the signal's unit", () => {
  const byRate: typeof policy = { ...policy, trigger: { ...policy.trigger, signal: "link.rate.in" } };
  const outbound: typeof policy = { ...policy, trigger: { ...policy.trigger, signal: "link.rate.out" } };
  const rates = [entering("transit-b", 300)];
  const links = new Map([["transit-a", sample(200e6)]]);
  const state = {
    ...stateAt(nowMs, undefined, rates),
    signals: new Map([
      ["link.rate.in", links],
      ["link.rate.out", links],
    ] as const),
  };
  expect(predictReclaim(byRate, "transit-a", state, network, displacement)).toBe(500e6);
  expect(predictReclaim(outbound, "transit-a", state, network, displacement)).toBeUndefined();
});

const backbone = (name: string, device: string, to: string) => ({
  ...{ name, device, interface: name, role: "backbone" as const, capacity: bitsPerSecond(1e9) },
  backbone: { to, metric: 10, delayMs: 1, loss: ratio(0) },
});
const core = {
  ...network,
  links: [backbone("a-core", "a", "core"), backbone("core-b", "core", "b"), backbone("a-b", "a", "b")],
};
const draining: typeof policy = {
  ...policy,
  scope: { drain: "core" },
  trigger: { ...policy.trigger, signal: "link.utilisation.out" },
};
const sending = (byLink: Record<string, ReturnType<typeof sample>>) => ({
  ...stateAt(nowMs, undefined),
  signals: new Map([["link.utilisation.out" as const, new Map(Object.entries(byLink))]]),
});

// Goal: a router that is drained is as full as the fullest link from or to it, and known only when all of them are.
test("a drain is seen as the fullest of its links", () => {
  const state = sending({ "a-core": sample(0.3, 100), "core-b": sample(0.2, 700), "a-b": sample(0.9) });
  const whole = observe(draining, "core", state, core);
  expect(whole).toEqual({ kind: "seen", value: 0.3, measuredMs: nowMs - 700 });
  expect(observe(draining, "core", sending({ "a-core": sample(0.3), "a-b": sample(0.9) }), core)).toEqual({
    kind: "blind",
    reason: "no sample of link.utilisation.out for core-b",
  });
  expect(observe(draining, "core-b", state, core)).toEqual({ kind: "seen", value: 0.2, measuredMs: nowMs - 700 });
  const both = { ...core, links: [...core.links, backbone("b-core", "b", "core")] };
  const busyBack = sending({ "core-b": sample(0.1), "b-core": sample(0.4) });
  expect(observe(draining, "core-b", busyBack, both), "the same fibre").toMatchObject({ value: 0.4 });
});

// Goal: a moved flow's whole rate would come back to the link; without a fresh one nobody knows.
test("give-back of flows", () => {
  const steered = {
    action: "segment-routing",
    device: "a",
    color: 1,
    endpoint: "b",
    flow: "f",
    from: [],
    to: [],
  } as const;
  const relieving: typeof policy = { ...draining, scope: { links: { role: "backbone" } } };
  const back = (rateAgeMs: number, on = relieving) => {
    const state = sending({ "a-core": sample(0.2) });
    const signals = new Map<SignalName, ReadonlyMap<string, Measured>>(state.signals);
    signals.set("flow.rate", new Map([["f", sample(300e6, rateAgeMs)]]));
    return predictReclaim(on, "a-core", { ...state, signals }, core, { changeId: "c-1", changes: [steered] });
  };
  expect(back(0)).toBeCloseTo(0.5, 12);
  expect(back(old)).toBeUndefined();
  expect(back(0, draining), "a drain ends by rolling it back").toBeUndefined();
});

// Goal: a site goes back by its own health alone, and not while that is unknown.
test("give-back of a site", () => {
  const changes = [site.siteChange("transit-p1", "announced", "drained")];
  const reclaim = (state: ReturnType<typeof site.stateOf>) =>
    predictReclaim(site.policy, "paris", state, site.network, { changeId: "c1", changes });
  expect(reclaim(site.stateOf({ paris: null }))).toBe(0);
  expect(reclaim(site.stateOf({ paris: "stale" }))).toBe(1);
  expect(reclaim(site.stateOf({ london: null }))).toBeUndefined();
  expect(reclaim(site.stateOf({ paris: null }, 0))).toBeUndefined();
});

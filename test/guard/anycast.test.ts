import { expect, test } from "vitest";
import { denied } from "../../src/guard/guard.ts";
import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { AnycastChange, AnycastDecision, Intent } from "../../src/model/decision.ts";
import { judgeGuards } from "../support/untouched.ts";
import {
  announcedAs,
  giveBackOf,
  intent,
  network,
  policy,
  siteChange,
  stateOf,
  withRates,
} from "../te/anycast-sites.ts";
import { nowMs } from "../te/two-transits.ts";

type Input = Parameters<typeof judgeGuards>[0];

/** A decision with nothing to say for itself: guards must work everything out from the facts. */
function decisionOf(changes: readonly AnycastChange[], about: Intent = intent): AnycastDecision {
  const costPerHour = { before: 0, after: 0, currency: "" };
  const predicted = { links: [], flows: [], costPerHour, moved: bitsPerSecond(0), movedShare: ratio(0) };
  return { action: "anycast-drain", intent: about, changes, reason: "", predicted, alternatives: [] };
}
const drain = [siteChange("transit-p1", "announced", "drained"), siteChange("transit-p2", "announced", "drained")];
const withdraw = [siteChange("transit-p1", "drained", "withdrawn"), siteChange("transit-p2", "drained", "withdrawn")];
const drained = announcedAs({ "transit-p1": "drained", "transit-p2": "drained" });

const input: Input = {
  policy,
  network,
  state: stateOf(),
  decision: decisionOf(drain),
  switches: { frozen: null, killed: null },
  announcements: [],
  steering: [],
  qos: [],
  sites: announcedAs(),
  drained: [],
  changesInFlight: [],
  phase: "propose",
  touchedMs: [],
  nowMs,
};
const judge = (more: Partial<Input> = {}) => judgeGuards({ ...input, ...more });
const no = (more: Partial<Input>) => denied(judge(more))?.guard;

// Goal: every guard speaks, with its figures, and allows what is right.
test("draining one of three sites", () => {
  expect(judge().map(({ guard, allow }) => [guard, allow])).toEqual(
    [
      "kill-switch",
      "freeze-window",
      "one-change-in-flight",
      "allow-list",
      "rpki-data",
      "rpki",
      "one-step",
      "unchanged-basis",
      "max-devices",
      "freshness",
      "target-health",
      "traffic-moved",
      "min-sites",
      "last-announcement",
      "drained-everywhere",
    ].map((guard) => [guard, true]),
  );
  expect(judge().find(({ guard }) => guard === "min-sites")?.reason).toBe(
    "2 of 3 sites of chat are well and fully announced then (london, tokyo), at least 2 must be",
  );
  expect(no({ decision: decisionOf(withdraw), sites: drained })).toBeUndefined();
});

// Goal: each denial by the one fact that is wrong.
test.each<[string, string, Partial<Input>]>([
  ["another is not well", "min-sites", { state: stateOf({ paris: "x", london: "x", tokyo: null }) }],
  ["another is drained", "min-sites", { sites: announcedAs({ "transit-l": "drained" }) }],
  ["another is withdrawn", "min-sites", { sites: announcedAs({ "transit-t": "withdrawn" }) }],
  ["another's router is not read", "min-sites", { sites: announcedAs().filter(({ site }) => site !== "tokyo") }],
  ["another was not probed", "freshness", { state: stateOf({ paris: "x", london: null }) }],
  ["probes are old", "freshness", { state: stateOf(undefined, nowMs - 31_000) }],
  ["probes are from the future", "freshness", { state: stateOf(undefined, nowMs + 31_000) }],
  ["it is drained by now", "unchanged-basis", { sites: drained }],
  ["it is not read", "unchanged-basis", { sites: announcedAs().slice(0, 1) }],
  ["a link twice", "unchanged-basis", { decision: decisionOf([...drain, ...drain]) }],
  ["at once", "one-step", { decision: decisionOf([siteChange("transit-p1", "announced", "withdrawn")]) }],
  [
    "not the policy's prepends",
    "one-step",
    { decision: decisionOf([siteChange("transit-p1", "announced", "drained", 9)]) },
  ],
  [
    "another prefix",
    "allow-list",
    { decision: decisionOf(drain.map((one) => ({ ...one, prefix: "198.51.100.0/24" }))) },
  ],
  ["not on the list", "allow-list", { network: { ...network, prefixes: ["198.51.100.0/24"] } }],
  [
    "another's link",
    "allow-list",
    { decision: decisionOf([{ ...siteChange("transit-p1", "announced", "drained"), link: "transit-l" }]) },
  ],
  [
    "another's router",
    "allow-list",
    { decision: decisionOf([{ ...siteChange("transit-p1", "announced", "drained"), device: "edge-l" }]) },
  ],
  ["killed", "kill-switch", { switches: { frozen: null, killed: { by: "ann", reason: "no" } } }],
  ["frozen", "freeze-window", { switches: { frozen: { untilMs: nowMs + 1, by: "ann", reason: "no" }, killed: null } }],
])("%s: %s", (_, guard, more) => {
  expect(no(more)).toBe(guard);
});

test("two sites of one change count both", () => {
  const two = [...drain, siteChange("transit-l", "announced", "drained")];
  const wide = { ...policy, guard: { ...policy.guard, maxDevices: 2 } };
  expect(no({ decision: decisionOf(two) })).toBe("max-devices");
  const state = stateOf({ paris: "x", london: "x", tokyo: null });
  expect(no({ decision: decisionOf(two), policy: wide, state })).toBe("min-sites");
});

test("the last announcement is never withdrawn, though minSites and all else would allow it", () => {
  const alone = announcedAs({
    "transit-p1": "drained",
    "transit-p2": "drained",
    "transit-l": "withdrawn",
    "transit-t": "withdrawn",
  });
  const findings = judge({ decision: decisionOf(withdraw), sites: alone });
  expect(findings.find(({ guard }) => guard === "last-announcement")).toEqual({
    guard: "last-announcement",
    allow: false,
    reason: "192.0.2.0/24 stays announced on 0 links",
  });
  const one = announcedAs({ "transit-p1": "drained", "transit-p2": "drained", "transit-l": "withdrawn" });
  const left = judge({ decision: decisionOf(withdraw), sites: one });
  expect(left.find(({ guard }) => guard === "last-announcement")?.allow).toBe(true);
});

// Goal: the policy's limit holds of what is measured, and of the sites where nothing is.
test("traffic moved", () => {
  const limited = (share: number) => ({
    policy: { ...policy, guard: { ...policy.guard, maxTrafficMoved: ratio(share) } },
  });
  const state = withRates(stateOf(), { "transit-p1": 200, "transit-p2": 100, "transit-l": 700, "transit-t": 0 });
  expect(no({ ...limited(0.3), state })).toBeUndefined();
  expect(no({ ...limited(0.29), state })).toBe("traffic-moved");
  const part = withRates(stateOf(), { "transit-l": 10 });
  expect(no({ ...limited(0.1), state: part }), "what leaves is not measured, and not nothing").toBe("traffic-moved");
  expect(no(limited(0.34))).toBeUndefined();
  expect(no(limited(0.33)), "one site of three").toBe("traffic-moved");
});

// Goal: giving back is never held up by what it mends, and still goes one step, from what is there.
test("a site may come back while too few are up", () => {
  const well = stateOf({ paris: null, london: null, tokyo: null });
  const back = decisionOf([siteChange("transit-p1", "withdrawn", "drained", 2)], giveBackOf(withdraw));
  const sites = announcedAs({ "transit-p1": "withdrawn", "transit-l": "drained", "transit-t": "drained" });
  expect(no({ decision: back, sites, state: well })).toBeUndefined();
  expect(no({ decision: back, sites: announcedAs(), state: well })).toBe("unchanged-basis");
});

// Goal: proposed or approved earlier, a step still needs its reason when it is taken.
test.each(["propose", "push"] as const)("a site's health is what the step rests on: %s", (phase) => {
  const well = stateOf({ paris: null, london: null, tokyo: null });
  expect(no({ phase, state: well }), "well again by now").toBe("target-health");
  expect(no({ phase, state: well, decision: decisionOf(withdraw), sites: drained })).toBe("target-health");
  const back = decisionOf([siteChange("transit-p1", "drained", "announced")], giveBackOf(drain));
  expect(no({ phase, state: well, decision: back, sites: drained })).toBeUndefined();
  const findings = judge({ phase, decision: back, sites: drained });
  expect(denied(findings)).toEqual({
    guard: "target-health",
    allow: false,
    reason: "paris goes from drained to announced, and is not well: it serves llama-7 while the registry says llama-8",
  });
  const unheard = judge({ phase, state: stateOf({ london: null, tokyo: null }) });
  expect(unheard.find(({ guard }) => guard === "target-health")?.allow).toBe(false);
});

// Goal: what a decision says that it is for exempts it from nothing: what its changes do counts.
test("a give-back that takes a site out is judged as a drain", () => {
  const posing = decisionOf(drain, giveBackOf(drain));
  expect(no({ decision: posing, sites: announcedAs({ "transit-l": "drained" }) })).toBe("min-sites");
  const limited = { ...policy, guard: { ...policy.guard, maxTrafficMoved: ratio(0.1) } };
  expect(no({ decision: posing, policy: limited })).toBe("traffic-moved");
  const more = decisionOf([siteChange("transit-p1", "announced", "drained", 9)], giveBackOf(drain));
  expect(no({ decision: more })).toBe("one-step");
  const mixed = decisionOf([siteChange("transit-p1", "drained", "announced"), ...drain.slice(1)], giveBackOf(drain));
  const sites = announcedAs({ "transit-p1": "drained", "transit-l": "drained" });
  expect(judge({ decision: mixed, sites }).find(({ guard }) => guard === "min-sites")?.allow).toBe(false);
});

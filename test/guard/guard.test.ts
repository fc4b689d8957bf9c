import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { denied } from "../../src/guard/guard.ts";
import { bitsPerSecond } from "../../src/kernel/units.ts";
import { type Change, type ChangeState, changeStates } from "../../src/model/change.ts";
import type { Intent } from "../../src/model/decision.ts";
import type { FreezeWindow } from "../../src/model/inventory.ts";
import type { Mode } from "../../src/model/policy.ts";
import { judgeGuards } from "../support/untouched.ts";
import { chat } from "../te/anycast-sites.ts";
import {
  a,
  announce,
  announcements,
  b,
  decisionOf,
  intervalMs,
  network,
  networkOf,
  nowMs,
  peak,
  peakRates,
  peering,
  policyOf,
  prepend,
  relieveA,
  stateOf,
  transit,
} from "../te/two-transits.ts";

const right = [prepend("11.0.0.0/24", a, 0, 3)];
const input = {
  policy: policyOf(),
  network,
  state: peak,
  decision: decisionOf(right),
  switches: { frozen: null, killed: null },
  announcements,
  steering: [],
  qos: [],
  sites: [],
  drained: [],
  changesInFlight: [],
  phase: "propose",
  touchedMs: [],
  nowMs,
} satisfies Parameters<typeof judgeGuards>[0];
type Input = Parameters<typeof judgeGuards>[0];
const all = [
  "kill-switch",
  "freeze-window",
  "one-change-in-flight",
  "allow-list",
  "no-more-specifics",
  "rpki-data",
  "rpki",
  "scope",
  "unchanged-basis",
  "max-devices",
  "prepend-cap",
  "prepended-everywhere",
  "freshness",
  "coverage",
  "traffic-moved",
  "target-headroom",
  "link-failure",
];
const no = (given: Input) => judgeGuards(given).filter((finding) => !finding.allow);

// Goal: the scenario's right change passes every guard, and each says why with figures.
test("the right change is allowed by all", () => {
  const findings = judgeGuards(input);
  expect(findings.map((finding) => finding.guard)).toEqual(all);
  expect(denied(findings)).toBeUndefined();
  expect(Object.fromEntries(findings.map(({ guard, reason }) => [guard, reason]))).toMatchObject({
    freshness: "the oldest sample is 0 s old, within 30 s",
    coverage: "prefix rates explain 108% of 1 Gbit/s on transit-a; 90% is required",
    "traffic-moved": "moves 900 Mbit/s, 14.8% of all inbound traffic; at most 30% may move",
    "target-headroom": "transit-b goes to 61.3% of at most 75%",
    "link-failure": "no failure of one of 2 links is worse than without the change",
  });
});

const flight = (state: ChangeState, link = "transit-a", mode: Mode = "auto") =>
  ({ id: "change-7", state, mode, decision: decisionOf([], { ...relieveA, target: link }) }) as unknown as Change;
const aged = (ms: number) =>
  stateOf([a, b], peakRates, { "transit-a": 1_000 }, { fromMs: nowMs - ms - 1, toMs: nowMs - ms });

// Goal: each guard denies alone, for its own reason, and says it with figures.
test.each<[string, string, Partial<Input>, string]>([
  [
    "kill-switch",
    "someone stopped it all",
    { switches: { frozen: null, killed: { by: "ada", reason: "outage" } } },
    "ada stopped all changes: outage",
  ],
  [
    "freeze-window",
    "an operator's freeze",
    { switches: { frozen: { untilMs: nowMs + 1, by: "ada", reason: "launch" }, killed: null } },
    "ada froze changes until 2026-11-20T12:00:00.001Z: launch",
  ],
  [
    "freeze-window",
    "a configured freeze",
    {
      network: networkOf([a, b], network.prefixes, { freezes: [{ reason: "launch", fromMs: nowMs, toMs: nowMs + 1 }] }),
    },
    'inside the freeze window "launch" (2026-11-20T12:00:00.000Z to',
  ],
  [
    "allow-list",
    "a prefix of anycast sites",
    { network: { ...network, anycast: [{ ...chat, prefix: "11.0.0.0/24" }] } },
    "11.0.0.0/24 is the anycast service chat's: only the health of its sites moves it",
  ],
  [
    "one-change-in-flight",
    "another change",
    { changesInFlight: [flight("verifying")] },
    "change-7 is verifying: one change at a time",
  ],
  [
    "allow-list",
    "a prefix of someone else",
    { network: networkOf([a, b], ["10.0.0.0/24", "13.0.0.0/24"]) },
    "11.0.0.0/24 is not on the allow-list",
  ],
  [
    "allow-list",
    "a device that the link is not on",
    { decision: decisionOf([{ ...prepend("11.0.0.0/24", a, 0, 3), device: "edge-b" }]) },
    "transit-a is on edge-a, and the change is for edge-b",
  ],
  [
    "unchanged-basis",
    "prepends that are not what they were",
    { decision: decisionOf([prepend("11.0.0.0/24", a, 1, 3)]) },
    "11.0.0.0/24 has 0 prepends on transit-a, not the 1",
  ],
  [
    "max-devices",
    "too many devices",
    {
      policy: policyOf({ guard: { maxDevices: 1 } }),
      decision: decisionOf([...right, prepend("10.0.0.0/24", b, 2, 3)]),
    },
    "changes 2 of at most 1 device: edge-a, edge-b",
  ],
  [
    "prepend-cap",
    "too many prepends",
    { decision: decisionOf([prepend("11.0.0.0/24", a, 0, 4)]) },
    "4 prepends of 11.0.0.0/24 on transit-a; 0 to 3 are allowed",
  ],
  ["freshness", "old samples", { state: aged(30_001) }, "the inbound rate of transit-a is 30 s old, over 30 s"],
  ["freshness", "a clock ahead", { state: aged(-30_001) }, "in the future: a clock is wrong"],
  [
    "traffic-moved",
    "too much traffic",
    { policy: policyOf({ guard: { maxTrafficMoved: 0.14 } }) },
    "moves 900 Mbit/s, 14.8% of all inbound traffic; at most 14% may move",
  ],
  [
    "target-headroom",
    "no room",
    { state: stateOf([a, b], peakRates, { "transit-a": 1_000, "transit-b": 6_500 }) },
    "transit-b goes to 76.3% of at most 75%",
  ],
])("%s denies %s", (guard, _, more, reason) => {
  const findings = no({ ...input, ...more });
  expect(findings.map((finding) => finding.guard)).toEqual([guard]);
  expect(denied(findings)?.reason).toContain(reason);
});

// Goal: what prefix rates leave unexplained on the relieved link blocks; on a link that only receives it does not.
test("coverage is asked of links that lose traffic", () => {
  const thin = stateOf([a, b], peakRates.slice(1), { "transit-a": 1_001, "transit-b": 5_000 });
  expect(no({ ...input, state: thin })).toMatchObject([
    { guard: "coverage", reason: "prefix rates explain 89.9% of 1 Gbit/s on transit-a; 90% is required" },
  ]);
  const onlyA = stateOf([a, b], peakRates.slice(0, 2), { "transit-a": 1_000, "transit-b": 5_000 });
  expect(no({ ...input, state: onlyA })).toEqual([]);
});

// Goal: no data is never zero: a link without a rate, or a prefix without one, blocks everything that rests on it.
test("missing data denies", () => {
  const guards = no({ ...input, state: stateOf([a], peakRates) }).map((finding) => finding.guard);
  expect(guards).toEqual(["freshness", "coverage", "traffic-moved", "target-headroom", "link-failure"]);
  const unknown = stateOf([a, b], peakRates.slice(0, 1), { "transit-a": 180, "transit-b": 5_000 });
  expect(no({ ...input, state: unknown })).toMatchObject([
    { guard: "freshness", reason: "there is no rate of 11.0.0.0/24" },
  ]);
});

// Goal: one stale prefix rate on a link in scope is enough.
test("prefix rates must be fresh too", () => {
  const prefixes = peak.prefixes.map((rate) => {
    return rate.prefix === "12.0.0.0/24" ? { ...rate, measuredMs: nowMs - 3 * intervalMs - 1 } : rate;
  });
  expect(no({ ...input, state: { ...peak, prefixes } })).toMatchObject([
    { guard: "freshness", reason: "the rate of 12.0.0.0/24 on transit-b is 30 s old, over 30 s" },
  ]);
});

// Goal: traffic must not go where no limit is watched, whether all of it or a tie's share, whatever is measured.
test.each([
  [2, false],
  [3, false],
  [4, true],
])("scope: a peering link with %i prepends", (onP, allowed) => {
  const links = [a, b, peering];
  const given = {
    ...input,
    network: networkOf(links, network.prefixes),
    announcements: announce(links, { "11.0.0.0/24": { "transit-a": 0, "transit-b": 5, "peering-p": onP } }),
    policy: policyOf({ guard: { maxTrafficMoved: 1, surviveAnyLinkFailure: false } }),
  };
  const reason = "11.0.0.0/24 would enter by peering-p, outside the policy's scope";
  for (const state of [peak, stateOf([], [])]) {
    const finding = judgeGuards({ ...given, state }).find(({ guard }) => guard === "scope");
    expect(finding?.allow).toBe(allowed);
    if (!allowed) expect(finding?.reason).toBe(reason);
  }
});

describe("link-failure", () => {
  const d = transit("transit-d", 1_500, 0.2);
  const e = transit("transit-e", 1_500, 0.2);
  const links = [a, d, e];
  const given = {
    ...input,
    network: networkOf(links, ["11.0.0.0/24"]),
    policy: policyOf({ guard: { maxTrafficMoved: 1 }, decide: { target: 0.85 } }),
    announcements: announce(links, {
      "11.0.0.0/24": { "transit-a": 0, "transit-d": 2 },
      "10.0.9.0/24": { "transit-d": 1, "transit-e": 0 },
    }),
    state: stateOf(links, [
      ["11.0.0.0/24", "transit-a", 900],
      ["10.0.9.0/24", "transit-e", 700],
    ]),
  };
  // Goal: a change that one failure would turn into an overload is denied, unless the policy accepts that.
  test("denies what a failure would overload", () => {
    expect(no(given)).toMatchObject([
      { reason: "if transit-e fails, transit-d would be at 106.7%; without the change at 46.7%" },
    ]);
    const policy = policyOf({ guard: { maxTrafficMoved: 1, surviveAnyLinkFailure: false }, decide: { target: 0.85 } });
    expect(no({ ...given, policy })).toEqual([]);
  });
});

describe("give-back", () => {
  const intent: Intent = { ...relieveA, kind: "give-back", changeId: "change-1", changes: right };
  const given = (mbits: number) => ({
    ...input,
    decision: decisionOf([prepend("11.0.0.0/24", a, 3, 0)], intent),
    announcements: announce([a, b], { "11.0.0.0/24": { "transit-a": 3, "transit-b": 2 } }),
    state: stateOf([a, b], [["11.0.0.0/24", "transit-b", mbits]], { "transit-b": 5_000 + mbits, "transit-a": 180 }),
    policy: policyOf({ guard: { coverage: 0 } }),
  });
  // Goal: held to the clear threshold (65%), not to the target (75%).
  test.each([
    [460, []],
    [480, ["target-headroom"]],
  ])("%i Mbit/s back", (mbits, guards) => {
    expect(no(given(mbits)).map((finding) => finding.guard)).toEqual(guards);
  });
});

describe("freeze windows", () => {
  const minutes = (hours: number, more = 0) => hours * 60 + more;
  const frozenAt = (freezes: FreezeWindow[], at: number) => {
    const shift = at - nowMs;
    const state = stateOf(
      [a, b],
      peakRates,
      { "transit-a": 1_000 },
      { fromMs: nowMs + shift - 1, toMs: nowMs + shift },
    );
    return no({ ...input, state, nowMs: at, network: networkOf([a, b], network.prefixes, { freezes }) }).length > 0;
  };
  const night: FreezeWindow = { reason: "backup", dailyFromMinute: minutes(22), dailyToMinute: minutes(6) };
  const noon: FreezeWindow = { reason: "lunch", dailyFromMinute: minutes(12), dailyToMinute: minutes(13) };
  const always: FreezeWindow = { reason: "holiday", dailyFromMinute: 0, dailyToMinute: 0 };
  const once: FreezeWindow = { reason: "launch", fromMs: Date.UTC(2026, 11, 1), toMs: Date.UTC(2026, 11, 2) };

  // Goal: daily windows in UTC, across midnight too; the first moment is inside and the last is not.
  test.each([
    [night, "2026-11-20T21:59:59.999Z", false],
    [night, "2026-11-20T22:00:00.000Z", true],
    [night, "2026-11-20T23:59:59.999Z", true],
    [night, "2026-11-21T00:00:00.000Z", true],
    [night, "2026-11-21T05:59:59.999Z", true],
    [night, "2026-11-21T06:00:00.000Z", false],
    [noon, "2026-11-20T11:59:59.999Z", false],
    [noon, "2026-11-20T12:00:00.000Z", true],
    [noon, "2026-11-20T13:00:00.000Z", false],
    [always, "2026-11-20T12:34:00.000Z", true],
    [once, "2026-11-30T23:59:59.999Z", false],
    [once, "2026-12-01T00:00:00.000Z", true],
    [once, "2026-12-02T00:00:00.000Z", false],
  ])("%o at %s: %s", (window, at, frozen) => {
    expect(frozenAt([window], Date.parse(at))).toBe(frozen);
  });

  // Goal: a freeze too long for a date is a freeze all the same.
  test.each([8.64e15 + 1, Number.MAX_VALUE, Number.POSITIVE_INFINITY])("an operator's freeze until %d", (untilMs) => {
    const frozen = { untilMs, by: "ada", reason: "launch" };
    expect(no({ ...input, switches: { frozen, killed: null } })).toMatchObject([
      { guard: "freeze-window", reason: "ada froze changes for ever: launch" },
    ]);
  });

  // Goal: a freeze that an operator set ends by itself.
  test("an operator's freeze ends", () => {
    const frozen = { untilMs: nowMs, by: "ada", reason: "launch" };
    expect(no({ ...input, switches: { frozen, killed: null } })).toEqual([]);
  });
});

describe("one change in flight", () => {
  const blocked = (more: Partial<Input>) => {
    return changeStates.filter((state) => {
      const given = { ...input, ...more, changesInFlight: (more.changesInFlight ?? []).map((c) => ({ ...c, state })) };
      const findings = no(given);
      for (const { guard, reason } of findings) {
        expect(guard).toBe("one-change-in-flight");
        expect(reason).toMatch(new RegExp(`^change-7 (about transit-a )?is ${state}:`));
      }
      return findings.length > 0;
    });
  };
  const onRouters = ["preparing", "committing", "verifying", "confirming", "rolling-back", "stuck"];
  const about = (link: string, mode: Mode) => [flight("proposed", link, mode)];

  // Goal: what may be on a router blocks everything; what only waits blocks a proposal about the same link.
  test("a proposal for the same link waits for the other", () => {
    const waiting = ["proposed", "dry-run", "awaiting-approval"];
    expect(blocked({ changesInFlight: about("transit-a", "propose") }).toSorted()).toEqual(
      [...waiting, ...onRouters].toSorted(),
    );
  });

  // Goal: proposals that cannot trample the judged change do not block it.
  test.each<[string, Partial<Input>]>([
    ["about another link", { changesInFlight: about("transit-b", "auto") }],
    ["of a policy that only observes", { changesInFlight: about("transit-a", "observe") }],
    ["while the change itself is pushed", { changesInFlight: about("transit-a", "auto"), phase: "push" }],
  ])("a proposal %s does not block", (_, more) => {
    expect(blocked(more)).toEqual(onRouters);
  });
});

// Goal: the guards that count deny exactly when plain arithmetic on the scenario says so, whatever the decision claims.
test("limits hold for any rates, ages and limits", () => {
  const facts = fc.record({
    light: fc.integer({ min: 1, max: 400 }),
    heavy: fc.integer({ min: 1, max: 1_200 }),
    other: fc.integer({ min: 1, max: 8_000 }),
    hidden: fc.integer({ min: 0, max: 300 }),
    ageMs: fc.integer({ min: 0, max: 60_000 }),
    maxMoved: fc.integer({ min: 1, max: 30 }),
    coverage: fc.integer({ min: 50, max: 100 }),
  });
  const denials = new Map<string, number>();
  const property = fc.property(facts, ({ light, heavy, other, hidden, ageMs, maxMoved, coverage }) => {
    const rates = [
      ["10.0.0.0/24", "transit-a", light],
      ["11.0.0.0/24", "transit-a", heavy],
      ["12.0.0.0/24", "transit-b", other],
    ] as const;
    const onA = light + heavy + hidden;
    const state = stateOf([a, b], rates, { "transit-a": onA }, { fromMs: nowMs - ageMs - 1, toMs: nowMs - ageMs });
    const policy = policyOf({ guard: { maxTrafficMoved: maxMoved / 100, coverage: coverage / 100 } });
    const expected = [
      ...(ageMs > 30_000 ? ["freshness"] : []),
      ...((light + heavy) * 100 < coverage * onA ? ["coverage"] : []),
      ...(heavy * 100 > maxMoved * (onA + other) ? ["traffic-moved"] : []),
      ...(other + heavy * (onA >= 980 ? 1.25 : 1) > 7_500 ? ["target-headroom"] : []),
    ];
    for (const guard of expected) denials.set(guard, (denials.get(guard) ?? 0) + 1);
    const decision = { ...decisionOf(right), predicted: { ...decisionOf(right).predicted, moved: bitsPerSecond(1) } };
    expect(no({ ...input, state, policy, decision }).map((finding) => finding.guard)).toEqual(expected);
  });
  fc.assert(property, { numRuns: 500 });
  expect(denials.size).toBe(4);
});

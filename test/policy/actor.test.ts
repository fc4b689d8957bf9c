import { expect, test } from "vitest";
import {
  type PolicyActor,
  type PolicyEvent,
  type PolicyStateName,
  startActor,
  stepActor,
} from "../../src/policy/actor.ts";
import type { Observation } from "../../src/policy/observe.ts";
import { blind, holdMs, intervalMs, moved, policy, seen } from "./fixtures.ts";

type Step = [event: PolicyEvent, state: PolicyStateName];
const displacement = { changeId: "c-1", changes: [moved] };

function evaluated(
  atMs: number,
  observation: Observation,
  more: { frozen?: boolean; back?: number } = {},
): PolicyEvent {
  const reclaim = more.back === undefined ? null : { displacement, predicted: more.back };
  return { type: "evaluated", atMs, observation, reclaim, frozen: more.frozen ?? false };
}

/** The evaluation number `n`, with a new sample. */
const at = (n: number, value: number, more = {}) => evaluated(n * intervalMs, seen(value, n * intervalMs), more);
const blindAt = (n: number, more = {}) => evaluated(n * intervalMs, blind, more);
const ended = (n: number, outcome: Extract<PolicyEvent, { type: "ended" }>["outcome"]): PolicyEvent => ({
  type: "ended",
  outcome,
  atMs: n * intervalMs,
});
const nothing = (n: number): PolicyEvent => ({
  type: "nothing-done",
  reason: "no link has room",
  atMs: n * intervalMs,
});
const proposed: PolicyEvent = { type: "proposed", changeId: "c-1" };
const changing: PolicyEvent = { type: "changing" };

function run(steps: readonly Step[], from = startActor(policy, "transit-a")): PolicyActor {
  return steps.reduce((actor, [event, state], index) => {
    const next = stepActor(policy, "transit-a", actor, event);
    expect(next.state, `after step ${index + 1}: ${next.detail}`).toBe(state);
    expect(next.intent !== null, `an intent exactly on entering deciding, step ${index + 1}`).toBe(
      next.state === "deciding" && actor.state !== "deciding",
    );
    return next;
  }, from);
}

const breach: Step[] = [
  [at(1, 0.9), "breaching"],
  [at(2, 0.9), "breaching"],
  [at(3, 0.9), "deciding"],
];

const tables: Record<string, Step[]> = {
  "quiet stays quiet up to the threshold": [
    [at(1, 0.5), "quiet"],
    [at(2, 0.85), "quiet"],
  ],
  "3 of 5: dips between clear and above neither count nor end it": [
    [at(1, 0.9), "breaching"],
    [at(2, 0.7), "breaching"],
    [at(3, 0.9), "breaching"],
    [at(4, 0.65), "breaching"],
    [at(5, 0.9), "deciding"],
  ],
  "3 of 5: an evaluation that has left the window no longer counts": [
    [at(1, 0.9), "breaching"],
    [at(2, 0.7), "breaching"],
    [at(3, 0.9), "breaching"],
    [at(4, 0.7), "breaching"],
    [at(5, 0.7), "breaching"],
    [at(6, 0.9), "breaching"],
    [at(7, 0.9), "deciding"],
  ],
  "a breach is over only under clear": [
    [at(1, 0.9), "breaching"],
    [at(2, 0.65), "breaching"],
    [at(3, 0.64), "quiet"],
  ],
  "exactly the threshold is not above it": [
    [at(1, 0.9), "breaching"],
    [at(2, 0.9), "breaching"],
    [at(3, 0.85), "breaching"],
    [at(4, 0.9), "deciding"],
  ],
  "a sample that arrives late is no evaluation, and nor is the newer one seen again": [
    [at(1, 0.9), "breaching"],
    [at(2, 0.9), "breaching"],
    [evaluated(21_000, seen(0.9, 15_000)), "breaching"],
    [evaluated(22_000, seen(0.9, 20_000)), "breaching"],
    [at(3, 0.9), "deciding"],
  ],
  "the same sample twice is one evaluation": [
    [at(1, 0.9), "breaching"],
    [at(2, 0.9), "breaching"],
    [evaluated(25_000, seen(0.9, 20_000)), "breaching"],
    [evaluated(29_000, seen(0.9, 20_000)), "breaching"],
    [at(3, 0.9), "deciding"],
  ],
  "blindness empties the window": [
    [at(1, 0.9), "breaching"],
    [at(2, 0.9), "breaching"],
    [blindAt(3), "blind"],
    [blindAt(4), "blind"],
    [at(5, 0.9), "quiet"],
    [at(6, 0.9), "breaching"],
    [at(7, 0.9), "deciding"],
  ],
  "a gap in the evaluations empties the window": [
    [at(1, 0.9), "breaching"],
    [at(2, 0.9), "breaching"],
    [at(8, 0.9), "breaching"],
    [at(9, 0.9), "breaching"],
    [at(10, 0.9), "deciding"],
  ],
  "a clock that was set back empties the window": [
    [at(11, 0.9), "breaching"],
    [at(12, 0.9), "breaching"],
    [evaluated(100_000, seen(0.9, 130_000)), "breaching"],
    [evaluated(110_000, seen(0.9, 140_000)), "breaching"],
    [evaluated(120_000, seen(0.9, 150_000)), "deciding"],
  ],
  "a freeze stops it wherever nothing is under way, and the window starts anew": [
    [at(1, 0.9), "breaching"],
    [at(2, 0.9), "breaching"],
    [at(3, 0.9, { frozen: true }), "frozen"],
    [blindAt(4, { frozen: true }), "frozen"],
    [blindAt(5), "blind"],
    [at(6, 0.9, { frozen: true }), "frozen"],
    [at(7, 0.9), "quiet"],
    [at(8, 0.9), "breaching"],
    [at(9, 0.9), "deciding"],
  ],
  "neither blindness nor a freeze touches what is under way": [
    ...breach,
    [blindAt(4), "deciding"],
    [at(5, 0.9, { frozen: true }), "deciding"],
    [proposed, "proposed"],
    [blindAt(6), "proposed"],
    [at(7, 0.9, { frozen: true }), "proposed"],
    [changing, "changing"],
    [blindAt(8), "changing"],
    [at(9, 0.1), "changing"],
    [ended(9, "confirmed"), "settling"],
  ],
  "a confirmed change settles for hold, and then a breach needs a window of its own": [
    ...breach,
    [proposed, "proposed"],
    [changing, "changing"],
    [ended(4, "confirmed"), "settling"],
    [at(5, 0.9), "settling"],
    [at(6, 0.9), "settling"],
    [at(7, 0.9), "settling"],
    [at(9, 0.9), "settling"],
    [at(10, 0.9), "quiet"],
    [at(11, 0.9), "breaching"],
    [at(12, 0.9), "deciding"],
  ],
  "settling survives blindness and freezes": [
    ...breach,
    [ended(4, "confirmed"), "settling"],
    [blindAt(5), "blind"],
    [at(6, 0.9), "settling"],
    [at(7, 0.9, { frozen: true }), "frozen"],
    [at(8, 0.9), "settling"],
    [blindAt(9), "blind"],
    [at(10, 0.9), "quiet"],
  ],
  "held survives blindness and freezes": [
    ...breach,
    [ended(4, "rejected"), "held"],
    [blindAt(5), "blind"],
    [at(6, 0.9), "held"],
    [at(7, 0.9, { frozen: true }), "frozen"],
    [at(8, 0.9), "held"],
    [at(9, 0.9, { frozen: true }), "frozen"],
    [at(10, 0.9), "quiet"],
  ],
  "nothing done: held until a whole new window breaches": [
    ...breach,
    [nothing(3), "held"],
    [at(4, 0.9), "held"],
    [at(5, 0.9), "held"],
    [at(6, 0.9), "held"],
    [at(7, 0.7), "held"],
    [at(8, 0.9), "deciding"],
  ],
  "nothing done: over when the breach is over": [
    ...breach,
    [nothing(3), "held"],
    [at(4, 0.6), "quiet"],
    [at(5, 0.9), "breaching"],
  ],
  "nothing done survives blindness": [
    ...breach,
    [nothing(3), "held"],
    [at(4, 0.9), "held"],
    [blindAt(5), "blind"],
    [at(6, 0.9), "held"],
    [at(7, 0.9), "held"],
    [at(8, 0.9), "held"],
    [at(9, 0.9), "held"],
    [at(10, 0.9), "deciding"],
  ],
  "what the journal says of a change holds in any state": [
    [proposed, "proposed"],
    [ended(1, "rejected"), "held"],
    [changing, "changing"],
    [ended(2, "rolled-back"), "held"],
    [ended(3, "confirmed"), "settling"],
  ],
  "an answer to a question that was not asked is ignored": [
    [nothing(1), "quiet"],
    [at(1, 0.9), "breaching"],
    [nothing(1), "breaching"],
  ],
};

// Goal: every transition, as a table of what comes and where it leads.
test.each(Object.entries(tables))("%s", (_name, steps) => {
  run(steps);
});

// Goal: a change that did not stay is not tried again before hold has passed.
test.each(["rejected", "expired", "aborted", "rolled-back", "stuck"] as const)("%s is held for hold", (outcome) => {
  const actor = run([
    ...breach,
    [proposed, "proposed"],
    [ended(4, outcome), "held"],
    [at(5, 0.9), "held"],
    [at(6, 0.1), "held"],
    [at(7, 0.9), "held"],
    [at(8, 0.9), "held"],
    [at(9, 0.9), "held"],
  ]);
  expect(actor.detail).toContain(outcome === "stuck" ? "c-1 is stuck and needs a person" : `c-1 was ${outcome}`);
  run([[at(10, 0.9), "quiet"]], actor);
});

// Goal: a change that someone else's edit made stale is decided anew as soon as the breach shows again, without a hold.
test("stale is decided anew", () => {
  run([
    ...breach,
    [proposed, "proposed"],
    [ended(4, "stale"), "quiet"],
    [at(5, 0.9), "breaching"],
    [at(6, 0.9), "breaching"],
    [at(7, 0.9), "deciding"],
  ]);
});

const staleOnce: Step[] = [
  ...breach,
  [proposed, "proposed"],
  [ended(4, "stale"), "quiet"],
  [at(5, 0.9), "breaching"],
  [at(6, 0.9), "breaching"],
  [at(7, 0.9), "deciding"],
];

// Goal: where plans go stale one after the other, as another writer keeps at it, all but the first are held, after the hold too.
test("stale again is held", () => {
  const actor = run([...staleOnce, [proposed, "proposed"], [ended(8, "stale"), "held"], [at(9, 0.9), "held"]]);
  expect(actor.detail).toContain("c-1 was stale");
  run(
    [
      [at(13, 0.9), "held"],
      [at(14, 0.9), "quiet"],
      [at(15, 0.9), "breaching"],
      [at(16, 0.9), "deciding"],
      [ended(17, "stale"), "held"],
    ],
    actor,
  );
});

// Goal: another end, or the end of the breach, makes the next stale plan a first one again.
test.each<[string, Step[]]>([
  ["a change that was made", [[ended(8, "confirmed"), "settling"]]],
  ["a change that was rejected", [[ended(8, "rejected"), "held"]]],
  [
    "a breach that is over",
    [
      [nothing(8), "held"],
      [at(9, 0.1), "quiet"],
    ],
  ],
])("stale after %s is the first", (_name, between) => {
  run([...staleOnce, ...between, [ended(12, "stale"), "quiet"]]);
});

// Goal: the intent tells what fired it, in source times.
test("a relieve intent has the whole window as evidence", () => {
  const actor = run([
    [at(1, 0.2), "quiet"],
    [at(2, 0.2), "quiet"],
    [at(3, 0.9), "breaching"],
    [at(4, 0.7), "breaching"],
    [at(5, 0.91), "breaching"],
    [evaluated(61_000, seen(0.92, 60_000)), "deciding"],
  ]);
  expect(actor.intent).toEqual({
    kind: "relieve",
    policy: "transit-congestion",
    target: "transit-a",
    signal: "link.utilisation.in",
    threshold: 0.85,
    evidence: [0.2, 0.9, 0.7, 0.91, 0.92].map((value, index) => ({ atMs: (index + 2) * intervalMs, value })),
  });
});

const confirmedAt3: Step[] = [...breach, [ended(3, "confirmed"), "settling"]];
const calmFrom = (first: number, last: number, state: PolicyStateName): Step[] =>
  Array.from({ length: last - first + 1 }, (_, index) => [at(first + index, 0.2, { back: 0.65 }), state]);

// Goal: traffic goes back when it would have fitted all through hold, and the change is at least as old.
test("a give-back after a calm hold", () => {
  const actor = run([
    ...confirmedAt3,
    [at(4, 0.2, { back: 1.1 }), "settling"],
    ...calmFrom(5, 8, "settling"),
    ...calmFrom(9, 10, "quiet"),
    [at(11, 0.2, { back: 0.5 }), "deciding"],
  ]);
  expect(actor.intent).toEqual({
    kind: "give-back",
    policy: "transit-congestion",
    target: "transit-a",
    signal: "link.utilisation.in",
    threshold: 0.65,
    evidence: [
      { atMs: 5 * intervalMs, value: 0.65 },
      { atMs: 11 * intervalMs, value: 0.5 },
    ],
    changeId: "c-1",
    changes: [moved],
  });
});

// Goal: each way in which the calm was not continuous begins it anew: it must then last a whole hold again.
test.each<[string, Step]>([
  ["the peak came back", [at(9, 0.2, { back: 0.66 }), "quiet"]],
  ["what would come back was not known", [at(9, 0.2), "quiet"]],
  ["the link was blind", [blindAt(9, { back: 0.2 }), "blind"]],
  ["there was a freeze", [at(9, 0.2, { frozen: true, back: 0.2 }), "frozen"]],
  ["a sample later said otherwise without being new", [evaluated(90_001, seen(0.2, 80_000), { back: 0.7 }), "quiet"]],
])("no give-back when %s", (_case, interruption) => {
  run([
    ...confirmedAt3,
    ...calmFrom(4, 8, "settling"),
    interruption,
    ...calmFrom(10, 15, "quiet"),
    [at(16, 0.2, { back: 0.2 }), "deciding"],
  ]);
});

// Goal: two samples far apart do not make a calm hold, and nor does one change's calm speak for another's traffic.
test("calm does not span a gap or two changes", () => {
  run([
    ...confirmedAt3,
    [at(4, 0.2, { back: 0.2 }), "settling"],
    [at(40, 0.2, { back: 0.2 }), "quiet"],
    [at(41, 0.2, { back: 0.2 }), "quiet"],
  ]);
  const other = { displacement: { changeId: "c-2", changes: [moved] }, predicted: 0.2 };
  const before = run([...confirmedAt3, ...calmFrom(4, 8, "settling")]);
  const next = stepActor(policy, "transit-a", before, {
    type: "evaluated",
    atMs: 9 * intervalMs,
    observation: seen(0.2, 9 * intervalMs),
    reclaim: other,
    frozen: false,
  });
  run(
    [
      [at(10, 0.2, { back: 0.2 }), "quiet"],
      [at(11, 0.2, { back: 0.2 }), "quiet"],
    ],
    next,
  );
});

// Goal: a give-back that was not made is tried again only after another calm hold.
test.each([
  ["denied", nothing(10), "quiet"],
  ["rejected", ended(10, "rejected"), "held"],
] as const)("a give-back that was %s waits for hold again", (_how, answer, state) => {
  run([
    ...confirmedAt3,
    ...calmFrom(4, 8, "settling"),
    ...calmFrom(9, 9, "quiet"),
    [at(10, 0.2, { back: 0.2 }), "deciding"],
    [answer, "held"],
    ...calmFrom(11, 15, state),
    ...calmFrom(16, 16, "quiet"),
    [at(17, 0.2, { back: 0.2 }), "deciding"],
  ]);
});

// Goal: whatever was saved, the actor starts; what it cannot read it starts anew and says so.
test.each([null, 7, "x", [], {}, { version: 2 }, { version: 1, state: "gone", memory: {} }])(
  "a snapshot %j starts anew",
  (snapshot) => {
    const actor = startActor(policy, "transit-a", snapshot);
    expect(actor).toMatchObject({ state: "quiet", intent: null, detail: expect.stringContaining("started anew") });
    run(breach, actor);
  },
);

// Goal: an edit of the trigger voids the evidence, and neither a change that is under way nor a hold.
test("an edited policy goes on from the old snapshot", () => {
  const edited: typeof policy = { ...policy, trigger: { ...policy.trigger, above: 0.8, for: { count: 2, of: 2 } } };
  const breaching = run(breach.slice(0, 2));
  const restored = startActor(edited, "transit-a", breaching.snapshot);
  expect(restored).toMatchObject({ state: "quiet", detail: expect.stringContaining("edited") });
  const first = stepActor(edited, "transit-a", restored, at(3, 0.9));
  expect(first.state).toBe("breaching");
  expect(stepActor(edited, "transit-a", first, at(4, 0.9)).intent?.evidence).toHaveLength(2);

  const settling = run(confirmedAt3);
  const kept = startActor(edited, "transit-a", settling.snapshot);
  expect(kept.state).toBe("settling");
  expect(stepActor(edited, "transit-a", kept, at(4, 0.9)).state).toBe("settling");
  const longer = { ...policy, holdMs: 2 * holdMs };
  expect(stepActor(longer, "transit-a", settling, at(10, 0.2)).state).toBe("settling");
});

// Goal: status says why, in the terms of the policy.
test("detail tells the reason", () => {
  expect(run(breach.slice(0, 1)).detail).toBe("90% now, 1 of 1 evaluation above 85% (acts on 3 of 5)");
  expect(run(breach.slice(0, 2)).detail).toBe("90% now, 2 of the last 2 evaluations above 85% (acts on 3 of 5)");
  expect(run([...breach, [proposed, "proposed"], [blindAt(4), "proposed"]]).detail).toBe(
    "c-1 waits for approval; blind: no sample",
  );
  expect(run([...breach, [nothing(3), "held"]]).detail).toBe(
    "no link has room; held until a whole new window breaches",
  );
  expect(run([...breach, [proposed, "proposed"], [ended(3, "confirmed"), "settling"]]).detail).toBe(
    "c-1 was confirmed; no decision before 1970-01-01T00:01:30.000Z",
  );
  expect(run([[blindAt(1), "blind"]]).detail).toBe("no sample");
});

import { expect, test } from "vitest";
import { type PolicyActor, type PolicyEvent, startActor, stepActor } from "../../src/policy/actor.ts";
import { blind, holdMs, intervalMs, moved, policy, seen } from "./fixtures.ts";

const at = (n: number, value: number, back?: number): PolicyEvent => ({
  ...{ type: "evaluated", atMs: n * intervalMs, observation: seen(value, n * intervalMs), frozen: false },
  reclaim: back === undefined ? null : { displacement: { changeId: "c-1", changes: [moved] }, predicted: back },
});
const blindAt = (n: number): PolicyEvent => ({
  ...{ type: "evaluated", atMs: n * intervalMs, observation: blind, frozen: false, reclaim: null },
});
const ended = (n: number): PolicyEvent => ({ type: "ended", outcome: "confirmed", atMs: n * intervalMs });
const nothing = (n: number): PolicyEvent => ({ type: "nothing-done", reason: "no room", atMs: n * intervalMs });
const proposed: PolicyEvent = { type: "proposed", changeId: "c-1" };
const changing: PolicyEvent = { type: "changing" };
const settled = 8 + holdMs / intervalMs;

/** The number of the sample that the correlation names, after each event; null without one. */
function crossings(events: readonly PolicyEvent[], from = startActor(policy, "transit-a")): (number | null)[] {
  let actor: PolicyActor = from;
  return events.map((event) => {
    actor = stepActor(policy, "transit-a", actor, event);
    if (actor.intent) expect(actor.correlation, "every intent has one").not.toBeNull();
    if (actor.correlation === null) return null;
    const [name, target, time = ""] = actor.correlation.split("/");
    expect([name, target]).toEqual([policy.name, "transit-a"]);
    return Date.parse(time) / intervalMs;
  });
}

// Goal: one id from the first sample over the threshold until all that came of it is over, and another for what comes next.
test.each<[name: string, events: PolicyEvent[], crossings: (number | null)[]]>([
  ["calm has none", [at(1, 0.5), at(2, 0.85)], [null, null]],
  ["a breach that ends", [at(1, 0.9), at(2, 0.8), at(3, 0.5), at(4, 0.9)], [1, 1, null, 4]],
  [
    "to the end of its change",
    [at(1, 0.9), at(2, 0.9), at(3, 0.9), proposed, changing, at(6, 0.5), ended(7), at(8, 0.5), at(settled, 0.5)],
    [1, 1, 1, 1, 1, 1, 1, 1, null],
  ],
  [
    "through a decision that found nothing, as long as the breach lasts",
    [at(1, 0.9), at(2, 0.9), at(3, 0.9), nothing(3), at(4, 0.9), at(5, 0.9), at(6, 0.9), at(7, 0.9), at(8, 0.9)],
    [1, 1, 1, 1, 1, 1, 1, 1, 1],
  ],
  ["blindness ends it", [at(1, 0.9), blindAt(2), at(3, 0.9), at(4, 0.9)], [1, 1, 3, 3]],
  ["blind first, then over the threshold at once", [blindAt(1), at(2, 0.9), at(3, 0.9)], [null, 2, 2]],
  ["one over the threshold after blindness, and then calm", [blindAt(1), at(2, 0.9), at(3, 0.5)], [null, 2, null]],
])("%s", (_, events, expected) => {
  expect(crossings(events)).toEqual(expected);
});

// Goal: what gives traffic back has one too: of the sample that was calm for long enough.
test("a give-back", () => {
  const calm = Array.from({ length: holdMs / intervalMs + 1 }, (_, n) => at(n + 1, 0.3, 0.4));
  expect(crossings(calm).at(-1)).toBe(calm.length);
});

// Goal: it survives a restart; what an earlier release saved goes on without.
test("a snapshot", () => {
  const actor = stepActor(policy, "transit-a", startActor(policy, "transit-a"), at(1, 0.9));
  const restored = startActor(policy, "transit-a", JSON.parse(JSON.stringify(actor.snapshot)));
  expect(restored.correlation).toBe(actor.correlation);
  expect(crossings([at(2, 0.9), at(3, 0.9)], restored)).toEqual([1, 1]);
  const older = JSON.parse(JSON.stringify(actor.snapshot)) as { memory: { correlation?: string } };
  delete older.memory.correlation;
  const before = startActor(policy, "transit-a", older);
  expect(before).toMatchObject({ state: "breaching", correlation: null });
  expect(crossings([at(2, 0.9), at(3, 0.9)], before)).toEqual([null, 3]);
});

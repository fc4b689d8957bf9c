import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ratio } from "../../src/kernel/units.ts";
import { undoings } from "../../src/loop/displacements.ts";
import { shedLevels } from "../../src/loop/shed.ts";
import { type Change, type ChangeState, changeStates } from "../../src/model/change.ts";
import {
  type Ceilings,
  capacity,
  change,
  floors,
  free,
  held,
  holdMs,
  type Made,
  type Name,
  names,
  network,
} from "./shedding.ts";

const seed = Date.now() % 2 ** 31;
console.info(`shed levels: seed ${seed}`);

const levelsOf = (changes: readonly Change[], nowMs = 0) =>
  Object.fromEntries(shedLevels(changes, network, nowMs).map((one) => [one.class, one.level]));
const batch = (changes: readonly Change[], nowMs: number) =>
  shedLevels(changes, network, nowMs).find((one) => one.class === "batch");

describe("one change that holds batch back", () => {
  const expected: Readonly<Record<ChangeState, 0 | 1 | 2>> = {
    ...{ proposed: 1, "dry-run": 1, "awaiting-approval": 1 },
    ...{ preparing: 2, committing: 2, verifying: 2, confirming: 2, confirmed: 2, "rolling-back": 2, stuck: 2 },
    ...{ rejected: 0, expired: 0, aborted: 0, "rolled-back": 0 },
  };

  // Goal: the level by state, and never of a class that keeps the whole link.
  test.each(changeStates)("%s", (state) => {
    const levels = levelsOf([change({ id: "c1", state, to: { a: held } })]);
    expect(levels).toEqual({ batch: expected[state], interactive: 0, standard: 0 });
  });

  // Goal: asked before held, and the floor counts only once it is held there.
  test.each([
    ["awaiting-approval", 1],
    ["confirmed", 3],
  ] as const)("%s at its floor", (state, level) => {
    const floor = { ...free, batch: capacity * floors.batch };
    expect(levelsOf([change({ id: "c1", state, to: { a: floor } })])).toMatchObject({ batch: level });
  });

  // Goal: a class without a floor keeps the least that any queue has, and is at its floor there.
  test("at the least of a class without a floor", () => {
    const classes = network.classes.map((one) =>
      one.service ? { ...one, service: { ...one.service, floor: ratio(0) } } : one,
    );
    const least = change({ id: "c1", state: "confirmed", to: { a: { ...free, batch: 8_000 } } });
    const found = shedLevels([least], { ...network, classes }, 0).find((one) => one.class === "batch");
    expect(found).toMatchObject({ level: 3 });
  });

  // Goal: what is only observed is never made, so nobody is asked for anything.
  test("under observation", () => {
    const observed = change({ id: "c1", state: "proposed", to: { a: held }, mode: "observe" });
    expect(levelsOf([observed])).toMatchObject({ batch: 0 });
  });

  // Goal: a proposal that nobody has looked at since it expired asks for nothing any more.
  test("proposed, until it expires", () => {
    const proposal = change({ id: "c1", state: "awaiting-approval", to: { a: held } });
    expect(batch([proposal], 899_999)).toMatchObject({ level: 1, untilMs: 900_000 });
    expect(batch([proposal], 900_000)).toMatchObject({ level: 0, untilMs: null });
  });

  // Goal: until is one hold after the end, and moves on by a hold while the change stands.
  test("confirmed, until its hold is over, and the next", () => {
    const confirmed = change({ id: "c1", state: "confirmed", to: { a: held }, atMs: 5_000 });
    expect(batch([confirmed], 5_000)).toEqual({
      class: "batch",
      level: 2,
      reason: "c1 holds it to 3 Mbit/s on a, where it offered 8 Mbit/s",
      untilMs: 5_000 + holdMs,
    });
    expect(batch([confirmed], 4_999 + holdMs)?.untilMs).toBe(5_000 + holdMs);
    expect(batch([confirmed], 5_000 + holdMs)?.untilMs).toBe(5_000 + 2 * holdMs);
  });

  // Goal: when one of two may never end, the whole has no end that is known.
  test("being made beside one that stands", () => {
    const standing = change({ id: "c1", state: "confirmed", to: { a: held } });
    const making = change({ id: "c2", state: "verifying", to: { b: held } });
    expect(batch([making, standing], 1)).toMatchObject({ level: 2, untilMs: null });
    expect(batch([making, standing], 1)?.reason).toBe(
      "c2, which is verifying, holds it to 3 Mbit/s on b; c1 holds it to 3 Mbit/s on a, where it offered 8 Mbit/s",
    );
  });

  // Goal: of two proposals for a link the one approved last counts, whichever was made first.
  test("confirmed after one that was proposed later", () => {
    const first = change({ id: "c1", state: "confirmed", to: { a: held }, atMs: 2 });
    const second = change({ id: "c2", state: "confirmed", to: { a: free }, atMs: 1 });
    expect(levelsOf([second, first])).toMatchObject({ batch: 2 });
  });

  // Goal: routers take whole kbit/s; a ceiling that is the link's capacity but for that holds nobody back.
  test("rounding", () => {
    const rounded = { ...free, batch: capacity - 999 };
    expect(levelsOf([change({ id: "c1", state: "confirmed", to: { a: rounded } })])).toMatchObject({ batch: 0 });
    const floor = { ...free, batch: capacity * floors.batch + 999 };
    expect(levelsOf([change({ id: "c1", state: "confirmed", to: { a: floor } })])).toMatchObject({ batch: 3 });
  });

  // Goal: other actions, links that are gone and plain queues hold nobody back.
  test("what is not about queues that are known", () => {
    const prepend = { ...change({ id: "c1", state: "confirmed", to: {} }), decision: { action: "bgp-prepend" } };
    const gone = change({ id: "c2", state: "confirmed", to: { gone: held } });
    expect(levelsOf([gone, prepend as Change])).toEqual({ batch: 0, interactive: 0, standard: 0 });
  });
});

/*
 * Goal: whatever was confirmed, given back and taken back in whatever order, the levels are what the routers have.
 * Method: steps on routers in memory, which keep the queues last set on each link; a step back restores what its change
 * had found there, and is only taken where they have what that change had set: else its plan is refused.
 */
test("levels follow the routers through any history", () => {
  const ceiling = (name: Name) => fc.constantFrom(capacity, capacity / 2, capacity * floors[name]);
  const ceilings = fc.record({
    batch: ceiling("batch"),
    interactive: ceiling("interactive"),
    standard: ceiling("standard"),
  });
  const links = fc.subarray(["a", "b"], { minLength: 1 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), links, ceilings }),
    fc.record({ kind: fc.constantFrom("give-back" as const, "take-back" as const), which: fc.nat(9) }),
  );
  let undone = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const routers: Record<string, Ceilings> = { a: free, b: free };
      const made = new Map<string, Record<string, Ceilings>>();
      const before = new Map<string, Record<string, Ceilings>>();
      const changes: Change[] = [];
      const set = (to: Record<string, Ceilings>, more: Partial<Made> = {}) => {
        const id = `c${changes.length + 1}`;
        before.set(id, Object.fromEntries(Object.keys(to).map((link) => [link, routers[link] ?? free])));
        made.set(id, to);
        Object.assign(routers, to);
        changes.unshift(change({ id, state: "confirmed", to, atMs: changes.length, ...more }));
      };
      for (const one of steps) {
        if (one.kind === "set") {
          set(Object.fromEntries(one.links.map((link) => [link, one.ceilings])));
          continue;
        }
        const id = `c${one.which + 1}`;
        const found = before.get(id);
        const target = changes.find((other) => other.id === id);
        if (!found || target?.origin.kind === "operator" || undoings(changes).has(id)) continue;
        const asSet = Object.entries(made.get(id) ?? {});
        if (!asSet.every(([link, to]) => JSON.stringify(routers[link]) === JSON.stringify(to))) continue;
        set(found, one.kind === "give-back" ? { gaveBack: id } : { tookBack: id });
        undone++;
      }
      for (const name of names) {
        const least = Math.min(...Object.values(routers).map((link) => link[name]));
        const expected = least === capacity ? 0 : least > capacity * floors[name] ? 2 : 3;
        expect(levelsOf(changes, changes.length)[name]).toBe(expected);
      }
    }),
    { numRuns: 500, seed },
  );
  expect(undone, "some steps back were taken").toBeGreaterThan(50);
});

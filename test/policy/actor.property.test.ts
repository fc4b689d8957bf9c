import fc from "fast-check";
import { expect, test } from "vitest";
import { type PolicyActor, type PolicyEvent, startActor, stepActor } from "../../src/policy/actor.ts";
import { holdMs, intervalMs, moved, policy } from "./fixtures.ts";

const { above, clear, for: mOfN } = policy.trigger;
const longestGapMs = (policy.guard.freshnessIntervals + 2) * intervalMs;

type Evaluated = Extract<PolicyEvent, { type: "evaluated" }>;
type Timed = Readonly<{ atMs: number; event: PolicyEvent }>;

/** Weather that lasts for some evaluations, or one word of the loop. */
const phase = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constantFrom("hot", "warm", "cool"),
      times: fc.integer({ min: 1, max: 10 }),
      predicted: fc.constantFrom(0.3, 0.3, clear, 0.9, null),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constantFrom(
        ...["blind", "frozen", "proposed", "changing", "nothing-done", "nothing-done"],
        ...["confirmed", "confirmed", "rejected", "rolled-back"],
      ),
      times: fc.constant(1),
      predicted: fc.constant(0.3),
    }),
  },
);
const timing = fc.record({
  afterMs: fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 5_000, max: 12_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 * longestGapMs }) },
  ),
  /** The newest sample is the one that was seen before. */
  repeated: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
});
const history = fc
  .tuple(fc.array(phase, { minLength: 5, maxLength: 20 }), fc.array(timing, { minLength: 200, maxLength: 200 }))
  .map(([phases, timings]): Timed[] => {
    let atMs = 0;
    let measuredMs = 0;
    return phases
      .flatMap(({ times, ...rest }) => Array.from({ length: times }, () => rest))
      .map(({ what, predicted }, index) => {
        const { afterMs, repeated } = timings[index] ?? { afterMs: intervalMs, repeated: false };
        atMs += afterMs;
        if (!repeated) measuredMs = atMs;
        return { atMs, event: toEvent(what, atMs, measuredMs, predicted) };
      });
  });

function toEvent(what: string, atMs: number, measuredMs: number, predicted: number | null): PolicyEvent {
  switch (what) {
    case "proposed":
      return { type: "proposed", changeId: "c-1" };
    case "changing":
      return { type: "changing" };
    case "nothing-done":
      return { type: "nothing-done", reason: "no room", atMs };
    case "confirmed":
    case "rejected":
    case "rolled-back":
      return { type: "ended", outcome: what, atMs };
    default: {
      const value = what === "hot" ? above + 0.05 : what === "warm" ? (above + clear) / 2 : clear - 0.1;
      return {
        type: "evaluated",
        atMs,
        observation: what === "blind" ? { kind: "blind", reason: "no sample" } : { kind: "seen", value, measuredMs },
        reclaim: predicted === null ? null : { displacement: { changeId: "c-1", changes: [moved] }, predicted },
        frozen: what === "frozen",
      };
    }
  }
}

const step = (actor: PolicyActor, event: PolicyEvent) => stepActor(policy, "transit-a", actor, event);
const isEvaluated = (timed: Timed): timed is { atMs: number; event: Evaluated } => timed.event.type === "evaluated";
const isUsable = ({ event }: { event: Evaluated }) => !event.frozen && event.observation.kind === "seen";

/** The evaluations of `past` since the last thing that voids what came before: told from the history alone. */
function sinceLastBreak(past: readonly Timed[]): readonly { atMs: number; event: Evaluated }[] {
  const kept: { atMs: number; event: Evaluated }[] = [];
  for (const timed of past.toReversed()) {
    const later = kept.at(-1);
    if (!isEvaluated(timed) || !isUsable(timed) || (later && later.atMs - timed.atMs > longestGapMs)) break;
    kept.push(timed);
  }
  return kept.reverse();
}

// Goal: no history leads to a decision that the policy does not allow. The history itself is the oracle.
test("a decision is always due", () => {
  const reached = { relieve: 0, "give-back": 0 };
  const property = fc.property(history, (events) => {
    let actor = startActor(policy, "transit-a");
    let answered = true;
    let confirmedMs = Number.NEGATIVE_INFINITY;
    const past: Timed[] = [];
    for (const timed of events) {
      const { event, atMs } = timed;
      // Nothing was asked: it says nothing, and breaks nothing.
      if (event.type !== "nothing-done" || actor.state === "deciding") past.push(timed);
      actor = step(actor, event);
      if (event.type === "ended" || event.type === "nothing-done") answered = true;
      if (event.type === "ended" && event.outcome === "confirmed") confirmedMs = atMs;
      if (!actor.intent) continue;

      expect(actor.state).toBe("deciding");
      expect(answered, "the last decision was answered").toBe(true);
      expect(atMs - confirmedMs, "hold has passed since a confirmed change").toBeGreaterThanOrEqual(holdMs);
      answered = false;
      const basis = sinceLastBreak(past);
      const { kind, evidence } = actor.intent;
      reached[kind]++;
      for (const { atMs: measuredMs, value } of evidence) {
        const witness = basis.find(({ event: { observation, reclaim } }) => {
          const told = kind === "relieve" ? observation.kind === "seen" && observation.value : reclaim?.predicted;
          return observation.kind === "seen" && observation.measuredMs === measuredMs && told === value;
        });
        expect(witness, "every piece of evidence was seen since the last gap").toBeDefined();
      }
      expect(new Set(evidence.map((one) => one.atMs)).size, "no sample twice").toBe(evidence.length);
      if (kind === "relieve") {
        expect(evidence.length).toBeLessThanOrEqual(mOfN.of);
        expect(evidence.filter(({ value }) => value > above).length).toBeGreaterThanOrEqual(mOfN.count);
      } else {
        const [first, last] = evidence;
        expect(Number(last?.atMs) - Number(first?.atMs)).toBeGreaterThanOrEqual(holdMs);
        const during = basis.filter(
          ({ event: { observation } }) => observation.kind === "seen" && observation.measuredMs > Number(first?.atMs),
        );
        const calm = during.every(({ event }) => event.reclaim !== null && event.reclaim.predicted <= clear);
        expect(calm, "the traffic would have fitted all the while").toBe(true);
      }
    }
  });
  fc.assert(property, { numRuns: 300 });
  expect(reached.relieve, "the histories do reach relief").toBeGreaterThan(50);
  expect(reached["give-back"], "and giving back").toBeGreaterThan(20);
});

// Goal: a restart at any moment changes nothing: the snapshot is plain JSON and holds everything.
test("an actor restored from JSON behaves the same", () => {
  const property = fc.property(history, (events) => {
    let lasting = startActor(policy, "transit-a");
    let restarted = lasting;
    for (const { event } of events) {
      const saved = JSON.parse(JSON.stringify(restarted.snapshot));
      expect(saved).toEqual(restarted.snapshot);
      restarted = step(startActor(policy, "transit-a", saved), event);
      lasting = step(lasting, event);
      expect(restarted).toEqual(lasting);
    }
  });
  fc.assert(property, { numRuns: 60 });
});

// Goal: no history leaves the actor where congestion no longer reaches it, once what is under way has ended.
test("congestion that lasts is always decided on", () => {
  const property = fc.property(history, fc.constantFrom("confirmed", "rejected"), (events, outcome) => {
    const endMs = events.at(-1)?.atMs ?? 0;
    let actor = events.reduce((before, { event }) => step(before, event), startActor(policy, "transit-a"));
    actor = step(actor, { type: "ended", outcome, atMs: endMs });
    const needed = holdMs / intervalMs + mOfN.count - 1;
    for (let n = 1; n <= needed; n++) {
      expect(actor.state).not.toBe("deciding");
      actor = step(actor, toEvent("hot", endMs + n * intervalMs, endMs + n * intervalMs, null));
    }
    expect(actor.intent?.kind, actor.detail).toBe("relieve");
  });
  fc.assert(property, { numRuns: 100 });
});

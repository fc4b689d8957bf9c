import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { denied } from "../../src/guard/guard.ts";
import type { DecisionOutcome, PrependDecision } from "../../src/model/decision.ts";
import { decidePrepend, judgeGuards } from "../support/untouched.ts";
import { chat } from "../te/anycast-sites.ts";
import {
  a,
  announce,
  announcements,
  b,
  network,
  networkOf,
  nowMs,
  type PolicyParts,
  peak,
  peakRates,
  peering,
  policyOf,
  prepend,
  relieveA,
  stateOf,
  transit,
} from "../te/two-transits.ts";
import { achieved, bruteForce, inputOf, loadOn, type Small } from "./brute-force.ts";

const input = { intent: relieveA, policy: policyOf(), network, state: peak, announcements, unlisted: [] };
const at = (parts: PolicyParts) => ({ ...input, policy: policyOf(parts) });

function decided(outcome: DecisionOutcome): PrependDecision {
  if (outcome.kind !== "change") throw new Error(outcome.reason);
  if (outcome.decision.action !== "bgp-prepend") throw new Error("not a prepend");
  return outcome.decision;
}
const whyNot = (outcome: DecisionOutcome, summary: string) => {
  const { alternatives } = outcome.kind === "change" ? outcome.decision : outcome;
  return alternatives.find((alternative) => alternative.summary.includes(summary))?.whyNot;
};

// Goal: the scenario's right answer, with all that a person is told about it.
test("two transits: 11/24 moves to B by three prepends, 10/24 stays", () => {
  const outcome = decidePrepend(input);
  const decision = decided(outcome);
  expect(decision.changes).toEqual([prepend("11.0.0.0/24", a, 0, 3)]);
  expect(decision.reason).toBe(
    "transit-a is at 108% inbound, over 85%. Prepend 11.0.0.0/24 3 times on transit-a: that moves 900 Mbit/s and takes " +
      "transit-a from 108% to 18% and transit-b from 50% to 59%, for 2.47 USD/h instead of 2.33 USD/h; it is saturated, so " +
      "these figures are lower bounds and limits were judged on 1.25 times its traffic.",
  );
  expect(decision.predicted.links).toMatchObject([
    { link: "transit-a", before: { utilisation: 1.08 }, after: { utilisation: 0.18 }, afterWorstFailure: 1.08 },
    { link: "transit-b", before: { utilisation: 0.5 }, after: { utilisation: 0.59 }, afterWorstFailure: 0.608 },
  ]);
  expect(decision.predicted.movedShare).toBeCloseTo(900 / 6080);
  expect(decision.alternatives).toEqual([
    { summary: "prepend 10.0.0.0/24 3 times on transit-a", whyNot: "leaves transit-a at 90%, over the 75% target" },
    {
      summary: "move everything off transit-a: prepend 10.0.0.0/24 and 11.0.0.0/24 3 times on transit-a",
      whyNot:
        "changes 2 announcements where 1 does, moves 1.08 Gbit/s, 180 Mbit/s more than needed, costs 0.0247 USD/h more",
    },
    { summary: "do nothing", whyNot: "transit-a stays at 108%: it is full and drops packets" },
  ]);
});

// Goal: prepends on a service's prefix would undo a drain: it stays where the health of its sites puts it, and that is said.
test("what anycast sites announce is not moved", () => {
  const anycast = [{ ...chat, prefix: "11.0.0.0/24" }];
  const outcome = decidePrepend({ ...input, network: { ...network, anycast } });
  expect(outcome).toMatchObject({
    kind: "nothing-helps",
    reason: expect.stringContaining(
      "900 Mbit/s enter by it for 11.0.0.0/24, which only the health of anycast sites moves",
    ),
  });
  expect(whyNot(outcome, "move 11.0.0.0/24 off")).toBe(
    "11.0.0.0/24 is the anycast service chat's: only the health of its sites moves it",
  );
  const other = { ...network, anycast: [{ ...chat, prefix: "12.0.0.0/24" }] };
  expect(decided(decidePrepend({ ...input, network: other })).changes, "others move as before").toEqual([
    prepend("11.0.0.0/24", a, 0, 3),
  ]);
});

// Goal: every limit of the policy binds, and the refusal carries the figures.
test.each([
  [
    "the cap on prepends",
    at({ decide: { maxPrepends: 1 } }),
    "off transit-a",
    "11.0.0.0/24 would need more prepends than the 1 allowed",
  ],
  [
    "traffic that may move",
    at({ guard: { maxTrafficMoved: 0.1 } }),
    "prepend 11",
    "moves 900 Mbit/s, 14.8% of all inbound",
  ],
  [
    "room on the other link",
    { ...input, state: stateOf([a, b], peakRates, { "transit-a": 1_000, "transit-b": 7_000 }) },
    "prepend 11",
    "would put transit-b at 79%, over the 75% target",
  ],
  [
    "the allow-list",
    { ...input, network: networkOf([a, b], ["10.0.0.0/24"]) },
    "off transit-a",
    "11.0.0.0/24 is not on the allow-list",
  ],
  [
    "announced nowhere else",
    { ...input, announcements: announcements.filter((x) => x.prefix !== "11.0.0.0/24" || x.link === "transit-a") },
    "move 11.0.0.0/24",
    "11.0.0.0/24 is announced on transit-a only",
  ],
  [
    "traffic that prepends do not steer",
    {
      ...input,
      announcements: announce([a, b], {
        "10.0.0.0/24": { "transit-a": 0, "transit-b": 2 },
        "11.0.0.0/24": { "transit-a": 2, "transit-b": 0 },
      }),
    },
    "move 11.0.0.0/24",
    "100% of 11.0.0.0/24 does not enter where it is announced best",
  ],
])("nothing helps within %s", (_, given, summary, why) => {
  const outcome = decidePrepend(given);
  expect(outcome.kind).toBe("nothing-helps");
  expect(whyNot(outcome, summary)).toContain(why);
  expect(whyNot(outcome, "do nothing")).toContain("transit-a stays at 108%");
});

// Goal: what is not known, or cannot be judged, is refused by name.
test.each([
  ["a link without a rate", { ...input, state: stateOf([a], peakRates) }, "the inbound rate of transit-b is not known"],
  ["an outbound signal", at({ trigger: { signal: "link.utilisation.out" } }), "prepending moves inbound traffic only"],
  [
    "two currencies",
    { ...input, network: networkOf([a, { ...b, cost: { perMbitMonth: 1, currency: "EUR" } }], []) },
    "priced in USD and EUR",
  ],
  [
    "a link that has cooled down",
    {
      ...input,
      state: stateOf([a, b], peakRates, {}),
      policy: policyOf({ decide: { target: 0.95 } }),
      intent: { ...relieveA, target: "transit-b" },
    },
    "within the 95% target",
  ],
])("%s", (_, given, reason) => {
  expect(decidePrepend(given)).toMatchObject({ kind: "nothing-helps", reason: expect.stringContaining(reason) });
});

// Goal: a link that hides demand needs more room on the other side than its measured rate.
test("a saturated link's traffic is judged at 1.25 times", () => {
  const rates = (mbits: number) =>
    [
      ["11.0.0.0/24", "transit-a", mbits],
      ["12.0.0.0/24", "transit-b", 6_500],
    ] as const;
  const full = { ...input, state: stateOf([a, b], rates(990)) };
  expect(whyNot(decidePrepend(full), "prepend 11")).toContain("would put transit-b at 77.4% with allowance");
  const nearly = { ...input, state: stateOf([a, b], rates(970)) };
  expect(decided(decidePrepend(nearly)).changes).toEqual([prepend("11.0.0.0/24", a, 0, 3)]);
});

const c = transit("transit-c", 10_000, 0.25);
const three = [a, b, c];
const threeWays = { "transit-a": 0, "transit-b": 1, "transit-c": 1 };

// Goal: among equally few changes the objective decides, and a lighter prefix that is enough beats a heavier one.
test.each([
  ["cost: the lightest that is enough, to the cheaper link", "cost", "10.0.2.0/24", "transit-c"],
  ["balance: the heaviest, away from the hottest", "balance", "10.0.3.0/24", "transit-c"],
] as const)("%s", (_, objective, prefix, to) => {
  const rates = [
    ["10.0.1.0/24", "transit-a", 100],
    ["10.0.2.0/24", "transit-a", 250],
    ["10.0.3.0/24", "transit-a", 550],
    ["10.0.9.0/24", "transit-b", 3_000],
  ] as const;
  const prefixes = ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"];
  const table = Object.fromEntries(
    prefixes.map((name) => [name, { "transit-a": 0, "transit-b": 1, "transit-c": 0 + 1 }]),
  );
  const outcome = decidePrepend({
    ...input,
    policy: policyOf({ decide: { objective }, guard: { surviveAnyLinkFailure: false } }),
    network: networkOf(three, prefixes),
    state: stateOf(three, rates),
    announcements: announce(three, table),
  });
  const { changes, predicted } = decided(outcome);
  expect(changes.map((change) => [change.prefix, change.link, change.to])).toEqual([
    [prefix, "transit-a", 2],
    [prefix, to === "transit-c" ? "transit-b" : "transit-c", 2],
  ]);
  expect(predicted.links.find((link) => link.link === to)?.after.utilisation).toBeGreaterThan(0);
});

// Goal: lowering the other link's prepends is used when the hot link is at the cap; never below what a win needs.
test("lowers where it cannot raise", () => {
  const table = { "11.0.0.0/24": { "transit-a": 1, "transit-b": 2 } };
  const given = { ...input, announcements: announce([a, b], table), policy: policyOf({ decide: { maxPrepends: 2 } }) };
  const { changes, reason } = decided(decidePrepend(given));
  expect(changes).toEqual([prepend("11.0.0.0/24", b, 2, 0)]);
  expect(reason).toContain("Stop prepending 11.0.0.0/24 on transit-b");
});

test("raises one and lowers the other where neither alone wins under the cap", () => {
  const { changes, reason } = decided(decidePrepend(at({ decide: { maxPrepends: 2 } })));
  expect(changes).toEqual([prepend("11.0.0.0/24", b, 2, 1), prepend("11.0.0.0/24", a, 0, 2)]);
  expect(reason).toContain("Prepend 11.0.0.0/24 only once on transit-b and prepend 11.0.0.0/24 twice on transit-a");
});

describe("a link out of scope that announces the prefix", () => {
  const everywhere = [a, b, peering];
  const given = (onP: number, more: Readonly<Record<string, number>> = { "transit-b": 2 }) => ({
    ...input,
    network: networkOf(everywhere, ["11.0.0.0/24"]),
    announcements: announce(everywhere, { "11.0.0.0/24": { "transit-a": 0, "peering-p": onP, ...more } }),
  });

  // Goal: the target must win over it too; the target is lowered first, or the peering would get its share meanwhile.
  test("is better than the target: the target is lowered under it", () => {
    expect(decided(decidePrepend(given(1))).changes).toEqual([
      prepend("11.0.0.0/24", b, 2, 0),
      prepend("11.0.0.0/24", a, 0, 1),
    ]);
  });

  // Goal: one that no link in scope can win over is named, rather than given the traffic.
  test.each([
    ["takes what leaves", given(0)],
    ["is the only other", given(3, {})],
  ])("%s: nothing helps", (_, facts) => {
    const outcome = decidePrepend(facts);
    expect(outcome.kind).toBe("nothing-helps");
    expect(whyNot(outcome, "move 11.0.0.0/24")).toBe("11.0.0.0/24 would enter by peering-p, out of the policy's scope");
  });
});

// Goal: a link over target that cannot be helped does not keep the hot one from being relieved, and is not loaded more.
test("another link that stays over target", () => {
  const rates = [...peakRates, ["10.0.9.0/24", "transit-c", 8_000]] as const;
  const given = {
    ...input,
    network: networkOf(three, ["11.0.0.0/24"]),
    announcements: announce(three, { "11.0.0.0/24": threeWays, "10.0.9.0/24": { "transit-c": 0 } }),
    state: stateOf(three, rates, { "transit-a": 1_000 }),
    policy: policyOf({ guard: { surviveAnyLinkFailure: false } }),
  };
  const { changes, reason } = decided(decidePrepend(given));
  expect(changes.map((change) => [change.link, change.to])).toEqual([
    ["transit-a", 2],
    ["transit-c", 2],
  ]);
  expect(reason).toContain("transit-c at 80% stays over the 75% target");
});

// Goal: a move that a single failure would turn into an overload is not made while the policy asks to survive any.
test("survives any link failure, or says which it would not", () => {
  const rates = [
    ["11.0.0.0/24", "transit-a", 900],
    ["10.0.8.0/24", "transit-b", 600],
    ["10.0.9.0/24", "transit-d", 350],
  ] as const;
  const small = [a, transit("transit-b", 1_500, 0.2), transit("transit-d", 1_500, 0.2)];
  const given = {
    ...input,
    network: networkOf(small, ["11.0.0.0/24"]),
    announcements: announce(small, {
      "11.0.0.0/24": { "transit-a": 0, "transit-d": 2 },
      "10.0.8.0/24": { "transit-b": 0, "transit-d": 1 },
    }),
    state: stateOf(small, rates),
    policy: policyOf({ guard: { maxTrafficMoved: 1 }, decide: { target: 0.85 } }),
  };
  expect(whyNot(decidePrepend(given), "prepend 11")).toBe(
    "if transit-b fails, transit-d would be at 123.3% (63.3% as it is)",
  );
  const relaxed = policyOf({ guard: { maxTrafficMoved: 1, surviveAnyLinkFailure: false }, decide: { target: 0.85 } });
  expect(decided(decidePrepend({ ...given, policy: relaxed })).changes).toHaveLength(1);
});

const link = fc.record({
  capacity: fc.constantFrom(500, 1_000, 2_000, 4_000),
  price: fc.integer({ min: 1, max: 4 }),
  background: fc.integer({ min: 0, max: 200 }),
  edge: fc.integer({ min: 0, max: 2 }),
});
const announced = fc.option(fc.integer({ min: 0, max: 3 }), { freq: 5 });
const smallNetworks: fc.Arbitrary<Small> = fc.integer({ min: 2, max: 3 }).chain((count) => {
  const others = Array.from({ length: count - 1 }, () => announced);
  const onHot = { prepends: fc.tuple(fc.constant(0), ...others) };
  const anywhere = {
    prepends: fc.tuple(announced, ...others).filter((prepends) => prepends.some((own) => own !== null)),
  };
  const rest = { rate: fc.integer({ min: 20, max: 400 }), allowed: fc.integer({ min: 0, max: 9 }).map((n) => n > 0) };
  const drawn = fc.record({
    links: fc.array(link, { minLength: count, maxLength: count }),
    prefixes: fc.array(fc.oneof(fc.record({ ...onHot, ...rest }), fc.record({ ...anywhere, ...rest })), {
      minLength: 1,
      maxLength: 4,
    }),
    objective: fc.constantFrom("cost", "balance"),
    maxPrepends: fc.integer({ min: 1, max: 3 }),
    maxDevices: fc.integer({ min: 1, max: 3 }),
    maxMoved: fc.constantFrom(0.2, 0.4, 1),
  } as const);
  // The first link is made as hot as drawn, or there would seldom be anything to do.
  return fc.tuple(drawn, fc.integer({ min: 70, max: 130 })).map(([small, fill]) => {
    const capacity = Math.max(1, Math.round((loadOn(small, 0) * 100) / fill));
    return { ...small, links: small.links.map((drawnLink, i) => (i === 0 ? { ...drawnLink, capacity } : drawnLink)) };
  });
});

/** Up to nine prefixes on one link, some nearer to the second and some to the third: sets of two and three, and many of them. */
const crowded: fc.Arbitrary<Small> = fc
  .record({
    rates: fc.array(fc.integer({ min: 60, max: 200 }), { minLength: 6, maxLength: 9 }),
    prices: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
    fill: fc.integer({ min: 85, max: 105 }),
    rooms: fc.tuple(fc.constantFrom(500, 3_000), fc.constantFrom(300, 600)),
    objective: fc.constantFrom("cost", "balance"),
  } as const)
  .map(({ rates, prices, fill, rooms, objective }) => {
    const total = rates.reduce((sum, rate) => sum + rate, 0);
    const capacities = [Math.round((total * 100) / fill), ...rooms.map((room) => room / 0.75)];
    const links = prices.map((price, i) => ({ capacity: capacities[i] ?? 0, price, background: 0, edge: i }));
    const prefixes = rates.map((rate, i) => ({ prepends: i % 2 === 0 ? [0, 1, 2] : [0, 2, 1], rate, allowed: true }));
    return { links, prefixes, objective, maxPrepends: 2, maxDevices: 3, maxMoved: 1 };
  });

// Goal: the search finds what trying every assignment finds, and refuses exactly when there is none.
test.each([
  ["small networks of every shape", smallNetworks, 400, 40],
  ["many prefixes on one link", crowded, 150, 100],
] as const)("the search is exact: %s", (_, networks, numRuns, atLeast) => {
  let changes = 0;
  const property = fc.property<[Small]>(networks, (small) => {
    const outcome = decidePrepend(inputOf(small));
    const best = bruteForce(small);
    if (best === "within-target" || best === undefined) {
      expect(outcome.kind).toBe("nothing-helps");
      return;
    }
    changes++;
    const got = achieved(small, decided(outcome).changes);
    expect(got.count).toBe(best.count);
    expect(got.objective).toBeCloseTo(best.objective, 6);
    expect(got.moved).toBeCloseTo(best.moved, 6);
  });
  fc.assert(property, { numRuns });
  expect(changes).toBeGreaterThan(atLeast);
});

// Goal: whatever is decided passes every guard on the same facts, so that the two never disagree; also under failures,
// and when the last link is out of scope.
test.each([
  ["all links in scope", "transit", 20],
  ["a link out of scope", "peering", 10],
] as const)("guards allow what is decided: %s", (_, role, atLeast) => {
  let changes = 0;
  const property = fc.property(smallNetworks, (small) => {
    const drawn = inputOf(small, true);
    const links = drawn.network.links.map((each, i) => (i < 2 ? each : { ...each, role }));
    const given = { ...drawn, network: { ...drawn.network, links } };
    const outcome = decidePrepend(given);
    if (outcome.kind !== "change") return;
    changes++;
    const findings = judgeGuards({
      ...given,
      decision: outcome.decision,
      switches: { frozen: null, killed: null },
      steering: [],
      qos: [],
      sites: [],
      drained: [],
      changesInFlight: [],
      phase: "propose",
      touchedMs: [],
      nowMs,
    });
    // Unexplained traffic is part of these networks: how much there may be is coverage's matter alone.
    expect(denied(findings.filter((finding) => finding.guard !== "coverage"))).toBeUndefined();
  });
  fc.assert(property, { numRuns: 400 });
  expect(changes).toBeGreaterThan(atLeast);
});

// Goal: prepends that we have added before are not added to until none of a prefix's links is left as its operator has it; the next best
// is taken. Method: some of what is announced is ours; B has become the full link, and A carries three prepends of ours.
test("never more than the operator's own prepends on all links", () => {
  const table = (onA: number) => announce([a, b], { "11.0.0.0/24": { [a.name]: onA, [b.name]: 0 } });
  const full = { ...b, capacity: a.capacity };
  const given = {
    intent: { ...relieveA, target: b.name },
    policy: policyOf({ decide: { maxPrepends: 5 }, guard: { maxTrafficMoved: 1 } }),
    network: networkOf([{ ...a, capacity: b.capacity }, full], ["11.0.0.0/24"]),
    state: stateOf([a, full], [["11.0.0.0/24", b.name, 900]], { [a.name]: 10, [b.name]: 900 }),
    announcements: table(3),
    unlisted: [],
  };
  const changesOf = (standing: ReturnType<typeof table>) => {
    return decided(decidePrepend({ ...given, standing })).changes.map(({ link, to }) => [link, to]);
  };
  expect(changesOf(table(3)), "they are the operator's").toEqual([[b.name, 4]]);
  expect(changesOf(table(0)), "they are ours").toEqual([
    [a.name, 0],
    [b.name, 1],
  ]);

  let moved = 0;
  const property = fc.property(smallNetworks, fc.array(fc.nat(2), { minLength: 12, maxLength: 12 }), (small, added) => {
    const drawn = inputOf(small);
    const standing = drawn.announcements.map((one, i) => ({
      ...one,
      prepends: Math.max(0, one.prepends - (added[i] ?? 0)),
    }));
    const outcome = decidePrepend({ ...drawn, standing });
    if (outcome.kind !== "change") return;
    moved++;
    const { changes } = decided(outcome);
    for (const prefix of new Set(changes.map((change) => change.prefix))) {
      const left = standing.filter((stood) => {
        const { link } = stood;
        const after = changes.find((change) => change.prefix === prefix && change.link === link)?.to;
        const now = drawn.announcements.find((one) => one.prefix === prefix && one.link === link)?.prepends ?? 0;
        return stood.prefix === prefix && (after ?? now) <= stood.prepends;
      });
      expect(left.length).toBeGreaterThan(0);
    }
  });
  fc.assert(property, { numRuns: 500 });
  expect(moved).toBeGreaterThan(20);
});

// Goal: the same facts in any order give the same decision, word for word.
test("order does not matter, and a decision repeats", () => {
  const property = fc.property(smallNetworks, fc.boolean(), (small, survive) => {
    const given = inputOf(small, survive);
    const outcome = decidePrepend(given);
    expect(decidePrepend(given)).toEqual(outcome);
    const turned = {
      ...given,
      announcements: given.announcements.toReversed(),
      network: {
        ...given.network,
        links: given.network.links.toReversed(),
        prefixes: given.network.prefixes.toReversed(),
      },
      state: {
        ...given.state,
        prefixes: given.state.prefixes.toReversed(),
        signals: new Map([...given.state.signals].map(([signal, on]) => [signal, new Map([...on].reverse())])),
      },
    };
    expect(decidePrepend(turned)).toEqual(outcome);
  });
  fc.assert(property, { numRuns: 300 });
});

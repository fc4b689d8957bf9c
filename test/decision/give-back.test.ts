import { expect, test } from "vitest";
import type { Intent } from "../../src/model/decision.ts";
import { decidePrepend } from "../support/untouched.ts";
import { chat } from "../te/anycast-sites.ts";
import {
  a,
  announce,
  b,
  network,
  networkOf,
  nowMs,
  peering,
  policyOf,
  prepend,
  type Rates,
  relieveA,
  stateOf,
} from "../te/two-transits.ts";

const made = [prepend("11.0.0.0/24", a, 0, 3)];
const giveBack: Intent = {
  ...relieveA,
  kind: "give-back",
  changeId: "change-1",
  changes: made,
  evidence: [{ atMs: nowMs - 600_000, value: 0.48 }],
};
const quietRates: Rates = [
  ["10.0.0.0/24", "transit-a", 180],
  ["11.0.0.0/24", "transit-b", 300],
  ["12.0.0.0/24", "transit-b", 7_000],
];
const announcedAfter = {
  "10.0.0.0/24": { "transit-a": 0, "transit-b": 2 },
  "11.0.0.0/24": { "transit-a": 3, "transit-b": 2 },
  "12.0.0.0/24": { "transit-b": 0 },
};
const input = {
  intent: giveBack,
  policy: policyOf(),
  network,
  state: stateOf([a, b], quietRates),
  announcements: announce([a, b], announcedAfter),
  unlisted: [],
};

// Goal: the change the other way round, with since when and what it saves; a link that is unloaded by it does not count against it.
test("gives 11/24 back to A once the peak is over", () => {
  const outcome = decidePrepend(input);
  expect(outcome).toMatchObject({
    kind: "change",
    decision: { changes: [prepend("11.0.0.0/24", a, 3, 0)], predicted: { moved: 300e6 } },
  });
  expect(outcome.kind === "change" && outcome.decision.reason).toBe(
    "The peak on transit-a has been over since 2026-11-20T11:50:00.000Z. Stop prepending 11.0.0.0/24 on transit-a: that " +
      "gives 300 Mbit/s back and takes transit-a from 18% to 48% and transit-b from 73% to 70%, saving 0.0411 USD/h.",
  );
});

// Goal: nothing is given back onto ground that has moved, or that is not known to have room.
test.each([
  [
    "someone changed the prepends since",
    { announcements: announce([a, b], { "11.0.0.0/24": { "transit-a": 1, "transit-b": 2 } }) },
    "11.0.0.0/24 has 1 prepends on transit-a now, not the 3 that change-1 left",
  ],
  [
    "the announcement is gone",
    { announcements: announce([a, b], { "11.0.0.0/24": { "transit-b": 2 } }) },
    "11.0.0.0/24 is no longer announced on transit-a",
  ],
  [
    "the prefix's rate is not known",
    { state: stateOf([a, b], quietRates.slice(0, 1), { "transit-b": 7_300 }) },
    "the rate of 11.0.0.0/24 is not known",
  ],
  [
    "it would not stay clear",
    { state: stateOf([a, b], [["11.0.0.0/24", "transit-b", 500], ...quietRates.slice(0, 1)]) },
    "transit-a would go to 68%, over the 65% it must clear",
  ],
  [
    "it is an anycast service's by now",
    { network: { ...network, anycast: [{ ...chat, prefix: "11.0.0.0/24" }] } },
    "11.0.0.0/24 is the anycast service chat's by now",
  ],
  ["a link is not measured", { state: stateOf([b], quietRates) }, "the inbound rate of transit-a is not known"],
])("not when %s", (_, more, why) => {
  const outcome = decidePrepend({ ...input, ...more });
  expect(outcome).toMatchObject({ kind: "nothing-helps", reason: expect.stringContaining(why) });
});

// Goal: a tie that was there before comes back only if either link could take all of it.
test.each([
  [100, "change"],
  [600, "nothing-helps"],
])("restores a tie of %i Mbit/s: %s", (rate, kind) => {
  const outcome = decidePrepend({
    ...input,
    intent: { ...giveBack, changes: [prepend("11.0.0.0/24", a, 2, 3)] },
    state: stateOf(
      [a, b],
      [
        ["11.0.0.0/24", "transit-b", rate],
        ["10.0.0.0/24", "transit-a", 180],
      ],
    ),
  });
  expect(outcome.kind).toBe(kind);
});

// Goal: nothing is given back to where a link out of scope, announced better since, would take it or a share of it.
test.each([0, 1, 2])("a peering link with %i prepends", (onP) => {
  const links = [a, b, peering];
  const outcome = decidePrepend({
    ...input,
    intent: { ...giveBack, changes: [prepend("11.0.0.0/24", b, 2, 0), prepend("11.0.0.0/24", a, 1, 2)] },
    network: networkOf(links, network.prefixes),
    announcements: announce(links, { "11.0.0.0/24": { "transit-a": 2, "transit-b": 0, "peering-p": onP } }),
  });
  const reason = "change-1 is not given back: 11.0.0.0/24 would enter by peering-p, out of the policy's scope";
  expect(outcome).toMatchObject(
    [
      { kind: "nothing-helps", reason },
      { kind: "nothing-helps", reason },
      // The announcement that gets it back is lowered before the other is raised.
      { kind: "change", decision: { changes: [prepend("11.0.0.0/24", a, 2, 1), prepend("11.0.0.0/24", b, 0, 2)] } },
    ][onP] ?? {},
  );
});

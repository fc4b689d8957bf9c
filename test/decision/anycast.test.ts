import fc from "fast-check";
import { expect, test } from "vitest";
import { decideAnycast } from "../../src/decision/anycast.ts";
import { siteStates } from "../../src/model/anycast.ts";
import type { AnycastChange } from "../../src/model/decision.ts";
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

type Input = Parameters<typeof decideAnycast>[0];
const decideOn = (more: Partial<Input> = {}) =>
  decideAnycast({ intent, policy, network, state: stateOf(), sites: announcedAs(), ...more });
function changed(more: Partial<Input> = {}) {
  const decided = decideOn(more);
  if (decided.kind !== "change" || decided.decision.action !== "anycast-drain") expect.fail(JSON.stringify(decided));
  return decided.decision;
}
const both = (from: AnycastChange["from"], to: AnycastChange["to"]) => [
  siteChange("transit-p1", from, to),
  siteChange("transit-p2", from, to),
];

// Goal: the first step drains every link of the site, and says why, with figures, and why not otherwise.
test("an announced site is drained", () => {
  const { changes, reason, alternatives, predicted } = changed({
    state: withRates(stateOf(), { "transit-p1": 200, "transit-p2": 100, "transit-l": 700, "transit-t": 0 }),
  });
  expect(changes).toEqual(both("announced", "drained"));
  expect(reason).toBe(
    "paris is not well: it serves llama-7 while the registry says llama-8. " +
      "It is drained (3 prepends and community 65535:0) on transit-p1 and transit-p2; " +
      "london and tokyo carry on, at least 2 must. It gets 300 Mbit/s (30% of the service's)",
  );
  expect(alternatives.map(({ summary }) => summary)).toEqual(["withdraw paris at once", "do nothing"]);
  expect(predicted.moved).toBe(300e6);
});

test("what is not measured is said, not taken for nothing", () => {
  expect(changed().reason).toContain("How much traffic paris gets is not measured");
  const old = withRates(stateOf(), { "transit-p1": 200 });
  const stale = { ...old, prefixes: old.prefixes.map((one) => ({ ...one, measuredMs: 0 })) };
  expect(changed({ state: stale }).reason).toContain("not measured");
  expect(changed({ state: withRates(stateOf(), { "transit-l": 10 }) }).reason).toContain("not measured");
});

test("a site whose router is not read is not said to carry on", () => {
  const sites = announcedAs().filter(({ site }) => site !== "tokyo");
  expect(changed({ sites }).reason).toContain("; london carries on, at least 2 must.");
});

test("a drained site that is still unwell is withdrawn, and a withdrawn one left", () => {
  const drained = announcedAs({ "transit-p1": "drained", "transit-p2": "drained" });
  expect(changed({ sites: drained }).changes).toEqual(both("drained", "withdrawn"));
  const gone = announcedAs({ "transit-p1": "withdrawn", "transit-p2": "withdrawn" });
  expect(decideOn({ sites: gone })).toMatchObject({
    kind: "nothing-helps",
    reason: expect.stringContaining("withdrawn already"),
  });
});

test("a link that someone has put back is drained first, the other waits for it", () => {
  const mixed = announcedAs({ "transit-p1": "drained" });
  expect(changed({ sites: mixed }).changes).toEqual([siteChange("transit-p2", "announced", "drained")]);
});

test("a site that is well goes back the way it came, where that still stands", () => {
  const well = stateOf({ paris: null, london: null, tokyo: null });
  const back = giveBackOf(both("drained", "withdrawn").map((one) => ({ ...one, prepends: 2 })));
  const gone = announcedAs({ "transit-p1": "withdrawn", "transit-p2": "announced" });
  const { changes, reason } = changed({ intent: back, state: well, sites: gone });
  expect(changes, "with the prepends that were added then").toEqual([
    siteChange("transit-p1", "withdrawn", "drained", 2),
  ]);
  expect(reason).toBe("paris is well again: it serves llama-8. It goes back from withdrawn to drained on transit-p1");
  expect(decideOn({ intent: back, state: well })).toMatchObject({
    kind: "nothing-helps",
    reason: expect.stringContaining("stands any more"),
  });
});

// Goal: whatever the routers have, a decision takes one step, of this site alone, all links from one state to the next.
test("random states: one step of one site", () => {
  const states = fc.record({
    "transit-p1": fc.constantFrom(...siteStates),
    "transit-p2": fc.constantFrom(...siteStates),
    "transit-l": fc.constantFrom(...siteStates),
  });
  const property = fc.property(states, (links) => {
    const sites = announcedAs(links);
    const decided = decideOn({ sites });
    expect(decideOn({ sites: sites.toReversed() }), "the order of the routers' answers means nothing").toEqual(decided);
    const ours = [links["transit-p1"], links["transit-p2"]];
    if (decided.kind !== "change") {
      expect(ours).toEqual(["withdrawn", "withdrawn"]);
      return;
    }
    const changes = decided.decision.changes as readonly AnycastChange[];
    const from = ours.includes("announced") ? "announced" : "drained";
    expect(changes.map(({ from: one }) => one)).toEqual(ours.filter((one) => one === from));
    for (const one of changes) {
      expect(one.site).toBe("paris");
      expect(siteStates.indexOf(one.to)).toBe(siteStates.indexOf(one.from) + 1);
    }
  });
  fc.assert(property);
});

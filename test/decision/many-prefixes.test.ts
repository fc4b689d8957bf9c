import { expect, test } from "vitest";
import { denied } from "../../src/guard/guard.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { decidePrepend, judgeGuards } from "../support/untouched.ts";
import { announce, networkOf, nowMs, policyOf, relieveA, stateOf, transit } from "../te/two-transits.ts";

/** A thousand prefixes over four links: the first at 90%, the others half full. */
function large(seed: number, weight: (random: number) => number) {
  const random = seededRandom(seed);
  const links = [0, 1, 2, 3].map((i) => transit(`t${i}`, 10_000, 0.2 + 0.1 * i));
  const prefixes = Array.from({ length: 1_000 }, (_, i) => {
    const home = random() < 0.4 ? 0 : 1 + Math.floor(random() * 3);
    const prepends = links.map((link, on) => [link.name, on === home ? 0 : 1 + Math.floor(random() * 2)] as const);
    return { prefix: `10.${i >> 8}.${i & 255}.0/24`, home, prepends, weight: weight(random()) };
  });
  const sums = links.map((_, on) => prefixes.reduce((sum, p) => (p.home === on ? sum + p.weight : sum), 0));
  const rates = prefixes.map(({ prefix, home, weight: own }) => {
    return [prefix, `t${home}`, (own / (sums[home] ?? 1)) * (home === 0 ? 9_000 : 5_000)] as const;
  });
  return {
    intent: { ...relieveA, target: "t0" },
    network: networkOf(
      links,
      prefixes.map(({ prefix }) => prefix),
    ),
    state: stateOf(links, rates),
    unlisted: [],
    announcements: announce(links, Object.fromEntries(prefixes.map((p) => [p.prefix, Object.fromEntries(p.prepends)]))),
  };
}

// Goal: where the exact search must give up, what is found still holds every limit, and says that it may not be the best.
test.each([
  ["alike", (random: number) => 1 + 0.2 * random, true, 50, 130],
  ["a few heavy ones", (random: number) => (1 - random) ** -0.9, false, 1, 5],
] as const)("a thousand prefixes, %s", (_, weight, cut, atLeast, atMost) => {
  const given = large(7, weight);
  const policy = policyOf({ guard: { maxDevices: 4, surviveAnyLinkFailure: false } });
  const outcome = decidePrepend({ ...given, policy });
  if (outcome.kind !== "change") throw new Error(outcome.reason);
  const { decision } = outcome;
  expect(decision.changes.length).toBeGreaterThanOrEqual(atLeast);
  expect(decision.changes.length).toBeLessThanOrEqual(atMost);
  expect(decision.reason.includes("cut short")).toBe(cut);
  expect(decision.alternatives.length).toBeLessThanOrEqual(5);
  const switches = { frozen: null, killed: null };
  const findings = judgeGuards({
    ...given,
    policy,
    decision,
    switches,
    steering: [],
    qos: [],
    sites: [],
    drained: [],
    changesInFlight: [],
    phase: "propose",
    touchedMs: [],
    nowMs,
  });
  expect(denied(findings)).toBeUndefined();
  for (const { after } of decision.predicted.links) expect(after.utilisation).toBeLessThanOrEqual(0.75 + 1e-9);
});

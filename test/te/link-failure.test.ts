import { expect, test } from "vitest";
import { failureHarm } from "../../src/te/link-failure.ts";
import { mbit, transit } from "./two-transits.ts";

const links = ["a", "b", "c"].map((name) => transit(name, 1_000, 1));
const target = 0.75;

// Goal: only new or worse overload, or a fuller fullest link above target, counts as harm; the failed link never does.
test.each([
  ["nothing changes", [900, 500, 0], [900, 500, 0], undefined],
  ["the hot link is relieved, the other has room", [1_080, 500, 0], [180, 740, 0], undefined],
  ["fuller than before, but within target", [700, 500, 0], [600, 740, 0], undefined],
  ["fuller than the fullest was, above target", [800, 500, 0], [300, 950, 0], "b"],
  ["an overload moves from one link to another", [1_300, 900, 0], [1_000, 1_200, 0], "b"],
  ["an overload gets deeper", [1_100, 500, 0], [1_200, 400, 0], "a"],
  ["an overload stays as deep", [1_100, 500, 0], [1_100, 400, 0], undefined],
  ["what the failed link carried is not looked at", [500, 500, 0], [500, 500, 5_000], undefined],
])("%s", (_, before, after, hurt) => {
  const scale = (rates: number[]) => rates.map((rate) => rate * mbit);
  const harm = failureHarm(links, { failed: 2, before: scale(before), after: scale(after) }, target);
  expect(harm?.link).toBe(hurt);
  if (harm) expect(harm.failed).toBe("c");
});

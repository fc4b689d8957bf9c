import { expect, test } from "vitest";
import { standingPrepends } from "../../src/loop/standing-prepends.ts";
import type { Change } from "../../src/model/change.ts";
import { a, announce, b, decisionOf, prepend } from "../te/two-transits.ts";

const made = (state: Change["state"], ...counts: readonly (readonly [number, number])[]) =>
  counts
    .map(([from, to]) => ({ state, decision: decisionOf([prepend("11.0.0.0/24", a, from, to)]) }) as Change)
    .reverse();
const standing = (now: number, changes: readonly Change[]) => {
  const found = standingPrepends(announce([a, b], { "11.0.0.0/24": { [a.name]: now, [b.name]: 2 } }), changes);
  return found.map(({ prepends }) => prepends);
};

// Goal: our own changes are followed back to what was there before them, link by link, and no further than another's hand.
test.each<[string, number, readonly Change[], number]>([
  ["nothing of ours", 1, [], 1],
  ["one change", 3, made("confirmed", [0, 3]), 0],
  ["two in a row", 1, made("confirmed", [0, 3], [3, 1]), 0],
  ["given back", 0, made("confirmed", [0, 3], [3, 0]), 0],
  ["edited since", 2, made("confirmed", [0, 3]), 2],
  ["edited in between", 5, made("confirmed", [0, 3], [4, 5]), 4],
  ["taken back in its trial", 0, made("rolled-back", [0, 3]), 0],
])("%s", (_, now, changes, expected) => {
  expect(standing(now, changes)).toEqual([expected, 2]);
});

import { createTwoFilesPatch } from "diff";

type Sides = Readonly<{ before: string; after: string }>;

/** Unified diff with three lines of context; empty when there is no difference. `sides` says what the two texts are of `name`. */
export function unifiedDiff(
  name: string,
  before: string,
  after: string,
  sides: Sides = { before: "running", after: "candidate" },
): string {
  if (before === after) return "";
  const labels = [`${name} (${sides.before})`, `${name} (${sides.after})`] as const;
  return createTwoFilesPatch(...labels, before, after, undefined, undefined, { context: 3 })
    .split("\n")
    .filter((line) => !/^=+$/.test(line))
    .join("\n");
}

/** Whole configurations may differ; what people are told of is cut there. */
const longestDiff = 4_000;

/**
 * What a change did, and what has become of it since, as two unified diffs that meet in `made`; the way to show that undoing it
 * would overwrite somebody's later edit. Each is cut at 4,000 characters.
 */
export function threeWayDiff(name: string, before: string, made: string, now: string): string {
  const change = unifiedDiff(name, before, made, { before: "before", after: "as the change made it" });
  const since = unifiedDiff(name, made, now, { before: "as the change made it", after: "now" });
  return [change, since].map((diff) => diff.trimEnd().slice(0, longestDiff)).join("\n");
}

import { createTwoFilesPatch } from "diff";

/** Unified diff with three lines of context; empty when there is no difference. */
export function unifiedDiff(name: string, before: string, after: string): string {
  return labelledDiff(`${name} (running)`, before, `${name} (candidate)`, after);
}

/** Whole configurations may differ; what people are told of is cut there. */
const longestDiff = 4_000;

/**
 * What a change did, and what has become of it since, as two unified diffs that meet in `made`; the way to show that undoing it
 * would overwrite somebody's later edit. Each is cut at 4,000 characters.
 */
export function threeWayDiff(name: string, before: string, made: string, now: string): string {
  const labels = { before: `${name} (before)`, made: `${name} (as the change made it)`, now: `${name} (now)` };
  const change = labelledDiff(labels.before, before, labels.made, made);
  const since = labelledDiff(labels.made, made, labels.now, now);
  return [change, since].map((diff) => diff.trimEnd().slice(0, longestDiff)).join("\n");
}

function labelledDiff(beforeLabel: string, before: string, afterLabel: string, after: string): string {
  if (before === after) return "";
  return createTwoFilesPatch(beforeLabel, afterLabel, before, after, undefined, undefined, { context: 3 })
    .split("\n")
    .filter((line) => !/^=+$/.test(line))
    .join("\n");
}

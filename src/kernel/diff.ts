import { createTwoFilesPatch } from "diff";

/** Lines that may differ. The search takes their number squared, ten seconds for 10,000, and the text comes from a router. */
const mostEdits = 1_500;
/** Whole configurations may differ; what people are told of is cut there. */
const longestChanges = 4_000;

type Sides = Readonly<{ before: string; after: string }>;

/**
 * Unified diff with three lines of context; empty when there is no difference, and one sentence where nearly everything differs.
 * `sides` says what the two texts are of `name`.
 */
export function unifiedDiff(
  name: string,
  before: string,
  after: string,
  sides: Sides = { before: "running", after: "candidate" },
): string {
  if (before === after) return "";
  const labels = [`${name} (${sides.before})`, `${name} (${sides.after})`] as const;
  const patch = createTwoFilesPatch(...labels, before, after, undefined, undefined, {
    context: 3,
    maxEditLength: mostEdits,
  }) as string | undefined; // Its types forget what it gives beyond the limit.
  if (patch === undefined) {
    return `--- ${labels[0]}\n+++ ${labels[1]}\nmore than ${mostEdits} lines differ: ${lines(before)} before, ${lines(after)} after\n`;
  }
  return patch
    .split("\n")
    .filter((line) => !/^=+$/.test(line))
    .join("\n");
}

/** The hunks alone, cut off where they get long: for a sentence that says what the two sides are. */
export function changesBetween(before: string, after: string): string {
  return unifiedDiff("", before, after).split("\n").slice(2).join("\n").trimEnd().slice(0, longestChanges);
}

/**
 * What a change did, and what has become of it since, as two unified diffs that meet in `made`; the way to show that undoing it
 * would overwrite somebody's later edit. Each is cut at 4,000 characters.
 */
export function threeWayDiff(name: string, before: string, made: string, now: string): string {
  const change = unifiedDiff(name, before, made, { before: "before", after: "as the change made it" });
  const since = unifiedDiff(name, made, now, { before: "as the change made it", after: "now" });
  return [change, since].map((diff) => diff.trimEnd().slice(0, longestChanges)).join("\n");
}

const lines = (text: string) => text.split("\n").length - 1;

import { createTwoFilesPatch } from "diff";

/** Lines that may differ. The search takes their number squared, ten seconds for 10,000, and the text comes from a router. */
const mostEdits = 1_500;
const longestChanges = 4_000;

/** Unified diff with three lines of context; empty when there is no difference, and one sentence where nearly everything differs. */
export function unifiedDiff(name: string, before: string, after: string): string {
  if (before === after) return "";
  const names = [`${name} (running)`, `${name} (candidate)`] as const;
  const patch = createTwoFilesPatch(...names, before, after, undefined, undefined, {
    context: 3,
    maxEditLength: mostEdits,
  }) as string | undefined; // Its types forget what it gives beyond the limit.
  if (patch === undefined) {
    return `--- ${names[0]}\n+++ ${names[1]}\nmore than ${mostEdits} lines differ: ${lines(before)} before, ${lines(after)} after\n`;
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

const lines = (text: string) => text.split("\n").length - 1;

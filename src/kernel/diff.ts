import { createTwoFilesPatch } from "diff";

/** Unified diff with three lines of context; empty when there is no difference. */
export function unifiedDiff(name: string, before: string, after: string): string {
  if (before === after) return "";
  return createTwoFilesPatch(`${name} (running)`, `${name} (candidate)`, before, after, undefined, undefined, {
    context: 3,
  })
    .split("\n")
    .filter((line) => !/^=+$/.test(line))
    .join("\n");
}

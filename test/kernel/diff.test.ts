import { expect, test } from "vitest";
import { changesBetween, unifiedDiff } from "../../src/kernel/diff.ts";

const lines = (count: number, word: string) => Array.from({ length: count }, (_, n) => `${word} ${n}\n`).join("");

test("what differs is told in hunks, and nothing where nothing does", () => {
  expect(unifiedDiff("edge-a", "a\nb\n", "a\nc\n")).toBe(
    "--- edge-a (running)\n+++ edge-a (candidate)\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n",
  );
  expect(changesBetween("a\nb\n", "a\nc\n")).toBe("@@ -1,2 +1,2 @@\n a\n-b\n+c");
  expect(unifiedDiff("edge-a", "a\n", "a\n")).toBe("");
});

// Goal: a router that reads wholly otherwise, by a hundred thousand lines, costs neither minutes nor a message of megabytes. Without
// the limit this takes longer than any test may.
test("texts that have nothing in common are not searched for what they have", () => {
  expect(changesBetween(lines(5_000, "ours"), lines(100_000, "theirs"))).toBe(
    "more than 1500 lines differ: 5000 before, 100000 after",
  );
  expect(changesBetween("", lines(1_000, "x".repeat(100))).length).toBe(4_000);
});

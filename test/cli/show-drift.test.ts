import { expect, test } from "vitest";
import { showDrift, showUnwatched } from "../../src/cli/show-drift.ts";

// Goal: whoever asks for the status sees which section has drifted, from which change, since when, and how; a router's text cannot
// write to the terminal.
test("drift in the status", () => {
  const drift = { section: "export policies of edge-a", device: "edge-a", changeId: "c7", values: ["queues of x"] };
  const lines = showDrift([{ ...drift, sinceMs: Date.UTC(2026, 0, 1), diff: "-three\n+two\u001b[2J" }]).join("\n");
  expect(lines).toContain("DRIFT in export policies of edge-a");
  expect(lines).toContain("has changed queues of x, since 2026-01-01T00:00:00.000Z; c7 set it");
  expect(lines).toMatch(/-three\n\+two\[2J$/);
  expect(showDrift([])).toEqual([]);
  expect(showUnwatched(["prepends of x"])).toEqual([expect.stringContaining("NOT WATCHED: prepends of x: the inv")]);
});

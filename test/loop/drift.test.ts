import { expect, test } from "vitest";
import { baselines } from "../../src/loop/drift.ts";
import { DriftWatch } from "../../src/loop/drift-watch.ts";
import type { Ledger } from "../../src/loop/ledger.ts";
import { Troubles } from "../../src/loop/troubles.ts";
import type { Change, ChangeState } from "../../src/model/change.ts";
import type { Decision } from "../../src/model/decision.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { MemoryJournal } from "./memory-journal.ts";

type Made = Readonly<{
  state?: ChangeState;
  undoes?: string;
  action?: Decision["action"];
  reads: Readonly<Record<string, string>>;
}>;

/** A change that leaves each "router query" reading that text. */
const change = (id: string, { state = "confirmed", undoes, action = "bgp-prepend", reads }: Made) =>
  ({
    ...{ id, state, times: { pushStartedMs: 0 } },
    origin: undoes === undefined ? { kind: "policy", policy: "p" } : { kind: "operator", by: "ann", undoes },
    decision: { action, intent: { kind: "relieve" } },
    plan: {
      steps: Object.entries(reads).map(([section, expected]) => {
        const [device, query] = section.split(" ");
        return { device, query, expected };
      }),
    },
  }) as unknown as Change;

const summary = (changes: readonly Change[]) =>
  baselines(changes).map(({ device, query, changeId, expected }) => `${device} ${query} ${changeId} ${expected}`);

// Goal: what a section must read is what the latest confirmed change on it left, as long as something of ours stands in it.
// Method: histories as a table, newest first.
test.each<[string, Change[], string[]]>([
  ["nothing confirmed", [change("c1", { state: "rolled-back", reads: { "a bgp": "3" } })], []],
  ["one", [change("c1", { reads: { "a bgp": "3", "b bgp": "1" } })], ["a bgp c1 3", "b bgp c1 1"]],
  [
    "a later one on one of its sections",
    [change("c2", { reads: { "a bgp": "5" } }), change("c1", { reads: { "a bgp": "3", "b bgp": "1" } })],
    ["a bgp c2 5", "b bgp c1 1"],
  ],
  [
    "another section of the same router",
    [change("c2", { action: "qos", reads: { "a qos": "5" } }), change("c1", { reads: { "a bgp": "3" } })],
    ["a qos c2 5", "a bgp c1 3"],
  ],
  [
    "a later one that reads more or less of the same",
    [change("c2", { action: "anycast-drain", reads: { "a sites": "5" } }), change("c1", { reads: { "a bgp": "3" } })],
    ["a sites c2 5"],
  ],
  [
    "a later one that came to nothing",
    [change("c2", { state: "aborted", reads: { "a bgp": "5" } }), change("c1", { reads: { "a bgp": "3" } })],
    ["a bgp c1 3"],
  ],
  ["undone", [change("c2", { undoes: "c1", reads: { "a bgp": "0" } }), change("c1", { reads: { "a bgp": "3" } })], []],
  [
    "one of two undone: the other stands, in what the undo left",
    [
      change("c3", { undoes: "c2", reads: { "a bgp": "3" } }),
      change("c2", { reads: { "a bgp": "3 5" } }),
      change("c1", { reads: { "a bgp": "3" } }),
    ],
    ["a bgp c3 3"],
  ],
])("baselines: %s", (_, changes, expected) => {
  expect(summary(changes)).toEqual(expected);
});

// Goal: a reading says nothing of drift while a change is, or may be, on the router, nor when one came or went since the reading
// was asked for. Method: the same reading, with the ledger as it is before and after.
test.each<[string, Made[], Made[], number]>([
  ["quiet", [], [], 1],
  ["on trial before", [{ state: "verifying", reads: { "a bgp": "5" } }], [], 0],
  ["on trial now", [], [{ state: "committing", reads: { "a bgp": "5" } }], 0],
  ["stuck", [{ state: "stuck", reads: { "a bgp": "5" } }], [{ state: "stuck", reads: { "a bgp": "5" } }], 0],
  ["came and went meanwhile", [], [{ state: "rolled-back", reads: { "a bgp": "5" } }], 0],
  ["another router's", [], [{ state: "committing", reads: { "b bgp": "5" } }], 1],
])("a reading when a change is %s", async (_, before, after, found) => {
  const standing = change("c1", { reads: { "a bgp": "3\n" } });
  const since = (made: readonly Made[]) => [...made.map((one, index) => change(`c${index + 2}`, one)), standing];
  let changes = since(before);
  const ledger = { all: () => changes } as unknown as Ledger;
  const journal = new MemoryJournal();
  const troubles = new Troubles(() => undefined);
  const watch = new DriftWatch({ ledger, journal, clock: new SimulatedClock(), troubles });
  const seen = watch.begin();
  changes = since(after);
  await seen("a", [{ query: "bgp", text: "5\n" }]);
  expect(watch.all().length).toBe(found);
  expect(journal.written.map(({ event }) => event)).toEqual(found === 1 ? ["drift.found"] : []);
});

import { expect, test } from "vitest";
import { isListed, standingValues } from "../../src/loop/drift.ts";
import { DriftWatch } from "../../src/loop/drift-watch.ts";
import type { Ledger } from "../../src/loop/ledger.ts";
import type { AspectReading } from "../../src/loop/read-network.ts";
import { Troubles } from "../../src/loop/troubles.ts";
import type { Value } from "../../src/loop/values.ts";
import type { Change, ChangeState } from "../../src/model/change.ts";
import type { Network } from "../../src/model/inventory.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { MemoryJournal } from "./memory-journal.ts";

type Made = Readonly<{
  state?: ChangeState;
  undoes?: string;
  /** Prepends by "router prefix"; the link has the router's name. */
  sets: Readonly<Record<string, number>>;
  /** When it was over; in the order of the changes where it is not said. */
  endedMs?: number;
  /** Nothing was left to push. */
  pushed?: boolean;
}>;

const change = (id: string, { state = "confirmed", undoes, sets, endedMs, pushed = true }: Made) => {
  const changes = Object.entries(sets).map(([name, to]) => {
    const [device, prefix] = name.split(" ");
    return { action: "bgp-prepend", device, link: device, prefix, from: 0, to };
  });
  return {
    ...{ id, state, times: { pushStartedMs: 0, endedMs: endedMs ?? Number(id.slice(1)) } },
    origin: undoes === undefined ? { kind: "policy", policy: "p" } : { kind: "operator", by: "ann", undoes },
    decision: { action: "bgp-prepend", intent: { kind: "relieve" }, changes },
    plan: { steps: pushed ? changes.map(({ device }) => ({ device, query: "bgp", expected: `as ${id}\n` })) : [] },
  } as unknown as Change;
};

const summary = (changes: readonly Change[]) =>
  standingValues(changes).map(({ value, changeId }) => {
    return "prefix" in value ? `${value.device} ${value.prefix} ${value.to} by ${changeId}` : "";
  });

// Goal: what a value must read is what the change on it that was confirmed last made of it, as long as something of ours stands in it.
// Method: histories as a table, newest first.
test.each<[string, Change[], string[]]>([
  ["nothing confirmed", [change("c1", { state: "rolled-back", sets: { "a x": 3 } })], []],
  ["one", [change("c1", { sets: { "a x": 3, "b x": 1 } })], ["a x 3 by c1", "b x 1 by c1"]],
  [
    "a later one of one of its values",
    [change("c2", { sets: { "a x": 5 } }), change("c1", { sets: { "a x": 3, "b x": 1 } })],
    ["a x 5 by c2", "b x 1 by c1"],
  ],
  [
    "a later one of another value of the same router",
    [change("c2", { sets: { "a y": 5 } }), change("c1", { sets: { "a x": 3 } })],
    ["a y 5 by c2", "a x 3 by c1"],
  ],
  [
    "a later one that came to nothing",
    [change("c2", { state: "aborted", sets: { "a x": 5 } }), change("c1", { sets: { "a x": 3 } })],
    ["a x 3 by c1"],
  ],
  ["undone", [change("c2", { undoes: "c1", sets: { "a x": 0 } }), change("c1", { sets: { "a x": 3 } })], []],
  [
    "one of two undone: the other stands, in what the undo left",
    [
      change("c3", { undoes: "c2", sets: { "a x": 3 } }),
      change("c2", { sets: { "a x": 5 } }),
      change("c1", { sets: { "a x": 3 } }),
    ],
    ["a x 3 by c3"],
  ],
  [
    "a proposal that waited while a later one was made and taken back",
    [
      change("c3", { undoes: "c2", sets: { "a x": 0 }, endedMs: 20 }),
      change("c2", { sets: { "a x": 5 }, endedMs: 10 }),
      change("c1", { sets: { "a x": 3 }, endedMs: 30 }),
    ],
    ["a x 3 by c1"],
  ],
  [
    "undone by hand, and then by a rollback with nothing to push",
    [
      change("c3", { undoes: "c2", sets: { "a y": 0 }, pushed: false }),
      change("c2", { sets: { "a y": 5 } }),
      change("c1", { sets: { "a x": 3 } }),
    ],
    ["a x 3 by c1"],
  ],
])("standing values: %s", (_, changes, expected) => {
  expect(summary(changes)).toEqual(expected);
});

const network = {
  devices: [{ name: "a" }, { name: "b" }],
  links: [
    { name: "a", device: "a", bgp: {} },
    { name: "b", device: "b", bgp: {}, qos: true },
    { name: "plain", device: "a" },
    { name: "q", device: "a", qos: true },
  ],
  prefixes: ["x"],
  flows: [{ name: "f", headend: "a" }],
  anycast: [{ sites: [{ name: "s", device: "a", links: ["a"] }] }],
} as unknown as Network;

const reading = (prepends: number, { query = "bgp", text = `${prepends}\n` } = {}): AspectReading => ({
  ...{ aspect: "bgp-prepend", reading: { query, text } },
  found: { announcements: [{ device: "a", link: "a", prefix: "x", prepends }] },
});

function watching(changesOf: () => readonly Change[], journal = new MemoryJournal()) {
  const told: string[] = [];
  const troubles = new Troubles(({ where, failure }) => told.push(`${where}: ${failure?.code ?? "well"}`));
  const ledger = { all: changesOf } as unknown as Ledger;
  const watch = new DriftWatch({ network, ledger, journal, clock: new SimulatedClock(), troubles });
  const see = (...readings: AspectReading[]) => watch.begin()("a", readings);
  return { watch, see, told, events: () => journal.written.map(({ event }) => event) };
}

// Goal: a reading says nothing of drift while a change is, or may be, on the router, nor when one came or went since the reading
// was asked for. Method: the same reading, with the ledger as it is before and after.
test.each<[string, Made[], Made[], number]>([
  ["quiet", [], [], 1],
  ["on trial before", [{ state: "verifying", sets: { "a x": 5 } }], [], 0],
  ["on trial now", [], [{ state: "committing", sets: { "a x": 5 } }], 0],
  ["stuck", [{ state: "stuck", sets: { "a x": 5 } }], [{ state: "stuck", sets: { "a x": 5 } }], 0],
  ["came and went meanwhile", [], [{ state: "rolled-back", sets: { "a x": 5 } }], 0],
  ["another router's", [], [{ state: "committing", sets: { "b x": 5 } }], 1],
])("a reading when a change is %s", async (_, before, after, found) => {
  const standing = change("c1", { sets: { "a x": 3 } });
  const since = (made: readonly Made[]) => [...made.map((one, index) => change(`c${index + 2}`, one)), standing];
  let changes = since(before);
  const { watch, events } = watching(() => changes);
  const seen = watch.begin();
  changes = since(after);
  await seen("a", [reading(5)]);
  expect(watch.all().length).toBe(found);
  expect(events()).toEqual(found === 1 ? ["drift.found"] : []);
});

// Goal: it is drift exactly when a value of ours reads otherwise, whatever else of the text has changed and however it is asked for now.
test.each<[string, AspectReading, number]>([
  ["as it was left", reading(3, { text: "as c1\n" }), 0],
  ["edited beside our values", reading(3, { text: "theirs\nas c1\n" }), 0],
  ["edited in our value", reading(2), 1],
  ["our value gone", { ...reading(3), found: { announcements: [] } }, 1],
  ["edited, and read by another query since an edit of the inventory", reading(2, { query: "bgp2" }), 1],
  ["as it was left, by another query", reading(3, { query: "bgp2" }), 0],
  ["of another kind", { ...reading(2), aspect: "qos", found: { qos: [] } }, 0],
])("a router that reads %s", async (_, read, found) => {
  const { watch, see } = watching(() => [change("c1", { sets: { "a x": 3 } })]);
  await see(read);
  expect(watch.all().map(({ changeId, values }) => [changeId, ...values])).toEqual(
    found === 1 ? [["c1", "prepends of x on a"]] : [],
  );
  expect(watch.unwatched()).toEqual([]);
});

// Goal: what is gone is journaled once, however many readings find it. Method: two sections of one router, undone while it is read twice.
test("two readings at a time", async () => {
  const share = { class: "c", guaranteed: 0, ceiling: 1, priority: 0, mark: { minBytes: 1, maxBytes: 2 } };
  const queues = { action: "qos", device: "a", link: "q", from: [], to: [share] };
  const base = change("c2", { sets: {} });
  const qos = { ...base, decision: { ...base.decision, action: "qos", changes: [queues] } } as unknown as Change;
  let changes = [qos, change("c1", { sets: { "a x": 3 } })];
  const { watch, see, events } = watching(() => changes);
  const noQueues = { aspect: "qos", reading: { query: "qos", text: "" }, found: { qos: [] } } as const;
  await see(reading(2), noQueues);
  expect(watch.all().map(({ section }) => section)).toEqual(["export policies of a", "queues of a"]);
  changes = [];
  await Promise.all([see(reading(2), noQueues), see(reading(2), noQueues)]);
  expect(watch.all()).toEqual([]);
  expect(events()).toEqual(["drift.found", "drift.found", "drift.gone", "drift.gone"]);
});

// Goal: what the inventory no longer has is said to be unwatched, and is no drift. Method: a value of each kind with one name of it changed.
test("what has left the inventory", async () => {
  const { watch, see, told } = watching(() => [change("c1", { sets: { "a x": 3, "a gone": 2 } })]);
  await see(reading(3));
  expect([watch.all(), told]).toEqual([[], []]);
  expect(watch.unwatched()).toEqual(["prepends of gone on a (a), as c1 set it"]);
  for (const listed of [
    { action: "bgp-prepend", device: "a", link: "a", prefix: "x" },
    { action: "segment-routing", device: "a", flow: "f" },
    { action: "qos", device: "b", link: "b" },
    { action: "anycast-drain", device: "a", site: "s", link: "a" },
  ]) {
    expect(isListed(listed as Value, network)).toBe(true);
    for (const name of Object.keys(listed).filter((one) => one !== "action"))
      expect(isListed({ ...listed, [name]: "other" } as Value, network), `${listed.action} ${name}`).toBe(false);
  }
  expect(isListed({ action: "qos", device: "a", link: "a" } as Value, network)).toBe(false);
  expect(isListed({ action: "bgp-prepend", device: "a", link: "plain", prefix: "x" } as Value, network)).toBe(false);
});

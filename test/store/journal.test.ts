import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import fc from "fast-check";
import Database from "libsql";
import { expect, onTestFinished, test } from "vitest";
import type { Change } from "../../src/model/change.ts";
import type { Journal } from "../../src/model/journal.ts";
import { change, entry, journalFile, open } from "./fixtures.ts";

const changeIn = async (journal: Journal, id: string) => (await journal.changes()).find((one) => one.id === id);

test("an empty journal has nothing in it, and verifies", async () => {
  const journal = await open(await journalFile());
  expect(await journal.changes()).toEqual([]);
  expect(await changeIn(journal, "c1")).toBeUndefined();
  expect(await journal.actors()).toEqual([]);
  expect(await journal.switches()).toEqual({ frozen: null, killed: null });
  expect(await journal.entries("c1")).toEqual([]);
  expect(await journal.verify()).toEqual({ ok: true, value: { entries: 0, head: "0".repeat(64) } });
});

test("what was appended is there after a restart: entries, changes, actors, switches and ids", async () => {
  const file = await journalFile();
  const journal = await open(file);
  const ids = [await journal.nextChangeId(), await journal.nextChangeId()];
  expect(ids).toEqual(["c1", "c2"]);
  const frozen = { untilMs: 9_000, by: "alice", reason: "launch" };
  await journal.append(entry("change.proposed", "c1", { why: "hot" }), { change: change("c1", "proposed") });
  await journal.append(entry("change.proposed", "c2"), { change: change("c2", "proposed") });
  await journal.append(entry("change.confirmed", "c1"), { change: change("c1", "confirmed", "cool again") });
  const actor = {
    policy: "p",
    target: "transit-a",
    snapshot: { value: "quiet", context: { at: 1.5 }, error: undefined },
  };
  await journal.append(entry("policy.breaching", "p"), { actor: { ...actor, snapshot: { value: "breaching" } } });
  await journal.append(entry("policy.quiet", "p"), { actor });
  await journal.append(entry("switch.freeze", "network"), { switches: { frozen, killed: null } });
  const before = await journal.verify();
  await journal.close();

  const again = await open(file);
  expect(await again.verify()).toEqual(before);
  expect(before).toMatchObject({ ok: true, value: { entries: 6 } });
  expect(await again.changes()).toEqual([change("c2", "proposed"), change("c1", "confirmed", "cool again")]);
  expect(await changeIn(again, "c1")).toEqual(change("c1", "confirmed", "cool again"));
  expect(await again.actors()).toEqual([{ ...actor, snapshot: { value: "quiet", context: { at: 1.5 } } }]);
  expect(await again.switches()).toEqual({ frozen, killed: null });
  expect(await again.entries("c1")).toMatchObject([
    { seq: 1, atMs: expect.any(Number), event: "change.proposed", actor: "alice", subject: "c1", body: { why: "hot" } },
    { seq: 3, event: "change.confirmed", body: null },
  ]);
  expect(await again.nextChangeId()).toBe("c3");
});

test("entries stand in the order of the calls, as things were at the call", async () => {
  const journal = await open(await journalFile());
  const body = { count: 0 };
  const appends = [];
  for (let count = 0; count < 20; count++) {
    body.count = count;
    appends.push(journal.append(entry("tick", "s", body), { change: change("c1", "proposed", String(count)) }));
  }
  await Promise.all(appends);
  const counts = (await journal.entries("s")).map((each) => (each.body as typeof body).count);
  expect(counts).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(await changeIn(journal, "c1")).toEqual(change("c1", "proposed", "19"));
});

test("the journal is for its owner's eyes only, also one that was left open to others", async () => {
  const file = await journalFile();
  const journal = await open(file);
  await journal.append(entry("a", "s"));
  const modes = [file, `${file}-wal`].map(async (path) => (await stat(path)).mode & 0o777);
  expect(await Promise.all(modes)).toEqual([0o600, 0o600]);
  await journal.close();
  await chmod(file, 0o644);
  await open(file);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test("a body that JSON would falsify is a bug, and leaves no entry", async () => {
  const journal = await open(await journalFile());
  for (const body of [{ rate: Number.NaN }, [new Map()], { at: new Set() }, 1n, { f: () => 1 }]) {
    expect(() => journal.append(entry("bad", "s", body))).toThrow("invariant broken");
  }
  expect(await journal.verify()).toMatchObject({ ok: true, value: { entries: 0 } });
});

test("a journal from a newer version is refused, and not migrated", async () => {
  const file = await journalFile();
  await (await open(file)).close();
  const database = new Database(file);
  database.exec("INSERT INTO migrations VALUES (99, 0)");
  database.close();
  await expect(open(file)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("version 99"),
  });
  const again = new Database(file);
  onTestFinished(() => void again.close());
  expect(again.prepare("SELECT version FROM migrations ORDER BY version").all()).toEqual([
    { version: 1 },
    { version: 2 },
    { version: 99 },
  ]);
});

test("a file that is no journal is refused, and kept", async () => {
  const file = await journalFile();
  await writeFile(file, "not a database, but someone's notes ".repeat(100));
  await expect(open(file)).rejects.toMatchObject({ code: "JOURNAL_BROKEN" });
  expect(await readFile(file, "utf8")).toContain("someone's notes");
});

test("a path that cannot be written is named", async () => {
  const file = await journalFile();
  await writeFile(file, "");
  await expect(open(`${file}/below/journal.db`)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

const json = fc.jsonValue({ maxDepth: 3 });
const appends = fc.array(
  fc.record({
    event: fc.string(),
    actor: fc.string({ unit: "grapheme" }),
    subject: fc.constantFrom("c1", "c2", "s"),
    body: json,
    change: fc.option(fc.record({ id: fc.constantFrom("c1", "c2"), reason: fc.string() }), { nil: undefined }),
    snapshot: fc.option(json, { nil: undefined }),
  }),
  { maxLength: 12 },
);

// Goal: the chain holds, and the read models are what was written last, whatever is appended.
test("any sequence of appends verifies", async () => {
  const property = fc.asyncProperty(appends, async (sequence) => {
    const journal = await open(await journalFile());
    for (const { event, actor, subject, body, change: written, snapshot } of sequence) {
      await journal.append(
        { event, actor, subject, body },
        {
          ...(written && { change: change(written.id, "proposed", written.reason) }),
          ...(snapshot !== undefined && { actor: { policy: "p", target: "l", snapshot } }),
        },
      );
    }
    expect(await journal.verify()).toMatchObject({ ok: true, value: { entries: sequence.length } });
    for (const id of ["c1", "c2"]) {
      const last = sequence.findLast((each) => each.change?.id === id)?.change;
      expect(await changeIn(journal, id)).toEqual(last && change(id, "proposed", last.reason));
    }
    const bodies = (await journal.entries("s")).map((each) => each.body);
    const given = sequence.filter((each) => each.subject === "s").map((each) => each.body);
    expect(JSON.stringify(bodies)).toBe(JSON.stringify(given.map(sortKeys)));
    await journal.close();
  });
  await fc.assert(property, { numRuns: 25 });
});

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? 0 : value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}

// Goal: a change of the release before correlations is as it was, and joined by its first evidence; without any, by when it was made.
test.each([
  [[{ atMs: Date.UTC(2026, 0, 1), value: 0.9 }], "2026-01-01T00:00:00.000Z"],
  [[], "2026-01-02T00:00:00.000Z"],
])("a change without a correlation and with evidence %j is of %s", async (evidence, at) => {
  const journal = await open(await journalFile());
  const { correlation: _, ...older } = change("c1", "confirmed");
  const intent = { kind: "relieve", policy: "p", target: "l", evidence };
  const written = { ...older, createdMs: Date.UTC(2026, 0, 2), decision: { ...older.decision, intent } };
  await journal.append(entry("change.confirmed", "c1"), { change: written as unknown as Change });
  expect(await journal.changes()).toEqual([{ ...written, correlation: `p/l/${at}` }]);
  expect(await journal.verify()).toMatchObject({ ok: true });
});

// Goal: the journal says how many entries it holds, and whether it takes more, which leaves no trace in the chain.
test("counted and probed", async () => {
  const journal = await open(await journalFile());
  await journal.append(entry("e", "s"));
  await journal.probe();
  await journal.append(entry("e", "s"));
  expect(await journal.count()).toBe(2);
  expect(await journal.verify()).toMatchObject({ ok: true, value: { entries: 2 } });
  await journal.close();
  await expect(journal.probe()).rejects.toThrow();
});

// Goal: changes of a release that knew prepends only go on under this one; what undoes them is theirs as it was.
test("a change from before segment routing is read as one of today", async () => {
  const journal = await open(await journalFile());
  const changes = [
    { action: "bgp-prepend", device: "edge-a", link: "transit-a", prefix: "11.0.0.0/24", from: 0, to: 3 },
  ];
  const evidence = [{ atMs: Date.UTC(2026, 0, 1), value: 0.9 }];
  const intent = { kind: "relieve", policy: "p", link: "transit-a", evidence };
  const older = {
    id: "c1",
    state: "confirmed",
    decision: { intent, changes, reason: "hot", predicted: { links: [] } },
  };
  await journal.append(entry("change.confirmed", "c1"), { change: older as unknown as Change });
  expect(await journal.changes()).toMatchObject([
    {
      id: "c1",
      correlation: "p/transit-a/2026-01-01T00:00:00.000Z",
      facts: { steering: [], qos: [], sites: [] },
      decision: {
        action: "bgp-prepend",
        intent: { target: "transit-a" },
        changes,
        predicted: { links: [], flows: [] },
      },
    },
  ]);
  expect(await journal.verify()).toMatchObject({ ok: true });
});

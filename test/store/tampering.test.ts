import { open as openFile } from "node:fs/promises";
import Database from "libsql";
import { expect, test } from "vitest";
import { hashLink, type Link } from "../../src/store/chain.ts";
import { change, entry, journalFile, open } from "./fixtures.ts";

type Db = InstanceType<typeof Database>;

/** Six entries: three for changes, then an actor's, a switch's, and one that writes nothing else. */
async function filled(): Promise<string> {
  const file = await journalFile();
  const journal = await open(file);
  await journal.append(entry("change.proposed", "c1", { note: "first" }), { change: change("c1", "proposed") });
  await journal.append(entry("change.proposed", "c2"), { change: change("c2", "proposed") });
  await journal.append(entry("change.confirmed", "c1"), { change: change("c1", "confirmed") });
  await journal.append(entry("policy.quiet", "p"), {
    actor: { policy: "p", target: "l", snapshot: { value: "quiet" } },
  });
  await journal.append(entry("switch.kill", "network"), {
    switches: { frozen: null, killed: { by: "alice", reason: "smoke" } },
  });
  await journal.append(entry("note", "c1"));
  expect(await journal.verify()).toMatchObject({ ok: true, value: { entries: 6 } });
  await journal.close();
  return file;
}

async function tamper(file: string, work: (db: Db) => void): Promise<void> {
  const database = new Database(file);
  work(database);
  database.close();
}

/** Changes an entry and gives it the hash that fits: someone who knows how the chain is made. */
function forge(db: Db, seq: number): void {
  db.exec(`UPDATE journal SET actor = 'mallory' WHERE seq = ${seq}`);
  const row = db.prepare(`SELECT * FROM journal WHERE seq = ${seq}`).get() as Link;
  db.exec(`UPDATE journal SET hash = '${hashLink(row)}' WHERE seq = ${seq}`);
}

const cutEnd = (db: Db) => db.exec("DELETE FROM journal WHERE seq = 6");
const setHeadBack = (db: Db, seq: number) => {
  const { hash } = db.prepare(`SELECT hash FROM journal WHERE seq = ${seq}`).get() as { hash: string };
  db.prepare("UPDATE meta SET value = ? WHERE key = 'head'").run(JSON.stringify({ hash, seq }));
};

// Goal: whatever is done to the file behind the journal's back, verify names the first entry that is wrong.
test.each<[string, number, (db: Db) => void]>([
  ["a body", 1, (db) => db.exec(`UPDATE journal SET body = '{"note":"other"}' WHERE seq = 1`)],
  ["an actor", 3, (db) => db.exec("UPDATE journal SET actor = 'bob' WHERE seq = 3")],
  ["a time", 2, (db) => db.exec("UPDATE journal SET at_ms = at_ms + 1 WHERE seq = 2")],
  ["what an entry wrote", 2, (db) => db.exec("UPDATE journal SET writes = '{}' WHERE seq = 2")],
  [
    "text moved between fields",
    1,
    (db) => db.exec("UPDATE journal SET event = event || actor, actor = '' WHERE seq = 1"),
  ],
  ["a forged entry", 4, (db) => forge(db, 3)],
  ["a forged last entry", 6, (db) => forge(db, 6)],
  ["a deleted entry", 2, (db) => db.exec("DELETE FROM journal WHERE seq = 2")],
  ["a deleted first entry", 1, (db) => db.exec("DELETE FROM journal WHERE seq = 1")],
  [
    "two entries exchanged",
    2,
    (db) =>
      db.exec(
        "UPDATE journal SET seq = 5 - seq + 100 WHERE seq IN (2, 3); UPDATE journal SET seq = seq - 100 WHERE seq > 100",
      ),
  ],
  ["the end cut off", 6, cutEnd],
  ["everything deleted", 1, (db) => db.exec("DELETE FROM journal")],
  [
    "the end cut off and the head set back, where the end wrote a row",
    0,
    (db) => {
      db.exec("DELETE FROM journal WHERE seq > 4");
      setHeadBack(db, 4);
    },
  ],
  [
    "a change's body",
    3,
    (db) => db.exec("UPDATE changes SET body = replace(body, 'confirmed', 'stuck') WHERE id = 'c1'"),
  ],
  ["a change's state", 2, (db) => db.exec("UPDATE changes SET state = 'confirmed' WHERE id = 'c2'")],
  ["the order of changes", 2, (db) => db.exec("UPDATE changes SET created_seq = 9 WHERE id = 'c2'")],
  ["a change's body made unreadable", 2, (db) => db.exec("UPDATE changes SET body = '{' WHERE id = 'c2'")],
  ["a deleted change", 3, (db) => db.exec("DELETE FROM changes WHERE id = 'c1'")],
  ["an added change", 0, (db) => db.exec("INSERT INTO changes VALUES ('c9', 'confirmed', '{}', 1)")],
  ["a snapshot", 4, (db) => db.exec(`UPDATE actors SET snapshot = '{"value":"held"}'`)],
  ["a switch", 5, (db) => db.exec("DELETE FROM switches")],
])("%s is detected, at entry %i", async (_, seq, work) => {
  const file = await filled();
  await tamper(file, work);
  const result = await (await open(file)).verify();
  expect(result).toMatchObject({ ok: false, failure: { code: "JOURNAL_BROKEN" } });
  if (!result.ok) expect(result.failure.message).toContain(`journal entry ${seq} `);
});

test("a journal whose end was cut takes no entry: a new end would hide it", async () => {
  const file = await filled();
  await tamper(file, cutEnd);
  const journal = await open(file);
  await expect(journal.append(entry("next", "s"))).rejects.toMatchObject({ code: "JOURNAL_BROKEN" });
  expect(await journal.verify()).toMatchObject({ ok: false });
});

// Goal: say what the file alone cannot show, so that nobody relies on it.
test("a cut with the head set back shows only against a head that was kept elsewhere", async () => {
  const file = await filled();
  const journal = await open(file);
  const kept = await journal.verify();
  await journal.close();
  await tamper(file, (db) => {
    cutEnd(db);
    setHeadBack(db, 5);
  });
  const found = await (await open(file)).verify();
  expect(found).toMatchObject({ ok: true, value: { entries: 5 } });
  expect(found).not.toEqual(kept);
});

test("a damaged page is a broken journal, not a crash", async () => {
  const file = await journalFile();
  const journal = await open(file);
  for (let index = 0; index < 20; index++) await journal.append(entry("e", "s", "x".repeat(2_000)));
  await journal.close();
  const handle = await openFile(file, "r+");
  const { size } = await handle.stat();
  await handle.write(Buffer.alloc(size - 4_096, 0xa5), 0, size - 4_096, 4_096);
  await handle.close();
  const found = await open(file).then(
    (opened) => opened.verify(),
    (failure: unknown) => ({ ok: false, failure }),
  );
  expect(found).toMatchObject({ ok: false, failure: { code: "JOURNAL_BROKEN" } });
});

import { createHash } from "node:crypto";
import Database from "libsql";
import { expect, test } from "vitest";
import type { ChainedEntry } from "../../src/model/journal.ts";
import { entry, journalFile, open } from "./fixtures.ts";

/** What a third party would write from the documentation alone: how many entries and the last hash, or the first that does not follow. */
function verified(exported: readonly object[]): string {
  let [previous, count] = ["0".repeat(64), 0];
  for (const line of exported.map((one) => JSON.stringify(one))) {
    const { hash, ...e } = JSON.parse(line) as Record<string, unknown>;
    const text = JSON.stringify([e.prevHash, e.seq, e.atMs, e.event, e.actor, e.subject, e.body, e.writes]);
    const fits = e.prevHash === previous && createHash("sha256").update(text, "utf8").digest("hex") === hash;
    count += 1;
    if (!fits || e.seq !== count) return `wrong at ${count}`;
    previous = String(hash);
  }
  return `${count} ${previous}`;
}

async function all(entries: AsyncIterable<ChainedEntry>): Promise<ChainedEntry[]> {
  const found = [];
  for await (const one of entries) found.push(one);
  return found;
}

// Goal: what is exported is enough to check the chain without our code, whatever is written in it; and a change, a gap or an exchange shows.
test("a third party verifies the export", async () => {
  const file = await journalFile();
  const journal = await open(file);
  const awkward = ["", 'a "quote" \\ and a\nline', "\u2028 \u0007 \u007f", "ümläut 🙂", "</script>"];
  for (const text of awkward) await journal.append(entry("note", text, { text, nested: [{ b: 1.5e-7, a: null }] }));
  const exported = await all(journal.chained(0));
  const whole = await journal.verify();
  await journal.close();
  expect(verified(exported)).toBe(whole.ok ? `${whole.value.entries} ${whole.value.head}` : "broken");

  const at = (index: number) => exported[index] ?? expect.fail("five entries");
  expect(verified(exported.with(2, { ...at(2), actor: "mallory" }))).toBe("wrong at 3");
  expect(verified(exported.toSpliced(1, 1))).toBe("wrong at 2");
  expect(verified(exported.with(1, at(2)).with(2, at(1)))).toBe("wrong at 2");
});

// Goal: a journal of more than one page comes whole and in order, while it grows; from a time on, without what was before.
test("pages and times", async () => {
  const file = await journalFile();
  await (await open(file)).close();
  const database = new Database(file);
  database.exec(
    `WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < 1001)
     INSERT INTO journal SELECT seq, max(1, seq - 200), 'e', 'a', 's', '{}', '{}', 'h' || (seq - 1), 'h' || seq FROM n;
     INSERT INTO meta VALUES ('head', '{"hash":"h1001","seq":1001}')`,
  );
  database.close();
  const journal = await open(file);
  const found = [];
  for await (const one of journal.chained(0)) {
    if (one.seq === 1) await journal.append(entry("e", "meanwhile"));
    found.push(one);
  }
  expect(found.map(({ seq }) => seq)).toEqual(Array.from({ length: 1_002 }, (_, index) => index + 1));
  const atMs = found[1_000]?.atMs ?? 0;
  expect((await all(journal.chained(atMs))).map(({ seq }) => seq)).toEqual([1_001, 1_002]);
  expect(await all(journal.chained(atMs + 1e9))).toEqual([]);
});

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { entry, journalFile, open } from "./fixtures.ts";

/** Another process that opens the journal and runs `work` on it; each line is what it printed. */
function start(file: string, work: string): { child: ChildProcess; lines: Interface; ended: Promise<unknown> } {
  const code = `
    import { openJournal } from ${JSON.stringify(new URL("../../src/store/journal.ts", import.meta.url).href)};
    import { systemClock } from ${JSON.stringify(new URL("../../src/kernel/clock.ts", import.meta.url).href)};
    import { writeSync } from "node:fs";
    const say = (text) => writeSync(1, text + "\\n");
    const die = () => process.kill(process.pid, "SIGKILL");
    try {
      const journal = await openJournal({ file: ${JSON.stringify(file)}, clock: systemClock });
      ${work}
    } catch (failure) {
      say(failure.code ?? String(failure));
    }`;
  const args = ["--import", "tsx", "--input-type=module", "--eval", code];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = once(child, "close");
  return { child, lines: createInterface({ input: child.stdout }), ended };
}

async function allLines(lines: Interface): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

// Goal: an entry that was acknowledged is there, and the chain holds, wherever the process dies.
test("kill -9 amid appends loses nothing that was acknowledged", async () => {
  const file = await journalFile();
  const { child, lines, ended } = start(
    file,
    `for (let n = 1; ; n++) {
       const change = { id: "c" + (n % 3), state: "proposed", n, text: "x".repeat(3000) };
       await journal.append({ event: "tick", actor: "child", subject: "s", body: { n } }, { change });
       say(String(n));
     }`,
  );
  let acknowledged = 0;
  for await (const line of lines) {
    acknowledged = Number(line);
    expect(acknowledged).toBeGreaterThan(0);
    // What it says after this is read as well: it goes on until the signal arrives.
    if (acknowledged === 25) child.kill("SIGKILL");
  }
  await ended;
  const journal = await open(file);
  const bodies = (await journal.entries("s")).map((each) => each.body as { n: number });
  expect(bodies.length).toBeGreaterThanOrEqual(acknowledged);
  expect(bodies).toEqual(bodies.map((_, index) => ({ n: index + 1 })));
  expect(await journal.verify()).toMatchObject({ ok: true, value: { entries: bodies.length } });
  await journal.append(entry("after", "s"));
  expect(await journal.verify()).toMatchObject({ ok: true, value: { entries: bodies.length + 1 } });
});

test("a change id is never given twice, even when the process dies right after", async () => {
  const file = await journalFile();
  const given: string[] = [];
  for (let round = 0; round < 2; round++) {
    const { lines, ended } = start(file, `say(await journal.nextChangeId()); die();`);
    given.push(...(await allLines(lines)));
    await ended;
  }
  given.push(await (await open(file)).nextChangeId());
  expect(given).toEqual(["c1", "c2", "c3"]);
});

test("a second controller is refused, in this process and in another, and the first goes on", async () => {
  const file = await journalFile();
  const journal = await open(file);
  await journal.append(entry("before", "s"));
  await expect(open(file)).rejects.toMatchObject({ code: "JOURNAL_LOCKED", mend: expect.stringContaining("--state") });
  const second = start(file, `say("opened");`);
  expect(await allLines(second.lines)).toEqual(["JOURNAL_LOCKED"]);
  await journal.append(entry("after", "s"));
  await journal.close();
  const third = start(file, `say("opened " + (await journal.entries("s")).length); await journal.close();`);
  expect(await allLines(third.lines)).toEqual(["opened 2"]);
});

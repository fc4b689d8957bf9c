import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { whole } from "../support/command-line.ts";

// Goal: what is wrong with the arguments of the long tests is a word and the usage, never a stack; and no reader of their output is needed.
// Method: the real programs, which end before they begin.
const programs = { simulate: "main.ts", crash: "../crash/crash.ts" } as const;
const start = (program: keyof typeof programs, line: string) =>
  spawn(process.execPath, [
    ...["--import", "tsx", fileURLToPath(new URL(programs[program], import.meta.url))],
    ...line.split(" "),
  ]);

test.each([
  ["simulate", "--minutes 0"],
  ["simulate", "--bogus"],
  ["simulate", "--seed 1 --seeds 2"],
  ["crash", "more words"],
] as const)("%s %s", { timeout: 30_000 }, async (program, line) => {
  const child = start(program, line);
  const [[code], out, err] = await Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toContain("\nusage: npm run ");
  expect(err).not.toContain("    at ");
});

test.each(["0", "abc", "-1", "1.5", "", "1e3", "99999999999999999999"])("--seeds %s", (written) => {
  expect(() => whole("seeds", written, 1)).toThrow("--seeds");
  expect(whole("seeds", "12", 1)).toBe(12);
});

test("whoever reads goes away", { timeout: 30_000 }, async () => {
  const child = start("simulate", "--seed 1 --minutes 1 --trace");
  child.stdout.destroy();
  const [[code], err] = await Promise.all([once(child, "exit"), text(child.stderr)]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
});

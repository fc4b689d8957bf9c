import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { mutations } from "../simulation/mutations.ts";

// Goal: each invariant can fail. Method: the real code with one line broken, at the seed that is known to show it.
test("every planted bug is caught", { timeout: 600_000 }, async () => {
  const main = fileURLToPath(new URL("../simulation/main.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--import",
    "tsx",
    main,
    "--mutations",
    "--near",
  ]).catch((error: Error & { stdout: string }) => error);
  expect(stdout).toContain(`${mutations.length} of ${mutations.length} planted bugs caught`);
});

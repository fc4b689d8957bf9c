import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { base, credentials, setPrepend, TestRouter } from "../lab/netconf-fixture.ts";

const script = fileURLToPath(new URL("lab-ncclient.py", import.meta.url));

async function python(args: string[], input = ""): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn("/usr/bin/python3", args);
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code, stdout, stderr };
}

// Goal: an independent client in another language agrees with the lab's router on the whole life of a change.
test("ncclient: capabilities, lock, edit, validate, trial with persist, cancel, confirm, filtered get", async () => {
  const { code: missing } = await python(["-c", "import ncclient"]);
  expect(missing, "ncclient is missing: apt-get install python3-ncclient").toBe(0);
  const router = await TestRouter.start();
  try {
    const edit = `<config xmlns="${base}">${setPrepend(3, "net-11")}</config>`;
    const { code, stdout, stderr } = await python(
      [script, String(router.server.port), credentials.username],
      `${credentials.password}\n${edit}`,
    );
    expect(code, stderr).toBe(0);
    const { capabilities, ...seen } = JSON.parse(stdout);
    expect(capabilities).toContain("urn:ietf:params:netconf:capability:confirmed-commit:1.1");
    expect(seen).toEqual({
      before: [2],
      statements: ["net-11"],
      lock: "lock-denied",
      edit_while_locked: "in-use",
      bad_edit: "invalid-value",
      on_trial: [3],
      wrong_token: "invalid-value",
      cancelled: [2],
      confirmed: [3],
      nothing_pending: "operation-failed",
    });
    expect(router.server.runningText()).toContain("<repeat-n>3</repeat-n>");
  } finally {
    await router.stop();
  }
});

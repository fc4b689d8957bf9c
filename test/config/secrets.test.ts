import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { inspect } from "node:util";
import { expect, test, vi } from "vitest";
import { secretFromCommand } from "../../src/config/secret-command.ts";
import { secretResolver } from "../../src/config/secrets.ts";
import { Failure } from "../../src/kernel/failure.ts";
import { folderWith } from "./files.ts";

// Goal: a secret is read at the moment of use, from where the reference says.
test("from the environment and from files", async () => {
  const folder = await folderWith({ password: "hunter2\n", "keys/id": "two\nlines\r\n", plain: "  as is  " });
  const env: NodeJS.ProcessEnv = { LAB_PASSWORD: "hunter1" };
  const resolve = secretResolver(folder, env);
  expect(await resolve({ env: "LAB_PASSWORD" })).toBe("hunter1");
  expect(await resolve({ file: "password" })).toBe("hunter2");
  expect(await resolve({ file: path.join(folder, "keys/id") })).toBe("two\nlines");
  expect(await resolve({ file: "plain" })).toBe("  as is  ");
  env.LAB_PASSWORD = "changed";
  await writeFile(path.join(folder, "password"), "rotated\n");
  expect(await resolve({ env: "LAB_PASSWORD" })).toBe("changed");
  expect(await resolve({ file: "password" })).toBe("rotated");
});

// Goal: a reference that leads nowhere is refused by name, and a file that others may touch is refused without its value.
test("refusals", async () => {
  const folder = await folderWith({ open: "hunter2", group: "hunter2", empty: "\n", target: "hunter2" });
  await chmod(path.join(folder, "open"), 0o644);
  await chmod(path.join(folder, "group"), 0o620);
  await chmod(path.join(folder, "target"), 0o604);
  await symlink("target", path.join(folder, "link"));
  await mkdir(path.join(folder, "folder"));
  const resolve = secretResolver(folder, { EMPTY: "" });
  const refusal = async (ref: Parameters<typeof resolve>[0]) => {
    const failure = await resolve(ref).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Failure);
    const { code, message, mend } = failure as Failure;
    expect(`${message} ${mend}`).not.toContain("hunter");
    return [code, message.replaceAll(`${folder}/`, ""), mend?.replaceAll(`${folder}/`, "")];
  };
  expect(await refusal({ env: "NOT_SET" })).toEqual([
    "SECRET_MISSING",
    "environment variable NOT_SET is not set",
    "set NOT_SET in the environment that Pointsman is started in",
  ]);
  expect((await refusal({ env: "EMPTY" }))[0]).toBe("SECRET_MISSING");
  expect(await refusal({ file: "none" })).toEqual([
    "SECRET_MISSING",
    "secret file none does not exist",
    "put the secret there, and chmod 600 none",
  ]);
  expect((await refusal({ file: "empty" })).slice(0, 2)).toEqual(["SECRET_MISSING", "secret file empty is empty"]);
  expect((await refusal({ file: "folder" })).slice(0, 2)).toEqual([
    "SECRET_MISSING",
    "secret file folder is not a file",
  ]);
  for (const name of ["open", "group", "link"]) {
    const message = `secret file ${name} is open to others than its owner`;
    expect(await refusal({ file: name })).toEqual(["CONFIG_INVALID", message, `chmod 600 ${name}`]);
  }
});

// Goal: a program gives a secret: its first line, or a PEM text whole; and the environment it runs in holds no other secret.
test("from commands", async () => {
  const pem = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----";
  const folder = await folderWith({ store: "hunter2\nuser: ann\n", pem: `${pem}\n` });
  const env = { PATH: process.env.PATH, HOME: "/nowhere", OTHER_SECRET: "hunter3" };
  const resolve = secretResolver(folder, env);
  expect(await resolve({ command: ["cat", "store"] })).toBe("hunter2");
  expect(await resolve({ command: ["cat", "pem"] })).toBe(pem);
  expect(await resolve({ command: ["printf", "%s", "$(id); `id` * ~"] }), "no shell").toBe("$(id); `id` * ~");
  expect(await resolve({ command: ["sh", "-c", "env | sort | grep -v ^PWD= | paste -sd,"] })).not.toContain("hunter3");
});

// Goal: whatever a program does instead, the failure names it, holds nothing of what it said, and comes in time.
test("commands that fail", async () => {
  const folder = await folderWith({});
  const env = { PATH: process.env.PATH };
  const refusal = async (command: readonly [string, ...string[]], timeoutMs = 5_000) => {
    const failure = await secretFromCommand(command, folder, env, timeoutMs).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "SECRET_MISSING" });
    expect(inspect(failure, { depth: 9 })).not.toContain("hunter");
    return (failure as Failure).message;
  };
  const script = "echo hunter2; echo hunter2 >&2;";
  expect(await refusal(["sh", "-c", `${script} exit 3`])).toBe("secret command sh ended with code 3");
  expect(await refusal(["sh", "-c", `${script} kill -9 $$`])).toBe("secret command sh was ended by SIGKILL");
  expect(await refusal(["sh", "-c", `${script} sleep 60`], 100)).toBe("secret command sh gave no answer within 0.1 s");
  expect(await refusal(["sh", "-c", `${script} (sleep 60)& exit 0`], 100), "whose child keeps its output open").toBe(
    "secret command sh gave no answer within 0.1 s",
  );
  expect(await refusal(["yes", "hunter2"])).toBe("secret command yes wrote more than 64 KiB");
  expect(await refusal(["true"])).toBe("secret command true wrote nothing");
  expect(await refusal(["no-such-program", "hunter2"])).toBe("secret command no-such-program cannot be run (ENOENT)");
});

// Goal: a program that has become another user, as under sudo, cannot be ended, and the refusal is a word all the same: an error thrown out of
// the timer would end the controller. Method: the system call refuses as it does then.
test("a command that is not ours to end", async () => {
  const end = process.kill.bind(process);
  const groups: number[] = [];
  const kill = vi.spyOn(process, "kill").mockImplementation((group) => {
    groups.push(group);
    throw Object.assign(new Error("kill EPERM"), { code: "EPERM" });
  });
  try {
    const asked = secretFromCommand(["sleep", "60"], await folderWith({}), process.env, 50);
    await expect(asked).rejects.toMatchObject({ code: "SECRET_MISSING" });
    expect(groups).toHaveLength(1);
  } finally {
    kill.mockRestore();
    for (const group of groups) end(group, "SIGKILL");
  }
});

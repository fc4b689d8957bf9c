import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
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

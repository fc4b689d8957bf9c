import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { connect } from "../../src/cli/connect.ts";
import { folderWith } from "../config/files.ts";

// Goal: each controller gets the token that is meant for it: one set in the environment for a controller elsewhere neither goes to this machine's
// nor keeps anyone from it. Method: a server that tells which token came.
test("whose token goes where", async () => {
  const server = createServer((request, response) => {
    response.end(JSON.stringify({ name: request.headers.authorization, role: "viewer" }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  onTestFinished(() => void vi.unstubAllEnvs());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const state = await folderWith({ "endpoint.json": JSON.stringify({ url, token: "local" }) });
  const tokenFile = join(state, "mine");
  await writeFile(tokenFile, "mine\n", { mode: 0o600 });
  const sent = async (to: { url?: string; tokenFile?: string }) =>
    (await (await connect({ state, json: false, ...to })).whoAmI()).name;

  await expect(sent({ url })).rejects.toMatchObject({ code: "CONFIG_INVALID", message: "--url needs a token" });
  for (const set of ["elsewhere", "not a token"]) {
    vi.stubEnv("POINTSMAN_TOKEN", set);
    expect(await sent({})).toBe("Bearer local");
    expect(await sent({ tokenFile })).toBe("Bearer mine");
    expect(await sent({ url, tokenFile })).toBe("Bearer mine");
  }
  await expect(sent({ url })).rejects.toMatchObject({ message: "POINTSMAN_TOKEN holds no token" });
  vi.stubEnv("POINTSMAN_TOKEN", "elsewhere");
  expect(await sent({ url })).toBe("Bearer elsewhere");
});

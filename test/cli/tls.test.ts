import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createCertificateAuthority } from "../../src/lab/certificates.ts";
import { folderWith } from "../config/files.ts";
import { Pointsman } from "./process.ts";

// Goal: who cannot get through TLS is told so, and how to, and not that nothing runs there. Method: the real command before real TLS servers.
test("what TLS refuses", async () => {
  const authority = await createCertificateAuthority();
  const folder = await folderWith({ "ca.pem": authority.certificate });
  const [ca, tokenFile] = [join(folder, "ca.pem"), join(folder, "token")];
  await writeFile(tokenFile, "a-token", { mode: 0o600 });
  const { certificate: cert, key } = await authority.issue("pointsman");
  const serve = async (mutual: object) => {
    const server = createServer({ cert, key, ...mutual }, (_request, response) => void response.end("{}"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    return (server.address() as AddressInfo).port;
  };
  const [open, mutual] = await Promise.all([
    serve({}),
    serve({ ca: authority.certificate, requestCert: true, rejectUnauthorized: true }),
  ]);
  const asks = async (url: string, environment = {}) => {
    const { code, err } = await new Pointsman(["status", "--url", url, "--token-file", tokenFile], environment).ended();
    return { code, err };
  };
  const told = (what: RegExp) => ({ code: 1, err: expect.stringMatching(what) });
  const trusting = { NODE_EXTRA_CA_CERTS: ca };
  const [unknown, misnamed, uncertified] = await Promise.all([
    asks(`https://127.0.0.1:${open}`),
    asks(`https://localhost:${open}`, trusting),
    asks(`https://127.0.0.1:${mutual}`, trusting),
  ]);
  expect(unknown).toEqual(told(/TLS with .* failed: unable to verify.*mend: .*NODE_EXTRA_CA_CERTS=ca\.pem/s));
  expect(misnamed).toEqual(told(/TLS with .* failed: .*altnames.*mend: write a name of the certificate/s));
  expect(uncertified).toEqual(told(/TLS with .* failed: .* client certificate.*mend: the command line has no cert/s));
  for (const { err } of [unknown, misnamed, uncertified]) expect(err).not.toMatch(/no controller answers|start it/);
});

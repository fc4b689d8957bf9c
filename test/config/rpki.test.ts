import path from "node:path";
import { expect, test } from "vitest";
import { loadSettings } from "../../src/config/settings.ts";
import { edit, folderWith, networkText, policyText } from "./files.ts";

async function load(rpki: string) {
  const text = edit(networkText, "freezes:\n", `${rpki}freezes:\n`);
  const folder = await folderWith({ "pointsman.yaml": text, "policies/p.yaml": policyText });
  const loaded = await loadSettings(path.join(folder, "pointsman.yaml"));
  const problems = loaded.ok ? [] : loaded.problems.map(({ field, message, mend }) => `${field}: ${message}; ${mend}`);
  return { folder, problems, rpki: loaded.ok ? loaded.value.network.rpki : undefined };
}

// Goal: caches are read in their order, with the paths of their files absolute; without the section nothing is validated.
test("rpki is read", async () => {
  const { folder, problems, rpki } = await load(`rpki:
  caches:
    - { host: rpki.example.net, port: 323 }
    - { host: "::1", port: 324, tls: { ca: rpki-ca.pem, serverName: cache.example.net } }
  requireValid: true
`);
  expect(problems).toEqual([]);
  expect(rpki).toEqual({
    caches: [
      { host: "rpki.example.net", port: 323 },
      { host: "::1", port: 324, tls: { ca: path.join(folder, "rpki-ca.pem"), serverName: "cache.example.net" } },
    ],
    requireValid: true,
  });
  expect((await load("rpki: { caches: [{ host: 127.0.0.1, port: 323 }] }\n")).rpki?.requireValid).toBe(false);
  expect((await load("")).rpki).toBeUndefined();
});

// Goal: each mistake is told once, with what to write instead.
test.each<[string, string]>([
  ["rpki: {}\n", "rpki.caches: is missing; add caches: [{ host: 127.0.0.1, port: 323 }]"],
  [
    "rpki: { caches: [] }\n",
    "rpki.caches: has no cache, and nothing could ever be announced; write for example [{ host: 127.0.0.1, port: 323 }], or leave out rpki",
  ],
  ["rpki: { caches: [{ host: 127.0.0.1 }] }\n", "rpki.caches[0].port: is missing; add port: 323"],
  [
    "rpki: { caches: [{ host: 127.0.0.1, port: 323, tls: {} }] }\n",
    "rpki.caches[0].tls.ca: is missing; add ca: ca.pem",
  ],
  [
    "rpki: { caches: [{ host: 127.0.0.1, port: 323 }], requireValidd: true }\n",
    'rpki.requireValidd: is not a known field; did you mean "requireValid"?',
  ],
  [
    "rpki: { caches: [{ host: a, port: 323 }, { host: a, port: 323, tls: { ca: ca.pem } }] }\n",
    "rpki.caches[1]: a port 323 is already caches[0]; remove one of the two",
  ],
])("%s", async (written, problem) => {
  expect((await load(written)).problems).toEqual([problem]);
});

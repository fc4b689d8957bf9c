import path from "node:path";
import { expect, test } from "vitest";
import { loadSettings } from "../../src/config/settings.ts";
import { edit, folderWith, networkText, policyText } from "./files.ts";

const apiText = `api:
  host: 0.0.0.0
  port: 8443
  tokens:
    - { name: ann, role: approver, token: { env: ANN_TOKEN } }
    - { name: scraper, role: viewer, token: { command: [pass, scraper] } }
  oidc:
    issuer: https://id.example.net
    audience: pointsman
    jwks: { url: "https://id.example.net/jwks" }
    rolesClaim: groups
    roles: { noc: operator }
  tls: { certificate: api.pem, key: { file: api-key.pem }, clientCa: clients.pem }
`;

async function load(api: string) {
  const folder = await folderWith({ "pointsman.yaml": networkText + api, "policies/one.yaml": policyText });
  const loaded = await loadSettings(path.join(folder, "pointsman.yaml"));
  return { loaded, folder };
}

test("who may use the API, with paths beside the file and sub for a name", async () => {
  const { loaded, folder } = await load(apiText);
  expect(loaded.ok && loaded.value.api).toEqual({
    host: "0.0.0.0",
    port: 8443,
    tokens: [
      { name: "ann", role: "approver", token: { env: "ANN_TOKEN" } },
      { name: "scraper", role: "viewer", token: { command: ["pass", "scraper"] } },
    ],
    oidc: {
      issuer: "https://id.example.net",
      audience: "pointsman",
      jwks: { url: "https://id.example.net/jwks" },
      nameClaim: "sub",
      rolesClaim: "groups",
      roles: { noc: "operator" },
    },
    tls: {
      certificate: path.join(folder, "api.pem"),
      key: { file: path.join(folder, "api-key.pem") },
      clientCa: path.join(folder, "clients.pem"),
    },
  });
  const without = await load("");
  expect(without.loaded.ok && "api" in without.loaded.value).toBe(false);
});

// Goal: beyond loopback only with TLS and names, keys only from where nobody can put others, and no secret in what is said.
test.each([
  [
    "  tls: { certificate: api.pem, key: { file: api-key.pem }, clientCa: clients.pem }\n",
    "",
    "api.host: 0.0.0.0 is beyond loopback",
  ],
  [
    apiText.slice(apiText.indexOf("  tokens"), apiText.indexOf("  tls")),
    "",
    "api.tls: serves nobody; add tokens or oidc",
  ],
  ["  port: 8443\n", "", "api.port: is missing; add port: 8443"],
  ["scraper, role", "ann, role", '"ann" is already the name of tokens[0]'],
  ["scraper, role", "ANN, role", 'pointsman.yaml:44:9 api.tokens[1].name: "ann" is already the name of tokens[0]'],
  ["role: approver", "role: approvr", '"approvr" is not known; did you mean "approver"?'],
  ["noc: operator", "noc: root", '"root" is not known'],
  ["https://id.example.net/jwks", "http://id.example.net/jwks", "is not an https URL without credentials"],
  ["https://id.example.net/jwks", "https://hunter2@id.example.net/jwks", "is not an https URL without credentials"],
  ['{ url: "https://id.example.net/jwks" }', "{}", "must name one place"],
  ["{ env: ANN_TOKEN }", "hunter2", "the value is not a reference to a secret"],
  ["[pass, scraper]", "pass hunter2", "the value is not a reference to a secret"],
  ["[pass, scraper]", "[]", "the value is not a reference to a secret"],
])("%s → %s", async (from, to, problem) => {
  const { loaded } = await load(edit(apiText, from, to));
  const said = loaded.ok ? "" : loaded.failure.message;
  expect(said).toContain(problem);
  expect(said).not.toContain("hunter2");
});

test("keys over plain HTTP from loopback, and an API on loopback without TLS", async () => {
  const local = edit(apiText, '"https://id.example.net/jwks"', '"http://127.0.0.1:8080/jwks"');
  const open = edit(edit(local, "0.0.0.0", "localhost"), /\n {2}tls: .*/.exec(local)?.[0] ?? "none", "");
  expect((await load(local)).loaded.ok).toBe(true);
  expect((await load(open)).loaded.ok).toBe(true);
});

// Goal: a policy whose author may not approve names someone who could, wherever all names are known.
test.each<[string, string, string, string[]]>([
  ["a name of a token", "ann", "", []],
  [
    "nobody's",
    "anne",
    "",
    [
      'policies/one.yaml:3:13 metadata.author: "anne" is nobody\'s name in api.tokens, so approve.notAuthor keeps nobody out; did you mean "ann"?',
    ],
  ],
  ["an issuer's, perhaps", "anne", apiText.slice(apiText.indexOf("  oidc"), apiText.indexOf("  tls")), []],
])("the author of a policy: %s", async (_, author, oidc, expected) => {
  const policy = edit(
    edit(policyText, "metadata: { name", `metadata: { author: ${author}, name`),
    "expires: 15m",
    "expires: 15m, notAuthor: true",
  );
  const tokens = "api:\n  tokens: [{ name: ann, role: approver, token: { env: ANN_TOKEN } }]\n";
  const load = async (text: string) => {
    const folder = await folderWith({ "pointsman.yaml": networkText + text, "policies/one.yaml": policy });
    const loaded = await loadSettings(path.join(folder, "pointsman.yaml"));
    return loaded.ok ? [] : loaded.failure.message.replaceAll(`${folder}/`, "").split("\n");
  };
  expect(await load(tokens + oidc)).toEqual(expected);
  expect(await load(""), "names are taken on trust").toEqual([]);
});

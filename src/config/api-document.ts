import { isIP } from "node:net";
import { z } from "zod";
import { type ApiAccess, accessRoles, foldedName, isSamePerson } from "../model/access.ts";
import type { Policy } from "../model/policy.ts";
import { at, duplicates, listAt, textAt } from "./check.ts";
import { suggest } from "./did-you-mean.ts";
import { host, listOf, name, oneOf, port, prose, type secretRef, section, tell, text } from "./fields.ts";
import type { Finding } from "./problem.ts";

/** Of the address in 127/8, of ::1, and of the name that RFC 6761 6.3 keeps for them. */
export const isLoopback = (written: string): boolean =>
  written === "localhost" || written === "::1" || (isIP(written) === 4 && written.startsWith("127."));

const keysUrl = z.string().refine(
  (written) => {
    if (!URL.canParse(written)) return false;
    const { protocol, hostname, username, password } = new URL(written);
    if (username !== "" || password !== "") return false;
    return protocol === "https:" || (protocol === "http:" && isLoopback(hostname.replace(/^\[|\]$/g, "")));
  },
  tell(
    "is not an https URL without credentials",
    "write for example https://id.example.net/jwks; http is for loopback only, as keys decide who may do what",
  ),
);

/** The section `api` of `pointsman.yaml`. Without it the API is on loopback, for the owner of the state folder alone. */
export function apiDocument(toPath: (written: string) => string, secret: ReturnType<typeof secretRef>) {
  const file = (example: string) => text("a path", example, /\S/).transform(toPath);
  const role = oneOf(accessRoles);
  const oidc = section({
    issuer: prose("https://id.example.net"),
    audience: prose("pointsman"),
    jwks: section({ file: file("jwks.json").exactOptional(), url: keysUrl.exactOptional() }).transform(
      ({ file: keys, url }, context) => {
        if (keys !== undefined && url === undefined) return { file: keys };
        if (url !== undefined && keys === undefined) return { url };
        context.addIssue({ code: "custom", message: tell("must name one place", "write either file or url") });
        return z.NEVER;
      },
    ),
    nameClaim: prose("email").exactOptional(),
    rolesClaim: prose("groups"),
    roles: z.record(z.string().min(1), role, {
      error: tell("is not a mapping to roles", "write for example roles: { noc: operator, te-leads: approver }"),
    }),
  }).transform(({ nameClaim = "sub", ...rest }) => ({ ...rest, nameClaim }));

  return section({
    host: host.exactOptional(),
    port: port(8443).exactOptional(),
    tokens: listOf(
      section({ name: name("ann"), role, token: secret }),
      "tokens",
      "[{ name: ann, role: approver, token: { env: ANN_TOKEN } }]",
    ).exactOptional(),
    oidc: oidc.exactOptional(),
    tls: section({
      certificate: file("api.pem"),
      key: secret,
      clientCa: file("clients-ca.pem").exactOptional(),
    }).exactOptional(),
  }).transform(
    ({ host: written = "127.0.0.1", tokens = [], ...rest }): ApiAccess => ({ ...rest, host: written, tokens }),
  );
}

/** Where all names are known, `notAuthor` keeps somebody out only by one of them. What an issuer's names are is not known. */
export function authorRules(raw: unknown, { author, approve }: Policy): Finding[] {
  const api = at(raw, "api");
  const names = listAt(api, "tokens").flatMap((token) => textAt(token, "name") ?? []);
  if (!approve.notAuthor || author === undefined || names.length === 0 || at(api, "oidc") !== undefined) return [];
  if (names.some((one) => isSamePerson(one, author))) return [];
  const message = `"${author}" is nobody's name in api.tokens, so approve.notAuthor keeps nobody out`;
  return [{ path: ["metadata", "author"], message, mend: suggest(author, names) }];
}

/** Rules between the fields of `api`, read raw. */
export function apiRules(raw: unknown): Finding[] {
  const api = at(raw, "api");
  if (api === undefined) return [];
  const named = listAt(api, "tokens").length > 0 || at(api, "oidc") !== undefined;
  const tls = at(api, "tls");
  const findings: Finding[] = duplicates(
    listAt(api, "tokens"),
    (token) => {
      const written = textAt(token, "name");
      return written === undefined ? undefined : foldedName(written);
    },
    (person, index, first) => ({
      path: ["api", "tokens", index, "name"],
      message: `"${person}" is already the name of tokens[${first}]`,
      mend: "give each a name of its own: it says in the audit log who did what",
    }),
  );
  const find = (field: string, message: string, mend: string) => findings.push({ path: ["api", field], message, mend });
  const host = textAt(api, "host");
  if (host !== undefined && !isLoopback(host) && (tls === undefined || !named)) {
    find("host", `${host} is beyond loopback, where TLS and names are needed`, "add tls, and tokens or oidc");
  }
  if (tls !== undefined && !named)
    find("tls", "serves nobody", "add tokens or oidc: the state folder's own token is for loopback");
  if (tls !== undefined && at(api, "port") === undefined)
    find("port", "is missing", "add port: 8443, so that it can be found");
  return findings;
}

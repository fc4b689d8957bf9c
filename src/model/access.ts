import type { SecretRef } from "./inventory.ts";

/** Each may do what those before it may. What exactly: the table in `src/api/roles.ts`. */
export const accessRoles = ["viewer", "operator", "approver", "admin"] as const;
export type AccessRole = (typeof accessRoles)[number];

/** The state folder's owner, where people have names: whoever holds the folder, who may be one of them. */
export const localAdmin = "local-admin";

/** Who has `token` acts under `name`. */
export type NamedToken = Readonly<{ name: string; role: AccessRole; token: SecretRef }>;

/** An issuer of OpenID Connect whose tokens are taken (RFC 7519, RFC 7517). */
export type OidcAccess = Readonly<{
  issuer: string;
  audience: string;
  /** Where its public keys are. */
  jwks: Readonly<{ file: string } | { url: string }>;
  /** The claim that says who it is: one name for one person, for ever. */
  nameClaim: string;
  /** The claim with what they are in the issuer's words, one text or a list; `roles` says what that is here. */
  rolesClaim: string;
  roles: Readonly<Record<string, AccessRole>>;
}>;

export type TlsAccess = Readonly<{
  /** PEM file, the chain included. */
  certificate: string;
  key: SecretRef;
  /** PEM file with the authority of client certificates: who has none of these is not answered. */
  clientCa?: string;
}>;

/** How people and programs get at the API, beside the owner of the state folder. */
export type ApiAccess = Readonly<{
  host: string;
  port?: number;
  tokens: readonly NamedToken[];
  oidc?: OidcAccess;
  tls?: TlsAccess;
}>;

/** A name as people are told apart by it: ann, ANN and ＡＮＮ are one person (NFKC, Unicode UAX 15). */
export const foldedName = (name: string): string => name.normalize("NFKC").toLowerCase().trim();
export const isSamePerson = (one: string, other: string): boolean => foldedName(one) === foldedName(other);

import { decode, verifyWithJwks } from "hono/jwt";
import { z } from "zod";
import type { Clock } from "../kernel/clock.ts";
import { Failure } from "../kernel/failure.ts";
import { type AccessRole, accessRoles, type OidcAccess } from "../model/access.ts";
import { KeySource } from "./key-set.ts";

/** Whoever signed in, as their token says, or why not; `name` where the signature is the issuer's, so that who was refused is known. */
export type SignedIn =
  | Readonly<{ ok: true; name: string; role: AccessRole }>
  | Readonly<{ ok: false; failure: Failure; name?: string }>;

/** None of them takes a shared secret, so a public key cannot be passed off as one (RFC 8725 2.1). */
const allowedAlgorithms = ["RS256", "ES256", "EdDSA"] as const;
const mostCharacters = 8 * 1024;
/** Clocks of two machines with NTP are nearer than this. */
const skewSeconds = 60;

const Claims = z.object({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  exp: z.number(),
  nbf: z.number().optional(),
});
const PersonName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]*$/u);
const Roles = z.union([z.string().transform((one) => [one]), z.array(z.string())]);

export const looksSigned = (token: string): boolean => token.split(".").length === 3;

/**
 * Takes bearer tokens of an issuer: JSON Web Tokens (RFC 7519) by RFC 8725. The signature first, then issuer, audience, expiry (which a
 * token must have), and what the token says of name and role. Of several roles the highest counts; without one nobody gets in. Failures are
 * CONTROLLER_AUTH and never hold the token. Throws Failure CONFIG_INVALID where its keys lie in a file that gives none.
 */
export async function oidcVerifier(
  oidc: OidcAccess,
  clock: Clock,
  onKeysUnavailable: (why: string) => void,
): Promise<(token: string) => Promise<SignedIn>> {
  const source = new KeySource(oidc.jwks, clock, onKeysUnavailable);
  await source.start();

  async function signedClaims(token: string): Promise<Record<string, unknown> | Failure> {
    if (token.length > mostCharacters) return refused(`is longer than ${mostCharacters} characters`);
    const { kid, typ } = headerOf(token);
    if (kid === undefined) return refused("names no key");
    try {
      const key = await source.key(kid);
      if (!key) return refused("is signed with a key that its issuer does not have");
      // Times are judged here, by the controller's clock.
      const untimed = { exp: false, nbf: false, iat: false };
      // An access token may say what it is (RFC 9068 2.1).
      const verification = typ?.toLowerCase().endsWith("at+jwt") ? { ...untimed, typ: "at+jwt" } : untimed;
      return await verifyWithJwks(token, { keys: [key], allowedAlgorithms, verification });
    } catch (error) {
      // The library's messages hold the token.
      return error instanceof Failure ? error : refused("is not one of the issuer's");
    }
  }

  return async (token) => {
    const claims = await signedClaims(token);
    if (claims instanceof Failure) return { ok: false, failure: claims };
    const name = PersonName.safeParse(claims[oidc.nameClaim]).data;
    const deny = (why: string): SignedIn => ({
      ok: false,
      failure: refused(why),
      ...(name === undefined ? {} : { name }),
    });
    const parsed = Claims.safeParse(claims);
    if (!parsed.success) return deny("lacks iss, aud or exp");
    const { iss, aud, exp, nbf } = parsed.data;
    const nowSeconds = clock.now() / 1000;
    if (iss !== oidc.issuer) return deny("is of another issuer");
    if (![aud].flat().includes(oidc.audience)) return deny("is for another audience");
    if (exp <= nowSeconds - skewSeconds) return deny("has expired");
    if (nbf !== undefined && nbf > nowSeconds + skewSeconds) return deny("is not valid yet");
    if (name === undefined) return deny(`has no usable name in ${oidc.nameClaim}`);
    const granted = (Roles.safeParse(claims[oidc.rolesClaim]).data ?? []).flatMap((one) =>
      Object.hasOwn(oidc.roles, one) ? (oidc.roles[one] ?? []) : [],
    );
    const role = accessRoles.findLast((one) => granted.includes(one));
    return role === undefined ? deny("grants no role here") : { ok: true, name, role };
  };
}

function headerOf(token: string): { kid?: string; typ?: string } {
  try {
    const { kid, typ } = decode(token).header as { kid?: unknown; typ?: unknown };
    return { ...(typeof kid === "string" && { kid }), ...(typeof typ === "string" && { typ }) };
  } catch {
    return {}; // Not a token at all names no key.
  }
}

const refused = (why: string) =>
  new Failure("CONTROLLER_AUTH", `the token ${why}`, { mend: "sign in anew, and send the token of this issuer" });

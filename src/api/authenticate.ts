import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../kernel/clock.ts";
import { Failure } from "../kernel/failure.ts";
import { type AccessRole, type ApiAccess, localAdmin } from "../model/access.ts";
import type { ResolveSecret } from "../model/inventory.ts";
import { looksSigned, oidcVerifier, type SignedIn } from "./oidc.ts";
import { RateLimit } from "./rate-limit.ts";

/** Who asks. A name that is `null` is taken on trust from what is asked: nobody but the owner of the state folder has a token. */
export type Caller = Readonly<{ name: string | null; role: AccessRole }>;

/** Whose token stands in an `Authorization` header that came from `address`. */
export type Authenticate = (header: string | undefined, address: string) => Promise<Known>;
export type Known =
  | Readonly<{ ok: true; caller: Caller }>
  | Readonly<{ ok: false; failure: Failure; name?: string; retryAfterSeconds?: number }>;

/** Names that are not a person's: of the controller itself, and of the state folder's owner. */
const controllerName = "pointsman";
const reservedNames = [controllerName, localAdmin];

/** 128 bits in base64url are 22 characters: nobody guesses that, however often they try. */
const shortestToken = 22;

const digest = (text: string) => createHash("sha256").update(text).digest();

/** Tokens by their digests: the tokens themselves are not kept. Throws Failure CONFIG_INVALID where one is too short or stands for two people. */
async function namedDigests(tokens: ApiAccess["tokens"], resolveSecret: ResolveSecret) {
  const named: { caller: Caller; digest: Buffer }[] = [];
  const secrets = await Promise.all(tokens.map(({ token }) => resolveSecret(token)));
  for (const [index, { name, role }] of tokens.entries()) {
    const wrong = (why: string, mend: string) =>
      new Failure("CONFIG_INVALID", `the API token of ${name} ${why}`, { mend });
    if (reservedNames.includes(name)) throw wrong("has a name that is not a person's", "give it another name");
    const secret = secrets[index] ?? "";
    const mend = "make one with: openssl rand -base64 32";
    if (secret.length < shortestToken) throw wrong(`is shorter than ${shortestToken} characters`, mend);
    if (!/^[\x21-\x7e]+$/.test(secret)) throw wrong("has characters that no header can hold", mend);
    const one = digest(secret);
    const same = named.find((other) => timingSafeEqual(other.digest, one));
    if (same) throw wrong(`is that of ${same.caller.name} too`, mend);
    named.push({ caller: { name, role }, digest: one });
  }
  return named;
}

/**
 * Takes the state folder's own `localToken` (where it is given), the tokens of the configuration, and those of an issuer. Whoever sends more
 * than ten wrong tokens at once and one every six seconds is told so; a right one is taken all the same, so that nobody can shut out who
 * wants to stop the controller. Signatures are costly to check: of those of an issuer, 300 wrong ones at once and 100 a second of each
 * address, behind which many people may be.
 */
export async function authenticator(options: {
  localToken?: string;
  access?: Pick<ApiAccess, "tokens" | "oidc">;
  /** Whether the tokens and sign-ins of `access` are taken here, or elsewhere. */
  takesNamed: boolean;
  resolveSecret: ResolveSecret;
  clock: Clock;
  /** Told why the issuer's keys cannot be had. */
  onKeysUnavailable: (why: string) => void;
}): Promise<Authenticate> {
  const { localToken, access, takesNamed, resolveSecret, clock, onKeysUnavailable } = options;
  const named = takesNamed ? await namedDigests(access?.tokens ?? [], resolveSecret) : [];
  const hasNames = access !== undefined && (access.tokens.length > 0 || access.oidc !== undefined);
  const everyone = hasNames ? localAdmin : null;
  if (localToken !== undefined) {
    named.push({ caller: { name: everyone, role: "admin" }, digest: digest(localToken) });
  }
  const signedIn = takesNamed && access?.oidc && (await oidcVerifier(access.oidc, clock, onKeysUnavailable));
  const wrongOnes = new RateLimit({ burst: 10, perSecond: 1 / 6, clock });
  const wrongSignatures = new RateLimit({ burst: 300, perSecond: 100, clock });

  return async (header, address) => {
    const token = header?.startsWith("Bearer ") ? header.slice("Bearer ".length) : "";
    const sent = digest(token);
    // All are compared, as digests, so that neither content nor place shows in the time it takes.
    const found = named.filter((one) => timingSafeEqual(one.digest, sent));
    if (found[0]) return { ok: true, caller: found[0].caller };
    const isChecked = looksSigned(token) && wrongSignatures.has(address);
    const signed = signedIn && isChecked ? notReserved(await signedIn(token)) : undefined;
    if (signed?.ok) return { ok: true, caller: { name: signed.name, role: signed.role } };
    // What the issuer's keys would have said is not known: nothing was checked, and nothing was wrong.
    if (signed?.failure.retry === "later") return signed;
    if (signed) wrongSignatures.take(address);
    const taken = wrongOnes.take(address);
    if (!taken.ok) {
      const mend = `wait ${taken.retryAfterSeconds} s`;
      const failure = new Failure("RATE_LIMITED", `too many wrong tokens came from ${address}`, {
        retry: "later",
        mend,
      });
      return { ok: false, failure, retryAfterSeconds: taken.retryAfterSeconds };
    }
    if (signed) return signed;
    const mend =
      "use the token in endpoint.json of the controller's state folder, or one of your own with --token-file";
    return { ok: false, failure: new Failure("CONTROLLER_AUTH", "the token is missing or wrong", { mend }) };
  };
}

function notReserved(signed: SignedIn): SignedIn {
  if (!signed.ok || !reservedNames.includes(signed.name)) return signed;
  return { ok: false, failure: new Failure("CONTROLLER_AUTH", `the token's name, ${signed.name}, is not a person's`) };
}

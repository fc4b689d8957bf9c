import { createSign, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

const encoded = (value: object | string) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

export type Key = Readonly<{ kid: string; alg: string; private: KeyObject; jwk: object; publicPem: string }>;

/** A key pair of an issuer; `jwk` is what it publishes. Nothing here is the code under test. */
export function newKey(alg: "RS256" | "ES256" | "EdDSA", kid: string, modulusLength = 2048): Key {
  const pair =
    alg === "RS256"
      ? generateKeyPairSync("rsa", { modulusLength })
      : alg === "ES256"
        ? generateKeyPairSync("ec", { namedCurve: "P-256" })
        : generateKeyPairSync("ed25519");
  return {
    kid,
    alg,
    private: pair.privateKey,
    jwk: { ...pair.publicKey.export({ format: "jwk" }), kid, alg, use: "sig" },
    publicPem: pair.publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

/** A JSON Web Token (RFC 7519) signed by `key`; `header` replaces fields of its header. */
export function signed(key: Key, claims: object, header: object = {}): string {
  const text = `${encoded({ alg: key.alg, kid: key.kid, typ: "JWT", ...header })}.${encoded(claims)}`;
  return `${text}.${signatureOf(key, text).toString("base64url")}`;
}

function signatureOf(key: Key, text: string): Buffer {
  if (key.alg === "EdDSA") return sign(null, Buffer.from(text), key.private);
  const dsaEncoding = key.alg === "ES256" ? ({ dsaEncoding: "ieee-p1363" } as const) : {};
  return createSign("sha256")
    .update(text)
    .sign({ key: key.private, ...dsaEncoding });
}

/** With a signature of the caller's. */
export function forged(header: object, claims: object, signature: (text: string) => string): string {
  const text = `${encoded(header)}.${encoded(claims)}`;
  return `${text}.${signature(text)}`;
}

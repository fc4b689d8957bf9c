import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** PEM texts. */
export type ServerCertificate = Readonly<{ key: string; certificate: string }>;

export type CertificateAuthority = Readonly<{
  certificate: string;
  /** A certificate for a server on loopback that is known by `name`. */
  issue(name: string): ServerCertificate;
}>;

/**
 * A certificate authority that lives as long as the lab: its key is never written anywhere. Certificates are X.509 v3
 * (RFC 5280) on P-256, encoded here because Node can read certificates but not make them.
 */
export function createCertificateAuthority(): CertificateAuthority {
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = "Pointsman lab";
  const issue = (subject: string, key: KeyObject, extensions: readonly Buffer[]) =>
    certificate({ issuer, authority, subject, key, extensions });
  return {
    certificate: issue(issuer, authority.publicKey, [
      extension(oid.basicConstraints, sequence(boolean(true))),
      extension(oid.keyUsage, der(0x03, Buffer.from([0x01, 0x06]))), // keyCertSign, cRLSign
    ]),
    issue(name) {
      const server = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const dnsName = der(0x82, Buffer.from(name, "ascii"));
      const ipAddress = der(0x87, Buffer.from([127, 0, 0, 1]));
      return {
        key: server.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
        certificate: issue(name, server.publicKey, [
          extension(oid.keyUsage, der(0x03, Buffer.from([0x07, 0x80]))), // digitalSignature
          extension(oid.extendedKeyUsage, sequence(oid.serverAuth)),
          extension(oid.subjectAltName, sequence(dnsName, ipAddress)),
        ]),
      };
    },
  };
}

const dayMs = 86_400_000;

function certificate(of: {
  issuer: string;
  authority: { publicKey: KeyObject; privateKey: KeyObject };
  subject: string;
  key: KeyObject;
  extensions: readonly Buffer[];
}): string {
  const algorithm = sequence(oid.ecdsaWithSha256);
  // Wall time, also when the lab runs on simulated time: that is what a TLS peer judges by.
  const now = Date.now();
  const toSign = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])), // positive serial number
    algorithm,
    commonName(of.issuer),
    sequence(utcTime(now - dayMs), utcTime(now + 30 * dayMs)),
    commonName(of.subject),
    of.key.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      sequence(
        ...of.extensions,
        sequence(oid.subjectKeyIdentifier, der(0x04, der(0x04, keyIdentifier(of.key)))),
        sequence(oid.authorityKeyIdentifier, der(0x04, sequence(der(0x80, keyIdentifier(of.authority.publicKey))))),
      ),
    ),
  );
  const signature = sign("sha256", toSign, of.authority.privateKey);
  const whole = sequence(toSign, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** One DER element: tag, length, content (X.690 8.1). */
function der(tag: number, content: Buffer): Buffer {
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

/** Any value that names the key will do (RFC 5280 4.2.1.2); 160 bits are customary. */
function keyIdentifier(key: KeyObject): Buffer {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest()
    .subarray(0, 20);
}

const sequence = (...parts: readonly Buffer[]) => der(0x30, Buffer.concat(parts));
const boolean = (value: boolean) => der(0x01, Buffer.from([value ? 0xff : 0]));
const objectId = (hex: string) => der(0x06, Buffer.from(hex, "hex"));
const commonName = (name: string) =>
  sequence(der(0x31, sequence(oid.commonName, der(0x0c, Buffer.from(name, "utf8")))));
const extension = (id: Buffer, value: Buffer) => sequence(id, boolean(true), der(0x04, value)); // critical
/** YYMMDDHHMMSSZ, for dates before 2050 (RFC 5280 4.1.2.5.1). */
const utcTime = (ms: number) =>
  der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/[-:T]/g, "")}Z`, "ascii"));

const oid = {
  commonName: objectId("550403"),
  subjectKeyIdentifier: objectId("551d0e"),
  keyUsage: objectId("551d0f"),
  subjectAltName: objectId("551d11"),
  basicConstraints: objectId("551d13"),
  authorityKeyIdentifier: objectId("551d23"),
  extendedKeyUsage: objectId("551d25"),
  serverAuth: objectId("2b06010505070301"),
  ecdsaWithSha256: objectId("2a8648ce3d040302"),
};

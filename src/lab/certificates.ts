import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** PEM texts. */
export type ServerCertificate = Readonly<{ key: string; certificate: string }>;

export type CertificateAuthority = Readonly<{
  certificate: string;
  /** A certificate for a server on loopback that is known by `name`, or for a client of that name. */
  issue(name: string): Promise<ServerCertificate>;
}>;

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const dayMs = 86_400_000;

/** A certificate authority that lives as long as the lab: its key is never written anywhere. */
export async function createCertificateAuthority(): Promise<CertificateAuthority> {
  const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const authority = await newKeys();
  const issuer = "CN=Pointsman lab";
  const certify = async (subject: string, publicKey: webcrypto.CryptoKey, extensions: readonly Extension[]) => {
    // Wall time, also when the lab runs on simulated time: that is what a TLS peer judges by.
    const now = Date.now();
    const made = await X509CertificateGenerator.create(
      {
        subject,
        issuer,
        notBefore: new Date(now - dayMs),
        notAfter: new Date(now + 30 * dayMs),
        publicKey,
        signingKey: authority.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          ...extensions,
          await SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
          await AuthorityKeyIdentifierExtension.create(authority.publicKey, false, webcrypto),
        ],
      },
      webcrypto,
    );
    return made.toString("pem");
  };
  return {
    certificate: await certify(issuer, authority.publicKey, [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ]),
    async issue(name) {
      const server = await newKeys();
      const key = await webcrypto.subtle.exportKey("pkcs8", server.privateKey);
      return {
        key: PemConverter.encode(key, PemConverter.PrivateKeyTag),
        certificate: await certify(`CN=${name}`, server.publicKey, [
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth], true),
          new SubjectAlternativeNameExtension([
            { type: "dns", value: name },
            { type: "ip", value: "127.0.0.1" },
          ]),
        ]),
      };
    },
  };
}

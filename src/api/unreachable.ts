import { Failure } from "../kernel/failure.ts";

export const startIt = "start it with pointsman run, or name its state folder with --state";

/**
 * Why `fetch` got no answer from `url`. What failed in TLS is told as that: the controller does run. Node's codes of it are OpenSSL's words for
 * certificates (`DEPTH_ZERO_SELF_SIGNED_CERT`, …), ERR_TLS_* and ERR_SSL_*. A server that wants a client certificate may, in TLS 1.3,
 * close a connection that seemed made (RFC 8446 4.4.2.4): of that no more is known.
 */
export function unreachable(url: string, cause: unknown, within = ""): Failure {
  const { code = "", message = "" } = ((cause as Error)?.cause ?? {}) as { code?: string; message?: string };
  const isEncrypted = url.startsWith("https:");
  const failed = (what: string, mend: string) => new Failure("CONTROLLER_UNREACHABLE", what, { mend, cause });
  const withoutOne = "the command line has no certificate: ask on the controller's own machine, with --state";
  if (isEncrypted && /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/.test(code)) {
    return failed(`TLS with ${url} failed: it asks for a client certificate`, withoutOne);
  }
  if (isEncrypted && (code === "UND_ERR_SOCKET" || code === "ECONNRESET")) {
    return failed(
      `TLS with ${url} failed: it closed the connection, as one does that asks for a client certificate`,
      withoutOne,
    );
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return failed(
      `TLS with ${url} failed: ${message}`,
      "write a name of the certificate in --url; for another authority, NODE_EXTRA_CA_CERTS=ca.pem",
    );
  }
  if (isEncrypted && /CERT|SIGNATURE|^ERR_(TLS|SSL)_/.test(code)) {
    return failed(
      `TLS with ${url} failed: ${message} (${code})`,
      "to trust its authority, set NODE_EXTRA_CA_CERTS=ca.pem, the PEM file of that authority",
    );
  }
  const options = { retry: "later", mend: startIt, cause } as const;
  return new Failure("CONTROLLER_UNREACHABLE", `no controller answers at ${url}${within}`, options);
}

import { childElement, elements, textOf, type XmlElement } from "../../kernel/xml.ts";

export const baseNamespace = "urn:ietf:params:xml:ns:netconf:base:1.0";
const base = { "1.0": "urn:ietf:params:netconf:base:1.0", "1.1": "urn:ietf:params:netconf:base:1.1" };

export const clientHello = `<?xml version="1.0" encoding="UTF-8"?>
<hello xmlns="${baseNamespace}"><capabilities><capability>${base["1.0"]}</capability><capability>${base["1.1"]}</capability></capabilities></hello>`;

/** What a server's hello says. A capability is kept by its URI, without its parameters. */
export type Hello = Readonly<{
  sessionId: string;
  /** Both sides speak base:1.1: chunked framing from here on. */
  chunked: boolean;
  capabilities: ReadonlySet<string>;
  /** `with-defaults` mode `explicit` can be asked for (RFC 6243 4.3). */
  explicitDefaults: boolean;
}>;

const withDefaults = "urn:ietf:params:netconf:capability:with-defaults:1.0";

/** The hello, or what is wrong with it. */
export function readHello(root: XmlElement): Hello | string {
  if (root.name !== "hello" || !isNetconf(root)) return `<${root.name}> instead of <hello>`;
  const sessionId = childElement(root, "session-id");
  if (!sessionId) return "a hello without session-id";
  const list = childElement(root, "capabilities");
  const uris = list ? elements(list).map((capability) => textOf(capability).trim()) : [];
  const capabilities = new Set(uris.map((uri) => uri.replace(/\?.*$/s, "")));
  if (!capabilities.has(base["1.0"]) && !capabilities.has(base["1.1"])) return "a hello without a base capability";
  return {
    sessionId: textOf(sessionId).trim(),
    chunked: capabilities.has(base["1.1"]),
    capabilities,
    explicitDefaults: uris.some((uri) => uri.startsWith(`${withDefaults}?`) && hasExplicitMode(uri)),
  };
}

function hasExplicitMode(uri: string): boolean {
  const parameters = new URLSearchParams(uri.slice(uri.indexOf("?") + 1));
  return (
    parameters.get("basic-mode") === "explicit" ||
    (parameters.get("also-supported") ?? "").split(",").includes("explicit")
  );
}

/** Junos may leave the namespace of its envelopes out. */
export const isNetconf = ({ namespace }: XmlElement) => namespace === baseNamespace || namespace === "";

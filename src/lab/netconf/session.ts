import { elements, textOf, writeXml, type XmlElement, XmlReader, XmlSyntaxError } from "../../kernel/xml.ts";
import { Deframer, type Framing, FramingError, frame } from "./framing.ts";
import { forgetSession, perform, protocolCapabilities, type Router } from "./operations.ts";
import { netconfNamespace, RpcError, RpcErrors, writeRpcError } from "./rpc-error.ts";
import { moduleCapabilities } from "./schema.ts";

/** The channel below a session. `close` sends what is written first. */
export type Transport = Readonly<{ write(bytes: Buffer): void; close(): void }>;

const base10 = "urn:ietf:params:netconf:base:1.0";
const base11 = "urn:ietf:params:netconf:base:1.1";

/** Far over what the models can nest and a router would configure. */
const limits = { elements: 2_000_000, depth: 100 };

/** One NETCONF session from hello to end. Requests are worked off one by one as they come, so replies are in order (RFC 6241 section 4.5). */
export class Session {
  readonly #id: number;
  readonly #router: Router;
  readonly #transport: Transport;
  readonly #deframer = new Deframer();
  /** Strict: a message that is not UTF-8 is malformed, not guessed at. */
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true });
  #framing: Framing = "end-of-message";
  #greeted = false;
  #ended = false;

  constructor(id: number, router: Router, transport: Transport) {
    this.#id = id;
    this.#router = router;
    this.#transport = transport;
    router.sessions.set(id, this);
    const capabilities = [...protocolCapabilities(router), ...moduleCapabilities].map((uri) =>
      element("capability", uri),
    );
    this.#send(writeXml(element("hello", element("capabilities", ...capabilities), element("session-id", String(id)))));
  }

  receive(bytes: Buffer): void {
    if (this.#ended) return;
    this.#deframer.push(bytes);
    try {
      for (let message = this.#deframer.next(); message && !this.#ended; message = this.#deframer.next()) {
        if (this.#greeted) this.#request(message);
        else this.#hello(message);
      }
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      this.end();
    }
  }

  /** Idempotent; also what to call when the channel is lost. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    forgetSession(this.#router, this.#id);
    this.#transport.close();
  }

  /** Without a hello that makes sense there is no session (RFC 6241 section 8.1). */
  #hello(message: Buffer): void {
    const hello = this.#parse(message);
    const isHello = hello?.name === "hello" && hello.namespace === netconfNamespace;
    const capabilities = isHello
      ? elements(hello)
          .filter(({ name }) => name === "capabilities")
          .flatMap(elements)
          .map((capability) => textOf(capability).trim())
      : [];
    const hasSessionId = isHello && elements(hello).some(({ name }) => name === "session-id");
    if (hasSessionId || !(capabilities.includes(base10) || capabilities.includes(base11))) {
      this.end();
      return;
    }
    this.#greeted = true;
    this.#framing = capabilities.includes(base11) ? "chunked" : "end-of-message";
    this.#deframer.framing = this.#framing;
  }

  #request(message: Buffer): void {
    const rpc = this.#parse(message);
    if (!rpc) {
      this.#malformed();
      return;
    }
    const attributes = rpc.attributes;
    try {
      const operation = operationIn(rpc);
      this.#router.onOperation(operation.name);
      const body = perform(this.#router, this.#id, operation);
      const { faults } = this.#router;
      if (faults.loseReplyTo === operation.name) {
        faults.loseReplyTo = undefined;
        return;
      }
      this.#reply(attributes, body);
      if (operation.name === "close-session") this.end();
    } catch (error) {
      if (error instanceof RpcError) this.#reply(attributes, writeRpcError(error));
      else if (error instanceof RpcErrors) this.#reply(attributes, error.errors.map(writeRpcError).join(""));
      else throw error;
    }
  }

  /** Clients of base:1.0 do not know malformed-message (RFC 6241 appendix A); without a reply the session ends (section 3). */
  #malformed(): void {
    const error = new RpcError(
      "rpc",
      "malformed-message",
      "the message is not well-formed XML in UTF-8, or is too deep or too large",
    );
    if (this.#framing === "end-of-message") this.end();
    else this.#reply([], writeRpcError(error));
  }

  #parse(message: Buffer): XmlElement | undefined {
    try {
      // Many base:1.0 clients put a line break behind `]]>]]>`, and so before the next XML declaration.
      const reader = new XmlReader(limits);
      reader.write(this.#utf8.decode(message).trimStart());
      return reader.close();
    } catch (error) {
      if (error instanceof XmlSyntaxError || error instanceof TypeError) return undefined;
      throw error;
    }
  }

  #reply(attributes: XmlElement["attributes"], body: string): void {
    const empty = writeXml({ name: "rpc-reply", namespace: netconfNamespace, attributes, children: [] });
    this.#send(`${empty.slice(0, -"/>".length)}>${body}</rpc-reply>`);
  }

  #send(message: string): void {
    this.#transport.write(frame(`<?xml version="1.0" encoding="UTF-8"?>${message}`, this.#framing));
  }
}

/** The one operation in an `<rpc>` (RFC 6241 section 4.1). Throws RpcError. */
function operationIn(rpc: XmlElement): XmlElement {
  if (rpc.name !== "rpc" || rpc.namespace !== netconfNamespace) {
    throw rpc.name === "rpc"
      ? new RpcError("rpc", "unknown-namespace", "rpc must be in the NETCONF namespace", {
          info: { "bad-element": rpc.name, "bad-namespace": rpc.namespace },
        })
      : new RpcError("rpc", "unknown-element", "only rpc is understood here", { info: { "bad-element": rpc.name } });
  }
  if (!rpc.attributes.some(({ name, namespace }) => name === "message-id" && namespace === "")) {
    throw new RpcError("rpc", "missing-attribute", "rpc needs a message-id", {
      info: { "bad-attribute": "message-id", "bad-element": "rpc" },
    });
  }
  const [operation, ...more] = elements(rpc);
  if (!operation)
    throw new RpcError("protocol", "missing-element", "rpc holds no operation", { info: { "bad-element": "rpc" } });
  if (more.length > 0)
    throw new RpcError("rpc", "bad-element", "rpc takes one operation", { info: { "bad-element": "rpc" } });
  return operation;
}

function element(name: string, ...children: (XmlElement | string)[]): XmlElement {
  return { name, namespace: netconfNamespace, attributes: [], children };
}

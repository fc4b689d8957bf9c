import { once } from "node:events";
import ssh2, { type ClientChannel } from "ssh2";
import { childElement, elements, parseXml, textOf, type XmlElement } from "../../src/kernel/xml.ts";
import { type NetconfServer, startNetconfServer } from "../../src/lab/netconf/server.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

export const base = "urn:ietf:params:xml:ns:netconf:base:1.0";
export const rpol = "http://openconfig.net/yang/routing-policy";
export const bgpPol = "http://openconfig.net/yang/bgp-policy";
export const credentials = { username: "pointsman", password: "lab password" };

export const prefixSet = (name: string, prefix: string) =>
  `<prefix-set><name>${name}</name><config><name>${name}</name></config><prefixes><prefix><ip-prefix>${prefix}</ip-prefix><masklength-range>exact</masklength-range><config><ip-prefix>${prefix}</ip-prefix><masklength-range>exact</masklength-range></config></prefix></prefixes></prefix-set>`;
export const prepend = (times: number, operation = "") =>
  `<bgp-actions xmlns="${bgpPol}"><set-as-path-prepend${operation}><config><repeat-n>${times}</repeat-n><asn>65000</asn></config></set-as-path-prepend></bgp-actions>`;
const statement = (name: string, set: string, bgpActions = "") =>
  `<statement><name>${name}</name><config><name>${name}</name></config><conditions><match-prefix-set><config><prefix-set>${set}</prefix-set><match-set-options>ANY</match-set-options></config></match-prefix-set></conditions><actions><config><policy-result>ACCEPT_ROUTE</policy-result></config>${bgpActions}</actions></statement>`;

/** Written as the server writes it, so that it is also what running must read at start. */
export const initial = `<routing-policy xmlns="${rpol}"><defined-sets><prefix-sets>${prefixSet("NET-10", "10.0.0.0/24")}${prefixSet("NET-11", "11.0.0.0/24")}</prefix-sets></defined-sets><policy-definitions><policy-definition><name>TRANSIT-OUT</name><config><name>TRANSIT-OUT</name></config><statements>${statement("net-10", "NET-10")}${statement("net-11", "NET-11", prepend(2))}</statements></policy-definition></policy-definitions></routing-policy>`;

/** An edit of what stands inside `<statement>`, by default of net-10. */
export const statementEdit = (inside: string, name = "net-10") =>
  `<routing-policy xmlns="${rpol}"><policy-definitions><policy-definition><name>TRANSIT-OUT</name><statements><statement><name>${name}</name>${inside}</statement></statements></policy-definition></policy-definitions></routing-policy>`;
export const setPrepend = (times: number, name = "net-10") =>
  statementEdit(`<actions>${prepend(times)}</actions>`, name);
export const setsEdit = (inside: string) =>
  `<routing-policy xmlns="${rpol}"><defined-sets><prefix-sets>${inside}</prefix-sets></defined-sets></routing-policy>`;

export const editConfig = (config: string, options = "") =>
  `<edit-config><target><candidate/></target>${options}<config xmlns:nc="${base}">${config}</config></edit-config>`;
export const getConfig = (source = "running", filter = "") =>
  `<get-config><source><${source}/></source>${filter}</get-config>`;
export const lock = (target: string) => `<lock><target><${target}/></target></lock>`;
export const unlock = (target: string) => `<unlock><target><${target}/></target></unlock>`;
export const validate = "<validate><source><candidate/></source></validate>";
export const confirmedCommit = (inside: string) => `<commit><confirmed/>${inside}</commit>`;

/** A router on simulated time, and its clients: `stop` ends them all. */
export class TestRouter {
  readonly server: NetconfServer;
  readonly clock: SimulatedClock;
  readonly #clients: RawClient[] = [];

  private constructor(server: NetconfServer, clock: SimulatedClock) {
    this.server = server;
    this.clock = clock;
  }

  static async start(config = initial): Promise<TestRouter> {
    const clock = new SimulatedClock();
    return new TestRouter(await startNetconfServer({ name: "edge-a", ...credentials, config, clock }), clock);
  }

  async connect(): Promise<RawClient> {
    const client = await RawClient.connect(this.server.port);
    this.#clients.push(client);
    return client;
  }

  /** A session past its hellos. */
  async session(version: "1.0" | "1.1" = "1.1"): Promise<RawClient> {
    const client = await this.connect();
    await client.greet(version);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.drop();
    await this.server.stop();
  }
}

/** NETCONF with every byte in the test's hand. Its framing is written apart from the server's, and reads text only when a message is whole. */
export class RawClient {
  sessionId = 0;
  readonly hostKeys: Buffer[];
  readonly closed: Promise<void>;
  readonly #ssh: ssh2.Client;
  readonly #channel: ClientChannel;
  #chunked = false;
  #received = Buffer.alloc(0);
  #isClosed = false;
  #wake: () => void = () => {};
  #lastMessageId = 0;

  private constructor(ssh: ssh2.Client, channel: ClientChannel, hostKeys: Buffer[]) {
    this.#ssh = ssh;
    this.#channel = channel;
    this.hostKeys = hostKeys;
    channel.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      channel.on("close", () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  static async connect(port: number, options: Partial<typeof credentials> = {}): Promise<RawClient> {
    const ssh = new ssh2.Client();
    const hostKeys: Buffer[] = [];
    const hostVerifier = (key: Buffer) => hostKeys.push(key) > 0;
    const ready = once(ssh, "ready");
    // A server that dies resets the connection; what the tests look at is that the session closes.
    ssh.on("error", () => {});
    ssh.connect({ host: "127.0.0.1", port, ...credentials, ...options, hostVerifier });
    await ready;
    ssh.setNoDelay(true);
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      ssh.subsys("netconf", (error, opened) => (error ? reject(error) : resolve(opened)));
    });
    return new RawClient(ssh, channel, hostKeys);
  }

  async greet(version: "1.0" | "1.1"): Promise<void> {
    this.send(helloOf(version));
    const hello = parseXml(await this.receive());
    this.sessionId = Number(textOf(childElement(hello, "session-id") ?? hello));
    this.#chunked = version === "1.1";
  }

  /** For a test that greets by itself. */
  useChunks(): void {
    this.#chunked = true;
  }

  send(bytes: Buffer | string): void {
    this.#channel.write(bytes);
  }

  /** The next message; rejects when the session closes before it is whole. */
  async receive(): Promise<string> {
    for (;;) {
      const message = this.#chunked ? this.#takeChunked() : this.#takeDelimited();
      if (message !== undefined) return message;
      if (this.#isClosed) throw new Error(`session closed after ${JSON.stringify(this.#received.toString())}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async receiveReply(): Promise<Reply> {
    return new Reply(await this.receive());
  }

  async rpc(operation: string): Promise<Reply> {
    this.sendRpc(operation);
    return this.receiveReply();
  }

  sendRpc(operation: string, attributes = ""): void {
    this.#lastMessageId += 1;
    this.sendMessage(`<rpc xmlns="${base}" message-id="${this.#lastMessageId}"${attributes}>${operation}</rpc>`);
  }

  sendMessage(message: string | Buffer): void {
    const bytes = Buffer.from(message);
    this.send(this.#chunked ? chunks(bytes) : Buffer.concat([bytes, Buffer.from("]]>]]>")]));
  }

  /** As when the line is cut: no close-session, no SSH goodbye. */
  drop(): void {
    this.#ssh.destroy();
  }

  #takeDelimited(): string | undefined {
    const end = this.#received.indexOf("]]>]]>");
    if (end === -1) return undefined;
    const message = this.#received.subarray(0, end).toString();
    this.#received = this.#received.subarray(end + 6);
    return message;
  }

  #takeChunked(): string | undefined {
    const parts: Buffer[] = [];
    let at = 0;
    for (;;) {
      const header = /^\n#(#|[1-9]\d*)\n/.exec(this.#received.toString("latin1", at, at + 13));
      if (!header) return undefined;
      at += header[0].length;
      if (header[1] === "#") break;
      const size = Number(header[1]);
      if (at + size > this.#received.length) return undefined;
      parts.push(this.#received.subarray(at, at + size));
      at += size;
    }
    this.#received = this.#received.subarray(at);
    return Buffer.concat(parts).toString();
  }
}

export const helloOf = (version: "1.0" | "1.1") =>
  `<hello xmlns="${base}"><capabilities><capability>urn:ietf:params:netconf:base:${version}</capability></capabilities></hello>]]>]]>`;

/** One message in chunks of at most `size` bytes. */
export function chunks(bytes: Buffer, size = bytes.length): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    parts.push(Buffer.from(`\n#${part.length}\n`), part);
  }
  return Buffer.concat([...parts, Buffer.from("\n##\n")]);
}

export class Reply {
  readonly text: string;
  readonly root: XmlElement;

  constructor(text: string) {
    this.text = text;
    this.root = parseXml(text);
  }

  get ok(): boolean {
    return childElement(this.root, "ok", base) !== undefined;
  }

  get messageId(): string | undefined {
    return this.root.attributes.find(({ name }) => name === "message-id")?.value;
  }

  get data(): XmlElement {
    const data = childElement(this.root, "data", base);
    if (!data) throw new Error(`no data in ${this.text}`);
    return data;
  }

  /** Of each rpc-error what a program goes by; `path` without its prefixes. */
  get errors(): Record<string, string>[] {
    return elements(this.root)
      .filter(({ name }) => name === "rpc-error")
      .map((error) => {
        const read = (name: string) => textOf(childElement(error, name) ?? { ...error, children: [] });
        const info = childElement(error, "error-info");
        return {
          type: read("error-type"),
          tag: read("error-tag"),
          severity: read("error-severity"),
          ...Object.fromEntries((info ? elements(info) : []).map((child) => [child.name, textOf(child)])),
          ...(childElement(error, "error-path") ? { path: read("error-path").replaceAll(/n\d+:/g, "") } : {}),
        };
      });
  }

  /** The one error's tag, or `ok`. */
  get tag(): string | undefined {
    return this.ok ? "ok" : this.errors.map(({ tag }) => tag).join(" ");
  }
}

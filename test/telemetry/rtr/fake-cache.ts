import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

/** A codec of its own, from the figures of RFC 8210 5, so that it and the client's check each other. */
function pdu(type: number, session: number, body: readonly number[] | Buffer = [], version = 1): Buffer {
  const bytes = Buffer.from([version, type, session >> 8, session & 255, 0, 0, 0, 0, ...body]);
  bytes.writeUInt32BE(bytes.length, 4);
  return bytes;
}
const words = (...values: number[]) => values.flatMap((v) => [v >>> 24, (v >>> 16) & 255, (v >>> 8) & 255, v & 255]);

export const notify = (session: number, serial: number, version = 1) => pdu(0, session, words(serial), version);
export const response = (session: number, version = 1) => pdu(3, session, [], version);
export const reset = () => pdu(8, 0);
export const routerKey = () => pdu(9, 0x0100, Buffer.alloc(120, 7));
export const errorReport = (code: number, text = "", version = 1) =>
  pdu(10, code, [...words(0, Buffer.byteLength(text)), ...Buffer.from(text)], version);
export const raw = pdu;

/** `"192.0.2.0/24-26 65000"`; without `-26`, that length only. A leading `-` withdraws it. */
export function vrp(written: string, version = 1): Buffer {
  const [, minus, address = "", length, most, as] = /^(-?)(.*)\/(\d+)(?:-(\d+))? (\d+)$/.exec(written) ?? [];
  const fields = [minus ? 0 : 1, Number(length), Number(most ?? length), 0];
  if (!address.includes(":")) {
    return pdu(4, 0, [...fields, ...address.split(".").map(Number), ...words(Number(as))], version);
  }
  const [left = "", right = ""] = address.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  const bytes = groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]);
  return pdu(6, 0, [...fields, ...bytes, ...words(Number(as))], version);
}

export type Wish = Readonly<{ refresh: number; retry: number; expire: number }>;
export const endOfData = (session: number, serial: number, wish: Partial<Wish> = {}, version = 1) => {
  const { refresh = 3600, retry = 600, expire = 7200 } = wish;
  return pdu(7, session, version === 0 ? words(serial) : words(serial, refresh, retry, expire), version);
};
/** A whole answer. */
export const answer = (session: number, serial: number, vrps: readonly string[], wish: Partial<Wish> = {}) =>
  Buffer.concat([response(session), ...vrps.map((one) => vrp(one)), endOfData(session, serial, wish)]);

/** What the client asked: `"reset 1"`, `"serial 1 7/42"` (version, session, serial), `"error 1 0 the text"` (version, code). */
function described(bytes: Buffer): string {
  const [version, type, session] = [bytes.readUInt8(0), bytes.readUInt8(1), bytes.readUInt16BE(2)];
  if (type === 2) return `reset ${version}`;
  if (type === 1) return `serial ${version} ${session}/${bytes.readUInt32BE(8)}`;
  if (type === 10) return `error ${version} ${session} ${bytes.subarray(16).toString("utf8")}`;
  return `type ${type}`;
}

/** Handed each query, with the count of connections so far; answers as it likes. */
export type Behaviour = (asked: string, socket: Socket, connection: number) => void;

export class FakeCache {
  readonly heard: string[] = [];
  readonly sockets = new Set<Socket>();
  connections = 0;
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  constructor(behaviour: Behaviour, tls?: TlsOptions) {
    const serve = (socket: Socket) => {
      const connection = ++this.connections;
      this.sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.sockets.delete(socket));
      let rest: Buffer = Buffer.alloc(0);
      socket.on("data", (chunk) => {
        rest = Buffer.concat([rest, chunk]);
        while (rest.length >= 8 && rest.length >= rest.readUInt32BE(4)) {
          const asked = described(rest.subarray(0, rest.readUInt32BE(4)));
          rest = rest.subarray(rest.readUInt32BE(4));
          this.heard.push(asked);
          for (const check of [...this.#waiting]) check();
          if (!asked.startsWith("error")) behaviour(asked, socket, connection);
        }
      });
    };
    this.#server = tls ? createTlsServer(tls, serve) : createServer(serve);
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  send(bytes: Buffer): void {
    for (const socket of this.sockets) socket.write(bytes);
  }

  /** Resolves once the client has sent that many PDUs, or one like that. */
  hears(wanted: number | RegExp): Promise<void> {
    const heard = () =>
      typeof wanted === "number" ? this.heard.length >= wanted : this.heard.some((one) => wanted.test(one));
    return new Promise((resolve) => {
      const check = () => {
        if (!heard()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }
}

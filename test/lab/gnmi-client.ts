import {
  type Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  makeGenericClientConstructor,
} from "@grpc/grpc-js";
import { loadGnmiService } from "../../src/lab/gnmi/messages.ts";

/** What a test reads of an answer, and what it may send: the loader's shapes, loosely. */
export type Answer = {
  sync_response?: boolean;
  update?: {
    timestamp: string;
    prefix: { target: string; origin: string; elem: Elem[] };
    update: { path: { elem: Elem[] }; val: { uint_val?: string; string_val?: string; json_ietf_val?: Buffer } }[];
  };
};
type Elem = { name: string; key: Record<string, string> };

/** `/interfaces/interface[name=eth1]/state` to a Path. */
export function path(text: string): { elem: { name: string; key: Record<string, string> }[] } {
  const elem = [...text.matchAll(/\/([^/[]+)((?:\[[^\]]*\])*)/g)].map(([, name = "", keys = ""]) => ({
    name,
    key: Object.fromEntries([...keys.matchAll(/\[([^=]+)=([^\]]*)\]/g)].map(([, key, value]) => [key, value])),
  }));
  return { elem };
}

export class GnmiTestClient {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(port: number, options: { ca: string; password: string; serverName?: string }) {
    const Client = makeGenericClientConstructor(loadGnmiService(), "gNMI");
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createSsl(Buffer.from(options.ca)), {
      "grpc.ssl_target_name_override": options.serverName ?? "edge-a",
    });
    this.#metadata.set("username", "pointsman");
    this.#metadata.set("password", options.password);
  }

  /** Rejects with the gRPC error, which has `code` and `details`. */
  unary<Response>(method: "Capabilities" | "Get", request: object): Promise<Response> {
    return new Promise((resolve, reject) => {
      const call = (this.#client as unknown as Record<string, (...args: unknown[]) => void>)[method];
      call?.call(this.#client, request, this.#metadata, (error: Error | null, response: Response) =>
        error ? reject(error) : resolve(response),
      );
    });
  }

  subscribe(list: object): Subscribed {
    const subscribed = this.stream();
    subscribed.send({ subscribe: list });
    return subscribed;
  }

  stream(): Subscribed {
    const open = (this.#client as unknown as { Subscribe(m: Metadata): ClientDuplexStream<object, Answer> }).Subscribe;
    return new Subscribed(open.call(this.#client, this.#metadata));
  }

  close(): void {
    this.#client.close();
  }
}

export class Subscribed {
  readonly answers: Answer[] = [];
  /** Resolves when the RPC ended: with the gRPC status code, 0 for OK. */
  readonly ended: Promise<number>;
  readonly #call: ClientDuplexStream<object, Answer>;
  #wake = () => {};

  constructor(call: ClientDuplexStream<object, Answer>) {
    this.#call = call;
    call.on("data", (answer: Answer) => {
      this.answers.push(answer);
      this.#wake();
    });
    call.on("error", () => {});
    this.ended = new Promise((resolve) => call.on("status", ({ code }) => resolve(code)));
  }

  send(request: object): void {
    this.#call.write(request);
  }

  half(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }

  /** Waits until the answers satisfy `condition`. */
  async until(condition: (answers: Answer[]) => boolean): Promise<void> {
    while (!condition(this.answers)) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async synced(times = 1): Promise<void> {
    await this.until((answers) => answers.filter((answer) => answer.sync_response).length >= times);
  }

  /** `[path, value]` of every update so far, the prefix joined in; the value as text, whatever its encoding. */
  leaves(): [string, string][] {
    return this.answers.flatMap(({ update: notification }) =>
      (notification?.update ?? []).map(({ path, val }): [string, string] => [
        format([...(notification?.prefix.elem ?? []), ...path.elem]),
        val.uint_val ?? val.string_val ?? val.json_ietf_val?.toString() ?? "",
      ]),
    );
  }
}

function format(elems: Elem[]): string {
  return elems
    .map(
      ({ name, key }) =>
        `/${name}${Object.entries(key ?? {})
          .map(([k, v]) => `[${k}=${v}]`)
          .join("")}`,
    )
    .join("");
}

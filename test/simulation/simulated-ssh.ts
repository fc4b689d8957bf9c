import { EventEmitter } from "node:events";
import type { Client, ClientChannel } from "ssh2";
import type { Clock } from "../../src/kernel/clock.ts";
import type { Session, Transport } from "../../src/lab/netconf/session.ts";
import type { Faults } from "./faults.ts";
import type { Life } from "./router.ts";
import type { Trace } from "./trace.ts";

export const rpcTimeoutMs = 10_000;

type Options = Readonly<{
  device: string;
  life: Life;
  clock: Clock;
  faults: Faults;
  trace: Trace;
  /** Milliseconds that one message takes. */
  latency: () => number;
  /** The router's side of a new session. */
  accept: (transport: Transport) => Pick<Session, "receive" | "end">;
  /** The router's side has ended. */
  onEnd: () => void;
}>;

/**
 * A connection to a router in memory: what of ssh2's `Client` the NETCONF session uses. Messages take their time, arrive in
 * order, and are lost as the faults say; whichever side goes, the other learns of it as it would from TCP.
 */
export class SimulatedSsh extends EventEmitter {
  readonly life: Life;
  readonly #options: Options;
  readonly #channel = Object.assign(new EventEmitter(), {
    stderr: { resume: () => undefined },
    // Messages come one by one, by the simulated clock.
    pause: () => undefined,
    resume: () => undefined,
    write: (message: string) => this.#send(message),
  });
  #session: Pick<Session, "receive" | "end"> | undefined;
  #closed = false;
  /** Nothing comes through any more, and neither side knows. */
  #mute = false;
  /** When the last message that was sent each way arrives: none overtakes it. */
  #arrivesMs = { there: 0, back: 0 };

  constructor(options: Options) {
    super();
    this.life = options.life;
    this.#options = options;
  }

  /** As ssh2's type: the rest of it is not used. */
  get client(): Client {
    return this as unknown as Client;
  }

  subsys(_name: string, callback: (error: Error | undefined, channel: ClientChannel) => void): void {
    this.#travel("back", () => {
      if (!this.#reachesController()) return;
      callback(undefined, this.#channel as unknown as ClientChannel);
      const transport = { write: (bytes: Buffer) => this.#answer(bytes), close: () => this.#routerHungUp() };
      this.#session = this.#options.accept(transport);
    });
  }

  /** The controller hangs up. */
  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { faults, clock } = this.#options;
    const lingersMs = faults.hits("session-lingers") ? faults.random("session-lingers") * 40_000 : 0;
    clock.after(lingersMs, () => this.#travel("there", () => this.#end()));
    if (this.life.alive) this.emit("close");
  }

  /** The router is gone, as in a reboot. */
  lose(): void {
    this.#end();
    this.#closed = true;
    if (this.life.alive) this.emit("close");
  }

  #send(message: string): void {
    if (!this.#reachesController()) return;
    const { faults, trace, device } = this.#options;
    const [, label = "hello"] = /<rpc [^>]*>\s*<([\w-]+)/.exec(message) ?? [];
    if (faults.hits("session-dropped")) {
      trace.add(device, `connection lost before ${label}`);
      this.#travel("there", () => this.lose());
      return;
    }
    const late = faults.hits("rpc-late");
    // What is sent after it, and the end of the connection, come behind it.
    if (late) this.#arrivesMs.there = this.#options.clock.now() + rpcTimeoutMs + faults.random("rpc-late") * 5_000;
    const unanswered = faults.hits("rpc-unanswered");
    const lost = faults.hits("reply-lost");
    if (unanswered && faults.random("rpc-unanswered") < 0.5) {
      trace.add(device, `${label} is never heard`);
      this.#mute = true;
    }
    this.#travel("there", () => {
      if (this.#mute) return;
      if (late) trace.add(device, `${label} comes late`);
      if (unanswered || lost) {
        trace.add(device, unanswered ? `${label} is never answered` : `connection lost after ${label}`);
        this.#mute = true;
      }
      this.#session?.receive(Buffer.from(message));
      if (lost) this.lose();
    });
  }

  #answer(bytes: Buffer): void {
    if (this.#mute) return;
    this.#travel("back", () => {
      if (this.#reachesController() && !this.#mute) this.#channel.emit("data", bytes);
    });
  }

  #routerHungUp(): void {
    this.#options.onEnd();
    this.#travel("back", () => {
      if (this.#reachesController() && !this.#mute) this.#channel.emit("close");
    });
  }

  #end(): void {
    this.#session?.end();
    this.#options.onEnd();
  }

  #reachesController(): boolean {
    return !this.#closed && this.life.alive;
  }

  #travel(way: "there" | "back", arrive: () => void): void {
    const { clock, latency } = this.#options;
    const atMs = Math.max(clock.now() + latency(), this.#arrivesMs[way]);
    this.#arrivesMs[way] = atMs;
    clock.after(atMs - clock.now(), arrive);
  }
}

import { assert } from "../../kernel/assert.ts";
import { type Clock, sleep } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import type { Prefix, RpkiCache } from "../../model/inventory.ts";
import type { RouteOriginSink, RouteOrigins } from "../../model/route-origins.ts";
import type { TargetStatus } from "../../model/sample.ts";
import { converse, Memory } from "./session.ts";
import { VrpTable } from "./vrp-table.ts";

const minBackoffMs = 1_000;
const maxBackoffMs = 60_000;

type Options = Readonly<{
  /** The preferred first. */
  caches: readonly RpkiCache[];
  /** Our own. */
  prefixes: readonly Prefix[];
  clock: Clock;
  random: Random;
}>;

export interface RouteOriginSource {
  start(sink: RouteOriginSink): void;
  stop(): Promise<void>;
}

/**
 * Who may originate our prefixes, as RPKI caches say by RTR (RFC 8210; version 0 of RFC 6810 where a cache knows no other).
 * Every cache is asked all the time; the first that is synchronised counts, and while none is, what expires last; what has expired only
 * while there is nothing else.
 *
 * Status of the target `rpki <host>:<port>`: `synced` from the first whole answer to the end of the connection, or until what it said
 * has expired; `down` with back-off
 * from 1 s to 60 s, after a failed query not before the cache's retry interval; `refused` while our own certificate authority is missing.
 */
export function rtrSource(options: Options): RouteOriginSource {
  const stopped = new AbortController();
  let running: Promise<unknown> | undefined;
  return {
    start(sink) {
      assert(!running, "a source starts once");
      const clients = options.caches.map((cache) => new CacheClient(cache, options, sink, () => publish()));
      const publish = () => sink.routeOrigins(best(clients, options.clock.now()));
      running = Promise.all(clients.map((client) => client.run(stopped.signal)));
    },
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

export const cacheTarget = ({ host, port }: RpkiCache): string => `rpki ${host}:${port}`;

function best(clients: readonly CacheClient[], nowMs: number): RouteOrigins | undefined {
  const known = clients.flatMap(({ known, synced }) => (known ? [{ known, synced }] : []));
  const latest = known.toSorted((a, b) => b.known.expiresMs - a.known.expiresMs)[0];
  return (known.find(({ synced, known: { expiresMs } }) => synced && nowMs < expiresMs) ?? latest)?.known;
}

class CacheClient {
  known: RouteOrigins | undefined;
  synced = false;
  readonly #cache: RpkiCache;
  readonly #options: Options;
  readonly #sink: RouteOriginSink;
  readonly #onChange: () => void;
  readonly #target: string;
  #cancelExpiry = () => {};

  constructor(cache: RpkiCache, options: Options, sink: RouteOriginSink, onChange: () => void) {
    this.#cache = cache;
    this.#options = options;
    this.#sink = sink;
    this.#onChange = onChange;
    this.#target = cacheTarget(cache);
  }

  async run(stopped: AbortSignal): Promise<void> {
    const { clock, random, prefixes } = this.#options;
    const memory = new Memory(new VrpTable(prefixes));
    const talk = { cache: this.#cache, memory, clock, onChange: () => this.#learn(memory) };
    stopped.addEventListener("abort", () => this.#cancelExpiry(), { once: true });
    this.#say({ state: "starting" });
    let attempts = 0;
    while (!stopped.aborted) {
      const end = await converse(talk, stopped);
      if (stopped.aborted) return;
      if (end.retry === "at-once") continue;
      attempts = this.synced ? 1 : attempts + 1;
      this.synced = false;
      const { retry, refused, ...why } = end;
      this.#say({ state: refused ? "refused" : "down", ...why });
      this.#onChange();
      // Half of it is random, so that the controllers that share a cache do not all come back in the same second.
      const backoffMs = Math.min(maxBackoffMs, minBackoffMs * 2 ** attempts) * (0.5 + random() / 2);
      await sleep(clock, retry === "later" ? Math.max(backoffMs, memory.timers.retryMs) : backoffMs, stopped);
    }
  }

  #learn({ table, timers, expiresMs }: Memory): void {
    const cache = this.#target;
    this.known =
      expiresMs === undefined
        ? undefined
        : { cache, vrps: table.vrps, measuredMs: expiresMs - timers.expireMs, expiresMs };
    if (this.known && !this.synced) {
      this.synced = true;
      this.#say({ state: "synced" });
    }
    this.#onChange();
    this.#expire();
  }

  /** Another cache's word may stand when this one's has expired. */
  #expire(): void {
    this.#cancelExpiry();
    if (!this.known) return;
    const leftMs = this.known.expiresMs - this.#options.clock.now();
    if (leftMs > 0) {
      this.#cancelExpiry = this.#options.clock.after(leftMs, () => this.#expire());
      return;
    }
    if (this.synced) this.#say({ state: "down", reason: "what it said has expired, and it has not said more" });
    this.synced = false;
    this.#onChange();
  }

  #say(status: TargetStatus): void {
    this.#sink.target(this.#target, status, this.#options.clock.now());
  }
}

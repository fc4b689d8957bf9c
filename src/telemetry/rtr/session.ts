import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../../kernel/clock.ts";
import type { RpkiCache } from "../../model/inventory.ts";
import {
  errorCodes,
  errorReportOf,
  type Pdu,
  PduReader,
  RtrError,
  resetQuery,
  serialQuery,
  type Version,
} from "./pdu.ts";
import { defaultTimers, type Timers, timersOf } from "./timers.ts";
import type { VrpTable } from "./vrp-table.ts";

const connectTimeoutMs = 10_000;
/** From a query to its End of Data: a full table is some 12 MB. */
const responseTimeoutMs = 120_000;
const keepAliveMs = 60_000;
/** A cache that notifies without end is asked no more often. */
const leastSpacingMs = 1_000;

/** What outlives a session with a cache, for the next one to go on from. */
export class Memory {
  readonly table: VrpTable;
  version: Version = 1;
  timers: Timers = defaultTimers;
  /** What is known is of this session id and serial (RFC 8210 5.1), in the version that it was told in. */
  standing: Readonly<{ version: Version; session: number; serial: number }> | undefined;
  /** When what is known stops being data; undefined while nothing is known. */
  expiresMs: number | undefined;

  constructor(table: VrpTable) {
    this.table = table;
  }

  forget(): void {
    this.table.clear();
    this.standing = undefined;
    this.expiresMs = undefined;
  }
}

/**
 * Why a session ended and when to try again: `at-once` in another version, `soon` and then less often, `later` once the cache's
 * retry interval is over as well, as a query failed. `refused`: only a person can mend it.
 */
export type SessionEnd = Readonly<{
  retry: "at-once" | "soon" | "later";
  refused?: true;
  reason: string;
  mend?: string;
}>;

type Options = Readonly<{
  cache: RpkiCache;
  memory: Memory;
  clock: Clock;
  /** Another response is complete, or all is forgotten. */
  onChange: () => void;
}>;

/** One connection to a cache: a first query, and another at every notice and refresh interval, until either end breaks it. */
export async function converse(options: Options, stopped: AbortSignal): Promise<SessionEnd> {
  const { cache } = options;
  let ca: Buffer | undefined;
  try {
    if (cache.tls) ca = await readFile(cache.tls.ca);
  } catch (error) {
    const reason = `the certificate authority cannot be read: ${(error as Error).message}`;
    return { retry: "later", refused: true, reason, mend: "name a readable PEM file in rpki.caches tls.ca" };
  }
  return new Promise((resolve) => new Session(options, () => open(cache, ca), resolve).begin(stopped));
}

/** Throws what TLS has to say about `ca`. */
function open({ host, port, tls }: RpkiCache, ca: Buffer | undefined): Socket {
  if (!tls || !ca) return connect({ host, port });
  return connectTls({ host, port, ca, ...(tls.serverName === undefined ? {} : { servername: tls.serverName }) });
}

class Session {
  readonly #options: Options;
  readonly #open: () => Socket;
  readonly #onEnd: (end: SessionEnd) => void;
  readonly #reader = new PduReader();
  #socket: Socket | undefined;
  /** `asked`: a query is out; `answered`: within its response; `idle`: all is known, until the next query. */
  #phase: "connecting" | "asked" | "answered" | "idle" | "over" = "connecting";
  #query: "reset" | "serial" = "reset";
  #askedMs = 0;
  /** Until the cache has answered once, either version may be its. */
  #agreed = false;
  /** Of the response under way. */
  #session = 0;
  #notified = false;
  #cancelTimer = () => {};
  #stopListening = () => {};

  constructor(options: Options, open: () => Socket, onEnd: (end: SessionEnd) => void) {
    this.#options = options;
    this.#open = open;
    this.#onEnd = onEnd;
  }

  begin(stopped: AbortSignal): void {
    const stop = () => this.#end({ retry: "soon", reason: "stopped" });
    if (stopped.aborted) {
      stop();
      return;
    }
    const { cache } = this.#options;
    const where = "check that the cache is up, and host and port of rpki.caches";
    const mend = cache.tls ? `${where}, tls.ca and tls.serverName` : where;
    const failed = (error: Error & { code?: string }) =>
      this.#end({ retry: "soon", reason: `cannot be talked to: ${error.code ?? error.message}`, mend });
    try {
      this.#socket = this.#open();
    } catch (error) {
      failed(error as Error);
      return;
    }
    stopped.addEventListener("abort", stop, { once: true });
    this.#stopListening = () => stopped.removeEventListener("abort", stop);
    this.#within(connectTimeoutMs, { retry: "soon", reason: "does not take a connection", mend });
    // A cache says nothing for an hour: a peer that is gone is noticed before that.
    this.#socket.setKeepAlive(true, keepAliveMs);
    this.#socket.on("error", failed);
    this.#socket.on("close", () => this.#closed());
    this.#socket.on("data", (chunk) => this.#read(chunk));
    this.#socket.once(cache.tls ? "secureConnect" : "connect", () => this.#ask());
  }

  #closed(): void {
    const { memory } = this.#options;
    // One that does not speak our version may leave without a word (RFC 8210 7); one that has told us something does.
    if (!this.#agreed && this.#phase === "asked" && memory.expiresMs === undefined) {
      memory.version = memory.version === 1 ? 0 : 1;
    }
    this.#end({ retry: this.#phase === "idle" ? "soon" : "later", reason: "closed the connection" });
  }

  #ask(): void {
    const { memory, clock } = this.#options;
    if (memory.expiresMs !== undefined && clock.now() >= memory.expiresMs) this.#forget();
    const { standing, version } = memory;
    this.#phase = "asked";
    this.#askedMs = clock.now();
    this.#notified = false;
    this.#within(responseTimeoutMs, { retry: "later", reason: `no whole answer within ${responseTimeoutMs / 1000} s` });
    // A session id is of one version (RFC 8210 5.1).
    if (standing?.version === version) {
      this.#query = "serial";
      this.#socket?.write(serialQuery(version, standing.session, standing.serial));
    } else {
      this.#query = "reset";
      this.#socket?.write(resetQuery(version));
    }
  }

  #read(chunk: Buffer): void {
    if (this.#phase === "over") return;
    try {
      for (const { version, pdu } of this.#reader.read(chunk)) {
        this.#take(version, pdu);
        if (this.#over()) return;
      }
    } catch (error) {
      if (!(error instanceof RtrError)) throw error;
      // What it says next would build on what it has said: begin anew.
      this.#options.memory.standing = undefined;
      const report = errorReportOf(this.#options.memory.version, error);
      this.#end({ retry: "later", reason: `broke the protocol: it ${error.message}` }, report);
    }
  }

  #over(): boolean {
    return this.#phase === "over";
  }

  /** Throws RtrError. */
  #take(version: Version, pdu: Pdu): void {
    const { memory } = this.#options;
    if (pdu.type === "error-report") {
      this.#refused(pdu);
      return;
    }
    if (!this.#agreed) {
      if (pdu.type === "serial-notify") return; // RFC 8210 7: not before the first answer.
      this.#agreed = true;
      if (version < memory.version) {
        memory.version = version;
        if (this.#query === "serial") {
          this.#forget();
          this.#end({ retry: "at-once", reason: "now speaks version 0" });
          return;
        }
      }
    }
    if (version !== memory.version) throw new RtrError(errorCodes.unexpectedVersion, `changed to version ${version}`);
    switch (pdu.type) {
      case "serial-notify":
        if (memory.standing) this.#sameSession(memory.standing.session, pdu.session);
        if (pdu.serial === memory.standing?.serial && this.#phase === "idle") return;
        this.#notified = true;
        if (this.#phase === "idle") this.#askSoon();
        return;
      case "cache-response":
        if (this.#phase !== "asked") throw misplaced("an answer to nothing");
        if (this.#query === "serial") this.#sameSession(memory.standing?.session, pdu.session);
        this.#phase = "answered";
        this.#session = pdu.session;
        memory.table.begin(this.#query === "serial" ? "known" : "nothing");
        return;
      case "prefix":
        if (this.#phase !== "answered") throw misplaced("a prefix outside an answer");
        memory.table.apply(pdu);
        return;
      case "router-key":
        if (this.#phase !== "answered") throw misplaced("a key outside an answer");
        return;
      case "end-of-data":
        this.#complete(pdu);
        return;
      case "cache-reset":
        if (this.#phase !== "asked" || this.#query !== "serial") throw misplaced("a Cache Reset to no Serial Query");
        memory.standing = undefined;
        this.#ask();
        return;
      case "serial-query":
      case "reset-query":
        throw misplaced("a query");
    }
  }

  #complete({ session, serial, intervals }: Extract<Pdu, { type: "end-of-data" }>): void {
    const { memory, clock, onChange } = this.#options;
    if (this.#phase !== "answered") throw misplaced("an End of Data to nothing");
    this.#sameSession(this.#session, session);
    memory.table.commit();
    memory.standing = { version: memory.version, session, serial };
    memory.timers = timersOf(intervals);
    memory.expiresMs = clock.now() + memory.timers.expireMs;
    this.#phase = "idle";
    if (this.#notified) this.#askSoon();
    else this.#askAfter(memory.timers.refreshMs);
    onChange();
  }

  #askSoon(): void {
    this.#askAfter(Math.max(0, this.#askedMs + leastSpacingMs - this.#options.clock.now()));
  }

  #askAfter(delayMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(delayMs, () => this.#ask());
  }

  /** The cache has started anew without saying so: what it told us is not to be trusted (RFC 8210 5.1). Throws RtrError. */
  #sameSession(known: number | undefined, said: number): void {
    if (known === said) return;
    this.#forget();
    throw new RtrError(errorCodes.corruptData, `changed its session from ${known} to ${said}`);
  }

  #forget(): void {
    this.#options.memory.forget();
    this.#options.onChange();
  }

  #refused({ code, text }: Extract<Pdu, { type: "error-report" }>): void {
    const { memory } = this.#options;
    const said = text === "" ? "" : `: "${text}"`;
    if (code === errorCodes.noDataAvailable) {
      const mend = "wait until it has validated, or look at its own log";
      this.#end({ retry: "later", reason: `has no data yet${said}`, mend });
      return;
    }
    if (code === errorCodes.unsupportedVersion && !this.#agreed) {
      const spoken = memory.version;
      memory.version = spoken === 1 ? 0 : 1;
      const reason = `speaks neither version 1 nor 0 of RTR${said}`;
      this.#end({ retry: spoken === 1 ? "at-once" : "later", reason, mend: "use a cache that speaks RFC 8210" });
      return;
    }
    memory.standing = undefined;
    this.#end({ retry: "later", reason: `reported error ${code}${said}` });
  }

  #within(limitMs: number, end: SessionEnd): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(limitMs, () => this.#end(end));
  }

  #end(end: SessionEnd, report?: Buffer): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#cancelTimer();
    this.#stopListening();
    this.#options.memory.table.abandon();
    const socket = this.#socket;
    if (report && socket) {
      socket.end(report, () => socket.destroy());
      // A cache that does not read its report is not waited for.
      this.#options.clock.after(leastSpacingMs, () => socket.destroy());
    } else socket?.destroy();
    this.#onEnd(end);
  }
}

const misplaced = (what: string) => new RtrError(errorCodes.corruptData, `sent ${what}`);

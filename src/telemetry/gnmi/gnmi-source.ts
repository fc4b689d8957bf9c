import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { createSecureContext } from "node:tls";
import { type Client, credentials, Metadata, status } from "@grpc/grpc-js";
import { assert } from "../../kernel/assert.ts";
import { type Clock, sleep } from "../../kernel/clock.ts";
import { Failure, mendOf } from "../../kernel/failure.ts";
import type { Random } from "../../kernel/random.ts";
import type { GnmiAccess, ResolveSecret } from "../../model/inventory.ts";
import type { SampleSink, SeriesTable, TargetStatus, TelemetrySource } from "../../model/sample.ts";
import { preferredEncoding, supportedEncodings } from "./capabilities.ts";
import { interfaceSubscription } from "./request.ts";
import { capabilities, openChannel, type RpcEnd, subscribe } from "./rpc.ts";
import { SubscribeReader, type Unused } from "./subscribe-reader.ts";
import { WireError } from "./wire-reader.ts";

const minBackoffMs = 1_000;
const maxBackoffMs = 60_000;
const capabilitiesTimeoutMs = 10_000;
/**
 * What is read of one target in a second: 280,000 samples with their paths, or 20,000 messages however small, as each costs what
 * `messageCost` bytes do. A router in its right mind sends a hundredth of it; a flood would take the time of all others.
 */
const maxBytesPerSecond = 16 << 20;
const messageCost = 840;
/** Intervals without a message before a connected target counts as silent. */
const silentIntervals = 3;

type Options = Readonly<{
  device: string;
  access: GnmiAccess;
  resolveSecret: ResolveSecret;
  table: SeriesTable;
  intervalMs: number;
  interfaces: readonly string[];
  /** Of the interfaces those whose queues are read too. */
  queues: readonly string[];
  clock: Clock;
  random: Random;
}>;

/** Why a session ended and when to try again: `backOff` soon and then less often, `slowly` once a minute, `never` not at all. */
type SessionEnd = Readonly<{ retry: "backOff" | "slowly" | "never"; reason: string; mend?: string }>;

/**
 * A gNMI dial-in subscription to octet counters, `last-clear` and `oper-status` of `interfaces`, and to `queues`. TLS is always verified.
 * Every reconnect is a new channel and a new RPC, since grpc-js brings back only the channel; at its sync, series that
 * the new initial set left out are gone.
 *
 * Status of the target `device`: `refused` for what trying again cannot mend (INVALID_ARGUMENT, UNIMPLEMENTED: never
 * tried again; wrong credentials or certificate file: once a minute, which someone may mend while we run); `down` for the
 * rest, with back-off from 1 s to 60 s. A target that floods is held back, and its status says so.
 */
export function gnmiSource(options: Options): TelemetrySource {
  const stopped = new AbortController();
  let running: Promise<void> | undefined;
  return {
    start(sink) {
      assert(!running, "a telemetry source starts once");
      running = run(options, sink, stopped.signal);
    },
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

async function run(options: Options, sink: SampleSink, stopped: AbortSignal): Promise<void> {
  const { device, clock, random } = options;
  const say = (said: TargetStatus) => sink.target(device, said, clock.now());
  say({ state: "starting" });
  if (options.interfaces.length === 0) {
    return say({ state: "refused", reason: "no link of the inventory is on this device: nothing to subscribe to" });
  }
  const reader = new SubscribeReader(device, options.table, sink);
  let attempts = 0;
  while (!stopped.aborted) {
    const session = new Session(options, reader, say);
    const end = await session.run(stopped);
    if (stopped.aborted) return;
    const { retry, ...why } = end;
    say({ state: retry === "backOff" ? "down" : "refused", ...why });
    if (retry === "never") return;
    attempts = session.hasSynced ? 1 : attempts + 1;
    // Half of it is random, so that the routers of a site that comes back are not all met in the same second.
    const ceilingMs = Math.min(maxBackoffMs, minBackoffMs * 2 ** attempts);
    await sleep(clock, retry === "slowly" ? maxBackoffMs : ceilingMs * (0.5 + random() / 2), stopped);
  }
}

class Session {
  readonly #options: Options;
  readonly #reader: SubscribeReader;
  readonly #say: (said: TargetStatus) => void;
  #heardMs = 0;
  #state: "waiting" | "synced" | "silent" = "waiting";
  #unused = "";
  #secondMs = 0;
  #readInSecond = 0;
  #isFlooding = false;
  hasSynced = false;

  constructor(options: Options, reader: SubscribeReader, say: (said: TargetStatus) => void) {
    this.#options = options;
    this.#reader = reader;
    this.#say = say;
  }

  async run(stopped: AbortSignal): Promise<SessionEnd> {
    const { access } = this.#options;
    const host = isIPv6(access.host) ? `[${access.host}]` : access.host;
    let metadata: Metadata;
    let client: Client;
    try {
      metadata = await this.#metadata();
      const trusted = await trustedAuthority(access.ca);
      client = openChannel(`${host}:${access.port}`, credentials.createSsl(trusted), access.serverName);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return { retry: "slowly", reason: error.message, ...mendOf(error) };
    }
    try {
      const encoding = await this.#encoding(client, metadata, stopped);
      if (typeof encoding !== "number") return encoding;
      return await this.#subscription(client, metadata, encoding, stopped);
    } finally {
      client.close();
    }
  }

  async #metadata(): Promise<Metadata> {
    const { access, resolveSecret } = this.#options;
    const metadata = new Metadata();
    if (access.username !== undefined) metadata.set("username", access.username);
    if (access.password !== undefined) metadata.set("password", await resolveSecret(access.password));
    return metadata;
  }

  async #encoding(client: Client, metadata: Metadata, stopped: AbortSignal): Promise<number | SessionEnd> {
    const call = capabilities(client, metadata);
    const onStop = () => call.abort("stopped");
    stopped.addEventListener("abort", onStop, { once: true });
    if (stopped.aborted) onStop();
    const cancelTimeout = this.#options.clock.after(capabilitiesTimeoutMs, () =>
      call.abort(`no answer to Capabilities within ${capabilitiesTimeoutMs / 1000} s`),
    );
    const answer = await call.answer;
    cancelTimeout();
    stopped.removeEventListener("abort", onStop);
    if ("end" in answer) return sessionEnd("Capabilities", answer.end);
    try {
      const encoding = preferredEncoding(supportedEncodings(answer.response));
      return encoding ?? { retry: "never", reason: "the target offers neither PROTO nor JSON_IETF" };
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return { retry: "backOff", reason: `the answer to Capabilities is malformed: ${error.message}` };
    }
  }

  #subscription(client: Client, metadata: Metadata, encoding: number, stopped: AbortSignal): Promise<SessionEnd> {
    const { clock, intervalMs } = this.#options;
    this.#reader.resubscribed();
    this.#heardMs = clock.now();
    this.#say({ state: "starting", reason: "subscribed; the initial set is not complete" });
    return new Promise((resolve) => {
      let cancelHold = () => {};
      let broken: SessionEnd | undefined;
      const request = interfaceSubscription(this.#options, intervalMs, encoding);
      const onMessage = (message: Buffer) => {
        if (broken) return;
        const holdMs = this.#paced(message.length);
        const failure = this.#message(message);
        if (failure) {
          broken = { retry: "backOff", reason: failure.message };
          call.cancel();
        } else if (holdMs > 0) {
          call.pause();
          cancelHold = clock.after(holdMs, call.resume);
        }
      };
      const call = subscribe(client, metadata, request, onMessage, (end) => {
        cancelWatch();
        cancelHold();
        stopped.removeEventListener("abort", call.cancel);
        resolve(broken ?? sessionEnd("Subscribe", end));
      });
      let cancelWatch = () => {};
      const watch = () => {
        const dueMs = this.#heardMs + silentIntervals * intervalMs - clock.now();
        if (dueMs <= 0) this.#silent();
        cancelWatch = clock.after(dueMs > 0 ? dueMs : intervalMs, watch);
      };
      watch();
      stopped.addEventListener("abort", call.cancel, { once: true });
      if (stopped.aborted) call.cancel();
    });
  }

  /** How long to read nothing more, in milliseconds; 0 while the target keeps to what a second may bring. */
  #paced(bytes: number): number {
    const nowMs = this.#options.clock.now();
    const isSameSecond = nowMs >= this.#secondMs && nowMs < this.#secondMs + 1_000;
    if (!isSameSecond) {
      this.#secondMs = nowMs;
      this.#readInSecond = 0;
    }
    this.#readInSecond += messageCost + bytes;
    if (this.#readInSecond < maxBytesPerSecond) return 0;
    this.#isFlooding = true;
    return this.#secondMs + 1_000 - nowMs;
  }

  #message(message: Buffer): Failure | undefined {
    const nowMs = this.#options.clock.now();
    const read = this.#reader.read(message, nowMs);
    if (!read.ok) return read.failure;
    this.#heardMs = nowMs;
    if (read.value === "sync") {
      this.#reader.sweep(nowMs);
      this.hasSynced = true;
    }
    const state = this.hasSynced ? "synced" : "waiting";
    const unused = notesText(this.#reader.unused, this.#isFlooding);
    if (state !== this.#state || unused !== this.#unused) {
      this.#state = state;
      this.#unused = unused;
      const reason = unused === "" ? {} : { reason: unused };
      if (state === "synced") this.#say({ state, ...reason });
      else this.#say({ state: "starting", reason: unused || "the initial set is not complete" });
    }
    return undefined;
  }

  #silent(): void {
    if (this.#state === "silent") return;
    this.#state = "silent";
    const { intervalMs } = this.#options;
    this.#say({
      state: "silent",
      reason: `connected, but nothing for ${silentIntervals} intervals of ${intervalMs / 1000} s`,
    });
  }
}

/** The authority's certificates. Parsed here too, because grpc-js would throw what it says about them. */
async function trustedAuthority(path: string): Promise<Buffer> {
  try {
    const pem = await readFile(path);
    createSecureContext({ ca: pem });
    if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new Error("it holds no PEM certificate");
    return pem;
  } catch (error) {
    throw new Failure(
      "TELEMETRY_FAILED",
      `the certificate authority ${path} cannot be used: ${(error as Error).message}`,
      {
        retry: "later",
        mend: "name a readable PEM file in gnmi.ca",
      },
    );
  }
}

function sessionEnd(rpc: string, { code, details }: RpcEnd): SessionEnd {
  const reason = `${rpc}: ${status[code]}: ${details.replace(/\. Resolution note: *$/, "")}`;
  const tls = "gnmi.port, gnmi.ca and gnmi.serverName";
  switch (code) {
    case status.INVALID_ARGUMENT:
    case status.UNIMPLEMENTED:
      return { retry: "never", reason };
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
      return { retry: "slowly", reason, mend: "correct gnmi.username and gnmi.password" };
    case status.UNAVAILABLE:
      return { retry: "backOff", reason, mend: `check that the router's gNMI server is up, and ${tls}` };
    case status.OK:
      return { retry: "backOff", reason: `${rpc}: the target ended it` };
    default:
      return { retry: "backOff", reason };
  }
}

/** Kinds only: with counts in it, every refused sample would be a change of status. */
function notesText(unused: Unused, isFlooding: boolean): string {
  const kinds = [
    ...(unused.future > 0 ? ["samples stamped in the future"] : []),
    ...(unused.unread > 0 ? ["values that are neither number nor text"] : []),
    ...(unused.notFinite > 0 ? ["values that are not finite"] : []),
    ...(unused.tooManyPaths > 0 ? ["paths beyond the limit of one target"] : []),
  ];
  return [
    ...(kinds.length === 0 ? [] : [`refused: ${kinds.join(", ")}`]),
    ...(isFlooding ? ["held back: it sends more than is read of one target"] : []),
  ].join("; ");
}

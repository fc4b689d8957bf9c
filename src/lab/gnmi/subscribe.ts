import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Clock } from "../../kernel/clock.ts";
import { entriesOf, type InterfaceState, type Leaf } from "./leaves.ts";
import type { SubscribeRequest, SubscribeResponse, Subscription, SubscriptionList } from "./messages.ts";
import { acceptedEncoding, type Format, streamed } from "./notifications.ts";
import { invalid, RpcError, type Selection, select, selects } from "./paths.ts";

/** `blind`: nothing more is sent, while sessions stay open. */
export type GnmiFaults = { blind: boolean };

/** `interfaces` reads the router behind the server at the time that the samples are then stamped with. */
export type Target = Readonly<{
  interfaces: (atMs: number) => readonly InterfaceState[];
  clock: Clock;
  faults: GnmiFaults;
}>;

/**
 * How soon a change is noticed, and what a `sample_interval` of 0 means: "the lowest interval possible for the target"
 * (3.5.1.5.2).
 */
const shortestIntervalMs = 100;

type Call = ServerDuplexStream<SubscribeRequest, SubscribeResponse>;

/** One Subscribe RPC, to its end (gNMI specification 3.5). */
export function serveSubscribe(call: Call, target: Target): void {
  let subscription: ActiveSubscription | undefined;
  const answer = (work: () => void) => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      subscription?.stop();
      call.emit("error", { code: error.code, details: error.message });
    }
  };
  call.on("data", (request: SubscribeRequest) =>
    answer(() => {
      if (request.subscribe) {
        if (subscription) throw invalid("a subscription cannot be changed: open another RPC");
        subscription = new ActiveSubscription(call, target, request.subscribe);
        subscription.start();
      } else if (request.poll) {
        if (subscription?.mode !== "POLL") throw invalid("poll without a POLL subscription");
        subscription.poll();
      } else throw invalid("a request must subscribe or poll");
    }),
  );
  // A client that is done asking may still listen to its stream.
  call.on("end", () => subscription?.mode !== "STREAM" && call.end());
  call.on("cancelled", () => subscription?.stop());
}

type Entry = Readonly<{
  selection: Selection;
  asked: Subscription;
  /** What was last sent, by entry and leaf. */
  sent: Map<string, string>;
}>;

class ActiveSubscription {
  readonly mode: SubscriptionList["mode"];
  readonly #call: Call;
  readonly #target: Target;
  readonly #format: Format;
  readonly #updatesOnly: boolean;
  readonly #entries: readonly Entry[];
  readonly #stops: (() => void)[] = [];

  constructor(call: Call, target: Target, list: SubscriptionList) {
    if (!["STREAM", "ONCE", "POLL"].includes(list.mode)) throw invalid(`no such subscription list mode: ${list.mode}`);
    if (list.subscription.length === 0) throw invalid("a subscription list must name at least one path");
    this.mode = list.mode;
    this.#call = call;
    this.#target = target;
    this.#format = { target: list.prefix?.target ?? "", encoding: acceptedEncoding(list.encoding, list.use_models) };
    this.#updatesOnly = list.updates_only;
    this.#entries = list.subscription.map((asked) => ({
      selection: select(list.prefix, asked.path),
      asked,
      sent: new Map(),
    }));
    if (this.mode === "STREAM") for (const { selection, asked } of this.#entries) checkStream(selection, asked);
  }

  start(): void {
    for (const entry of this.#entries)
      this.#report(entry, entry.selection.leaves, { all: true, quiet: this.#updatesOnly });
    this.#write({ sync_response: true });
    if (this.mode === "ONCE") this.#call.end();
    if (this.mode === "STREAM") for (const entry of this.#entries) this.#stream(entry);
  }

  poll(): void {
    for (const entry of this.#entries) this.#report(entry, entry.selection.leaves, { all: true });
    this.#write({ sync_response: true });
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #stream(entry: Entry): void {
    const { asked, selection } = entry;
    const told = asked.mode === "SAMPLE" ? [] : selection.leaves.filter((leaf) => leaf.onChange);
    const sampled = selection.leaves.filter((leaf) => !told.includes(leaf));
    const suppress = asked.suppress_redundant;
    if (told.length > 0) {
      this.#every(shortestIntervalMs, () => this.#report(entry, told, { all: false }));
    }
    if (sampled.length > 0) {
      this.#every(milliseconds(asked.sample_interval) || shortestIntervalMs, () =>
        this.#report(entry, sampled, { all: !suppress }),
      );
    }
    const beating = suppress ? selection.leaves : told;
    if (beating.length > 0 && asked.heartbeat_interval !== "0") {
      this.#every(milliseconds(asked.heartbeat_interval), () => this.#report(entry, beating, { all: true }));
    }
  }

  /** Sends `leaves`, or only those that changed since they were last sent; `quiet` notes them as sent and sends nothing. */
  #report(entry: Entry, leaves: readonly Leaf[], how: { all: boolean; quiet?: boolean }): void {
    const atMs = this.#target.clock.now();
    for (const of of entriesOf(this.#target.interfaces(atMs))) {
      if (!selects(entry.selection, of)) continue;
      const due = leaves.filter((leaf) => {
        if (leaf.list !== of.list) return false;
        const key = JSON.stringify([of.list, of.keys, leaf.path]);
        const { text } = leaf.read(of);
        const changed = entry.sent.get(key) !== text;
        entry.sent.set(key, text);
        return how.all || changed;
      });
      if (due.length === 0 || how.quiet) continue;
      this.#write({ update: streamed(atMs, this.#format, entry.selection, of, due) });
    }
  }

  #write(response: SubscribeResponse): void {
    if (!this.#target.faults.blind) this.#call.write(response);
  }

  /** On a fixed grid, so that a slow turn of the event loop does not stretch the interval for good. */
  #every(intervalMs: number, task: () => void): void {
    const { clock } = this.#target;
    let cancel = () => {};
    let dueMs = clock.now();
    const next = () => {
      dueMs = Math.max(dueMs + intervalMs, clock.now());
      cancel = clock.after(dueMs - clock.now(), () => {
        next();
        task();
      });
    };
    next();
    this.#stops.push(() => cancel());
  }
}

function checkStream({ text, leaves }: Selection, asked: Subscription): void {
  if (!["TARGET_DEFINED", "ON_CHANGE", "SAMPLE"].includes(asked.mode)) {
    throw invalid(`${text}: no such subscription mode: ${asked.mode}`);
  }
  const sampledOnly = leaves.find((leaf) => !leaf.onChange);
  if (asked.mode === "ON_CHANGE" && sampledOnly) {
    throw invalid(`${text}: ${sampledOnly.path.join("/")} is sampled only; use SAMPLE or TARGET_DEFINED`);
  }
  for (const interval of [asked.sample_interval, asked.heartbeat_interval]) {
    if (interval !== "0" && milliseconds(interval) < shortestIntervalMs) {
      throw invalid(`${text}: an interval of ${interval} ns is shorter than ${shortestIntervalMs} ms`);
    }
  }
}

const milliseconds = (nanoseconds: string) => Number(nanoseconds) / 1e6;

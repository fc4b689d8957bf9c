import { Failure, fail, ok, type Result } from "../../kernel/failure.ts";
import type { SampleSink, SeriesTable } from "../../model/sample.ts";
import { maxAheadMs } from "../skew.ts";
import { jsonLeaves } from "./json-leaves.ts";
import { type GnmiPath, joinPaths, type PathElement } from "./path.ts";
import { type Leaf, PathTable } from "./path-table.ts";
import { ValueKind, ValueReader } from "./value-reader.ts";
import { WireError, WireReader } from "./wire-reader.ts";

/** What came and could not be used. Each is a value that is not known, never a zero. */
export type Unused = {
  /** Stamped further ahead of our clock than any skew explains. */
  future: number;
  /** Neither number nor text: bytes, leaf-lists, protobuf, JSON lists and nulls. */
  unread: number;
  /** NaN and infinities. */
  notFinite: number;
  /** Paths beyond what one target may name. */
  tooManyPaths: number;
};

/** Deletes in one message, times the paths that each is held against: a fifth of a second. */
const mostComparisons = 1 << 22;

const updated: Result<"update" | "sync"> = ok("update");
const synced: Result<"update" | "sync"> = ok("sync");

/**
 * Reads `SubscribeResponse` messages of one target into samples: one pass over the bytes, paths looked up as bytes.
 *
 * A message is taken whole or not at all: values are staged, and reach the sink once the last byte has been read, so a
 * message cut short or garbled never leaves half of itself behind. Deletes come before updates (gNMI 3.5.2.3), though
 * the wire has them after: what is deleted and updated in one message is replaced.
 *
 * Units: timestamps ns since the epoch to ms. Source: openconfig/gnmi gnmi.proto 0.10.0.
 */
export class SubscribeReader {
  readonly unused: Unused = { future: 0, unread: 0, notFinite: 0, tooManyPaths: 0 };
  readonly #sink: SampleSink;
  readonly #paths: PathTable;
  readonly #wire = new WireReader();
  readonly #value = new ValueReader();

  // Staged values of the message being read.
  #leaves = new Int32Array(1 << 8);
  #numbers = new Float64Array(1 << 8);
  readonly #texts: (string | undefined)[] = [];
  #staged = 0;
  readonly #deletes: number[] = [];
  #unread = 0;
  #tooManyPaths = 0;

  // By leaf: the message and the slot it was last staged in, and the subscription it was last seen in (0: gone).
  #stagedIn = new Float64Array(1 << 8);
  #slots = new Int32Array(1 << 8);
  #seenIn = new Int32Array(1 << 8);
  #message = 0;
  #subscription = 1;

  constructor(target: string, table: SeriesTable, sink: SampleSink) {
    this.#paths = new PathTable(target, table);
    this.#sink = sink;
  }

  /** A new subscription: what its initial set leaves out is gone when `sweep` is called at its sync. */
  resubscribed(): void {
    this.#subscription++;
  }

  sweep(receivedMs: number): void {
    for (let leaf = 0; leaf < this.#paths.size; leaf++) {
      const seenIn = this.#seenIn[leaf] ?? 0;
      if (seenIn !== 0 && seenIn !== this.#subscription) this.#gone(leaf, receivedMs);
    }
  }

  /** TELEMETRY_FAILED when the bytes are no `SubscribeResponse`; then nothing of the message was used. */
  read(message: Buffer, receivedMs: number): Result<"update" | "sync"> {
    try {
      return this.#response(message, receivedMs);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return fail(
        new Failure("TELEMETRY_FAILED", `a gNMI message of ${message.length} bytes is malformed: ${error.message}`, {
          retry: "later",
          mend: "check that the target speaks gNMI 0.7 or later and that nothing rewrites the stream on its way",
        }),
      );
    }
  }

  #response(message: Buffer, receivedMs: number): Result<"update" | "sync"> {
    const wire = this.#wire;
    wire.load(message);
    let from = -1;
    let to = -1;
    let isSync = false;
    let error: string | undefined;
    let responses = 0;
    while (wire.pos < message.length) {
      const tag = wire.tag();
      if (tag === 0x0a) {
        to = wire.delimited(message.length);
        from = wire.pos;
        wire.pos = to;
        responses++;
      } else if (tag === 0x18) {
        isSync = wire.unsigned() !== 0;
        responses++;
      } else if (tag === 0x22) {
        error = this.#error(wire.delimited(message.length));
        responses++;
      } else wire.skip(tag, message.length);
    }
    if (responses !== 1) throw new WireError(`${responses} responses in one`);
    if (error !== undefined) {
      return fail(new Failure("TELEMETRY_FAILED", `the target reports: ${error}`, { retry: "later" }));
    }
    if (from < 0) return isSync ? synced : updated;
    wire.pos = from;
    this.#notification(to, undefined, receivedMs);
    return updated;
  }

  /** The deprecated `Error { code = 1; message = 2 }`. */
  #error(end: number): string {
    const wire = this.#wire;
    let text = "an error without a message";
    while (wire.pos < end) {
      const tag = wire.tag();
      if (tag === 0x12) text = wire.text(end);
      else wire.skip(tag, end);
    }
    wire.endAt(end);
    return text;
  }

  /** `knownPrefix` is set on the second pass over a message that has its prefix behind its updates, which encoders need not avoid. */
  #notification(end: number, knownPrefix: number | undefined, receivedMs: number): void {
    const wire = this.#wire;
    const start = wire.pos;
    this.#message++;
    this.#staged = 0;
    this.#texts.length = 0;
    this.#deletes.length = 0;
    this.#unread = 0;
    this.#tooManyPaths = 0;
    let sourceMs = 0;
    let prefix = knownPrefix ?? 0;
    let prefixes = 0;
    let isAtomic = false;
    while (wire.pos < end) {
      const tag = wire.tag();
      if (tag === 0x22) this.#update(wire.delimited(end), prefix);
      else if (tag === 0x08) sourceMs = wire.signed() / 1e6;
      else if (tag === 0x12) {
        const prefixEnd = wire.delimited(end);
        const number = this.#paths.prefix(wire, wire.pos, prefixEnd);
        wire.pos = prefixEnd;
        if (++prefixes > 1) throw new WireError("two prefixes in one notification");
        if (number === undefined) {
          this.unused.tooManyPaths++;
          return;
        }
        if (number !== prefix && (this.#staged > 0 || this.#deletes.length > 0)) {
          wire.pos = start;
          this.#notification(end, number, receivedMs);
          return;
        }
        prefix = number;
      } else if (tag === 0x2a) {
        const pathEnd = wire.delimited(end);
        this.#deletes.push(wire.pos, pathEnd);
        wire.pos = pathEnd;
      } else if (tag === 0x30) isAtomic = wire.unsigned() !== 0;
      else wire.skip(tag, end);
    }
    wire.endAt(end);
    if ((this.#deletes.length / 2) * this.#paths.size > mostComparisons) {
      throw new WireError(`${this.#deletes.length / 2} deletes in one message`);
    }
    const replaced: GnmiPath[] = [];
    for (let at = 0; at < this.#deletes.length; at += 2) {
      replaced.push(this.#paths.path(wire, this.#deletes[at] as number, this.#deletes[at + 1] as number, prefix));
    }
    // Everything under the prefix of an atomic notification is what this notification says it is (gNMI 2.1.1).
    if (isAtomic) replaced.push(this.#paths.path(wire, end, end, prefix));
    this.#commit(replaced, sourceMs, receivedMs);
  }

  #update(end: number, prefix: number): void {
    const wire = this.#wire;
    let pathStart = end;
    let pathEnd = end;
    let valueStart = end;
    let valueEnd = end;
    let oldStart = end;
    let oldEnd = end;
    while (wire.pos < end) {
      const tag = wire.tag();
      if (tag === 0x0a) {
        if (pathStart !== end) throw new WireError("two paths in one update");
        pathEnd = wire.delimited(end);
        pathStart = wire.pos;
        wire.pos = pathEnd;
      } else if (tag === 0x1a) {
        if (valueStart !== end) throw new WireError("two values in one update");
        valueEnd = wire.delimited(end);
        valueStart = wire.pos;
        wire.pos = valueEnd;
      } else if (tag === 0x12) {
        oldEnd = wire.delimited(end);
        oldStart = wire.pos;
        wire.pos = oldEnd;
      } else wire.skip(tag, end);
    }
    wire.endAt(end);
    const leaf = this.#paths.leaf(wire, pathStart, pathEnd, prefix);
    let kind: ValueKind;
    if (valueStart === end && oldStart !== end) {
      wire.pos = oldStart;
      kind = this.#value.old(wire, oldEnd);
    } else {
      wire.pos = valueStart;
      kind = this.#value.typed(wire, valueEnd);
    }
    wire.pos = end;
    if (leaf === undefined) this.#tooManyPaths++;
    else this.#take(leaf, kind);
  }

  #take(leaf: Leaf, kind: ValueKind): void {
    switch (kind) {
      case ValueKind.number:
        this.#stage(leaf, this.#value.number, undefined);
        return;
      case ValueKind.text:
        this.#stage(leaf, 0, this.#value.text);
        return;
      case ValueKind.json: {
        const { leaves, unread } = jsonLeaves(this.#value.text);
        this.#unread += unread;
        for (const { below, value } of leaves) this.#stageBelow(leaf, below, value);
        return;
      }
      case ValueKind.unread:
        this.#unread++;
    }
  }

  #stageBelow(leaf: Leaf, below: readonly PathElement[], value: number | string): void {
    const at =
      below.length === 0
        ? leaf
        : this.#paths.leafOf(joinPaths(this.#paths.pathOf(leaf), { origin: "", elements: below }));
    if (at === undefined) this.#tooManyPaths++;
    else if (typeof value === "number") this.#stage(at, value, undefined);
    else this.#stage(at, 0, value);
  }

  /** The last update of a path in a message wins (gNMI 2.1). */
  #stage(leaf: Leaf, number: number, text: string | undefined): void {
    if (leaf >= this.#slots.length) this.#growLeaves(leaf);
    let slot = this.#slots[leaf] as number;
    if (this.#stagedIn[leaf] !== this.#message) {
      slot = this.#staged++;
      if (slot >= this.#leaves.length) this.#growStage();
      this.#stagedIn[leaf] = this.#message;
      this.#slots[leaf] = slot;
      this.#leaves[slot] = leaf;
    }
    this.#numbers[slot] = number;
    if (text !== undefined || this.#texts[slot] !== undefined) this.#texts[slot] = text;
  }

  /** From here on nothing throws: the message is sound. */
  #commit(replaced: readonly GnmiPath[], sourceMs: number, receivedMs: number): void {
    const { unused } = this;
    unused.unread += this.#unread;
    unused.tooManyPaths += this.#tooManyPaths;
    for (const root of replaced) this.#replace(root, receivedMs);

    const isFuture = sourceMs > receivedMs + maxAheadMs;
    if (isFuture) unused.future += this.#staged;
    for (let slot = 0; slot < this.#staged; slot++) {
      const leaf = this.#leaves[slot] as number;
      this.#seenIn[leaf] = this.#subscription;
      if (isFuture) continue;
      const text = this.#texts[slot];
      const number = this.#numbers[slot] as number;
      if (text !== undefined) this.#sink.text(this.#paths.seriesOf(leaf), text, sourceMs, receivedMs);
      else if (number - number === 0) this.#sink.number(this.#paths.seriesOf(leaf), number, sourceMs, receivedMs);
      else unused.notFinite++;
    }
  }

  #replace(root: GnmiPath, receivedMs: number): void {
    for (const leaf of this.#paths.under(root)) {
      const isStaged = this.#stagedIn[leaf] === this.#message;
      if (!isStaged && (this.#seenIn[leaf] ?? 0) !== 0) this.#gone(leaf, receivedMs);
    }
  }

  #gone(leaf: Leaf, receivedMs: number): void {
    this.#seenIn[leaf] = 0;
    this.#sink.gone(this.#paths.seriesOf(leaf), receivedMs);
  }

  #growLeaves(leaf: Leaf): void {
    const size = Math.max(leaf + 1, this.#slots.length * 2);
    const stagedIn = new Float64Array(size);
    const slots = new Int32Array(size);
    const seenIn = new Int32Array(size);
    stagedIn.set(this.#stagedIn);
    slots.set(this.#slots);
    seenIn.set(this.#seenIn);
    this.#stagedIn = stagedIn;
    this.#slots = slots;
    this.#seenIn = seenIn;
  }

  #growStage(): void {
    const leaves = new Int32Array(this.#leaves.length * 2);
    const numbers = new Float64Array(this.#numbers.length * 2);
    leaves.set(this.#leaves);
    numbers.set(this.#numbers);
    this.#leaves = leaves;
    this.#numbers = numbers;
  }
}

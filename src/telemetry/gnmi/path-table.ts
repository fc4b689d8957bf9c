import type { SeriesId, SeriesTable } from "../../model/sample.ts";
import { type GnmiPath, isUnder, joinPaths, pathText, readPath, seriesOf } from "./path.ts";
import type { WireReader } from "./wire-reader.ts";

/** Index of one path of one target. */
export type Leaf = number;

// A router with 64 interfaces and 20 counters each has 1,280 paths. A target that names more than this is broken or
// hostile, and must not fill the memory that other targets need: its further paths are refused, and counted.
const maxLeaves = 1 << 15;
const maxSpellings = 4 * maxLeaves;
const maxSpellingBytes = 1 << 24;
/** Of all leaves' paths as text: 512 characters each. */
const maxTextLength = 1 << 24;
const buckets = 1 << 12;

const none = -1;
const empty: GnmiPath = { origin: "", elements: [] };

/**
 * From path bytes to a leaf without making a string. What is remembered is spellings: the bytes of a path and of the
 * prefix it stood under. Different spellings (key order, prefix split elsewhere, 0.3 elements) of one path lead to one
 * leaf; that work is done once per spelling.
 *
 * Sampled updates come in the same order every time, so the spelling that followed last time is tried first: one
 * comparison, no hash.
 */
export class PathTable {
  readonly #target: string;
  readonly #table: SeriesTable;

  #arena = Buffer.alloc(1 << 12);
  #arenaView = new DataView(this.#arena.buffer, this.#arena.byteOffset, this.#arena.byteLength);
  #arenaUsed = 0;
  readonly #heads = new Int32Array(buckets).fill(none);
  // By spelling: where its bytes are, what it stood under, the leaf it means, the next in its bucket, what followed it.
  #starts = new Int32Array(1 << 8);
  #lengths = new Int32Array(1 << 8);
  #prefixes = new Int32Array(1 << 8);
  #leaves = new Int32Array(1 << 8);
  #nexts = new Int32Array(1 << 8);
  #followers = new Int32Array(1 << 8);
  #spellings = 0;
  #last = none;

  readonly #prefixPaths: GnmiPath[] = [empty];
  #lastPrefix = none;

  readonly #byText = new Map<string, Leaf>();
  #textLength = 0;
  readonly #paths: GnmiPath[] = [];
  #series = new Int32Array(1 << 8);

  constructor(target: string, table: SeriesTable) {
    this.#target = target;
    this.#table = table;
  }

  /** How many leaves there are; they are numbered from 0. */
  get size(): number {
    return this.#paths.length;
  }

  /**
   * The number of a prefix whose bytes are `start..end`; 0 is "no prefix". A prefix is a spelling like any other, under
   * a pretended prefix of its own (-2). `undefined` when the table is full. May throw WireError.
   */
  prefix(wire: WireReader, start: number, end: number): number | undefined {
    const last = this.#lastPrefix;
    if (last !== none && this.#isSpelling(wire, start, end, last)) return this.#leaves[last];
    const spelling = this.#find(wire, start, end, -2);
    if (spelling !== none) {
      this.#lastPrefix = spelling;
      return this.#leaves[spelling];
    }
    const path = this.#parse(wire, start, end);
    if (this.#prefixPaths.length >= maxLeaves) return undefined;
    const added = this.#add(wire, start, end, -2, this.#prefixPaths.length);
    if (added === none) return undefined;
    this.#prefixPaths.push(path);
    this.#lastPrefix = added;
    return this.#leaves[added];
  }

  /** The leaf of the path bytes `start..end` under a prefix; `undefined` when the table is full. May throw WireError. */
  leaf(wire: WireReader, start: number, end: number, prefix: number): Leaf | undefined {
    const last = this.#last;
    const guess = last === none ? none : (this.#followers[last] as number);
    if (guess !== none && this.#prefixes[guess] === prefix && this.#isSpelling(wire, start, end, guess)) {
      this.#last = guess;
      return this.#leaves[guess];
    }
    let spelling = this.#find(wire, start, end, prefix);
    if (spelling === none) {
      const leaf = this.leafOf(this.path(wire, start, end, prefix));
      if (leaf === undefined) return undefined;
      spelling = this.#add(wire, start, end, prefix, leaf);
      if (spelling === none) return leaf;
    }
    if (last !== none) this.#followers[last] = spelling;
    this.#last = spelling;
    return this.#leaves[spelling];
  }

  /** Parses the path bytes `start..end` and joins them to their prefix. May throw WireError. */
  path(wire: WireReader, start: number, end: number, prefix: number): GnmiPath {
    return joinPaths(this.#prefixPaths[prefix] ?? empty, this.#parse(wire, start, end));
  }

  leafOf(path: GnmiPath): Leaf | undefined {
    const text = pathText(path);
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const leaf = this.#paths.length;
    if (leaf >= maxLeaves || this.#textLength + text.length > maxTextLength) return undefined;
    this.#textLength += text.length;
    this.#paths.push(path);
    this.#byText.set(text, leaf);
    if (leaf >= this.#series.length) this.#series = grown(this.#series);
    this.#series[leaf] = none;
    return leaf;
  }

  /** The path of a leaf, for the leaves of a JSON value below it. */
  pathOf(leaf: Leaf): GnmiPath {
    return this.#paths[leaf] ?? empty;
  }

  /** Interned only when a value is first given to it: a container that only ever holds JSON is no series. */
  seriesOf(leaf: Leaf): SeriesId {
    const known = this.#series[leaf] as number;
    if (known !== none) return known;
    const id = this.#table.intern(seriesOf(this.#target, this.pathOf(leaf)));
    this.#series[leaf] = id;
    return id;
  }

  /** Walks all leaves: deletes are rare, and a target has thousands of paths, not millions. */
  *under(root: GnmiPath): Iterable<Leaf> {
    for (const [leaf, path] of this.#paths.entries()) if (isUnder(root, path)) yield leaf;
  }

  #parse(wire: WireReader, start: number, end: number): GnmiPath {
    const back = wire.pos;
    wire.pos = start;
    const path = readPath(wire, end);
    wire.pos = back;
    return path;
  }

  #find(wire: WireReader, start: number, end: number, prefix: number): number {
    let at = this.#heads[bucketOf(wire.view, start, end, prefix)] as number;
    while (at !== none && !(this.#prefixes[at] === prefix && this.#isSpelling(wire, start, end, at))) {
      at = this.#nexts[at] as number;
    }
    return at;
  }

  #isSpelling(wire: WireReader, start: number, end: number, spelling: number): boolean {
    if (this.#lengths[spelling] !== end - start) return false;
    const view = wire.view;
    const arena = this.#arenaView;
    let there = this.#starts[spelling] as number;
    let here = start;
    for (; here + 4 <= end; here += 4, there += 4) {
      if (view.getInt32(here, true) !== arena.getInt32(there, true)) return false;
    }
    for (; here < end; here++, there++) if (view.getUint8(here) !== arena.getUint8(there)) return false;
    return true;
  }

  #add(wire: WireReader, start: number, end: number, prefix: number, leaf: Leaf): number {
    const spelling = this.#spellings;
    if (spelling >= maxSpellings || this.#arenaUsed + end - start > maxSpellingBytes) return none;
    if (spelling >= this.#starts.length) {
      this.#starts = grown(this.#starts);
      this.#lengths = grown(this.#lengths);
      this.#prefixes = grown(this.#prefixes);
      this.#leaves = grown(this.#leaves);
      this.#nexts = grown(this.#nexts);
      this.#followers = grown(this.#followers);
    }
    while (this.#arenaUsed + end - start > this.#arena.length) {
      this.#arena = Buffer.concat([this.#arena], this.#arena.length * 2);
      this.#arenaView = new DataView(this.#arena.buffer, this.#arena.byteOffset, this.#arena.byteLength);
    }
    wire.bytes.copy(this.#arena, this.#arenaUsed, start, end);
    this.#starts[spelling] = this.#arenaUsed;
    this.#arenaUsed += end - start;
    this.#lengths[spelling] = end - start;
    this.#prefixes[spelling] = prefix;
    this.#leaves[spelling] = leaf;
    this.#followers[spelling] = none;
    const bucket = bucketOf(wire.view, start, end, prefix);
    this.#nexts[spelling] = this.#heads[bucket] as number;
    this.#heads[bucket] = spelling;
    this.#spellings = spelling + 1;
    return spelling;
  }
}

function bucketOf(view: DataView, start: number, end: number, prefix: number): number {
  let hash = Math.imul(prefix + 3, 0x9e3779b1) ^ (end - start);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ view.getUint8(at), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) & (buckets - 1);
}

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

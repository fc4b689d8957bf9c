import { ok } from "../../src/kernel/failure.ts";
import type { Change } from "../../src/model/change.ts";
import type {
  ChainedEntry,
  Journal,
  JournalEntry,
  JournalWrites,
  StoredEntry,
  Switches,
} from "../../src/model/journal.ts";

/** A journal that outlives its controller and is quick to make; what is on disk, and how it is chained, is tested in test/store. */
export class MemoryJournal implements Journal {
  readonly written: StoredEntry[] = [];
  readonly #changes = new Map<string, Change>();
  #ids = 0;

  async append(entry: JournalEntry, { change }: JournalWrites = {}): Promise<void> {
    this.written.push({ ...entry, seq: this.written.length + 1, atMs: 0, hash: "" });
    if (change) this.#changes.set(change.id, change);
  }

  async nextChangeId(): Promise<string> {
    this.#ids += 1;
    return `c${this.#ids}`;
  }

  async changes(): Promise<readonly Change[]> {
    return [...this.#changes.values()].reverse();
  }

  async actors(): Promise<readonly []> {
    return [];
  }

  async switches(): Promise<Switches> {
    return { frozen: null, killed: null };
  }

  async entries(subject: string): Promise<readonly StoredEntry[]> {
    return this.written.filter((entry) => entry.subject === subject);
  }

  chained(): AsyncIterable<ChainedEntry> {
    throw new Error("nothing is chained in memory");
  }

  async count(): Promise<number> {
    return this.written.length;
  }

  async probe(): Promise<void> {}

  async verify() {
    return ok({ entries: this.written.length, head: "" });
  }

  async close(): Promise<void> {}
}

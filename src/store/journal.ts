import type { Kysely, Transaction } from "kysely";
import type { Clock } from "../kernel/clock.ts";
import { Failure, fail, type Result } from "../kernel/failure.ts";
import { Turns } from "../kernel/turns.ts";
import type { Change } from "../model/change.ts";
import type {
  ActorSnapshot,
  ChainedEntry,
  Journal,
  JournalEntry,
  JournalWrites,
  StoredEntry,
  Switches,
} from "../model/journal.ts";
import { canonicalJson } from "./canonical-json.ts";
import { genesis, type Head, hashLink, hashText } from "./chain.ts";
import { asFailure, openDatabase } from "./database.ts";
import { readChange } from "./older-changes.ts";
import { migrate, type Tables } from "./schema.ts";
import { broken, pageAfter, pageSize, rowNames, verifyJournal } from "./verify.ts";

/**
 * Opens the journal at `file`, made if it is not there, for this controller alone. Throws Failure JOURNAL_LOCKED when another has it,
 * CONFIG_INVALID when it is of a newer version or cannot be written, JOURNAL_BROKEN when it is not a database. A journal whose chain does
 * not hold opens, so that it can be looked into, but takes no entry when its end is gone.
 */
export async function openJournal(options: { file: string; clock: Clock }): Promise<Journal> {
  const { file, clock } = options;
  const db = await openDatabase(file);
  try {
    await migrate(db, file, clock);
    return new SqliteJournal(db, file, clock, await readHead(db), await lastEntry(db));
  } catch (error) {
    await db.destroy();
    throw asFailure(error, file);
  }
}

class SqliteJournal implements Journal {
  readonly #db: Kysely<Tables>;
  readonly #file: string;
  readonly #clock: Clock;
  #head: Head;
  readonly #damage: Failure | undefined;
  /** The last write asked for; each waits for the one before it, so that entries stand in call order. */
  readonly #turns = new Turns();
  #closed: Promise<void> | undefined;

  constructor(db: Kysely<Tables>, file: string, clock: Clock, head: Head, last: Head) {
    this.#db = db;
    this.#file = file;
    this.#clock = clock;
    this.#head = head;
    // Going on after a cut would put a new end over it and hide it.
    const whole = head.seq === last.seq && head.hash === last.hash;
    this.#damage = whole ? undefined : broken(last.seq, "is not the recorded head").failure;
  }

  append(entry: JournalEntry, writes: JournalWrites = {}): Promise<void> {
    // The texts are made now: the caller may change its objects while the entry waits.
    const rows = rowsOf(writes);
    const hashes = canonicalJson(Object.fromEntries(rows.map(({ name, text }) => [name, hashText(text)])));
    const { event, actor, subject } = entry;
    const fields = { event, actor, subject, body: canonicalJson(entry.body), writes: hashes };
    return this.#turns.take(async () => {
      if (this.#damage) throw this.#damage;
      const link = { ...fields, seq: this.#head.seq + 1, at_ms: this.#clock.now(), prev_hash: this.#head.hash };
      const head: Head = { seq: link.seq, hash: hashLink(link) };
      await this.#db.transaction().execute(async (transaction) => {
        await transaction
          .insertInto("journal")
          .values({ ...link, hash: head.hash })
          .execute();
        for (const row of rows) await row.store(transaction, link.seq);
        await setMeta(transaction, "head", canonicalJson(head));
      });
      this.#head = head;
    });
  }

  /** `c1`, `c2`, …; on disk before it is given, so that no id is ever given twice. */
  nextChangeId(): Promise<string> {
    return this.#turns.take(() =>
      this.#db.transaction().execute(async (transaction) => {
        const next = Number((await getMeta(transaction, "last-change")) ?? 0) + 1;
        await setMeta(transaction, "last-change", String(next));
        return `c${next}`;
      }),
    );
  }

  async changes(): Promise<readonly Change[]> {
    const rows = await this.#db.selectFrom("changes").select("body").orderBy("created_seq", "desc").execute();
    return rows.map(({ body }) => readChange(body));
  }

  async actors(): Promise<readonly ActorSnapshot[]> {
    const rows = await this.#db.selectFrom("actors").selectAll().orderBy("policy").orderBy("target").execute();
    return rows.map(({ policy, target, snapshot }) => ({ policy, target, snapshot: JSON.parse(snapshot) as unknown }));
  }

  async switches(): Promise<Switches> {
    const row = await this.#db.selectFrom("switches").select("body").executeTakeFirst();
    return row ? (JSON.parse(row.body) as Switches) : { frozen: null, killed: null };
  }

  /** Oldest first. */
  async entries(subject: string): Promise<readonly StoredEntry[]> {
    const rows = await this.#db
      .selectFrom("journal")
      .selectAll()
      .where("subject", "=", subject)
      .orderBy("seq")
      .execute();
    return rows.map(({ seq, at_ms, event, actor, body, hash }) => ({
      seq,
      atMs: at_ms,
      event,
      actor,
      subject,
      body: JSON.parse(body) as unknown,
      hash,
    }));
  }

  async *chained(sinceMs: number): AsyncGenerator<ChainedEntry> {
    for (let last = 0; ; ) {
      const page = await pageAfter(this.#db, last);
      for (const { at_ms: atMs, prev_hash: prevHash, ...entry } of page) {
        last = entry.seq;
        // Times may run backwards where a clock was set; entries stand in the order they were written.
        if (atMs >= sinceMs) yield { ...entry, atMs, prevHash };
      }
      if (page.length < pageSize) return;
    }
  }

  async count(): Promise<number> {
    return this.#head.seq;
  }

  probe(): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#damage) throw this.#damage;
      await setMeta(this.#db, "probed", String(this.#clock.now()));
    });
  }

  verify(): Promise<Result<Readonly<{ entries: number; head: string }>>> {
    return this.#turns.take(async () => {
      try {
        return await verifyJournal(this.#db, this.#head);
      } catch (error) {
        const failure = asFailure(error, this.#file);
        if (failure instanceof Failure) return fail(failure);
        throw error;
      }
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#turns.take(() => this.#db.destroy());
    return this.#closed;
  }
}

type Connection = Kysely<Tables> | Transaction<Tables>;
type Row = Readonly<{ name: string; text: string; store: (db: Connection, seq: number) => Promise<unknown> }>;

function rowsOf({ change, actor, switches }: JournalWrites): Row[] {
  const rows: Row[] = [];
  if (change) {
    const { id, state } = change;
    const body = canonicalJson(change);
    const store = (db: Connection, seq: number) =>
      db
        .insertInto("changes")
        .values({ id, state, body, created_seq: seq })
        .onConflict((conflict) => conflict.column("id").doUpdateSet({ state, body }))
        .execute();
    rows.push({ name: rowNames.change(id), text: body, store });
  }
  if (actor) {
    const { policy, target } = actor;
    const snapshot = canonicalJson(actor.snapshot);
    const store = (db: Connection) =>
      db
        .insertInto("actors")
        .values({ policy, target, snapshot })
        .onConflict((conflict) => conflict.columns(["policy", "target"]).doUpdateSet({ snapshot }))
        .execute();
    rows.push({ name: rowNames.actor(policy, target), text: snapshot, store });
  }
  if (switches) {
    const body = canonicalJson(switches);
    const store = (db: Connection) =>
      db
        .insertInto("switches")
        .values({ id: 1, body })
        .onConflict((conflict) => conflict.column("id").doUpdateSet({ body }))
        .execute();
    rows.push({ name: rowNames.switches, text: body, store });
  }
  return rows;
}

async function readHead(db: Connection): Promise<Head> {
  const text = await getMeta(db, "head");
  return text === undefined ? genesis : (JSON.parse(text) as Head);
}

async function lastEntry(db: Connection): Promise<Head> {
  const last = await db.selectFrom("journal").select(["seq", "hash"]).orderBy("seq", "desc").executeTakeFirst();
  return last ?? genesis;
}

async function getMeta(db: Connection, key: string): Promise<string | undefined> {
  const row = await db.selectFrom("meta").select("value").where("key", "=", key).executeTakeFirst();
  return row?.value;
}

async function setMeta(db: Connection, key: string, value: string): Promise<void> {
  await db
    .insertInto("meta")
    .values({ key, value })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ value }))
    .execute();
}

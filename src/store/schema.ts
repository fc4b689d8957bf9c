import { type Kysely, sql } from "kysely";
import type { Clock } from "../kernel/clock.ts";
import { Failure } from "../kernel/failure.ts";

export type Tables = {
  journal: {
    seq: number;
    at_ms: number;
    event: string;
    actor: string;
    subject: string;
    body: string;
    writes: string;
    prev_hash: string;
    hash: string;
  };
  /** `created_seq` is the entry that first wrote the change. */
  changes: { id: string; state: string; body: string; created_seq: number };
  actors: { policy: string; target: string; snapshot: string };
  /** One row. */
  switches: { id: number; body: string };
  /** `head`: the chain's end. `last-change`: the number of the last change id given out. `probed`: when it was last found writable. */
  meta: { key: string; value: string };
  migrations: { version: number; applied_ms: number };
};

type Migration = (db: Kysely<Tables>) => Promise<void>;

/** Forwards only: a journal is never rewritten to an older form. Number n in the list leads to version n + 1. */
const migrations: readonly Migration[] = [
  async (db) => {
    await db.schema
      .createTable("journal")
      .addColumn("seq", "integer", (column) => column.primaryKey())
      .addColumn("at_ms", "integer", (column) => column.notNull())
      .addColumn("event", "text", (column) => column.notNull())
      .addColumn("actor", "text", (column) => column.notNull())
      .addColumn("subject", "text", (column) => column.notNull())
      .addColumn("body", "text", (column) => column.notNull())
      .addColumn("writes", "text", (column) => column.notNull())
      .addColumn("prev_hash", "text", (column) => column.notNull())
      .addColumn("hash", "text", (column) => column.notNull())
      .execute();
    await db.schema.createIndex("journal_subject").on("journal").columns(["subject", "seq"]).execute();
    await db.schema
      .createTable("changes")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("state", "text", (column) => column.notNull())
      .addColumn("body", "text", (column) => column.notNull())
      .addColumn("created_seq", "integer", (column) => column.notNull())
      .execute();
    await db.schema
      .createTable("actors")
      .addColumn("policy", "text", (column) => column.notNull())
      .addColumn("link", "text", (column) => column.notNull())
      .addColumn("snapshot", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("actors_key", ["policy", "link"])
      .execute();
    await db.schema
      .createTable("switches")
      .addColumn("id", "integer", (column) => column.primaryKey().check(sql`id = 1`))
      .addColumn("body", "text", (column) => column.notNull())
      .execute();
    await db.schema
      .createTable("meta")
      .addColumn("key", "text", (column) => column.primaryKey())
      .addColumn("value", "text", (column) => column.notNull())
      .execute();
  },
  // A policy may watch flows as well as links.
  async (db) => {
    await db.schema.alterTable("actors").renameColumn("link", "target").execute();
  },
];

/** Brings the tables to this version. Failure CONFIG_INVALID when a newer version wrote them. */
export async function migrate(db: Kysely<Tables>, file: string, clock: Clock): Promise<void> {
  await db.schema
    .createTable("migrations")
    .ifNotExists()
    .addColumn("version", "integer", (column) => column.primaryKey())
    .addColumn("applied_ms", "integer", (column) => column.notNull())
    .execute();
  const last = await db
    .selectFrom("migrations")
    .select((expression) => expression.fn.max("version").as("version"))
    .executeTakeFirst();
  const version = last?.version ?? 0;
  if (version > migrations.length) {
    throw new Failure(
      "CONFIG_INVALID",
      `${file} is of version ${version}, and this Pointsman knows versions up to ${migrations.length}`,
      { mend: "run the newer Pointsman that wrote it, or use another --state" },
    );
  }
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    await db.transaction().execute(async (transaction) => {
      await migration(transaction);
      await transaction
        .insertInto("migrations")
        .values({ version: index + 1, applied_ms: clock.now() })
        .execute();
    });
  }
}

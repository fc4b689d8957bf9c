import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command, InvalidArgumentError } from "commander";
import { attempt, Failure, type Result, unwrap } from "../../kernel/failure.ts";
import { parseDurationMs } from "../../kernel/units.ts";
import { connect } from "../connect.ts";
import { type Globals, globalsOf } from "../options.ts";
import { print, printJson } from "../terminal.ts";

/** Asks the controller if one runs, else reads its file. */
async function askOrRead<T>(globals: Globals, ask: () => Promise<T>, read: () => Promise<Result<T>>): Promise<T> {
  const asked = await attempt(ask);
  const runs = asked.ok || asked.failure.code !== "CONTROLLER_UNREACHABLE" || globals.url !== undefined;
  return unwrap(runs ? asked : await read());
}

export function auditCommand(): Command {
  const verify = new Command("verify")
    .description("check the hash chain of the audit log; asks the controller if one runs, else reads its file")
    .action(async (_options: unknown, command: Command) => {
      const globals = globalsOf(command);
      const verified = await askOrRead(
        globals,
        async () => unwrap(await (await connect(globals)).verifyAudit()),
        async () => (await import("../../app/verify-journal.ts")).verifyJournal(globals.state),
      );
      if (globals.json) printJson(verified);
      else print(`${verified.entries} entries, unbroken; head ${verified.head}`);
    });

  const exported = new Command("export")
    .description(
      "the audit log as JSON lines, with the hashes that chain it; from the controller if one runs, else from its file",
    )
    .option("--since <time>", "from then on: 2026-12-01T00:00:00Z, or a duration back from now", sinceMs, 0)
    .action(async ({ since }: { since: number }, command: Command) => {
      const globals = globalsOf(command);
      let lines = 0;
      async function* counted(entries: AsyncIterable<object>) {
        for await (const entry of entries) {
          lines += 1;
          yield `${JSON.stringify(entry)}\n`;
        }
      }
      const write = (entries: AsyncIterable<object>) =>
        pipeline(Readable.from(counted(entries)), process.stdout, { end: false }).catch(
          (error: NodeJS.ErrnoException) => {
            // Whoever read it has seen enough (a pipe to head).
            if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
          },
        );
      await askOrRead(
        globals,
        async () => write((await connect(globals)).exportAudit(since)),
        async () => (await import("../../app/verify-journal.ts")).exportJournal(globals.state, since, write),
      );
      if (lines === 0) throw new Failure("NOTHING_TO_DO", "the audit log has no entry since then");
    });
  return new Command("audit").description("the audit log").addCommand(verify).addCommand(exported);
}

function sinceMs(text: string): number {
  const agoMs = parseDurationMs(text);
  const atMs = agoMs === undefined ? Date.parse(text) : Date.now() - agoMs;
  if (atMs >= 0) return Math.floor(atMs);
  throw new InvalidArgumentError("It must be a time, such as 2026-12-01T00:00:00Z, or a duration, such as 2h.");
}

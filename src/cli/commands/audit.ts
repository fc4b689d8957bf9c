import { access } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { verifyJournal } from "../../app/verify-journal.ts";
import { unwrap } from "../../kernel/failure.ts";
import { connect } from "../connect.ts";
import { globalsOf } from "../options.ts";
import { print, printJson } from "../terminal.ts";

export function auditCommand(): Command {
  const verify = new Command("verify")
    .description("check the hash chain of the audit log; asks the controller if one runs, else reads its file")
    .action(async (_options: unknown, command: Command) => {
      const { state, json } = globalsOf(command);
      const runs = await access(join(state, "endpoint.json")).then(
        () => true,
        () => false,
      );
      const verified = unwrap(runs ? await (await connect(state)).verifyAudit() : await verifyJournal(state));
      if (json) printJson(verified);
      else print(`${verified.entries} entries, unbroken; head ${verified.head}`);
    });
  return new Command("audit").description("the audit log").addCommand(verify);
}

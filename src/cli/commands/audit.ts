import { access } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { unwrap } from "../../kernel/failure.ts";
import { connect } from "../connect.ts";
import { globalsOf } from "../options.ts";
import { print, printJson } from "../terminal.ts";

async function verifyFile(state: string) {
  const { verifyJournal } = await import("../../app/verify-journal.ts");
  return verifyJournal(state);
}

export function auditCommand(): Command {
  const verify = new Command("verify")
    .description("check the hash chain of the audit log; asks the controller if one runs, else reads its file")
    .action(async (_options: unknown, command: Command) => {
      const { state, json } = globalsOf(command);
      const runs = await access(join(state, "endpoint.json")).then(
        () => true,
        () => false,
      );
      const verified = unwrap(runs ? await (await connect(state)).verifyAudit() : await verifyFile(state));
      if (json) printJson(verified);
      else print(`${verified.entries} entries, unbroken; head ${verified.head}`);
    });
  return new Command("audit").description("the audit log").addCommand(verify);
}

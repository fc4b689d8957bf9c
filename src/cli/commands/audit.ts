import { Command } from "commander";
import { attempt, unwrap } from "../../kernel/failure.ts";
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
      const asked = await attempt(async () => unwrap(await (await connect(state)).verifyAudit()));
      const runs = asked.ok || asked.failure.code !== "CONTROLLER_UNREACHABLE";
      const verified = unwrap(runs ? asked : await verifyFile(state));
      if (json) printJson(verified);
      else print(`${verified.entries} entries, unbroken; head ${verified.head}`);
    });
  return new Command("audit").description("the audit log").addCommand(verify);
}

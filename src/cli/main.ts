import { Command, CommanderError } from "commander";
import { Failure } from "../kernel/failure.ts";
import { version } from "../kernel/version.ts";
import { auditCommand } from "./commands/audit.ts";
import { changeCommands } from "./commands/changes.ts";
import { demoCommand } from "./commands/demo.ts";
import { healthCommand } from "./commands/health.ts";
import { runCommand } from "./commands/run.ts";
import { statusCommands } from "./commands/status.ts";
import { switchCommands } from "./commands/switches.ts";
import { teCommand } from "./commands/te.ts";
import { validateCommand } from "./commands/validate.ts";
import { exitCode, exitCodeOf } from "./exit.ts";
import { address, usualState } from "./options.ts";
import { colours, note, plain } from "./terminal.ts";

/** Not asked of the program: a usage error comes before its options are known. */
const json = process.argv.includes("--json");

// A command that runs a controller loads it when it is called, so that the others answer at once.
const program = new Command("pointsman")
  .description("Closed-loop traffic engineering: decides, proves, changes, verifies, takes back.")
  .version(version)
  .option("--state <folder>", "state folder of the controller", usualState)
  .option("--url <url>", "address of a controller elsewhere, in place of --state", address)
  .option("--token-file <file>", "your own token, in place of the state folder's; with --url, or set POINTSMAN_TOKEN")
  .option("--json", "one JSON document on standard output; one a line while a controller runs", false)
  .addHelpText(
    "after",
    "\nExit codes: 0 done, 1 failed, 2 bad usage or configuration, 3 nothing to do, 4 waiting for approval, 5 blocked by a guard, 6 rolled back, 7 not allowed.",
  )
  .exitOverride()
  .configureOutput(json ? { writeErr: () => undefined } : {})
  .configureHelp({ showGlobalOptions: true });

for (const command of [
  runCommand(),
  demoCommand(),
  ...changeCommands(),
  ...statusCommands(),
  validateCommand(),
  ...switchCommands(),
  auditCommand(),
  healthCommand(),
  teCommand(),
]) {
  program.addCommand(command.copyInheritedSettings(program));
  for (const inner of command.commands) inner.copyInheritedSettings(program);
}

async function main(): Promise<number> {
  try {
    await program.parseAsync();
    return typeof process.exitCode === "number" ? process.exitCode : exitCode.done;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitCode.done;
      if (json) noteError({ code: "CONFIG_INVALID", message: error.message, mend: "pointsman --help lists the usage" });
      return exitCode.badUsage;
    }
    if (error instanceof Failure) {
      if (json) noteError(error.toJSON());
      else report(error);
      return exitCodeOf(error);
    }
    const said = plain(error instanceof Error ? error.message : String(error));
    const mend =
      "this is a bug: routers on trial go back by their own timers, and the next start finishes or undoes the rest";
    if (json) noteError({ code: "INTERNAL", message: said, mend });
    else note(`${colours.red("pointsman failed")}: ${said}\n${mend}`);
    if (process.env.POINTSMAN_DEBUG) note(error instanceof Error && error.stack ? error.stack : String(error));
    return exitCode.otherFailure;
  }
}

function report({ code, message, mend }: Failure): void {
  note(`${colours.red(code)} ${plain(message)}`);
  if (mend) note(`mend: ${plain(mend)}`);
}

const noteError = (error: { code: string; message: string; mend?: string }) => note(JSON.stringify({ error }));

// Whoever read our output has gone (a pipe to head), or its disk is full: no reason to fall over with a trial under way.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.exitCode = exitCode.otherFailure;
  });
}
process.exitCode = await main();

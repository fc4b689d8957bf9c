import { Command, CommanderError } from "commander";
import { Failure } from "../kernel/failure.ts";
import { auditCommand } from "./commands/audit.ts";
import { changeCommands } from "./commands/changes.ts";
import { demoCommand } from "./commands/demo.ts";
import { runCommand } from "./commands/run.ts";
import { statusCommands } from "./commands/status.ts";
import { switchCommands } from "./commands/switches.ts";
import { validateCommand } from "./commands/validate.ts";
import { exitCode, exitCodeOf } from "./exit.ts";
import { type Globals, usualState } from "./options.ts";
import { colours, note, plain } from "./terminal.ts";

// A command that runs a controller loads it when it is called, so that the others answer at once.
const program = new Command("pointsman")
  .description("Closed-loop traffic engineering: decides, proves, changes, verifies, takes back.")
  .version("0.1.0")
  .option("--state <folder>", "state folder of the controller", usualState)
  .option("--json", "one JSON document on standard output", false)
  .addHelpText(
    "after",
    "\nExit codes: 0 done, 1 failed, 2 bad usage or configuration, 3 nothing to do, 4 waiting for approval, 5 blocked by a guard, 6 rolled back.",
  )
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

for (const command of [
  runCommand(),
  demoCommand(),
  ...changeCommands(),
  ...statusCommands(),
  validateCommand(),
  ...switchCommands(),
  auditCommand(),
]) {
  program.addCommand(command.copyInheritedSettings(program));
  for (const inner of command.commands) inner.copyInheritedSettings(program);
}

async function main(): Promise<number> {
  try {
    await program.parseAsync();
    return typeof process.exitCode === "number" ? process.exitCode : exitCode.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.done : exitCode.badUsage;
    if (error instanceof Failure) {
      report(error);
      return exitCodeOf(error);
    }
    const said = plain(error instanceof Error ? error.message : String(error));
    note(`${colours.red("pointsman failed")}: ${said}`);
    note("this is a bug: routers on trial go back by their own timers, and the next start finishes or undoes the rest");
    if (process.env.POINTSMAN_DEBUG) note(error instanceof Error && error.stack ? error.stack : String(error));
    return exitCode.otherFailure;
  }
}

function report(failure: Failure): void {
  if (program.opts<Globals>().json) {
    note(JSON.stringify({ error: failure.toJSON() }));
    return;
  }
  note(`${colours.red(failure.code)} ${plain(failure.message)}`);
  if (failure.mend) note(`mend: ${plain(failure.mend)}`);
}

// Whoever read our output has gone (a pipe to head), or its disk is full: no reason to fall over with a trial under way.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.exitCode = exitCode.otherFailure;
  });
}
process.exitCode = await main();

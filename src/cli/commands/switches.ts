import { Command } from "commander";
import { Failure, unwrap } from "../../kernel/failure.ts";
import { parseDurationMs } from "../../kernel/units.ts";
import { asWhom, connect } from "../connect.ts";
import { asHelp, globalsOf } from "../options.ts";
import { print, printJson } from "../terminal.ts";

const longestMs = 366 * 86_400_000;

type Asking = { as?: string; reason: string };

export function switchCommands(): Command[] {
  const freeze = asking("freeze", "start no new change for a while; what is on trial goes on")
    .requiredOption("--for <duration>", "for how long: 30m, 2h, 1d")
    .action(async (options: Asking & { for: string }, command: Command) => {
      const durationMs = parseDurationMs(options.for);
      if (!durationMs || durationMs > longestMs) {
        throw new Failure(
          "CONFIG_INVALID",
          `--for ${options.for} is not a duration above zero and of 366 days at most`,
          {
            mend: "write it as 30m, 2h or 1d; to stop for longer, kill",
          },
        );
      }
      const globals = globalsOf(command);
      const controller = await connect(globals);
      const by = await asWhom(controller, options.as);
      const frozen = unwrap(await controller.freeze(by, Date.now() + durationMs, options.reason));
      if (globals.json) printJson(frozen);
      else print(`frozen for ${options.for}; pointsman resume ends it`);
    });

  const kill = asking("kill", "push nothing more, and take back what is on trial").action(
    async (options: Asking, command: Command) => {
      const globals = globalsOf(command);
      const controller = await connect(globals);
      const killed = unwrap(await controller.kill(await asWhom(controller, options.as), options.reason));
      if (globals.json) printJson(killed);
      else print("killed: nothing is pushed until pointsman resume");
    },
  );

  const resume = new Command("resume")
    .description("end a freeze and a kill")
    .option("--as <name>", asHelp)
    .action(async (options: { as?: string }, command: Command) => {
      const globals = globalsOf(command);
      const controller = await connect(globals);
      const resumed = unwrap(await controller.resume(await asWhom(controller, options.as)));
      if (globals.json) printJson(resumed);
      else print("resumed");
    });
  return [freeze, kill, resume];
}

function asking(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option("--as <name>", asHelp)
    .option("--reason <text>", "why, for the audit log", "no reason given");
}

import { Command } from "commander";
import { Failure, unwrap } from "../../kernel/failure.ts";
import { parseDurationMs } from "../../kernel/units.ts";
import { connect } from "../connect.ts";
import { globalsOf } from "../options.ts";
import { print, printJson, whoAmI } from "../terminal.ts";

const longestMs = 366 * 86_400_000;

type Asking = { as: string; reason: string };

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
      const { state, json } = globalsOf(command);
      const frozen = unwrap(await (await connect(state)).freeze(options.as, Date.now() + durationMs, options.reason));
      if (json) printJson(frozen);
      else print(`frozen for ${options.for}; pointsman resume ends it`);
    });

  const kill = asking("kill", "push nothing more, and take back what is on trial").action(
    async (options: Asking, command: Command) => {
      const { state, json } = globalsOf(command);
      const killed = unwrap(await (await connect(state)).kill(options.as, options.reason));
      if (json) printJson(killed);
      else print("killed: nothing is pushed until pointsman resume");
    },
  );

  const resume = new Command("resume")
    .description("end a freeze and a kill")
    .option("--as <name>", "who asks, for the audit log", whoAmI())
    .action(async (options: { as: string }, command: Command) => {
      const { state, json } = globalsOf(command);
      const resumed = unwrap(await (await connect(state)).resume(options.as));
      if (json) printJson(resumed);
      else print("resumed");
    });
  return [freeze, kill, resume];
}

function asking(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option("--as <name>", "who asks, for the audit log", whoAmI())
    .option("--reason <text>", "why, for the audit log", "no reason given");
}

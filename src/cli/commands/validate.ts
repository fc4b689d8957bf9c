import { Command } from "commander";
import { loadPolicies } from "../../config/policies.ts";
import { formatProblem } from "../../config/problem.ts";
import { exitCode } from "../exit.ts";
import { globalsOf } from "../options.ts";
import { note, printJson } from "../terminal.ts";

export function validateCommand(): Command {
  return new Command("validate")
    .description("check policy files; says nothing when they are right")
    .argument("<files...>", "policy files, or folders of them")
    .action(async (files: string[], _options: unknown, command: Command) => {
      const { problems } = await loadPolicies(files);
      if (globalsOf(command).json) printJson({ problems });
      else for (const problem of problems) note(formatProblem(problem));
      if (problems.length > 0) process.exitCode = exitCode.badUsage;
    });
}

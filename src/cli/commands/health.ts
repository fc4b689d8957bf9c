import { Command } from "commander";
import { healthOf } from "../../api/client.ts";
import type { Health } from "../../api/health.ts";
import { endpointIn } from "../connect.ts";
import { exitCode } from "../exit.ts";
import { globalsOf } from "../options.ts";
import { colours, plain, print, printJson, table } from "../terminal.ts";

export function healthCommand(): Command {
  return new Command("health")
    .description("whether the controller runs, and can do its work: exit code 0 when both, 1 when not")
    .action(async (_options: unknown, command: Command) => {
      const { state, json, url: named } = globalsOf(command);
      const url = named === undefined ? (await endpointIn(state)).url : new URL(named).origin;
      const [alive, ready] = await Promise.all([healthOf(url, "healthz"), healthOf(url, "readyz")]);
      if (json) printJson({ ok: alive.ok && ready.ok, alive, ready });
      else print(showHealth(alive, ready));
      process.exitCode = alive.ok && ready.ok ? exitCode.done : exitCode.otherFailure;
    });
}

function showHealth(alive: Health, ready: Health): string {
  const rows = (of: string, { checks }: Health) =>
    checks.map(({ check, ok, ageSeconds, why }) => [
      ...[of, check, ok ? colours.green("ok") : colours.red("not ok")],
      plain([why, ageSeconds === undefined ? undefined : `${ageSeconds.toFixed(1)} s ago`].filter(Boolean).join("; ")),
    ]);
  return table(["", "CHECK", "", "WHY"], [...rows("alive", alive), ...rows("ready", ready)]);
}

import { Command } from "commander";
import { unwrap } from "../../kernel/failure.ts";
import type { Explanation, Status } from "../../model/controller.ts";
import type { ShedLevel } from "../../model/shed.ts";
import { formatSignal } from "../../model/signal.ts";
import { connect } from "../connect.ts";
import { globalsOf } from "../options.ts";
import { changesTable, evidenceTable } from "../show-change.ts";
import { showDrift, showUnwatched } from "../show-drift.ts";
import { colours, plain, print, printJson, table } from "../terminal.ts";

export function statusCommands(): Command[] {
  const status = new Command("status")
    .description("policies, links, telemetry targets, switches and open changes")
    .action(async (_options: unknown, command: Command) => {
      const globals = globalsOf(command);
      const controller = await connect(globals);
      const [now, shed] = await Promise.all([controller.status(), controller.shed()]);
      if (globals.json) printJson({ ...now, shed });
      else print(showStatus(now, shed));
    });

  const explain = new Command("explain")
    .description("why something was done, or was not: a change, a link or a flow")
    .argument("<subject>", "change id, or the name of a link or flow")
    .action(async (subject: string, _options: unknown, command: Command) => {
      const globals = globalsOf(command);
      const explained = unwrap(await (await connect(globals)).explain(subject));
      if (globals.json) printJson(explained);
      else print(showExplanation(explained));
    });
  return [status, explain];
}

function showStatus(status: Status, shed: readonly ShedLevel[]): string {
  const { switches, policies, targets, devices, drift, unwatched, open, atMs } = status;
  const lines: string[] = [];
  if (switches.killed) {
    lines.push(
      colours.red(`KILLED by ${plain(switches.killed.by)}: ${plain(switches.killed.reason)}   (pointsman resume)`),
    );
  }
  if (switches.frozen && switches.frozen.untilMs > atMs) {
    const until = new Date(switches.frozen.untilMs).toISOString();
    lines.push(
      colours.yellow(
        `FROZEN until ${until} by ${plain(switches.frozen.by)}: ${plain(switches.frozen.reason)}   (pointsman resume)`,
      ),
    );
  }
  for (const { class: name, level, reason, untilMs } of shed.filter((one) => one.level > 0)) {
    const until = untilMs === null ? "" : `, until ${new Date(untilMs).toISOString()} at the earliest`;
    lines.push(colours.yellow(`SHEDDING ${plain(name)}, level ${level} of 3${until}: ${plain(reason)}`));
  }
  lines.push(
    table(
      ["TARGET", "POLICY", "MODE", "STATE", "NOW", "AGE", "WHY"],
      policies.map((one) => [
        one.target,
        one.policy,
        one.lowered === undefined ? one.mode : colours.yellow(`${one.mode} (lowered)`),
        one.state === "blind" || one.state === "breaching" ? colours.yellow(one.state) : one.state,
        one.value === undefined ? "unknown" : formatSignal(one.signal, one.value),
        one.measuredMs === undefined ? "-" : `${((atMs - one.measuredMs) / 1000).toFixed(1)} s`,
        plain(one.lowered === undefined ? one.detail : `${one.detail}; not in auto: ${one.lowered}`),
      ]),
    ),
    "",
    table(
      ["TELEMETRY", "STATE", "WHY"],
      Object.entries(targets).map(([name, { state, reason, mend }]) => [
        name,
        state === "synced" ? colours.green(state) : colours.yellow(state),
        plain([reason, mend].filter(Boolean).join("; ")),
      ]),
    ),
  );
  lines.push(
    "",
    table(
      ["ROUTER", "CONFIGURATION", "AGE", "WHY"],
      Object.entries(devices).map(([name, { failure, atMs: readMs }]) => [
        name,
        failure ? colours.red(failure.code) : colours.green("readable"),
        `${((atMs - readMs) / 1000).toFixed(0)} s`,
        plain(failure ? [failure.message, failure.mend ?? ""].join("; ") : ""),
      ]),
    ),
  );
  lines.push(...showDrift(drift), ...showUnwatched(unwatched));
  if (open.length > 0) lines.push("", changesTable(open));
  return lines.join("\n");
}

function showExplanation(explained: Explanation): string {
  const { subject, outcome, reason, mend, now, attribution, alternatives, guards, history } = explained;
  const lines = [`${colours.bold(subject)}  ${outcome}`];
  if (reason) lines.push(plain(reason));
  if (mend) lines.push(`mend: ${plain(mend)}`);
  if (now) lines.push(`now: ${plain(now)}`);
  if (attribution && attribution.evidence.length > 0) lines.push("", evidenceTable(attribution));
  if (alternatives.length > 0) lines.push("", colours.bold("Why not"));
  for (const { summary, whyNot } of alternatives) lines.push(`  ${plain(summary)}: ${plain(whyNot)}`);
  if (guards.length > 0) lines.push("", colours.bold("Guards"));
  for (const { guard, allow, reason: why } of guards)
    lines.push(`  ${allow ? "allow" : "deny "} ${guard}: ${plain(why)}`);
  if (history.length > 0) lines.push("", colours.bold("Audit log"));
  for (const entry of history.slice(-20)) {
    lines.push(`  ${new Date(entry.atMs).toISOString()}  #${entry.seq}  ${entry.event}  by ${plain(entry.actor)}`);
  }
  return lines.join("\n");
}

import { formatPercent, formatRate } from "../kernel/units.ts";
import type { Change } from "../model/change.ts";
import type { ShownChange } from "../model/controller.ts";
import { usualState } from "./options.ts";
import { colouredDiff, colours, plain, table } from "./terminal.ts";

const money = (amount: number, currency: string) => `${amount.toFixed(2)} ${currency}/h`;
const time = (atMs: number) => new Date(atMs).toISOString().replace("T", " ").slice(0, 19);

export function stateInColour(state: Change["state"]): string {
  switch (state) {
    case "confirmed":
      return colours.green(state);
    case "awaiting-approval":
      return colours.yellow(state);
    case "stuck":
    case "rolled-back":
    case "rolling-back":
    case "aborted":
      return colours.red(state);
    case "proposed":
    case "dry-run":
    case "preparing":
    case "committing":
    case "verifying":
    case "confirming":
    case "rejected":
    case "expired":
      return state;
  }
}

export function changesTable(changes: readonly Change[]): string {
  return table(
    ["ID", "STATE", "LINK", "CHANGE", "MADE (UTC)"],
    changes.map((change) => [
      change.id,
      stateInColour(change.state),
      change.decision.intent.link,
      plain(change.decision.changes.map((one) => `${one.prefix} ${one.from}->${one.to} on ${one.link}`).join(", ")),
      time(change.createdMs),
    ]),
  );
}

/** Everything that an operator needs in order to say yes or no, top to bottom. */
export function showChange(change: ShownChange, state: string): string {
  const { decision, diffs, guards, verdict, outcome } = change;
  const { predicted } = decision;
  const { currency } = predicted.costPerHour;
  const heading = (text: string) => `\n${colours.bold(text)}`;
  const lines = [
    `${colours.bold(change.id)}  ${stateInColour(change.state)}  policy ${change.policy.name}`,
    plain(decision.reason),
  ];
  if (outcome) lines.push(colours.red(plain(`${outcome.code}: ${outcome.message}`)));
  lines.push(
    heading("Change"),
    table(
      ["DEVICE", "LINK", "PREFIX", "PREPENDS"],
      decision.changes.map((one) => [one.device, one.link, one.prefix, `${one.from} -> ${one.to}`]),
    ),
    heading("Predicted"),
    table(
      ["LINK", "NOW", "AFTER", "AFTER, WORST FAILURE", "COST NOW", "COST AFTER"],
      predicted.links.map((one) => [
        one.link,
        formatPercent(one.before.utilisation),
        formatPercent(one.after.utilisation),
        formatPercent(one.afterWorstFailure),
        money(one.before.costPerHour, currency),
        money(one.after.costPerHour, currency),
      ]),
    ),
    `moves ${formatRate(predicted.moved)}, ${formatPercent(predicted.movedShare)} of inbound; in all ` +
      `${money(predicted.costPerHour.before, currency)} -> ${money(predicted.costPerHour.after, currency)}`,
  );
  if (decision.alternatives.length > 0) {
    lines.push(heading("Why not"));
    for (const { summary, whyNot } of decision.alternatives) lines.push(`  ${plain(summary)}: ${plain(whyNot)}`);
  }
  if (guards.length > 0) {
    lines.push(heading("Guards"));
    for (const { guard, allow, reason } of guards) {
      lines.push(`  ${allow ? colours.green("allow") : colours.red("deny ")} ${guard}: ${plain(reason)}`);
    }
  }
  if (Object.keys(diffs).length > 0) {
    lines.push(heading("Diff, as the routers gave it in the dry run"));
    for (const diff of Object.values(diffs)) lines.push(colouredDiff(plain(diff)).trimEnd());
  }
  if (verdict) {
    lines.push(heading("Verified"));
    for (const { text, held } of verdict.findings)
      lines.push(`  ${held ? colours.green("held  ") : colours.red("broken")} ${text}`);
  }
  const next = nextCommand(change, state);
  if (next) lines.push("", next);
  return lines.join("\n");
}

/** What to type next; `state` is the state folder that the commands must name, if it is not the usual one. */
export function nextCommand(change: ShownChange, state: string): string | undefined {
  const where = state === usualState ? "" : ` --state ${state}`;
  if (change.state === "awaiting-approval") {
    return `next: npx pointsman approve ${change.id}${where}   (or: npx pointsman reject ${change.id}${where}); expires ${time(change.expiresMs)} UTC`;
  }
  if (change.undoneBy) return `undone by ${change.undoneBy}`;
  if (change.state === "confirmed" && change.origin.kind === "policy")
    return `to take it back: npx pointsman rollback ${change.id}${where}`;
  return change.state === "stuck" ? `after mending the router: npx pointsman rollback ${change.id}${where}` : undefined;
}

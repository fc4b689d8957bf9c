import { formatBytes, formatCount, formatMs, formatPercent, formatRate } from "../kernel/units.ts";
import type { Change } from "../model/change.ts";
import type { Attribution } from "../model/class-health.ts";
import type { ShownChange } from "../model/controller.ts";
import type { CandidatePath, Decision, FanOutTail, Prediction, QueuePrediction } from "../model/decision.ts";
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
    ["ID", "STATE", "TARGET", "CHANGE", "MADE (UTC)"],
    changes.map((change) => [
      change.id,
      stateInColour(change.state),
      change.decision.intent.target,
      plain(inShort(change.decision)),
      time(change.createdMs),
    ]),
  );
}

/** Everything that an operator needs in order to say yes or no, top to bottom. */
export function showChange(change: ShownChange, state: string): string {
  const { decision, diffs, guards, verdict, outcome } = change;
  const { predicted } = decision;
  const heading = (text: string) => `\n${colours.bold(text)}`;
  const lines = [
    `${colours.bold(change.id)}  ${stateInColour(change.state)}  policy ${change.policy.name}`,
    plain(decision.reason),
  ];
  if (change.lowered !== undefined)
    lines.push(colours.yellow(`asks although its policy is in auto: ${plain(change.lowered)}`));
  const needed = approvalsText(change);
  if (needed) lines.push(colours.yellow(plain(needed)));
  if (outcome) lines.push(colours.red(plain(`${outcome.code}: ${outcome.message}`)));
  if (decision.attribution) {
    lines.push(heading(`To blame: ${decision.attribution.verdict}`), evidenceTable(decision.attribution));
  }
  lines.push(
    heading("Change"),
    changeTable(decision),
    heading("Predicted"),
    ...(predicted.flows.length > 0 ? [flowTable(predicted.flows), ""] : []),
    ...(predicted.queues ? [queueTable(predicted.queues), ""] : []),
    linkTable(predicted),
    ...(predicted.fanOut ? [tail(predicted.fanOut)] : []),
    movedOf(decision),
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
    const { predictionError: missed } = verdict;
    if (missed) {
      const [was, is, by] = [missed.predicted, missed.measured, missed.error].map(formatPercent);
      lines.push(
        `  furthest from its prediction: ${plain(missed.of)}, ${was} of the link predicted, ${is} measured: ${by} off`,
      );
    }
  }
  const next = nextCommand(change, state);
  if (next) lines.push("", next);
  return lines.join("\n");
}

/** Who has approved it and who is still to, where one person's word is not enough. */
export function approvalsText({ state, needs, approvals, policy }: Change): string | undefined {
  const people = needs?.people ?? policy.approve.people;
  if (state !== "awaiting-approval" || people < 2) return undefined;
  const why = needs?.reasons.length ? needs.reasons.join("; ") : `policy ${policy.name} says so`;
  const so = approvals.length > 0 ? `; approved by ${approvals.map(({ by }) => by).join(", ")}` : "";
  return `needs ${people} people: ${why}${so}`;
}

function inShort(decision: Decision): string {
  switch (decision.action) {
    case "bgp-prepend":
      return decision.changes.map((one) => `${one.prefix} ${one.from}->${one.to} on ${one.link}`).join(", ");
    case "segment-routing":
      return decision.changes.map((one) => `${one.flow} ${pathInUse(one.from)} -> ${pathInUse(one.to)}`).join(", ");
    case "qos":
      return decision.changes.map((one) => `${one.link}: ${queues(one.from)} -> ${queues(one.to)}`).join(", ");
    case "anycast-drain":
      return decision.changes.map((one) => `${one.site} ${one.from} -> ${one.to} on ${one.link}`).join(", ");
  }
}

function changeTable(decision: Decision): string {
  switch (decision.action) {
    case "bgp-prepend":
      return table(
        ["DEVICE", "LINK", "PREFIX", "PREPENDS"],
        decision.changes.map((one) => [one.device, one.link, one.prefix, `${one.from} -> ${one.to}`]),
      );
    case "segment-routing":
      return table(
        ["FLOW", "HEADEND", "COLOR", "ENDPOINT", "CANDIDATE PATHS NOW", "AFTER", "FALLBACK"],
        decision.changes.map((one) => [
          ...[one.flow, one.device, String(one.color), one.endpoint],
          ...[candidates(one.from), candidates(one.to), "IGP"],
        ]),
      );
    case "qos":
      return table(
        ["DEVICE", "LINK", "CLASS", "PRIORITY", "GUARANTEED", "CEILING", "QUEUE UP TO", "WAS"],
        decision.changes.flatMap(({ device, link, from, to }) => {
          if (to.length === 0) return [[device, link, "all", "-", "-", "-", "-", queues(from)]];
          return to.map((share) => {
            const was = from.find((one) => one.class === share.class);
            return [
              ...[device, link, share.class, String(share.priority), formatRate(share.guaranteed)],
              ...[formatRate(share.ceiling), formatBytes(share.mark.maxBytes)],
              was ? `${formatRate(was.guaranteed)} to ${formatRate(was.ceiling)}` : "in one plain queue",
            ];
          });
        }),
      );
    case "anycast-drain":
      return table(
        ["DEVICE", "LINK", "SITE", "PREFIX", "ANNOUNCEMENT"],
        decision.changes.map((one) => [one.device, one.link, one.site, one.prefix, `${one.from} -> ${one.to}`]),
      );
  }
}

const queues = (shares: readonly unknown[]) =>
  shares.length === 0 ? "one plain queue" : formatCount(shares.length, "queue");
const segmentList = ({ segments }: CandidatePath) => segments.join(" > ");
const pathInUse = ([best]: readonly CandidatePath[]) => (best ? `by ${segmentList(best)}` : "by the IGP");
const candidates = (paths: readonly CandidatePath[]) =>
  paths.map((path) => `${path.preference}: ${segmentList(path)}`).join("\n") || "-";

const flowTable = (flows: Prediction["flows"]) =>
  table(
    ["FLOW", "RATE", "LINKS NOW", "LINKS AFTER", "DELAY NOW", "DELAY AFTER"],
    flows.map(({ flow, rate, before, after }) => [
      flow,
      formatRate(rate),
      before.links.join("\n"),
      after.links.join("\n"),
      formatMs(before.delayMs),
      formatMs(after.delayMs),
    ]),
  );

const queueTable = (all: readonly QueuePrediction[]) =>
  table(
    ["LINK", "CLASS", "OFFERED", "CARRIED NOW", "CARRIED AFTER", "P99 WAIT NOW", "P99 WAIT AFTER"],
    all.map(({ link, class: name, offered, before, after }) => [
      ...[link, name, formatRate(offered), formatRate(before.carried), formatRate(after.carried)],
      ...[before, after].map(({ delayP99Ms }) => (delayP99Ms === undefined ? "unknown" : formatMs(delayP99Ms))),
    ]),
  );

const tail = ({ paths, slowShare, slowRequests, basis }: FanOutTail) =>
  `a request waits for ${paths} paths: ${formatPercent(slowShare)} of reads ${basis === "measured" ? "are slow now" : "may be slow"}, and so ${formatPercent(slowRequests)} of requests`;

/** What was held against the symptom; figures in each signal's own unit. */
export const evidenceTable = ({ evidence }: Attribution): string =>
  table(
    ["EVIDENCE", "OF", "BEFORE", "NOW", "RAISED", "CORRELATION", "LEADS BY"],
    evidence.map(({ signal, of, baseline, now, raised, correlation, lagMs }) => [
      ...[signal, of, figure(baseline), figure(now), raised ? colours.yellow("yes") : "no"],
      ...(correlation !== null ? [correlation.toFixed(2), formatMs(lagMs)] : ["-", "-"]),
    ]),
  );

const figure = (value: number) => String(Number(value.toPrecision(3)));

/** Costs only where links have any. */
function linkTable({ links, costPerHour: { currency } }: Prediction): string {
  const loads = ["LINK", "NOW", "AFTER", "AFTER, WORST FAILURE"];
  const priced = currency !== "";
  return table(
    priced ? [...loads, "COST NOW", "COST AFTER"] : loads,
    links.map((one) => [
      one.link,
      formatPercent(one.before.utilisation),
      formatPercent(one.after.utilisation),
      formatPercent(one.afterWorstFailure),
      ...(priced ? [money(one.before.costPerHour, currency), money(one.after.costPerHour, currency)] : []),
    ]),
  );
}

function movedOf({ action, predicted }: Decision): string {
  const [rate, share] = [formatRate(predicted.moved), formatPercent(predicted.movedShare)];
  switch (action) {
    case "bgp-prepend": {
      const { before, after, currency } = predicted.costPerHour;
      return `moves ${rate}, ${share} of inbound; in all ${money(before, currency)} -> ${money(after, currency)}`;
    }
    case "segment-routing":
      return `moves ${rate}, ${share} of what all flows carry`;
    case "qos":
      return predicted.moved > 0
        ? `holds back ${rate}, ${share} of what the interfaces are offered`
        : "holds nobody back";
    case "anycast-drain":
      return `${predicted.moved > 0 ? `moves ${rate}; ` : ""}${share} of the sites`;
  }
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
  if (change.state !== "stuck") return undefined;
  const settle = `npx pointsman settle ${change.id} --reason ...${where}`;
  return `after mending the router: npx pointsman rollback ${change.id}${where}   (if that cannot end it, once all is put right by hand: ${settle})`;
}

import type { Decision, Verdict } from "../model/decision.ts";
import type { LinkName, Network } from "../model/inventory.ts";
import { formatSignal, type Measured, type NetworkState, type SignalName } from "../model/network-state.ts";
import type { Condition, Policy } from "../model/policy.ts";
import { linksInScope } from "../te/bgp-preference.ts";

export type VerifyInput = Readonly<{
  policy: Policy;
  network: Network;
  decision: Decision;
  /** What was measured right before the commit. */
  before: NetworkState;
  now: NetworkState;
  /** When the last device had it. */
  pushedMs: number;
  nowMs: number;
}>;

type Finding = Verdict["findings"][number];

/** A condition that failed on another link before the change is held against it only past this share more: traffic breathes. */
const swing = 0.05;

/**
 * Did the change do what it was for, and no harm? `null` is: keep waiting.
 *
 * Judged only on samples measured wholly after the push (`fromMs`). A reading without a span (a PromQL answer averages
 * over a window that its author chose, and we do not know) counts only once `freshnessIntervals` have passed since the push.
 *
 * - A `forbid` that is true now and was not before: "worse", at once.
 * - After `observeMs`, with a fresh and recent sample of every signal on every link in scope: "better" when every
 *   `require` holds, no `forbid` does, no link has risen above the trigger, and a relieved link carries less than it did.
 *   A condition that failed on another link already, and is no worse there, is not the change's doing. Else "worse".
 * - Still without samples an interval after the last could have come: "silent", which counts as failure.
 */
export function verifyChange(input: VerifyInput): Verdict | null {
  const { policy, network, pushedMs, nowMs } = input;
  const links = linksInScope(network, policy.scope.links.role).map((link) => link.name);
  const findings: Finding[] = [];

  for (const condition of policy.verify.forbid) {
    for (const link of links) {
      const seen = freshValue(input, condition.signal, link);
      if (seen === undefined || !isTrue(condition, seen)) continue;
      const was = lastValue(input.before, condition.signal, link);
      if (was === undefined || !isTrue(condition, was))
        findings.push(finding("forbidden", condition, link, seen, false));
    }
  }
  if (findings.length > 0) return { outcome: "worse", findings };

  const observedMs = pushedMs + policy.verify.observeMs;
  if (nowMs < observedMs) return null;
  const conditions = [...policy.verify.require, ...policy.verify.forbid];
  const signals = new Set([policy.trigger.signal, ...conditions.map((condition) => condition.signal)]);
  const unheard = [...signals].flatMap((signal) =>
    links.filter((link) => freshValue(input, signal, link) === undefined).map((link) => ({ signal, link })),
  );
  if (unheard.length > 0) {
    const patienceMs = (policy.guard.freshnessIntervals + 1) * network.telemetry.intervalMs;
    if (nowMs < observedMs + patienceMs) return null;
    const text = ({ signal, link }: { signal: SignalName; link: LinkName }) =>
      `${link}: no ${signal} measured since the change and recent enough`;
    return { outcome: "silent", findings: unheard.map((gap) => ({ text: text(gap), held: false })) };
  }

  for (const condition of policy.verify.require) {
    for (const link of links) findings.push(judgeCondition(input, "required", condition, link));
  }
  for (const condition of policy.verify.forbid) {
    for (const link of links) findings.push(judgeCondition(input, "forbidden", condition, link));
  }
  for (const link of links) findings.push(...judgeTrigger(input, link));
  return { outcome: findings.every((f) => f.held) ? "better" : "worse", findings };
}

function judgeCondition(
  input: VerifyInput,
  kind: "required" | "forbidden",
  condition: Condition,
  link: LinkName,
): Finding {
  const seen = freshValue(input, condition.signal, link) ?? Number.NaN;
  const met = (value: number) => isTrue(condition, value) === (kind === "required");
  const was = lastValue(input.before, condition.signal, link);
  if (met(seen) || link === input.decision.intent.link || was === undefined || met(was)) {
    return finding(kind, condition, link, seen, met(seen));
  }
  // What is bad is more, except for a requirement to be above or a ban on being below.
  const moreIsBad = (condition.comparator === "below") === (kind === "required");
  const noWorse = moreIsBad ? seen <= was * (1 + swing) : seen >= was * (1 - swing);
  const { text } = finding(kind, condition, link, seen, noWorse);
  return { text: `${text} (${formatSignal(condition.signal, was)} before the change)`, held: noWorse };
}

/** The relieved link must carry less; every other must not have crossed the trigger. What got traffic back must not either. */
function judgeTrigger(input: VerifyInput, link: LinkName): Finding[] {
  const { signal, above } = input.policy.trigger;
  const seen = freshValue(input, signal, link) ?? Number.NaN;
  const was = lastValue(input.before, signal, link);
  const figures = `${was === undefined ? "unknown" : formatSignal(signal, was)} before, ${formatSignal(signal, seen)} now`;
  const { intent } = input.decision;
  if (intent.kind === "relieve" && link === intent.link) {
    return [{ text: `${link}: ${signal} is lower: ${figures}`, held: was !== undefined && seen < was }];
  }
  const crossed = seen > above && !(was !== undefined && was > above);
  return [{ text: `${link}: ${signal} did not rise above ${formatSignal(signal, above)}: ${figures}`, held: !crossed }];
}

const isTrue = ({ comparator, threshold }: Condition, value: number) =>
  comparator === "below" ? value < threshold : value > threshold;

function finding(
  kind: "required" | "forbidden",
  condition: Condition,
  link: LinkName,
  seen: number,
  held: boolean,
): Finding {
  return { text: `${link}: ${kind} ${condition.text}: ${formatSignal(condition.signal, seen)}`, held };
}
const lastValue = (state: NetworkState, signal: SignalName, link: LinkName) =>
  state.signals.get(signal)?.get(link)?.value;

/** Measured since the push, and no older than the policy calls fresh: a stream that died after one sample says nothing. */
function freshValue(input: VerifyInput, signal: SignalName, link: LinkName): number | undefined {
  const measured = input.now.signals.get(signal)?.get(link);
  return measured && isFresh(input, measured) ? measured.value : undefined;
}

function isFresh({ policy, network, pushedMs, nowMs }: VerifyInput, { fromMs, toMs }: Measured): boolean {
  const freshMs = policy.guard.freshnessIntervals * network.telemetry.intervalMs;
  const instantaneous = fromMs === toMs;
  return fromMs >= pushedMs + (instantaneous ? freshMs : 0) && nowMs - toMs <= freshMs;
}

import type { Verdict } from "../model/decision.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { Condition } from "../model/policy.ts";
import { flowsInScope, linksInScope, targetsOf } from "../model/scope.ts";
import { formatSignal, type Measured, queueName, type SignalName, signalOf } from "../model/signal.ts";
import type { Finding, VerifyInput } from "./input.ts";
import { judgePaths } from "./paths.ts";
import { predictionError } from "./prediction-error.ts";
import { bystanders, judgeQueues, queuesChanged } from "./queues.ts";
import { judgeSites, sitesChanged } from "./sites.ts";
import { stressOf, unjudgedObjectives } from "./stress.ts";

/** A condition that failed on another link before the change is held against it only past this share more: traffic breathes. */
const swing = 0.05;

/**
 * Did the change do what it was for, and no harm? `null` is: keep waiting.
 *
 * Judged only on samples measured wholly after the push (`fromMs`). A reading without a span (a PromQL answer averages
 * over a window that its author chose, and we do not know) counts only once `freshnessIntervals` have passed since the push.
 *
 * - A `forbid` that is true now and was not before: "worse", at once.
 * - After `observeMs`, with a fresh and recent sample of every signal on every link and flow in scope: "better" when every
 *   `require` holds, no `forbid` does, none has risen above the trigger, what was to be relieved is lower than it was, and
 *   new segment-routing paths and queues are seen carrying, no class beside the one that queues are for comes over its limit,
 *   and sites that came back are well. A condition that failed elsewhere already, and is no worse there, is not the change's
 *   doing. Neither does an objective of a class count that was not known before. Else "worse".
 * - Still without samples an interval after the last could have come: "silent", which counts as failure.
 */
export function verifyChange(input: VerifyInput): Verdict | null {
  const { policy, network, pushedMs, nowMs } = input;
  const findings: Finding[] = [];
  const missed = predictionError(input, (signal, name) => freshValue(input, signal, name));
  const error = missed ? { predictionError: missed } : {};

  for (const condition of policy.verify.forbid) {
    for (const name of watched(input, condition.signal)) {
      const seen = freshValue(input, condition.signal, name);
      if (seen === undefined || !isTrue(condition, seen)) continue;
      const was = lastValue(input, condition.signal, name);
      if (was === undefined || !isTrue(condition, was))
        findings.push(finding("forbidden", condition, name, seen, false));
    }
  }
  if (findings.length > 0) return { outcome: "worse", findings, ...error };

  const observedMs = pushedMs + policy.verify.observeMs;
  if (nowMs < observedMs) return null;
  const conditions = [...policy.verify.require, ...policy.verify.forbid];
  const signals = new Set([reliefSignal(policy), ...conditions.map((condition) => condition.signal)]);
  if (input.decision.action === "segment-routing") signals.add("link.rate.out");
  const needed = [...signals].flatMap((signal) => watched(input, signal).map((name) => ({ signal, name })));
  for (const { flow } of input.decision.predicted.flows) needed.push({ signal: "flow.rate", name: flow });
  for (const { link, share } of queuesChanged(input.decision)) {
    const name = queueName(link, share.class);
    needed.push({ signal: "queue.rate", name }, { signal: "queue.drops", name });
  }
  for (const site of sitesChanged(input.decision, { out: false })) needed.push({ signal: "site.unwell", name: site });
  // One of which nothing is known, before or since, has no objectives or nobody who uses it.
  const beside = bystanders(input).filter((name) => {
    const since = freshValue(input, "class.stress", name);
    return lastValue(input, "class.stress", name) !== undefined || since !== undefined;
  });
  for (const name of beside) needed.push({ signal: "class.stress", name });
  const unheard = needed.filter(({ signal, name }) => freshValue(input, signal, name) === undefined);
  if (unheard.length > 0) {
    const patienceMs = (policy.guard.freshnessIntervals + 1) * network.telemetry.intervalMs;
    if (nowMs < observedMs + patienceMs) return null;
    const text = ({ signal, name }: { signal: SignalName; name: string }) =>
      `${name}: no ${signal} measured since the change and recent enough`;
    return { outcome: "silent", findings: unheard.map((gap) => ({ text: text(gap), held: false })) };
  }

  for (const condition of policy.verify.require) {
    for (const name of watched(input, condition.signal))
      findings.push(judgeCondition(input, "required", condition, name));
  }
  for (const condition of policy.verify.forbid) {
    for (const name of watched(input, condition.signal))
      findings.push(judgeCondition(input, "forbidden", condition, name));
  }
  // What is drained is judged link by link: some of it may have to stay. A site is no better for being drained.
  const targets = "drain" in policy.scope ? [] : targetsOf(network, policy).filter((name) => !leaves(input, name));
  for (const target of targets) findings.push(judgeTrigger(input, target));
  for (const name of beside) findings.push(judgeTrigger(input, name));
  findings.push(...judgePaths(input, (signal, name) => freshValue(input, signal, name)));
  findings.push(...judgeQueues(input, (signal, name) => freshValue(input, signal, name)));
  findings.push(...judgeSites(input, (signal, name) => freshValue(input, signal, name)));
  findings.push(...unjudgedObjectives(input));
  return { outcome: findings.every((f) => f.held) ? "better" : "worse", findings, ...error };
}

/** What a condition on this signal is about. */
function watched(input: VerifyInput, signal: SignalName): string[] {
  const { network, policy, decision } = input;
  const { scope } = policy;
  switch (signalOf(signal)) {
    case "link":
      return linksInScope(network, policy).map(({ name }) => name);
    case "flow":
      return flowsInScope(network, policy).map(({ name }) => name);
    case "class":
      return "class" in scope ? [scope.class] : [];
    case "queue":
      return "class" in scope ? [...decision.changes].flatMap((change) => queueOf(change, scope.class)) : [];
    case "site":
      return "anycast" in scope ? targetsOf(network, policy).filter((name) => !leaves(input, name)) : [];
  }
}

const queueOf = (change: VerifyInput["decision"]["changes"][number], name: string) =>
  change.action === "qos" ? [queueName(change.link, name)] : [];

/**
 * What must be lower after the change. The windows of `class.risk` reach back before it; `class.stress` is the latest of the same
 * objectives, as far as they were known before (`stressOf`).
 */
const reliefSignal = ({ scope, trigger }: VerifyInput["policy"]): SignalName =>
  "class" in scope ? "class.stress" : trigger.signal;

/** Whether this is a site that the change takes out of its service: it may stay as unwell as it is. */
const leaves = ({ decision }: VerifyInput, name: string) => sitesChanged(decision, { out: true }).includes(name);

function judgeCondition(
  input: VerifyInput,
  kind: "required" | "forbidden",
  condition: Condition,
  name: string,
): Finding {
  const seen = freshValue(input, condition.signal, name) ?? Number.NaN;
  const met = (value: number) => isTrue(condition, value) === (kind === "required");
  const was = lastValue(input, condition.signal, name);
  // The queues watched are those of the class that it is for.
  const isTarget = name === input.decision.intent.target || signalOf(condition.signal) === "queue";
  if (met(seen) || isTarget || was === undefined || met(was)) {
    return finding(kind, condition, name, seen, met(seen));
  }
  // What is bad is more, except for a requirement to be above or a ban on being below.
  const moreIsBad = (condition.comparator === "below") === (kind === "required");
  const noWorse = moreIsBad ? seen <= was * (1 + swing) : seen >= was * (1 - swing);
  const { text } = finding(kind, condition, name, seen, noWorse);
  return { text: `${text} (${formatSignal(condition.signal, was)} before the change)`, held: noWorse };
}

/** Of `class.stress`. */
const atItsLimit = 1;

/** What was to be relieved must be lower; nothing else must have crossed the trigger. What got traffic back must not either. */
function judgeTrigger(input: VerifyInput, target: string): Finding {
  const signal = reliefSignal(input.policy);
  const above = signal === input.policy.trigger.signal ? input.policy.trigger.above : atItsLimit;
  const seen = freshValue(input, signal, target) ?? Number.NaN;
  const was = lastValue(input, signal, target);
  const figures = `${was === undefined ? "unknown" : formatSignal(signal, was)} before, ${formatSignal(signal, seen)} now`;
  const { intent } = input.decision;
  if (intent.kind === "relieve" && target === intent.target) {
    const held = was !== undefined && seen < was;
    return { text: `${target}: ${signal} is ${held ? "" : "not "}lower: ${figures}`, held };
  }
  const crossed = seen > above && !(was !== undefined && was > above);
  return { text: `${target}: ${signal} did not rise above ${formatSignal(signal, above)}: ${figures}`, held: !crossed };
}

const isTrue = ({ comparator, threshold }: Condition, value: number) =>
  comparator === "below" ? value < threshold : value > threshold;

function finding(
  kind: "required" | "forbidden",
  condition: Condition,
  name: string,
  seen: number,
  held: boolean,
): Finding {
  return { text: `${name}: ${kind} ${condition.text}: ${formatSignal(condition.signal, seen)}`, held };
}

/** Right before the commit. */
const lastValue = (input: VerifyInput, signal: SignalName, name: string) =>
  measuredIn(input, input.before, signal, name)?.value;

const measuredIn = (input: VerifyInput, state: NetworkState, signal: SignalName, name: string) =>
  signal === "class.stress" && targetsOf(input.network, input.policy).includes(name)
    ? stressOf(input, state, name)
    : state.signals.get(signal)?.get(name);

/** Measured since the push, and no older than the policy calls fresh: a stream that died after one sample says nothing. */
function freshValue(input: VerifyInput, signal: SignalName, name: string): number | undefined {
  const measured = measuredIn(input, input.now, signal, name);
  // A probe asks once: nobody's window is behind it.
  const window = signalOf(signal) !== "site";
  return measured && isFresh(input, measured, window) ? measured.value : undefined;
}

function isFresh(
  { policy, network, pushedMs, nowMs }: VerifyInput,
  { fromMs, toMs }: Measured,
  window: boolean,
): boolean {
  const freshMs = policy.guard.freshnessIntervals * network.telemetry.intervalMs;
  const instantaneous = window && fromMs === toMs;
  return fromMs >= pushedMs + (instantaneous ? freshMs : 0) && nowMs - toMs <= freshMs;
}

import { isAnycast, isPrepend, isQos, type Policy, type PrependPolicy } from "../model/policy.ts";
import { anycastNeeds } from "./anycast-rules.ts";
import { at, durationAt, listAt, namesOf, textAt } from "./check.ts";
import { suggest } from "./did-you-mean.ts";
import { devicesWithoutGnmi } from "./network-rules.ts";
import type { Finding } from "./problem.ts";
import { qosNeeds } from "./qos-rules.ts";

/** What a policy needs of the inventory that it is to work on. It is read raw; a field that is itself wrong takes no part. */
export function scopeRules(raw: unknown, policies: readonly Policy[]): Finding[] {
  return policies.flatMap((policy) => [
    ...actionNeeds(raw, policy),
    ...measuredOutbound(raw, policy),
    ...telemetryOftenEnough(raw, policy),
  ]);
}

function actionNeeds(raw: unknown, policy: Policy): Finding[] {
  if (isPrepend(policy)) return prependNeeds(raw, policy);
  if (isQos(policy)) return qosNeeds(raw, policy);
  if (isAnycast(policy)) return anycastNeeds(raw, policy);
  return segmentRoutingNeeds(raw, policy);
}

function prependNeeds(raw: unknown, policy: PrependPolicy): Finding[] {
  const { role } = policy.scope.links;
  const scoped = linksOfRole(raw, role);
  if (scoped.length === 0) return [noLinks(policy, role)];
  const moves = `policy "${policy.name}" moves prefixes here with ${policy.decide.action}`;
  const weighs = `policy "${policy.name}" decides by cost`;
  const findings = scoped.flatMap(([index, link]) => {
    const lacks = (field: string, why: string, mend: string) =>
      at(link, field) === undefined ? [{ path: ["links", index], message: `has no ${field}, and ${why}`, mend }] : [];
    return [
      ...lacks("bgp", moves, "add bgp: { neighbor: …, exportPolicy: … }, or give the link another role"),
      ...(policy.decide.objective === "cost"
        ? lacks("cost", weighs, "add cost: { perMbitMonth: …, currency: … }, or write objective: balance")
        : []),
    ];
  });
  return [...findings, ...needsQuery(raw, policy, "prefixInbound", "the rate of each prefix")];
}

function segmentRoutingNeeds(raw: unknown, policy: Policy): Finding[] {
  const { scope, trigger, verify } = policy;
  const backbone = linksOfRole(raw, "backbone");
  if (backbone.length === 0) return [noLinks(policy, "backbone")];
  const missing = "and segment-routing needs to know where it leads";
  const mend = "add backbone: { to: <device>, metric: …, delay: … }";
  const unplaced = backbone
    .filter(([, link]) => at(link, "backbone") === undefined)
    .map(([index]) => ({ path: ["links", index], message: `has no backbone, ${missing}`, mend }));
  const latency = [trigger, ...verify.require, ...verify.forbid].some(({ signal }) => signal === "path.latency.p99");
  return [
    ...unplaced,
    ...("links" in scope ? [] : unknownInScope(raw, policy)),
    ...(listAt(raw, "flows").length > 0
      ? []
      : [{ path: [], message: `has no flows for policy "${policy.name}" to move`, mend: "add flows" }]),
    ...needsQuery(raw, policy, "flowRate", "the rate of each flow"),
    ...(latency ? needsQuery(raw, policy, "flowLatency", "the latency of each flow") : []),
  ];
}

function unknownInScope(raw: unknown, { name, scope }: Policy): Finding[] {
  if ("flows" in scope) {
    const wanted = scope.flows.class;
    if (listAt(raw, "flows").some((flow) => textAt(flow, "class") === wanted)) return [];
    const message = `policy "${name}" watches flows of class "${wanted}", and there are none`;
    const known = namesOf(raw, "classes");
    return [{ path: ["flows"], message, mend: known.includes(wanted) ? "add one" : suggest(wanted, known) }];
  }
  const drained = "drain" in scope ? scope.drain : "";
  const backbone = linksOfRole(raw, "backbone");
  const ends = backbone.flatMap(([, link]) => [
    textAt(link, "name"),
    textAt(link, "device"),
    textAt(link, "backbone", "to"),
  ]);
  if (ends.includes(drained)) return [];
  const known = [...new Set(ends)].filter((end) => end !== undefined);
  return [
    {
      path: ["links"],
      message: `policy "${name}" drains "${drained}", which is no backbone link and no router with one`,
      mend: suggest(drained, known),
    },
  ];
}

const linksOfRole = (raw: unknown, role: string) =>
  [...listAt(raw, "links").entries()].filter(([, link]) => textAt(link, "role") === role);

const noLinks = ({ name }: Policy, role: string): Finding => ({
  path: ["links"],
  message: `policy "${name}" watches ${role} links, and there are none`,
  mend: `give its links role: ${role}, or take the policy off the list`,
});

function needsQuery(raw: unknown, { name }: Policy, query: string, what: string): Finding[] {
  if (at(raw, "telemetry", "prometheus") === undefined) {
    const message = `has no prometheus, and policy "${name}" needs ${what}`;
    return [{ path: ["telemetry"], message, mend: `add prometheus, with the ${query} query` }];
  }
  if (at(raw, "telemetry", "prometheus", "queries", query) !== undefined) return [];
  const message = `has no ${query}, and policy "${name}" needs ${what}`;
  return [{ path: ["telemetry", "prometheus", "queries"], message, mend: `add the ${query} query` }];
}

function measuredOutbound(raw: unknown, { name, decide, verify }: Policy): Finding[] {
  const outbound = [...verify.require, ...verify.forbid].find(({ signal }) => signal.endsWith(".out"));
  const unread = at(raw, "telemetry", "prometheus", "queries", "linkOutbound") === undefined;
  if (!unread || devicesWithoutGnmi(raw).length === 0) return [];
  const why =
    decide.action === "segment-routing" ? "decides by what links send" : outbound && `verifies "${outbound.text}"`;
  if (!why) return [];
  const message = `has no linkOutbound, and policy "${name}" ${why} on routers without gnmi`;
  return [{ path: ["telemetry", "prometheus", "queries"], message, mend: "add the linkOutbound query" }];
}

/**
 * A change is judged on samples taken after it: within less than one interval there are none, and silence is failure. And a
 * policy is evaluated once per sample at most.
 */
function telemetryOftenEnough(raw: unknown, policy: Policy): Finding[] {
  const intervalMs = durationAt(raw, "telemetry", "interval");
  if (intervalMs === undefined) return [];
  const tooLong = (field: string, mend: string): Finding => ({
    path: ["telemetry", "interval"],
    message: `is longer than ${field} of policy "${policy.name}"`,
    mend,
  });
  return [
    ...(policy.verify.observeMs < intervalMs
      ? [tooLong("verify.observe", "observe for at least one interval, better three")]
      : []),
    ...(policy.trigger.everyMs < intervalMs
      ? [tooLong("trigger.every", "evaluate no more often than samples come")]
      : []),
  ];
}

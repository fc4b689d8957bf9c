import type { Policy } from "../model/policy.ts";
import { at, duplicates, listAt, textAt } from "./check.ts";
import { suggest } from "./did-you-mean.ts";
import { duration } from "./fields.ts";
import type { Finding } from "./problem.ts";

/** Rules between the parts of the inventory. They read it raw; a field that is itself wrong takes no part. */
export function networkRules(raw: unknown): Finding[] {
  return [...uniqueness(raw), ...deviceReferences(raw), ...currencies(raw), ...unreadLinks(raw)];
}

function uniqueness(raw: unknown): Finding[] {
  const taken = (list: string, field: string) =>
    duplicates(
      listAt(raw, list),
      (entry) => textAt(entry, field),
      (key, index, first) => ({
        path: [list, index, field],
        message: `"${key}" is already the ${field} of ${list}[${first}]`,
        mend: "give each a name of its own",
      }),
    );
  const onOneDevice = (what: string, field: readonly string[]) =>
    duplicates(
      listAt(raw, "links"),
      (link) => {
        const [device, value] = [textAt(link, "device"), textAt(link, ...field)];
        return device === undefined || value === undefined ? undefined : `${value} on ${device}`;
      },
      (key, index, first) => ({
        path: ["links", index, ...field],
        message: `${what} ${key} is already that of links[${first}]`,
        mend: "give each link its own, or remove one of the two",
      }),
    );
  const prefixes = duplicates(
    listAt(raw, "prefixes"),
    (prefix) => (typeof prefix === "string" ? prefix : undefined),
    (prefix, index) => ({
      path: ["prefixes", index],
      message: `${prefix} is listed twice`,
      mend: "remove one of the two",
    }),
  );
  return [
    ...taken("devices", "name"),
    ...taken("links", "name"),
    ...onOneDevice("interface", ["interface"]),
    ...onOneDevice("neighbour", ["bgp", "neighbor"]),
    ...prefixes,
  ];
}

function deviceReferences(raw: unknown): Finding[] {
  const known = listAt(raw, "devices").flatMap((device) => textAt(device, "name") ?? []);
  return listAt(raw, "links").flatMap((link, index) => {
    const device = textAt(link, "device");
    if (device === undefined || known.includes(device)) return [];
    const mend = known.length === 0 ? "add it under devices" : suggest(device, known);
    return [{ path: ["links", index, "device"], message: `there is no device "${device}"`, mend }];
  });
}

/** Costs are added up and compared, and nobody here knows an exchange rate. */
function currencies(raw: unknown): Finding[] {
  const first = listAt(raw, "links").flatMap((link) => textAt(link, "cost", "currency") ?? [])[0];
  return listAt(raw, "links").flatMap((link, index) => {
    const currency = textAt(link, "cost", "currency");
    if (currency === undefined || currency === first) return [];
    const message = `${currency} cannot be compared with ${first} of an earlier link`;
    return [{ path: ["links", index, "cost", "currency"], message, mend: "write all costs in one currency" }];
  });
}

/** A router without gNMI is read through Prometheus, if someone says how. */
function unreadLinks(raw: unknown): Finding[] {
  if (at(raw, "telemetry", "prometheus", "queries", "linkInbound") !== undefined) return [];
  return devicesWithoutGnmi(raw).map((index) => ({
    path: ["devices", index],
    message: "nothing measures its links: it has no gnmi, and telemetry.prometheus.queries has no linkInbound",
    mend: "add gnmi to the device, or the linkInbound query",
  }));
}

/** Indices of the devices that have links and no gNMI. */
function devicesWithoutGnmi(raw: unknown): number[] {
  const withLinks = new Set(listAt(raw, "links").map((link) => textAt(link, "device")));
  return [...listAt(raw, "devices").entries()]
    .filter(([, device]) => at(device, "gnmi") === undefined && withLinks.has(textAt(device, "name")))
    .map(([index]) => index);
}

/** What a policy needs of the inventory that it is to work on. */
export function scopeRules(raw: unknown, policies: readonly Policy[]): Finding[] {
  return policies.flatMap((policy) => [
    ...scopedLinks(raw, policy),
    ...neededQueries(raw, policy),
    ...telemetryOftenEnough(raw, policy),
  ]);
}

function scopedLinks(raw: unknown, policy: Policy): Finding[] {
  const role = policy.scope.links.role;
  const scoped = [...listAt(raw, "links").entries()].filter(([, link]) => textAt(link, "role") === role);
  if (scoped.length === 0) {
    const message = `policy "${policy.name}" watches ${role} links, and there are none`;
    return [{ path: ["links"], message, mend: `give its links role: ${role}, or take the policy off the list` }];
  }
  return scoped.flatMap(([index, link]) => {
    const lacks = (field: string, why: string, mend: string) =>
      at(link, field) === undefined ? [{ path: ["links", index], message: `has no ${field}, and ${why}`, mend }] : [];
    const moves = `policy "${policy.name}" moves prefixes here with ${policy.decide.action}`;
    const weighs = `policy "${policy.name}" decides by cost`;
    const none: Finding[] = [];
    return none.concat(
      lacks("bgp", moves, "add bgp: { neighbor: …, exportPolicy: … }, or give the link another role"),
      policy.decide.objective === "cost"
        ? lacks("cost", weighs, "add cost: { perMbitMonth: …, currency: … }, or write objective: balance")
        : none,
    );
  });
}

function neededQueries(raw: unknown, policy: Policy): Finding[] {
  const findings: Finding[] = [];
  if (at(raw, "telemetry", "prometheus") === undefined) {
    const message = `has no prometheus, and policy "${policy.name}" needs the rate of each prefix`;
    findings.push({ path: ["telemetry"], message, mend: "add prometheus, with the prefixInbound query" });
  }
  const outbound = [...policy.verify.require, ...policy.verify.forbid].find(({ signal }) => signal.endsWith(".out"));
  const unread = at(raw, "telemetry", "prometheus", "queries", "linkOutbound") === undefined;
  if (outbound && unread && devicesWithoutGnmi(raw).length > 0) {
    const message = `has no linkOutbound, and policy "${policy.name}" verifies "${outbound.text}" on routers without gnmi`;
    findings.push({ path: ["telemetry", "prometheus", "queries"], message, mend: "add the linkOutbound query" });
  }
  return findings;
}

/**
 * A change is judged on samples taken after it: within less than one interval there are none, and silence is failure. And a
 * policy is evaluated once per sample at most.
 */
function telemetryOftenEnough(raw: unknown, policy: Policy): Finding[] {
  const intervalMs = duration("").safeParse(textAt(raw, "telemetry", "interval")).data;
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

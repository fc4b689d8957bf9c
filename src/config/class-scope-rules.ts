import { controlDscps } from "../model/decision.ts";
import type { TrafficClass } from "../model/inventory.ts";
import { isQos, type Policy } from "../model/policy.ts";
import type { ServiceClass } from "../model/service-class.ts";
import { type SignalName, signalOf } from "../model/signal.ts";
import { at, durationAt, listAt, textAt } from "./check.ts";
import { suggest } from "./did-you-mean.ts";
import type { Finding, Problem } from "./problem.ts";
import { leastBurnSamples, observedLongEnough, queueMeasured, queueQueries } from "./qos-rules.ts";
import type { YamlSource } from "./yaml-source.ts";

/** A traffic class's document; `value` is absent when something in it is wrong. */
export type ClassDocument = Readonly<{ source: YamlSource; name: string | undefined; value?: TrafficClass }>;

type Served = Readonly<{ source: YamlSource; name: string; service: ServiceClass }>;

/** An objective is judged on samples: a percentile of fewer than this says nothing. */
const leastSamples = 12;
/** A breach that is nearer than this has come by the time that its slope is seen. */
const leastForecastIntervals = 3;

/** What classes need of each other and of the inventory, whose raw text is `network`; each problem where it is to be mended. */
export function classScopeRules(network: YamlSource, documents: readonly ClassDocument[]): Problem[] {
  const served = documents.flatMap(({ source, name, value }): Served[] =>
    name !== undefined && value?.service ? [{ source, name, service: value.service }] : [],
  );
  return [
    ...nameTaken(network, documents),
    ...twins(served, "dscp", "two classes with one DSCP cannot be told apart"),
    ...controlTaken(served),
    ...twins(served, "queue", "two classes in one queue wait for each other"),
    ...floors(served),
    ...served.flatMap((one) =>
      [...shed(one, documents), ...windows(network.value, one), ...sources(network.value, one)].map((finding) =>
        one.source.locate(finding),
      ),
    ),
  ];
}

/** The class of this policy is there and can be at risk. */
export function policyClassRules(raw: unknown, policy: Policy, documents: readonly ClassDocument[]): Finding[] {
  const { scope } = policy;
  if (!("class" in scope)) return [];
  const path = ["spec", "scope", "class"];
  const wanted = documents.find(({ name }) => name === scope.class);
  if (!wanted) {
    const inventory = listAt(raw, "classes").some((one) => textAt(one, "name") === scope.class);
    if (inventory) {
      const message = `"${scope.class}" only says what its paths are to be like`;
      return [{ path, message, mend: "write it as a TrafficClass document, with objectives" }];
    }
    const mend = addOr(
      scope.class,
      documents.flatMap(({ name }) => name ?? []),
    );
    return [{ path, message: `there is no class "${scope.class}"`, mend }];
  }
  if (!wanted.value?.service) return [];
  const intervalMs = durationAt(raw, "telemetry", "interval");
  const served = documents.flatMap(({ name, value }) =>
    name !== undefined && value?.service ? { name, objectives: value.service.objectives } : [],
  );
  if (wanted.value.service.objectives.length > 0)
    return isQos(policy) && intervalMs !== undefined ? observedLongEnough(policy, served, intervalMs) : [];
  return [{ path, message: `"${scope.class}" has no objectives to be at risk of`, mend: "add one to the class" }];
}

function nameTaken({ file, locate, value }: YamlSource, documents: readonly ClassDocument[]): Problem[] {
  const inventory = listAt(value, "classes").map((one) => textAt(one, "name"));
  return documents.flatMap(({ source, name }) => {
    const index = name === undefined ? -1 : inventory.indexOf(name);
    if (index < 0) return [];
    const { line } = locate({ path: ["classes", index, "name"], message: "", mend: "" });
    const message = `"${name}" is already the class at ${file}:${line}`;
    return [source.locate({ path: ["metadata", "name"], message, mend: "remove one of the two" })];
  });
}

function twins(served: readonly Served[], field: "dscp" | "queue", why: string): Problem[] {
  const seen = new Map<number | string, string>();
  return served.flatMap(({ source, name, service }) => {
    const first = seen.get(service[field]);
    if (first === undefined) seen.set(service[field], name);
    if (first === undefined) return [];
    const message = `${service[field]} is already that of class "${first}", and ${why}`;
    return [source.locate({ path: ["spec", field], message, mend: `give each class a ${field} of its own` })];
  });
}

function controlTaken(served: readonly Served[]): Problem[] {
  return served.flatMap(({ source, service: { dscp } }) => {
    if (!controlDscps.includes(dscp)) return [];
    const message = `${dscp} is of the network's own control traffic, which has a queue of its own`;
    return [source.locate({ path: ["spec", "dscp"], message, mend: "give the class another" })];
  });
}

function floors(served: readonly Served[]): Problem[] {
  let sum = 0;
  for (const { source, service } of served) {
    sum += service.floor;
    // Shares of 1 with nine decimals: what is over by less is rounding.
    if (sum <= 1 + 1e-9) continue;
    const message = `brings the floors of all classes to ${Number((sum * 100).toFixed(3))}%, over the whole interface`;
    return [source.locate({ path: ["spec", "floor"], message, mend: "lower this floor or another class's" })];
  }
  return [];
}

function shed({ name, service }: Served, documents: readonly ClassDocument[]): Finding[] {
  const others = documents.flatMap((one) => (one.name === undefined || one.name === name ? [] : one.name));
  return service.sheds.flatMap((other, index): Finding[] => {
    const path = ["spec", "sheds", index];
    const document = documents.find((one) => one.name === other);
    if (!document) return [{ path, message: `there is no class "${other}" with a queue`, mend: addOr(other, others) }];
    const priority = document.value?.service?.priority;
    if (priority === undefined || priority > service.priority) return [];
    const message = `"${other}" has priority ${priority}, and this class ${service.priority}: it is not served after it`;
    return [{ path, message, mend: `give "${other}" a priority over ${service.priority}, or take it off the list` }];
  });
}

const addOr = (wanted: string, names: readonly string[]) =>
  names.length === 0 ? "add its TrafficClass document under policies" : suggest(wanted, names);

function windows(raw: unknown, { service }: Served): Finding[] {
  const intervalMs = durationAt(raw, "telemetry", "interval");
  if (intervalMs === undefined) return [];
  const interval = textAt(raw, "telemetry", "interval");
  const short = (path: Finding["path"], windowMs: number, least: number): Finding[] => {
    if (windowMs >= least * intervalMs) return [];
    const message = `holds fewer than ${least} samples at telemetry.interval ${interval}`;
    return [{ path, message, mend: `write at least ${(least * intervalMs) / 1000}s` }];
  };
  const near = (path: Finding["path"], forecastMs: number): Finding[] => {
    if (forecastMs >= leastForecastIntervals * intervalMs) return [];
    const message = `looks ahead less than ${leastForecastIntervals} intervals, of telemetry.interval ${interval}: a breach has come before it is foretold`;
    return [{ path, message, mend: `write at least ${(leastForecastIntervals * intervalMs) / 1000}s` }];
  };
  return service.objectives.flatMap(({ windowMs, burn, forecastMs }, index) => {
    const path = ["spec", "objectives", index];
    return [
      ...short([...path, "window"], windowMs, leastSamples),
      ...short([...path, "fast", "window"], burn.fast.windowMs, leastBurnSamples),
      ...short([...path, "slow", "window"], burn.slow.windowMs, leastBurnSamples),
      ...near([...path, "forecast"], forecastMs),
    ];
  });
}

/** A signal that nothing measures would leave the class's state unknown for ever. */
function sources(raw: unknown, { name, service }: Served): Finding[] {
  const prometheus = at(raw, "telemetry", "prometheus") !== undefined;
  return service.signals.flatMap(({ source }, index): Finding[] => {
    const path = ["spec", "signals", index];
    if (!("signal" in source)) {
      if (prometheus) return [];
      const field = "query" in source ? "query" : "histogram";
      const message = "has nobody to ask: the inventory has no telemetry.prometheus";
      return [{ path: [...path, field], message, mend: "add telemetry.prometheus to the inventory" }];
    }
    const find = (message: string, mend: string) => [{ path: [...path, "signal"], message, mend }];
    if (signalOf(source.signal) === "queue") {
      return queueMeasured(raw, source.signal)
        ? []
        : find(
            `nothing measures ${source.signal}`,
            `give links qos: true, and their devices gnmi or the inventory the ${queueQueries[source.signal]} query`,
          );
    }
    if (!listAt(raw, "flows").some((flow) => textAt(flow, "class") === name)) {
      return find(`class "${name}" has no flows to measure ${source.signal} of`, "add one to the inventory's flows");
    }
    const query = flowQueries[source.signal] ?? "";
    if (at(raw, "telemetry", "prometheus", "queries", query) !== undefined) return [];
    return find(`nothing measures ${source.signal}`, `add the ${query} query to the inventory's telemetry.prometheus`);
  });
}

/** The inventory's queries for signals of flows. */
const flowQueries: Readonly<Partial<Record<SignalName, string>>> = {
  "flow.rate": "flowRate",
  "path.latency.p99": "flowLatency",
};

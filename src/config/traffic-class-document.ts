import { z } from "zod";
import type { TrafficClass } from "../model/inventory.ts";
import { type ClassSignal, type ClassSignalSource, classUnits, type Objective } from "../model/service-class.ts";
import { signalNames } from "../model/signal.ts";
import { readClassCondition, readObjective } from "./class-conditions.ts";
import { duration, listOf, name, oneOf, percent, prose, section, tell, whole } from "./fields.ts";

const stretch = tell("is not a number of at least 1", "write for example 1.5");

/** What a class asks of its paths, in the inventory's `classes` as in a document of its own. */
export const pathFields = {
  prefers: oneOf(["latency", "capacity", "remainder"]).describe(
    "latency: the lowest delay. capacity: apart from latency classes, with the most room. remainder: what is left.",
  ),
  maxDelay: duration("10ms").describe("One way, propagation.").exactOptional(),
  maxLoss: percent("0.1%").exactOptional(),
  maxStretch: z
    .number({ error: stretch })
    .min(1, { error: stretch })
    .describe("Delay at most, as a multiple of the lowest possible.")
    .exactOptional(),
};

export const toPathAsks = <Written extends { maxDelay?: number }>({ maxDelay, ...rest }: Written) => ({
  ...rest,
  ...(maxDelay === undefined ? {} : { maxDelayMs: maxDelay }),
});

const signal = section({
  name: name("first-token").describe("Unique in its class; objectives and conditions know it by this."),
  of: oneOf(["service", "path", "compute"]).describe(
    "service: what users feel. path: what the network does to it. compute: what the machines that serve it do.",
  ),
  unit: oneOf(classUnits).describe("ms: the query answers in seconds. ratio: of 1. rate: bit/s. count: a number."),
  query: prose("sum(vllm:num_requests_waiting)").describe("PromQL that answers with one number.").exactOptional(),
  histogram: prose("vllm:time_to_first_token_seconds_bucket")
    .describe("PromQL that answers with cumulative bucket counters by le, of every replica its own, without rate.")
    .exactOptional(),
  signal: oneOf(signalNames as [(typeof signalNames)[number], ...typeof signalNames])
    .describe("A signal of its flows or queues that is measured anyway.")
    .exactOptional(),
}).transform(({ query, histogram, signal: measured, ...rest }, context): ClassSignal => {
  const [source, second] = [
    query === undefined ? undefined : { query },
    histogram === undefined ? undefined : { histogram },
    measured === undefined ? undefined : { signal: measured },
  ].filter((one): one is NonNullable<typeof one> => one !== undefined);
  if (source && !second) return { ...rest, source: source satisfies ClassSignalSource };
  const message = tell("must have one source", "write one of query, histogram and signal");
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

const limit = tell("is not a number of at least 1", "write how many times too fast the budget may go, for example 10");

const burn = (windowExample: string) =>
  section({
    window: duration(windowExample),
    burn: z
      .number({ error: limit })
      .min(1, { error: limit })
      .describe("How many times faster than allowed the budget may be used up.")
      .meta({ examples: [10] }),
  }).transform(({ window, burn: most }) => ({ windowMs: window, limit: most }));

const objective = section({
  objective: readObjective,
  window: duration("1h").describe("The objective holds over this."),
  fast: burn("5m"),
  slow: burn("30m"),
  forecast: duration("10m").describe("It counts as at risk when it will be broken within this, at the present slope."),
}).transform(
  ({ objective: read, window, fast, slow, forecast }): Objective => ({
    ...read,
    windowMs: window,
    burn: { fast, slow },
    forecastMs: forecast,
  }),
);

const condition = section({
  all: listOf(readClassCondition, "conditions", '["path-latency above baseline"]')
    .min(1, { error: tell("is empty: it would always hold", 'write for example "path-latency above baseline"') })
    .describe("At once."),
  for: duration("5m").describe("For as long as this: then the class is at risk."),
}).transform(({ all, for: forMs }) => ({ all, forMs }));

/** A traffic class's document as it is written; the published JSON Schema is this schema's input side. */
const Document = section({
  apiVersion: oneOf(["pointsman/v1"]),
  kind: oneOf(["TrafficClass"]),
  metadata: section({
    name: name("inference-interactive").describe("Unique among all classes; flows and policies know it by this."),
    description: prose("Chat: the first token and every token after it on time."),
  }),
  spec: section({
    path: section(pathFields).transform(toPathAsks).describe("What it asks of its paths."),
    dscp: whole(0, 63, 46).describe("RFC 2474."),
    queue: name("interactive").describe("What its queue and forwarding group are called on routers."),
    color: whole(1, 4_294_967_295, 100).describe("Of the SR policies of its flows.").exactOptional(),
    priority: whole(0, 7, 0).describe("0 is served first, 7 last."),
    floor: percent("10%").describe("Share of every interface that it is never held under."),
    sheds: listOf(name("batch"), "classes", "[batch]").describe(
      "Classes that may be held back in its favour, in this order; [] when none may.",
    ),
    budget: section({ changes: whole(1, 1_000, 4), per: duration("1h") })
      .describe("How often it may be touched.")
      .transform(({ changes, per }) => ({ changes, perMs: per })),
    fanOut: whole(1, 1_000_000, 100)
      .describe("Reads in parallel that one request waits for. May be left out: 1.")
      .exactOptional(),
    signals: listOf(signal, "signals", '[{ name: waiting, of: compute, unit: count, query: "…" }]'),
    objectives: listOf(objective, "objectives", '[{ objective: "first-token p95 below 500ms", … }]'),
    conditions: listOf(condition, "conditions", '[{ all: ["path-latency above 10ms"], for: 1m }]')
      .describe("May be left out: then only objectives count.")
      .exactOptional(),
  }),
});

export const TrafficClassDocument = Document.transform(({ metadata, spec }): TrafficClass => {
  const { path, fanOut = 1, conditions = [], ...rest } = spec;
  return { name: metadata.name, ...path, service: { ...rest, fanOut, conditions } };
});

/** The JSON Schema (draft 7, which editors read) of a traffic class's file. */
export function trafficClassJsonSchema(): object {
  return {
    ...z.toJSONSchema(Document, { io: "input", target: "draft-7" }),
    title: "Pointsman traffic class",
    description:
      "What one traffic class says. The controller also checks what a schema cannot, such as signals that objectives name.",
  };
}

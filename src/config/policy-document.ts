import { z } from "zod";
import type { Condition, Policy, Scope } from "../model/policy.ts";
import { type SignalName, signalNames, signalOf, signalUnit } from "../model/signal.ts";
import { at } from "./check.ts";
import { suggest } from "./did-you-mean.ts";
import {
  duration,
  level,
  listOf,
  missing,
  name,
  oneOf,
  percent,
  prose,
  readLevel,
  section,
  tell,
  text,
  whole,
  yesOrNo,
} from "./fields.ts";

const signals = signalNames as readonly [SignalName, ...SignalName[]];
export const roles = ["transit", "peering", "backbone"] as const;
export const conditionForm = /^(\S+)\s+(below|above)\s+(\S.*)$/;
const conditionExample = "link.utilisation.in below 85%";

const condition = text("a condition", `"${conditionExample}"`, conditionForm)
  .meta({
    examples: [conditionExample],
    description: "<signal> below|above <percentage, rate or time>, of every link or flow in scope.",
  })
  .transform((written, context): Condition => {
    const wrong = (message: string, mend: string) => {
      context.addIssue({ code: "custom", message: tell(message, mend) });
      return z.NEVER;
    };
    const [, signal = "", comparator, threshold = ""] = conditionForm.exec(written.trim()) ?? [];
    const known = signals.find((candidate) => candidate === signal);
    if (known === undefined) return wrong(`"${signal}" is not a known signal`, suggest(signal, signals));
    const parsed = readLevel(threshold);
    if (parsed === undefined)
      return wrong(`"${threshold}" is not a percentage, a rate or a time`, `write for example "${conditionExample}"`);
    if (parsed.unit !== signalUnit(known)) return wrong(...wrongUnit(known));
    if (parsed.unit === "ratio" && parsed.value > 1 && signalOf(known) !== "class")
      return wrong(`${threshold} is over 100%`, "write at most 100%");
    return { text: written, signal: known, comparator: comparator as Condition["comparator"], threshold: parsed.value };
  });

const mOfN = text("M of N evaluations", "3 of 5", /^\d+ of \d+$/).transform((written, context) => {
  const [count = 0, of = 0] = written.split(" of ").map(Number);
  if (count >= 1 && count <= of && of <= 1_000) return { count, of };
  const message = `${written} can never be, or always is`;
  context.addIssue({
    code: "custom",
    message: tell(message, "write M of N with 1 <= M <= N <= 1000, for example 3 of 5"),
  });
  return z.NEVER;
});

const intervals = text("a number of telemetry intervals", "3 intervals", /^[1-9]\d{0,3} intervals?$/).transform(
  (written) => Number(written.split(" ")[0]),
);

const changes = text("a number of changes", "5 changes", /^[1-9]\d{0,2} changes?$/).transform((written) =>
  Number(written.split(" ")[0]),
);

const autonomy = section({
  maxPredictionError: percent("10%", "positive").describe(
    "Of a link's capacity: by how much what was measured after its changes may differ from what was predicted, on average.",
  ),
  over: changes.describe("So many of its last changes are looked at."),
});

const scope = section({
  links: section({ role: oneOf(roles) }).exactOptional(),
  flows: section({ class: name("inference") }).exactOptional(),
  drain: name("core-b").exactOptional(),
  class: name("inference-interactive").exactOptional(),
  anycast: name("chat").exactOptional(),
})
  .describe(
    "What is watched: links of a role, flows of a class, one link or router that is to be emptied, a class by its objectives, or the sites of an anycast service.",
  )
  .transform((written, context): Scope => {
    const { links, flows, drain, class: served, anycast } = written;
    const [only, second] = [
      links && { links },
      flows && { flows },
      drain === undefined ? undefined : { drain },
      served === undefined ? undefined : { class: served },
      anycast === undefined ? undefined : { anycast },
    ].filter((one) => one !== undefined);
    if (only && !second) return only;
    const message = tell(
      "must say one thing",
      "write one of links: { role: … }, flows: { class: … }, drain: <name>, class: <name> and anycast: <name>",
    );
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });

const target = percent("75%", "positive").describe("What every link that gets traffic must be under after the change.");

const prependAim = section({
  action: z.literal("bgp-prepend"),
  objective: oneOf(["cost", "balance"]),
  maxPrepends: whole(1, 10, 3).describe("Of one prefix on one link, those already there included."),
  target,
});

const segmentRoutingAim = section({
  action: z.literal("segment-routing"),
  target,
  maxSegments: whole(1, 3, 3).describe("Of a new path, its endpoint included."),
});

const qosAim = section({
  action: z.literal("qos"),
  target: percent("80%", "positive").describe(
    "What the class and those served before it may take of an interface; with more, its queues are no help.",
  ),
  maxInterfaces: whole(1, 1_000, 2).describe("Interfaces whose queues one change may set."),
});

const anycastAim = section({
  action: z.literal("anycast-drain"),
  prepends: whole(1, 10, 3).describe("Own AS prepended to what a drained site announces, beside community 65535:0."),
});

const actions = ["bgp-prepend", "segment-routing", "qos", "anycast-drain"] as const;

function unknownAction({ input }: { input?: unknown }): string {
  const action = at(input, "action");
  if (action === undefined) return tell(missing, `add action: ${actions.join(" or ")}`);
  return tell(`${JSON.stringify(action)} is not known`, suggest(String(action), actions));
}

/** A policy file's document as it is written; the published JSON Schema is this schema's input side. */
const Document = section({
  apiVersion: oneOf(["pointsman/v1"]),
  kind: oneOf(["Policy"]),
  metadata: section({
    name: name("transit-congestion").describe(
      "Unique among all policies; the journal and the console know it by this.",
    ),
    description: prose("Move inbound prefixes off a transit link before it drops traffic."),
    author: prose("ann").describe("Who wrote it, by the name that they approve under.").exactOptional(),
  }),
  spec: section({
    mode: oneOf(["observe", "propose", "auto"]).describe(
      "observe: decide and only tell. propose: a person approves. auto: unattended, inside the guards.",
    ),
    scope,
    trigger: section({
      signal: oneOf(signals),
      above: level("85%").describe("A breach begins above this."),
      clear: level("65%").describe("Hysteresis: a breach ends, and traffic may go back, only under this."),
      for: mOfN.describe("M of the last N evaluations above: the policy acts."),
      every: duration("10s").describe("How often it is evaluated."),
    }),
    decide: z.discriminatedUnion("action", [prependAim, segmentRoutingAim, qosAim, anycastAim], {
      error: unknownAction,
    }),
    guard: section({
      maxDevices: whole(1, 1_000, 2).describe("Routers that one change may touch."),
      maxTrafficMoved: percent("30%", "positive").describe(
        "Share that one change may move: of the inbound traffic in scope; with segment-routing, of what a link carries; with qos, what it may hold back of it.",
      ),
      freshness: intervals.describe("An older sample is stale, and a stale sample blocks."),
      coverage: percent("90%").describe(
        "Share of a link's traffic that prefix rates must explain; with segment-routing, of what its flows claim to bring to a link, what must be measured there.",
      ),
      surviveAnyLinkFailure: yesOrNo(true).describe(
        "No single link failure may be worse after the change than before it.",
      ),
    }),
    approve: section({
      people: whole(1, 10, 1).describe("How many must approve."),
      expires: duration("15m").describe("An unanswered proposal ends after this."),
      notAuthor: yesOrNo(true)
        .describe("metadata.author may not approve. May be left out: then anyone may.")
        .exactOptional(),
      deletions: oneOf(["two-people", "like-any-change"])
        .describe(
          "What taking away an SR policy, queues or an announcement needs. May be left out: then two people, in auto mode too.",
        )
        .exactOptional(),
    }),
    verify: section({
      observe: duration("60s").describe("How long a change is on trial and watched."),
      require: listOf(condition, "conditions", `["${conditionExample}"]`)
        .min(1, { error: tell("is empty: nothing would be verified", `require for example "${conditionExample}"`) })
        .describe("All must hold at the end, on fresh samples."),
      forbid: listOf(condition, "conditions", '["link.utilisation.in above 95%"]')
        .describe("None may hold. May be left out: then nothing more is forbidden.")
        .exactOptional(),
    }),
    autonomy: autonomy
      .describe(
        "When a policy in auto must ask as in propose. May be left out: then beyond 10% over 5 changes. Two of them made worse count too.",
      )
      .exactOptional(),
    hold: duration("10m").describe(
      "No second move for the same link or flow before this; a peak must be over as long before it goes back.",
    ),
  }),
});

export const PolicyDocument = Document.transform(({ metadata, spec }): Policy => {
  const { trigger, guard } = spec;
  const { expires, ...approve } = spec.approve;
  return {
    ...metadata,
    mode: spec.mode,
    scope: spec.scope,
    trigger: {
      signal: trigger.signal,
      above: trigger.above.value,
      clear: trigger.clear.value,
      for: trigger.for,
      everyMs: trigger.every,
    },
    decide: spec.decide,
    guard: {
      maxDevices: guard.maxDevices,
      maxTrafficMoved: guard.maxTrafficMoved,
      freshnessIntervals: guard.freshness,
      coverage: guard.coverage,
      surviveAnyLinkFailure: guard.surviveAnyLinkFailure,
    },
    approve: { ...approve, expiresMs: expires },
    verify: { observeMs: spec.verify.observe, require: spec.verify.require, forbid: spec.verify.forbid ?? [] },
    ...(spec.autonomy ? { autonomy: spec.autonomy } : {}),
    holdMs: spec.hold,
  };
});

/** The JSON Schema (draft 7, which editors read) of a policy file. */
export function policyJsonSchema(): object {
  return {
    ...z.toJSONSchema(Document, { io: "input", target: "draft-7" }),
    title: "Pointsman policy",
    description:
      "What one policy file says. The controller also checks what a schema cannot, such as clear below above.",
  };
}

/** What to say of a level in another unit than its signal's. */
export function wrongUnit(signal: SignalName): [message: string, mend: string] {
  switch (signalUnit(signal)) {
    case "ratio":
      return [`${signal} is a share`, "write a percentage, for example 85%"];
    case "rate":
      return [`${signal} is a rate`, "write for example 800 Mbit/s"];
    case "ms":
      return [`${signal} is a time`, "write for example 10ms"];
    case "bytes":
      return [`${signal} is no threshold`, "write queue.drops"];
  }
}

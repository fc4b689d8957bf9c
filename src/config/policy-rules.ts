import { type Ratio, ratio } from "../kernel/units.ts";
import { type SignalName, signalNames, signalOf, signalUnit } from "../model/signal.ts";
import { at, listAt, textAt } from "./check.ts";
import { type Level, level, percent } from "./fields.ts";
import { conditionForm, wrongUnit } from "./policy-document.ts";
import type { Finding } from "./problem.ts";

type Watched = "link" | "flow" | "class" | "site";
type Wrong = readonly [message: string, mend: string];

/** Rules between a policy's fields. A field that is itself wrong takes no part: the schema speaks of it. */
export function policyRules(raw: unknown): Finding[] {
  return [...triggerRules(raw), ...actionRules(raw), ...conditionRules(raw), ...targetRules(raw), ...authorRules(raw)];
}

function triggerRules(raw: unknown): Finding[] {
  const signal = signalAt(raw);
  const levels = { above: levelAt(raw, "above"), clear: levelAt(raw, "clear") };
  const findings: Finding[] = [];
  const find = (field: string, [message, mend]: Wrong) =>
    findings.push({ path: ["spec", "trigger", field], message, mend });
  if (signal !== undefined) {
    for (const [field, parsed] of Object.entries(levels)) {
      if (parsed && parsed.unit !== signalUnit(signal)) find(field, wrongUnit(signal));
      else if (parsed?.unit === "ratio" && parsed.value > 1 && signalOf(signal) !== "class") find(field, overWhole);
    }
    const wrong = wrongSignal(raw, signal);
    if (wrong) find("signal", wrong);
  }
  const { above, clear } = levels;
  if (above && clear && above.unit === clear.unit && clear.value >= above.value) {
    find("clear", ["is not below spec.trigger.above", "write a lower value, so that a breach has an end"]);
  }
  return findings;
}

const overWhole: Wrong = [
  "is over 100%, which no link can carry",
  "write a share of the link's capacity, at most 100%",
];

/** What of the trigger does not fit what is watched and done; undefined when all does. */
function wrongSignal(raw: unknown, signal: SignalName): Wrong | undefined {
  const action = textAt(raw, "spec", "decide", "action");
  const watches = watched(at(raw, "spec", "scope"));
  if (signal === "flow.rate") return [`${signal} is no reason to move anything`, "watch path.latency.p99 of the flows"];
  if (signalOf(signal) !== watches) {
    const message = `${signal} is a signal of ${plural[signalOf(signal)]}, and the scope is of ${plural[watches]}`;
    return [message, meant[watches]];
  }
  if (action === "bgp-prepend" && !signal.endsWith(".in")) {
    return ["bgp-prepend moves inbound traffic only", `watch ${signal.replace(/out$/, "in")}`];
  }
  if (action === "segment-routing" && signal.endsWith(".in")) {
    return ["segment-routing moves what a router sends", `watch ${signal.replace(/in$/, "out")}`];
  }
  return undefined;
}

function watched(scope: unknown): Watched {
  if (at(scope, "class") !== undefined) return "class";
  if (at(scope, "anycast") !== undefined) return "site";
  return at(scope, "flows") === undefined ? "link" : "flow";
}

const plural = { link: "links", flow: "flows", queue: "queues", class: "classes", site: "anycast sites" } as const;

const meant: Readonly<Record<Watched, string>> = {
  link: "watch link.utilisation.out",
  flow: "watch path.latency.p99 or path.shared",
  class: "watch class.risk",
  site: "watch site.unwell",
};

/** Actions that do one kind of thing only: what they ask of the scope, and what it is to be. */
const suited: Readonly<Record<string, readonly [is: (scope: unknown) => boolean, ...Wrong]>> = {
  "bgp-prepend": [
    (scope) => at(scope, "links") !== undefined,
    "is not of links, and bgp-prepend moves traffic between links",
    "write links: { role: transit }",
  ],
  qos: [
    (scope) => watched(scope) === "class",
    "is not of a class, and qos sets the queues that a class stands in",
    "write class: <name>",
  ],
  "anycast-drain": [
    (scope) => watched(scope) === "site",
    "is not of anycast sites, and anycast-drain is for those",
    "write anycast: <service>",
  ],
  "segment-routing": [
    (scope) => !["class", "site"].includes(watched(scope)),
    "is not of links, flows or a drain, and segment-routing moves flows",
    "write links: { role: backbone }, or action: qos for a class, anycast-drain for sites",
  ],
};

function actionRules(raw: unknown): Finding[] {
  const scope = at(raw, "spec", "scope");
  const action = textAt(raw, "spec", "decide", "action") ?? "";
  const rule = suited[action];
  if (scope === undefined || !rule) return [];
  const [suits, message, mend] = rule;
  if (!suits(scope)) return [{ path: ["spec", "scope"], message, mend }];
  const role = textAt(scope, "links", "role");
  if (action !== "segment-routing" || role === undefined || role === "backbone") return [];
  const moves = "segment-routing moves traffic between backbone links";
  return [{ path: ["spec", "scope", "links", "role"], message: moves, mend: "write role: backbone" }];
}

/** A condition on what the policy does not watch would hold of nothing, and so always. */
const verifiable: Readonly<Record<Watched, readonly string[]>> = {
  link: ["link", "flow"],
  flow: ["link", "flow"],
  class: ["link", "flow", "class", "queue"],
  site: ["site"],
};

function conditionRules(raw: unknown): Finding[] {
  const watches = watched(at(raw, "spec", "scope"));
  return ["require", "forbid"].flatMap((list) =>
    listAt(raw, "spec", "verify", list).flatMap((written, index): Finding[] => {
      const of = typeof written === "string" ? conditionForm.exec(written.trim())?.[1] : undefined;
      const signal = signalNames.find((candidate) => candidate === of);
      if (signal === undefined || verifiable[watches].includes(signalOf(signal))) return [];
      const message = `${signal} is of ${plural[signalOf(signal)]}, and the scope is of ${plural[watches]}`;
      const mend = `verify a signal of ${verifiable[watches].map((kind) => plural[kind as keyof typeof plural]).join(" or ")}`;
      return [{ path: ["spec", "verify", list, index], message, mend }];
    }),
  );
}

function targetRules(raw: unknown): Finding[] {
  const above = levelAt(raw, "above");
  const target = shareAt(raw, "spec", "decide", "target");
  const signal = signalAt(raw);
  const drains = at(raw, "spec", "scope", "drain") !== undefined;
  if (above?.unit !== "ratio" || signal === undefined || signalOf(signal) !== "link" || drains) return [];
  if (target === undefined || target <= above.value) return [];
  const message = "is over spec.trigger.above: the change itself would be a breach";
  return [
    { path: ["spec", "decide", "target"], message, mend: `write at most ${textAt(raw, "spec", "trigger", "above")}` },
  ];
}

function authorRules(raw: unknown): Finding[] {
  const nobody = at(raw, "spec", "approve", "notAuthor") === true && at(raw, "metadata", "author") === undefined;
  const message = "keeps nobody out: metadata.author is missing";
  return nobody
    ? [{ path: ["spec", "approve", "notAuthor"], message, mend: "add metadata.author, or leave it out" }]
    : [];
}

const signalAt = (raw: unknown) =>
  signalNames.find((candidate) => candidate === textAt(raw, "spec", "trigger", "signal"));

function levelAt(raw: unknown, field: string): Level | undefined {
  return level("").safeParse(textAt(raw, "spec", "trigger", field)).data;
}

function shareAt(raw: unknown, ...path: string[]): Ratio | undefined {
  const share = percent("").safeParse(textAt(raw, ...path)).data;
  return share === undefined ? undefined : ratio(share);
}

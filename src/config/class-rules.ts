import type { ClassUnit } from "../model/service-class.ts";
import { type SignalName, signalNames, signalOf, signalUnit } from "../model/signal.ts";
import { at, duplicates, durationAt, listAt, textAt } from "./check.ts";
import { partsOfCondition, partsOfObjective } from "./class-conditions.ts";
import { suggest } from "./did-you-mean.ts";
import type { Finding } from "./problem.ts";

/** Rules between the fields of a traffic class's document. They read it raw; a field that is itself wrong takes no part. */
export function classRules(raw: unknown): Finding[] {
  return [...signalRules(raw), ...objectiveRules(raw), ...conditionRules(raw), ...shedRules(raw)];
}

const signals = ["spec", "signals"];
const objectives = ["spec", "objectives"];
const conditions = ["spec", "conditions"];

function signalRules(raw: unknown): Finding[] {
  const twins = duplicates(
    listAt(raw, ...signals),
    (signal) => textAt(signal, "name"),
    (key, index, first) => ({
      path: [...signals, index, "name"],
      message: `"${key}" is already the name of signals[${first}]`,
      mend: "give each a name of its own",
    }),
  );
  const found = listAt(raw, ...signals).flatMap((signal, index): Finding[] => {
    const [unit, source] = [textAt(signal, "unit"), textAt(signal, "signal")];
    const path = [...signals, index];
    if (at(signal, "histogram") !== undefined && unit === "rate") {
      const message = "is not of a histogram, whose buckets are times, shares or numbers";
      return [{ path: [...path, "unit"], message, mend: "write ms, ratio or count" }];
    }
    const rated = /\b(rate|irate|increase)\s*\(/.exec(textAt(signal, "histogram") ?? "");
    if (rated) {
      const message = `has ${rated[1]}(), and is of counters: what they rise by is worked out from one answer to the next`;
      return [{ path: [...path, "histogram"], message, mend: "write the buckets alone, for example x_seconds_bucket" }];
    }
    const known = signalNames.find((candidate) => candidate === source);
    if (known === undefined) return [];
    const refused = wrongSource(known);
    if (refused) return [{ path: [...path, "signal"], message: refused, mend: `write one of ${measured.join(", ")}` }];
    const is = unitOf(known);
    if (unit === undefined || unit === is) return [];
    return [{ path: [...path, "unit"], message: `is not what ${known} is in`, mend: `write ${is}` }];
  });
  return [...twins, ...found];
}

/** Signals of telemetry that a class can be judged by. */
const measured = signalNames.filter((name) => wrongSource(name) === undefined);

function wrongSource(name: SignalName): string | undefined {
  switch (signalOf(name)) {
    case "flow":
      // It comes from what routers say of their paths, when a policy asks, and not from telemetry.
      return name === "path.shared" ? `${name} is not measured` : undefined;
    case "queue":
      return undefined;
    case "link":
    case "class":
    case "site":
      return `${name} is no signal of a flow or a queue`;
  }
}

function unitOf(name: SignalName): ClassUnit {
  const unit = signalUnit(name);
  return unit === "bytes" ? "count" : unit;
}

function objectiveRules(raw: unknown): Finding[] {
  const twins = duplicates(
    listAt(raw, ...objectives),
    (one) => textAt(one, "objective"),
    (_, index, first) => ({
      path: [...objectives, index, "objective"],
      message: `is already said by objectives[${first}]`,
      mend: "remove one of the two",
    }),
  );
  const found = listAt(raw, ...objectives).flatMap((one, index): Finding[] => {
    const path = [...objectives, index];
    const parts = partsOfObjective(textAt(one, "objective") ?? "");
    return [
      ...(parts === undefined
        ? []
        : aboutSignal(raw, parts.signal, parts.level?.unit).map((finding) => ({
            ...finding,
            path: [...path, "objective"],
          }))),
      ...["fast", "slow"].flatMap((which) => neverBurns(one, which, parts?.percentile, path)),
      ...windowsInOrder(one, path),
    ];
  });
  return [...twins, ...found];
}

/** Of a signal that the document names: it is there, and the level is in its unit. */
function aboutSignal(raw: unknown, name: string, unit: ClassUnit | undefined): Omit<Finding, "path">[] {
  const known = listAt(raw, ...signals);
  const signal = known.find((candidate) => textAt(candidate, "name") === name);
  if (signal === undefined) {
    const names = known.flatMap((candidate) => textAt(candidate, "name") ?? []);
    const mend = names.length === 0 ? "add it under spec.signals" : suggest(name, names);
    return [{ message: `there is no signal "${name}"`, mend }];
  }
  const is = textAt(signal, "unit");
  if (unit === undefined || is === unit || is === undefined || !(is in levelExamples)) return [];
  const [what, example] = levelExamples[is as ClassUnit];
  return [{ message: `${name} is ${what}`, mend: `write for example ${example}` }];
}

const levelExamples: Readonly<Record<ClassUnit, readonly [what: string, example: string]>> = {
  ms: ["a time", "500ms"],
  ratio: ["a share", "70%"],
  rate: ["a rate", "800 Mbit/s"],
  count: ["a number", "64"],
};

/** At worst every event is bad: the budget of 1 - percentile then goes 1 / (1 - percentile) times too fast, and no faster. */
function neverBurns(one: unknown, which: string, percentile: number | undefined, path: Finding["path"]): Finding[] {
  const limit = at(one, which, "burn");
  if (percentile === undefined || typeof limit !== "number") return [];
  const fastest = 1 / (1 - percentile);
  // The subtraction leaves an error of 2^-53 in a budget of at least 10^-8.
  if (limit <= fastest * (1 + 1e-7)) return [];
  const most = Number(fastest.toPrecision(6));
  const message = `${limit} is never reached: with p${Number((percentile * 100).toFixed(6))} the budget goes at most ${most} times too fast`;
  return [{ path: [...path, which, "burn"], message, mend: `write at most ${most}` }];
}

function windowsInOrder(one: unknown, path: Finding["path"]): Finding[] {
  const [fast, slow, whole] = [
    durationAt(one, "fast", "window"),
    durationAt(one, "slow", "window"),
    durationAt(one, "window"),
  ];
  const found: Finding[] = [];
  if (fast !== undefined && slow !== undefined && fast >= slow) {
    const mend = `write less than ${textAt(one, "slow", "window")}`;
    found.push({ path: [...path, "fast", "window"], message: "is not shorter than slow.window", mend });
  }
  if (slow !== undefined && whole !== undefined && slow > whole) {
    const message = "is longer than the objective's own window";
    found.push({ path: [...path, "slow", "window"], message, mend: `write at most ${textAt(one, "window")}` });
  }
  return found;
}

/** History is of one hour; of that, a baseline needs some from before the condition began to hold. */
const longestOverBaseline = { written: "50m", ms: 3_000_000 };

function forgetsBaseline(condition: unknown, path: Finding["path"]): Finding[] {
  const isOverBaseline = listAt(condition, "all").some(
    (written) => typeof written === "string" && partsOfCondition(written)?.threshold === "baseline",
  );
  if (!isOverBaseline || (durationAt(condition, "for") ?? 0) <= longestOverBaseline.ms) return [];
  const message =
    "is longer than a baseline lasts: it is made from one hour, and from what was before the condition held";
  return [{ path: [...path, "for"], message, mend: `write at most ${longestOverBaseline.written}` }];
}

function conditionRules(raw: unknown): Finding[] {
  const promised = new Map(
    listAt(raw, ...objectives).flatMap((one) => {
      const parts = partsOfObjective(textAt(one, "objective") ?? "");
      return parts === undefined ? [] : [[parts.signal, parts.comparator] as const];
    }),
  );
  return listAt(raw, ...conditions).flatMap((condition, index) => [
    ...forgetsBaseline(condition, [...conditions, index]),
    ...listAt(condition, "all").flatMap((written, which): Finding[] => {
      const parts = typeof written === "string" ? partsOfCondition(written) : undefined;
      if (parts === undefined) return [];
      const { signal, comparator, threshold } = parts;
      const path = [...conditions, index, "all", which];
      const unit = typeof threshold === "object" ? threshold.unit : undefined;
      const about = aboutSignal(raw, signal, unit).map((finding) => ({ ...finding, path }));
      if (about.length > 0 || threshold !== "objective") return about;
      const wanted = promised.get(signal);
      if (wanted === undefined) {
        const message = `there is no objective on "${signal}"`;
        return [{ path, message, mend: "add one under spec.objectives, or write a level or baseline" }];
      }
      if (wanted !== comparator) return [];
      const mend = `write "${signal} ${comparator === "above" ? "below" : "above"} objective"`;
      return [{ path, message: "holds while all is well: that is the objective's good side", mend }];
    }),
  ]);
}

function shedRules(raw: unknown): Finding[] {
  const [sheds, name] = [listAt(raw, "spec", "sheds"), textAt(raw, "metadata", "name")];
  const self = sheds.flatMap((shed, index) =>
    shed !== undefined && shed === name
      ? [
          {
            path: ["spec", "sheds", index],
            message: "is the class itself",
            mend: "name classes that are served after it",
          },
        ]
      : [],
  );
  const twins = duplicates(
    sheds,
    (shed) => (typeof shed === "string" ? shed : undefined),
    (key, index) => ({
      path: ["spec", "sheds", index],
      message: `"${key}" is listed twice`,
      mend: "remove one of the two",
    }),
  );
  return [...self, ...twins];
}
